"""The port ``Bus`` on Kafka 2.5 or later, tried with 4.3.

Transactions make a commit one step, readers see only what is committed, and the broker refuses a member that its group has
gone on without. Three things are Fjäril's own, since Kafka has them otherwise (docs/architecture.md says how it differs):

- what expires: Kafka removes by age alone, so its own retention is off and :meth:`KafkaBus.expire` removes what all have read;
- what is erased: a log cannot be changed, so an erased record is hidden at once and removed by compaction, within about a day;
- what is counted: Kafka numbers its own markers, too, so records are counted by reading them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from kafka.admin import NewTopic
from kafka.errors import CoordinatorNotAvailableError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata, TopicPartition

from pipeline.bus.common import micros
from pipeline.bus.kafka.connection import LARGEST, Address, Connection, partitions
from pipeline.bus.kafka.group import Member, Standing
from pipeline.bus.kafka.ledger import HOUSEKEEPING, Ledger
from pipeline.bus.kafka.log import Log, Spans, Tally, whole
from pipeline.bus.kafka.messages import Message, delivered, message, tombstone
from pipeline.bus.kafka.transactions import Move, Transactions
from pipeline.errors import BusError, StaleBatchError, UnknownTopicError
from pipeline.ports import Batch, Delivered, Record, Topic
from pipeline.settings import Kafka

#: A day, in milliseconds: after that a log is compacted even if nothing else asks for it.
COMPACTED_WITHIN = 86_400_000
#: Seconds between two attempts to find a group's coordinator.
_NO_COORDINATOR = 0.2


class KafkaBus:
    """The port ``Bus`` (:class:`pipeline.ports.Bus`) on Kafka; several processes may use it at once."""

    def __init__(
        self,
        url: str,
        topics: Sequence[Topic],
        options: Kafka | None = None,
        compacted_within: int = COMPACTED_WITHIN,
        *,
        make: bool = True,
    ) -> None:
        """Connect, making the topics that are not there.

        :param url: ``kafka://HOST:PORT,HOST:PORT/PREFIX``.
        :param make: whether to; else they are only named.
        :param compacted_within: milliseconds after which what was erased must be gone from a log that is written to.
        :raises BusError: if no broker answers, refuses, or is too old, or a topic has another number of partitions.
        """
        self._address = Address.parse(url)
        self._topics = {topic.name: topic for topic in (*topics, HOUSEKEEPING)}
        self._connection = Connection(self._address, options or Kafka())
        self._admin = self._connection.admin()
        self._log = Log(self._connection)
        self._tally = Tally(self._log)
        self._ledger = Ledger(self._log, self._address.name(HOUSEKEEPING.name))
        self._standing = Standing(self._connection)
        self._transactions = Transactions(self._connection, self._log, self._admin)
        self._members: dict[tuple[str, tuple[str, ...]], Member] = {}
        self._lock = threading.RLock()
        #: What Kafka calls the topics that were not there.
        self.missing: list[str] = []
        try:
            with self._connection.explained("looking for the topics"):
                self._prepare(compacted_within, make=make)
        except BaseException:
            self.close()
            raise

    # --- the port ------------------------------------------------------------------------------------------------------

    def publish(self, records: Sequence[Record]) -> None:
        """Append all the records, or none; durable on return, in as many replicas as the topic demands."""
        if records:
            self._transactions.run(self._messages(records))

    def poll(self, group: str, topics: Sequence[str], max_records: int = 500, timeout: float = 0.0) -> Batch:
        """The earliest uncommitted records of the partitions that this process has, by time across partitions.

        Empty also while the group is being put together.
        """
        member = self._member(group, topics)
        found = member.poll(max_records, timeout)
        positions = member.positions()
        names = {self._address.name(topic): topic for topic in topics}
        records = [delivered(names[one.topic], one) for one in found]
        if records:
            self._ledger.refresh()
        span = {}
        for one in found:
            before = positions.get(TopicPartition(one.topic, one.partition))
            if before is None:  # gone to another process meanwhile
                return Batch(group=group, records=(), span={})
            span[names[one.topic], one.partition] = (before, one.offset + 1)
        return Batch(group=group, records=tuple(self._ledger.masked(records)), span=span)

    def commit(self, batch: Batch, outputs: Sequence[Record] = ()) -> None:
        """Publish ``outputs`` and advance the group: one transaction of Kafka's."""
        messages = self._messages(outputs)
        if not batch.span:
            self._transactions.run(messages)
            return
        member = self._of_group(batch.group, {topic for topic, _ in batch.span})
        stands = member.joined()
        after = {}
        for (topic, partition), (before, end) in batch.span.items():
            where = TopicPartition(self._address.name(topic), partition)
            if stands.get(where) != before:
                found = "another process has the partition" if where not in stands else f"the group is at {stands[where]}"
                raise StaleBatchError(f"group {batch.group}, {topic}/{partition}: the batch began after {before}, {found}; poll again")
            after[where] = end
        try:
            self._transactions.run(messages, Move(self._address.name(batch.group), member.identity, after))
        except BusError:
            member.reload()
            raise
        member.advance(after)

    def seek(self, group: str, topic: str, timestamp: datetime) -> None:
        """Move the group to the first record of each partition at or after ``timestamp``, which Kafka takes by whole milliseconds.

        :raises BusError: if another process is in the group.
        """
        with self._connection.explained(f"moving group {group}"):
            offsets = self._log.since(self._partitions(topic), micros(timestamp) // 1000)
            if any(name == group and topic in topics for (name, topics), _ in self._joined()):
                self._of_group(group, {topic}).seek(offsets)
                return
            moved = self._altered(group, {where: OffsetAndMetadata(offset, "", -1) for where, offset in offsets.items()})
        if strange := {error.__name__ for error in moved.values() if error.__name__ != "NoError"}:
            raise BusError(f"group {group}, {topic}: {', '.join(sorted(strange))}; stop the other processes of the group, then move it")

    def _altered(self, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> dict[TopicPartition, Any]:
        """A new broker makes what groups are kept in when the first is asked for; until then there is no coordinator, and it says so."""
        deadline = time.monotonic() + self._connection.stalled
        while True:
            try:
                moved: dict[TopicPartition, Any] = self._admin.alter_group_offsets(self._address.name(group), offsets)
            except CoordinatorNotAvailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_NO_COORDINATOR)
            else:
                return moved

    def read(self, topic: str, since: datetime | None = None) -> Iterator[Delivered]:
        """All records now in the topic, partition by partition in order; of a compacted topic the last of each key."""
        with self._connection.explained(f"reading {topic}"):
            where = self._partitions(topic)
            starts = self._log.starts(where) if since is None else self._log.since(where, micros(since) // 1000)
            spans = whole(starts, self._log.ends(where))
        self._ledger.refresh()
        found = (record for record in self._records(topic, spans) if since is None or record.timestamp >= since)
        yield from self._ledger.masked(_last(found) if self._topic(topic).compacted else found)

    def follow(self, topic: str, after: Mapping[int, int]) -> Iterator[Delivered]:
        """The records that came since, partition by partition in order."""
        with self._connection.explained(f"reading {topic}"):
            where = self._partitions(topic)
            starts = {partition: max(start, after.get(partition.partition, -1) + 1) for partition, start in self._log.starts(where).items()}
            spans = whole(starts, self._log.ends(where))
        self._ledger.refresh()
        yield from self._ledger.masked(self._records(topic, spans))

    def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        """Records of each topic after the group's position."""
        with self._connection.explained(f"counting what waits for {group}"):
            return {topic: self._waiting(group, topic) for topic in topics}

    def count(self, topic: str) -> int:
        """Number of records ever published to the topic; of a compacted one those that compaction has left."""
        with self._connection.explained(f"counting {topic}"):
            where = self._partitions(topic)
            self._ledger.refresh()
            gone = {partition: self._ledger.gone(topic, partition.partition) for partition in where}
            starts, ends = self._log.starts(where), self._log.ends(where)
        kept = whole({partition: max(starts[partition], gone[partition][1]) for partition in where}, ends)
        standing = sum(not self._ledger.is_done(record) for record in self._records(topic, kept))
        return standing + sum(count for count, _ in gone.values())

    def erase(self, topics: Sequence[str], keys: Mapping[str, datetime]) -> None:
        """Hide the earlier values of these keys from every reader; :meth:`expire` lets compaction remove their bytes."""
        for topic in topics:
            self._topic(topic)
        self.publish(self._ledger.asking(topics, keys, datetime.now(UTC)))

    def expire(self, now: datetime) -> int:
        """Remove what is older than its topic's retention and read by all, and mark what was erased for compaction.

        A record that came late goes with those before it. One process at a time does it; for another there is nothing to do.
        """
        with self._lock, self._connection.explained("removing what is old"):
            member = Member(self._connection, self._log, HOUSEKEEPING.name, [self._address.name(HOUSEKEEPING.name)])
            try:
                if not member.joined():
                    return 0
                return self._keep_house(member, now)
            finally:
                member.close()

    def verify(self) -> None:
        """Read everything; the client compares every batch with the broker's checksum (CRC-32C).

        :raises BusCorruptError: if one does not match, or a message is none of Fjäril's.
        """
        for topic in self._topics:
            for _ in self.read(topic):
                pass

    def close(self) -> None:
        """Leave the groups, and let go of the connections."""
        for _, member in self._joined():
            member.close()
        self._members.clear()
        self._transactions.close()
        self._standing.close()
        self._log.close()
        self._admin.close()

    # --- inside --------------------------------------------------------------------------------------------------------

    def _prepare(self, compacted_within: int, *, make: bool) -> None:
        """Look for the topics, and make those that are missing.

        Kafka's own retention is off. All may be compacted: where records have keys of their own, that removes erased ones alone.
        """
        known = {found["name"]: found for found in self._admin.describe_topics([self._address.name(name) for name in self._topics])}
        for topic in self._topics.values():
            name = self._address.name(topic.name)
            found = len(known[name]["partitions"]) if name in known and not known[name].get("error_code") else 0
            if found not in {0, topic.partitions}:
                raise BusError(
                    f"bus: {self._address.url}: topic {name} has {found} partitions, the settings say {topic.partitions}; "
                    f"set partitions: {found}, or another prefix"
                )
            if not found:
                self.missing.append(name)
                if make:
                    self._make(name, topic, compacted_within)

    def _make(self, name: str, topic: Topic, compacted_within: int) -> None:
        configs = {
            "cleanup.policy": "compact" if topic.compacted else "compact,delete", "retention.ms": "-1", "retention.bytes": "-1",
            "max.message.bytes": str(LARGEST), "max.compaction.lag.ms": str(compacted_within), "segment.ms": str(compacted_within),
            "min.cleanable.dirty.ratio": "0.5" if topic.compacted else "0.95",
        }  # fmt: skip
        new = NewTopic(name, num_partitions=topic.partitions, topic_configs=configs)
        try:
            self._admin.create_topics([new], wait_for_metadata=True)
        except TopicAlreadyExistsError:  # another process begins, too
            self._admin.wait_for_topics([name])

    def _messages(self, records: Sequence[Record]) -> list[Message]:
        return [message(record, self._topic(record.topic), self._address.name(record.topic)) for record in records]

    def _member(self, group: str, topics: Sequence[str]) -> Member:
        where = (group, tuple(sorted(topics)))
        with self._lock:
            if where not in self._members:
                names = [self._address.name(self._topic(topic).name) for topic in topics]
                self._members[where] = Member(self._connection, self._log, group, names)
            return self._members[where]

    def _of_group(self, group: str, topics: AbstractSet[str]) -> Member:
        """The member that polls these topics, among others maybe."""
        found = next((member for (name, polled), member in self._joined() if name == group and topics <= set(polled)), None)
        return found or self._member(group, sorted(topics))

    def _joined(self) -> list[tuple[tuple[str, tuple[str, ...]], Member]]:
        with self._lock:
            return list(self._members.items())

    def _topic(self, name: str) -> Topic:
        if name not in self._topics:
            raise UnknownTopicError(f"bus: {self._address.url}: there is no topic {name!r}; there are {', '.join(sorted(self._topics))}")
        return self._topics[name]

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return partitions(self._address.name(topic), self._topic(topic).partitions)

    def _records(self, topic: str, spans: Spans) -> Iterator[Delivered]:
        return (delivered(topic, found) for found in self._log.messages(spans) if found.value is not None)

    def _positions(self, group: str, where: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the group stands: as this process knows it where it has the partition, else as the broker does."""
        own = {partition: offset for (name, _), m in self._joined() if name == group for partition, offset in m.positions().items()}
        if set(where) <= set(own):
            return {partition: own[partition] for partition in where}
        return self._standing.of(group, where) | {partition: own[partition] for partition in where if partition in own}

    def _waiting(self, group: str, topic: str) -> int:
        """How many records of the topic the group has not committed: as its member has fetched them, else by reading them."""
        where = self._partitions(topic)
        ends = self._log.ends(where)
        member = next((m for (name, topics), m in self._joined() if name == group and topic in topics), None)
        fetched = member.fetched(ends) if member else None
        if fetched is not None:
            return fetched
        stands = self._positions(group, where)
        if min(stands.values()) == 0:
            starts = self._log.starts(where)
            stands = {partition: max(offset, starts[partition]) for partition, offset in stands.items()}
        return self._tally.count(whole(stands, ends))

    def _keep_house(self, member: Member, now: datetime) -> int:
        """What :meth:`expire` does, as the one process that may."""
        self._ledger.refresh()
        self._erase_bytes(member, now)
        where = [p for t in self._topics.values() if t.retention is not None and not t.compacted for p in self._partitions(t.name)]
        starts, cuts = self._log.starts(where), self._cuts(now)
        removed: dict[tuple[str, int], int] = {}
        uncounted: dict[tuple[str, int], int] = {}
        for topic in {self._of(partition) for partition in cuts}:
            spans = {partition: (starts[partition], cut) for partition, cut in cuts.items() if self._of(partition) == topic}
            for record in self._records(topic, spans):
                place = (topic, record.partition)
                removed[place] = removed.get(place, 0) + 1
                if not self._ledger.is_done(record) and record.offset >= self._ledger.gone(*place)[1]:
                    uncounted[place] = uncounted.get(place, 0) + 1
        cuts = {partition: cut for partition, cut in cuts.items() if cut > starts[partition]}
        if cuts:
            below = {(self._of(partition), partition.partition): cut for partition, cut in cuts.items()}
            self._transactions.run(self._messages(self._ledger.going(uncounted, below, now)), self._as_one(member))
            self._admin.delete_records(cuts)
        return sum(removed.values())

    def _cuts(self, now: datetime) -> dict[TopicPartition, int]:
        """Offset below which each partition's records are old and read by all of the topic's consumers."""
        cuts = {}
        for topic in self._topics.values():
            if topic.retention is None or topic.compacted:
                continue
            where = self._partitions(topic.name)
            old = self._log.since(where, micros(now - topic.retention) // 1000)
            for group in topic.consumers:
                stands = self._positions(group, where)
                old = {partition: min(cut, stands[partition]) for partition, cut in old.items()}
            cuts.update(old)
        return cuts

    def _erase_bytes(self, member: Member, now: datetime) -> None:
        """Publish a tombstone for every message that was erased, and say in the same transaction that it is done."""
        pending = self._ledger.pending()
        messages: list[Message] = []
        gone: dict[tuple[str, int], int] = {}
        for topic in pending:
            where = self._partitions(topic)
            for found in self._log.messages(whole(self._log.starts(where), self._log.ends(where))):
                if found.value is not None and self._ledger.to_erase(delivered(topic, found)):
                    messages.append(tombstone(found))
                    gone[topic, found.partition] = gone.get((topic, found.partition), 0) + 1
        if pending:
            records = [*self._ledger.doing(pending, now), *self._ledger.going(gone, {}, now)]
            self._transactions.run([*messages, *self._messages(records)], self._as_one(member))
            self._ledger.refresh()

    def _as_one(self, member: Member) -> Move:
        """A move that the broker refuses if another process keeps house by now."""
        return Move(self._address.name(HOUSEKEEPING.name), member.identity, member.positions())

    def _of(self, partition: TopicPartition) -> str:
        """Our name of the topic."""
        name: str = partition.topic.removeprefix(self._address.prefix + ".")
        return name


def _last(records: Iterable[Delivered]) -> Iterable[Delivered]:
    """The last of each key, in order: those before it stand in a log until compaction comes."""
    last: dict[str, Delivered] = {}
    for record in records:
        last.pop(record.key, None)
        last[record.key] = record
    return last.values()
