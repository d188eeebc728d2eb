"""What the adapters of the bus agree on."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def partition_of(shard: str, partitions: int) -> int:
    """The partition of a shard, the same on every machine (CRC-32 of its UTF-8)."""
    return zlib.crc32(shard.encode()) % partitions


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(number: int) -> datetime:
    """The moment of :func:`micros`."""
    return _EPOCH + number * _MICROSECOND
