"""This process's part in a consumer group: joins, fetches ahead, and gives the same records again until they are committed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from kafka import ConsumerRebalanceListener
from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError
from kafka.structs import MemberState, OffsetAndMetadata, TopicPartition

from pipeline.bus.kafka.connection import Connection
from pipeline.bus.kafka.log import Log
from pipeline.errors import BusError

#: Longest time that a poll waits to be given partitions, in seconds: others of the group finish their batches first.
_JOIN = 5.0
_LOOK = 50
#: Milliseconds that the broker may take to say where a group stands.
_ANSWER = 10_000


class Member:
    """One consumer of a group. Safe to call from several threads."""

    def __init__(self, connection: Connection, log: Log, group: str, topics: Sequence[str]) -> None:
        """:param topics: names, as Kafka knows them."""
        self._connection, self._log = connection, log
        self._changes = _Changes()
        self._lock = threading.RLock()
        #: Partition → where the group stands; the partitions are those that this process has now.
        self._positions: dict[TopicPartition, int] = {}
        #: Partition → what was fetched from there on.
        self._fetched: dict[TopicPartition, deque[Any]] = {}
        #: What the broker calls this process, in this composition of the group.
        self.identity: Any = None
        self._consumer = connection.member(group)
        self._consumer.subscribe(list(topics), listener=self._changes)
        self._consumer.topics()  # so that it knows how many partitions there are, should it lead the group: else it gives none to anyone

    def poll(self, most: int, timeout: float) -> list[Any]:
        """The earliest messages after the group's positions, by time across partitions, each partition in its order."""
        with self._lock, self._connection.explained("polling"):
            began = time.monotonic()
            while True:
                self._pump(0)
                if self._joined:
                    if self._filled(most) and (found := self._first(most)):
                        return found
                    if time.monotonic() - began >= timeout and not self._changes.happened:
                        return []
                elif time.monotonic() - began >= max(timeout, _JOIN):
                    return []
                self._pump(_LOOK)

    def positions(self) -> dict[TopicPartition, int]:
        """Where the group stands in the partitions of this process; none before it has joined."""
        with self._lock:
            return dict(self._positions) if self._joined else {}

    def joined(self) -> dict[TopicPartition, int]:
        """The same, after it has joined, if it can."""
        if not self.positions():
            self.poll(1, 0.0)
        return self.positions()

    def fetched(self, ends: Mapping[TopicPartition, int]) -> int | None:
        """Number of messages between the group's positions and these ends; None unless this process has them all already."""
        with self._lock, self._connection.explained("polling"):
            self._pump(0)
            try:
                if not self._joined or any((self._consumer.position(partition) or 0) < end for partition, end in ends.items()):
                    return None
            except IllegalStateError:  # it has not all the partitions
                return None
            return sum(bool(one.offset < end) for partition, end in ends.items() for one in self._fetched[partition])

    def advance(self, positions: Mapping[TopicPartition, int]) -> None:
        """Take note that the group stands there now."""
        with self._lock:
            for partition, after in positions.items():
                if partition in self._positions:
                    self._positions[partition] = after
                    fetched = self._fetched[partition]
                    while fetched and fetched[0].offset < after:
                        fetched.popleft()

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Move the group.

        :raises BusError: if some of the partitions are another process's.
        """
        with self._lock, self._connection.explained("moving the group"):
            self._pump(0)
            if strange := set(positions) - set(self._positions):
                raise BusError(f"{len(strange)} partitions belong to other processes of the group; stop them, then move it")
            self._consumer.commit({partition: OffsetAndMetadata(offset, "", -1) for partition, offset in positions.items()})
            self.reload()

    def reload(self) -> None:
        """Ask the broker again where the group stands, and fetch from there."""
        with self._lock:
            self._changes.happened = True

    def close(self) -> None:
        """Leave the group: others go on at once with what this process had."""
        with self._lock:
            self._consumer.close(autocommit=False, timeout_ms=3000)

    # --- inside --------------------------------------------------------------------------------------------------------

    @property
    def _joined(self) -> bool:
        return not self._changes.happened and self.identity is not None and self.identity.state == MemberState.STABLE

    def _pump(self, milliseconds: int) -> None:
        """Let the consumer work: it answers the broker, and hands over what came."""
        _mend(self._consumer)
        found = self._consumer.poll(timeout_ms=milliseconds)
        if not self._joined:
            self._begin()
            return
        for partition, messages in found.items():
            if partition in self._fetched:
                after = self._positions[partition]  # a batch of before may have been committed that this consumer had yet to fetch
                self._fetched[partition].extend(one for one in messages if one.value is not None and one.offset >= after)

    def _begin(self) -> None:
        """Start from where the group stands, with the partitions that this process has now."""
        self._changes.happened = False
        self._positions, self._fetched = {}, {}
        self.identity = self._consumer.group_metadata()
        if self.identity.state != MemberState.STABLE:  # the broker answers nothing else before it has put the group together
            return
        assigned = sorted(self._consumer.assignment())
        self._fetched = {partition: deque() for partition in assigned}
        try:
            for partition in assigned:
                self._positions[partition] = self._consumer.committed(partition) or 0
                self._consumer.seek(partition, self._positions[partition])
                self._consumer.resume(partition)
        except IllegalStateError:  # they have changed again meanwhile
            self._changes.happened = True

    def _filled(self, most: int) -> bool:
        try:
            return self._fill(most)
        except IllegalStateError:  # a partition has gone to another process meanwhile
            self._changes.happened = True
            return False

    def _fill(self, most: int) -> bool:
        """Fetch until there are so many of each partition, or all there are; False if the partitions have changed meanwhile."""
        ends = self._log.ends(self._positions)
        deadline = time.monotonic() + self._connection.stalled
        while any(len(self._fetched[p]) < most and (self._consumer.position(p) or 0) < end for p, end in ends.items()):
            self._hold(2 * most)
            self._pump(_LOOK)
            if not self._joined:
                return False
            if time.monotonic() > deadline:
                raise KafkaTimeoutError("nothing comes any more")
        self._hold(2 * most)
        return True

    def _hold(self, enough: int) -> None:
        """Fetch no more of the partitions that have as much as that: they may wait for the others for long."""
        full = {partition for partition, fetched in self._fetched.items() if len(fetched) >= enough}
        held = set(self._consumer.paused())
        self._consumer.pause(*(full - held))
        self._consumer.resume(*(held - full))

    def _first(self, most: int) -> list[Any]:
        return list(islice(merge(*self._fetched.values(), key=lambda message: message.timestamp), most))


def _mend(consumer: Any) -> None:
    """Let it give what it had fetched of a partition that was paused and is no more.

    The library (3.0.12) looks for that only where nothing is in its place, and what was there stays when it is used up: the partition
    was never fetched again.
    """
    fetcher = consumer._fetcher  # noqa: SLF001
    if not fetcher._next_partition_records:  # noqa: SLF001
        fetcher._next_partition_records = None  # noqa: SLF001


class Standing:
    """Where groups stand, as the broker knows it.

    Asked by a consumer, not by the admin client: that gives up on a broker which has only begun to keep groups, and is told where a group
    stood before a move that the broker has yet to note for good.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        #: By group; they ask, and join nothing.
        self._consumers: dict[str, Any] = {}

    def of(self, group: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """0 where the group has committed nothing yet.

        A consumer that has lost its broker is given up for a new one, which has the time that a dead process's transaction bars the way.
        """
        wanted = list(partitions)
        with self._lock, self._connection.explained(f"looking where group {group} stands"):
            try:
                return self._asked(group, wanted, _ANSWER)
            except KafkaError:
                return self._asked(group, wanted, int(self._connection.stalled * 1000))

    def _asked(self, group: str, partitions: Sequence[TopicPartition], milliseconds: int) -> dict[TopicPartition, int]:
        consumer = self._consumers.pop(group, None) or self._connection.member(group)
        try:
            found = {partition: consumer.committed(partition, timeout_ms=milliseconds) or 0 for partition in partitions}
        except KafkaError:
            consumer.close(autocommit=False, timeout_ms=0)
            raise
        self._consumers[group] = consumer
        return found

    def close(self) -> None:
        """Let go of the consumers."""
        with self._lock:
            while self._consumers:
                self._consumers.popitem()[1].close(autocommit=False, timeout_ms=1000)


class _Changes(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Hears, in the consumer's own thread, that partitions come or go."""

    def __init__(self) -> None:
        self.happened = True

    def on_partitions_revoked(self, revoked: object) -> None:  # noqa: ARG002
        self.happened = True

    def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002
        self.happened = True
