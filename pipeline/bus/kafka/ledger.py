"""What Kafka does not keep by itself: which keys were erased, and how many records are no longer there to be counted.

It stands in the compacted topic ``housekeeping``:

======================  ==========================  ==============================================================================
``asked TOPIC KEY``     microseconds                the key's earlier records read as empty
``done TOPIC KEY``      microseconds                tombstones for them were published; ``gone`` counts them
``gone TOPIC NUMBER``   records, offset             so many records of this partition were erased, or expired below this offset
======================  ==========================  ==============================================================================
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from kafka.structs import TopicPartition

from pipeline.bus.common import from_micros, micros
from pipeline.bus.kafka.log import Log
from pipeline.bus.kafka.messages import delivered
from pipeline.ports import Delivered, Record, Topic

HOUSEKEEPING = Topic(name="housekeeping", compacted=True)


class Ledger:
    """The topic, folded; every question looks for what is new in it first."""

    def __init__(self, log: Log, name: str) -> None:
        self._log = log
        self._partition = TopicPartition(name, 0)
        self._lock = threading.Lock()
        self._next = 0
        #: Topic → key → time up to which its records are empty, and up to which their bytes are seen to.
        self._asked: dict[str, dict[str, datetime]] = {}
        self._done: dict[str, dict[str, datetime]] = {}
        #: (topic, partition) → (records that are gone, offset below which all are).
        self._gone: dict[tuple[str, int], tuple[int, int]] = {}

    def refresh(self) -> None:
        """Read what is new."""
        with self._lock:
            end = self._log.ends([self._partition])[self._partition]
            for message in self._log.messages({self._partition: (self._next, end)}):
                if message.value is not None:
                    self._fold(delivered(HOUSEKEEPING.name, message))
            self._next = max(self._next, end)

    def masked(self, records: Iterable[Delivered]) -> Iterator[Delivered]:
        """The records, erased ones without their value."""
        return map(self._mask, records)

    def is_done(self, record: Delivered) -> bool:
        """Whether the record was erased and is counted as gone."""
        return _before(self._done, record)

    def to_erase(self, record: Delivered) -> bool:
        """Whether the record was erased and its bytes are not seen to."""
        return _before(self._asked, record) and not self.is_done(record)

    def pending(self) -> dict[str, dict[str, datetime]]:
        """Topic → key → time, of what was asked for and is not done."""
        found = {
            topic: {key: moment for key, moment in keys.items() if self._done.get(topic, {}).get(key) != moment}
            for topic, keys in self._asked.items()
        }
        return {topic: keys for topic, keys in found.items() if keys}

    def gone(self, topic: str, partition: int) -> tuple[int, int]:
        """(records that are gone, offset below which all are)."""
        return self._gone.get((topic, partition), (0, 0))

    @staticmethod
    def asking(topics: Iterable[str], keys: Mapping[str, datetime], now: datetime) -> list[Record]:
        """What asks for the keys to be erased."""
        return [_record(f"asked {topic} {key}", f"{micros(moment)}", now) for topic in topics for key, moment in keys.items()]

    @staticmethod
    def doing(pending: Mapping[str, Mapping[str, datetime]], now: datetime) -> list[Record]:
        """What says that they were."""
        return [_record(f"done {topic} {key}", f"{micros(moment)}", now) for topic, keys in pending.items() for key, moment in keys.items()]

    def going(self, more: Mapping[tuple[str, int], int], below: Mapping[tuple[str, int], int], now: datetime) -> list[Record]:
        """What says that so many more records of these partitions are gone, and all below an offset."""
        records = []
        for topic, partition in sorted({*more, *below}):
            count, start = self.gone(topic, partition)
            where = (topic, partition)
            value = f"{count + more.get(where, 0)} {max(start, below.get(where, 0))}"
            records.append(_record(f"gone {topic} {partition}", value, now))
        return records

    def _fold(self, record: Delivered) -> None:
        what, topic, key = record.key.split(" ", 2)
        if what == "gone":
            count, start = map(int, record.value.split())
            self._gone[topic, int(key)] = (count, start)
            return
        times = (self._asked if what == "asked" else self._done).setdefault(topic, {})
        moment = from_micros(int(record.value))
        times[key] = max(moment, times.get(key, moment))

    def _mask(self, record: Delivered) -> Delivered:
        if not _before(self._asked, record):
            return record
        return Delivered(
            topic=record.topic, key=record.key, value=b"", timestamp=record.timestamp, shard=record.shard, partition=record.partition,
            offset=record.offset,
        )  # fmt: skip


def _before(times: Mapping[str, Mapping[str, datetime]], record: Delivered) -> bool:
    keys = times.get(record.topic)
    moment = keys.get(record.key) if keys else None
    return moment is not None and record.timestamp < moment


def _record(key: str, value: str, now: datetime) -> Record:
    return Record(topic=HOUSEKEEPING.name, key=key, value=value.encode(), timestamp=now)
