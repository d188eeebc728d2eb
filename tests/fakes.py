"""Hand-written stand-ins for ports: small, complete, and honest about what they do not do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from pipeline.errors import BusError
from pipeline.model import DeadLetter, ItemState, RawItem, SourceState, decode
from pipeline.ports import Batch, Delivered, Record


class MemoryBus:
    """A bus in memory, of one partition, for what only publishes and reads. ``fail`` makes the next publication fail."""

    def __init__(self) -> None:
        self.records: dict[str, list[Delivered]] = defaultdict(list)
        self.publications = 0
        self.fail = False

    def publish(self, records: Sequence[Record]) -> None:
        if self.fail:
            raise BusError("the disk is full")
        self.publications += 1
        for record in records:
            log = self.records[record.topic]
            log.append(
                Delivered(
                    topic=record.topic, key=record.key, value=record.value, timestamp=record.timestamp, shard=record.shard,
                    partition=0, offset=len(log),
                )
            )  # fmt: skip

    def read(self, topic: str, since: datetime | None = None) -> Iterator[Delivered]:
        yield from (record for record in self.records[topic] if since is None or record.timestamp >= since)

    def count(self, topic: str) -> int:
        return len(self.records[topic])

    def raw(self) -> list[RawItem]:
        return [decode(record.value, RawItem) for record in self.records["raw"]]

    def dead(self) -> list[DeadLetter]:
        return [decode(record.value, DeadLetter) for record in self.records["dead"]]

    def items(self) -> list[ItemState]:
        return [decode(record.value, ItemState) for record in self.records["items"]]

    def states(self) -> list[SourceState]:
        return [decode(record.value, SourceState) for record in self.records["sources"]]

    def poll(self, group: str, topics: Sequence[str], max_records: int = 500, timeout: float = 0.0) -> Batch:
        raise NotImplementedError

    def commit(self, batch: Batch, outputs: Sequence[Record] = ()) -> None:
        raise NotImplementedError

    def seek(self, group: str, topic: str, timestamp: datetime) -> None:
        raise NotImplementedError

    def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        raise NotImplementedError

    def erase(self, topics: Sequence[str], keys: Sequence[str]) -> None:
        raise NotImplementedError

    def expire(self, now: datetime) -> int:
        raise NotImplementedError

    def close(self) -> None:
        self.records.clear()
