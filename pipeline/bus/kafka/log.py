"""Reads topics without a group: what is committed, from one offset to another."""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import TopicPartition

from pipeline.bus.kafka.connection import Connection

#: Partition → [from, to) of its offsets.
Spans = Mapping[TopicPartition, tuple[int, int]]
_PAUSE = 0.005
#: Milliseconds until a question for offsets is asked anew.
_ANSWER = 10_000


class Log:
    """The topics as they stand on the brokers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asker: Any = None
        self._asking = threading.Lock()
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        #: Partition → last offset that this process has written there.
        self._written: dict[TopicPartition, int] = {}

    def note(self, written: Mapping[TopicPartition, int]) -> None:
        """What this process has written: it is to be seen by whatever it reads from now on."""
        with self._lock:
            self._written.update(written)

    def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Offset after the last record that can be read. A commit returns before its markers stand in the log: waits for ours."""
        wanted = list(partitions)
        deadline = time.monotonic() + self._connection.stalled
        while True:
            found = self._offsets(wanted, OffsetSpec.LATEST)
            if all(self._written.get(partition, -1) < end for partition, end in found.items()):
                return found
            _give_up(deadline, "a transaction is not finished")
            time.sleep(_PAUSE)

    def starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Offset of the first record that is kept."""
        return self._offsets(list(partitions), OffsetSpec.EARLIEST)

    def since(self, partitions: Iterable[TopicPartition], milliseconds: int) -> dict[TopicPartition, int]:
        """Offset of the first record of that time or later; the end without any."""
        ends = self.ends(partitions)
        found = self._offsets(list(ends), max(0, milliseconds))
        return {partition: min(end, found[partition]) if found[partition] >= 0 else end for partition, end in ends.items()}

    def _offsets(self, partitions: Sequence[TopicPartition], wanted: OffsetSpec | int) -> dict[TopicPartition, int]:
        """-1 where no record is of that time or later. A consumer that has lost its broker is given up for a new one."""
        if not partitions:
            return {}
        with self._asking, self._connection.explained("looking for offsets"):
            try:
                return self._asked(partitions, wanted)
            except (KafkaError, KeyError):
                asker, self._asker = self._asker, None
                if asker is not None:
                    asker.close(autocommit=False, timeout_ms=0)
                return self._asked(partitions, wanted)

    def _asked(self, partitions: Sequence[TopicPartition], wanted: OffsetSpec | int) -> dict[TopicPartition, int]:
        """By a consumer that knows the partitions' leaders: the library leaves out what it knows no leader of."""
        if self._asker is None:
            self._asker = self._connection.reader()
        if not set(partitions) <= self._asker.assignment():
            self._asker.assign([*self._asker.assignment(), *partitions])
            self._asker.topics()
        if wanted is OffsetSpec.LATEST:
            return dict(self._asker.end_offsets(partitions, timeout_ms=_ANSWER))
        if wanted is OffsetSpec.EARLIEST:
            return dict(self._asker.beginning_offsets(partitions, timeout_ms=_ANSWER))
        found = self._asker.offsets_for_times(dict.fromkeys(partitions, wanted), timeout_ms=_ANSWER)
        return {partition: found[partition].offset if found.get(partition) else -1 for partition in partitions}

    def messages(self, spans: Spans) -> Iterator[Any]:
        """What stands in the spans, tombstones too, in order within a partition."""
        left = {partition: end for partition, (start, end) in spans.items() if start < end}
        if not left:
            return
        with self._reader() as reader:
            reader.assign(list(left))
            for partition in left:
                reader.seek(partition, spans[partition][0])
            deadline = time.monotonic() + self._connection.stalled
            while left:
                found = reader.poll(timeout_ms=200)
                for partition, messages in found.items():
                    end = left.get(partition, 0)
                    yield from (message for message in messages if message.offset < end)
                for partition in [partition for partition, end in left.items() if reader.position(partition) >= end]:
                    del left[partition]
                    reader.pause(partition)
                if found:
                    deadline = time.monotonic() + self._connection.stalled
                _give_up(deadline, "nothing comes any more")

    def close(self) -> None:
        """Let go of the readers."""
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in [*idle, *([self._asker] if self._asker else [])]:
            reader.close(autocommit=False, timeout_ms=1000)

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        """A consumer for one thread at a time; one that met an error is not used again."""
        with self._lock:
            reader = self._idle.pop() if self._idle else None
        reader = reader or self._connection.reader()
        sound = False
        try:
            with self._connection.explained("reading"):
                yield reader
            sound = True
        except GeneratorExit:
            sound = True
            raise
        finally:
            if sound:
                reader.unsubscribe()
                with self._lock:
                    self._idle.append(reader)
            else:
                reader.close(autocommit=False, timeout_ms=0)


class Tally:
    """Counts records between two offsets. Kafka numbers its own markers, too, so the difference of two offsets is too large."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = threading.Lock()
        #: Partition → (first offset that was looked at, offset after the last, those of them that hold a record).
        self._known: dict[TopicPartition, tuple[int, int, array[int]]] = {}

    def count(self, spans: Spans) -> int:
        """Records in the spans; each is read once, as long as the spans only move on."""
        with self._lock:
            new = {partition: self._unknown(partition, span) for partition, span in spans.items()}
            for message in self._log.messages(new):
                if message.value is not None:
                    self._known[TopicPartition(message.topic, message.partition)][2].append(message.offset)
            return sum(self._between(partition, span) for partition, span in spans.items())

    def _unknown(self, partition: TopicPartition, span: tuple[int, int]) -> tuple[int, int]:
        """What is to be read, as if it had been; what is before the span is forgotten."""
        start, end = span
        first, after, offsets = self._known.get(partition, (start, start, array("q")))
        if start < first:
            first, after, offsets = start, start, array("q")
        keep = offsets[bisect_left(offsets, start) :]
        self._known[partition] = (max(first, start), max(after, start, end), keep)
        return max(after, start), end

    def _between(self, partition: TopicPartition, span: tuple[int, int]) -> int:
        offsets = self._known[partition][2]
        return bisect_left(offsets, span[1]) - bisect_left(offsets, span[0])


def _give_up(deadline: float, reason: str) -> None:
    if time.monotonic() > deadline:
        raise KafkaTimeoutError(reason)


def whole(starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> Spans:
    """The spans from starts to ends."""
    return {partition: (starts[partition], end) for partition, end in ends.items()}
