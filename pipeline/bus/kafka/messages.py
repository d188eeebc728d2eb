"""Records as Kafka messages, after the Kafka binding of CloudEvents 1.0 in binary mode, and back.

The message's key is the record's key in a compacted topic. Elsewhere every message has a key of its own, its ``ce_id``: so
nothing is compacted away, and each can be erased by a tombstone. ``ce_subject`` is always the record's key, ``ce_partitionkey`` its
shard, ``ce_time`` its time to the microsecond, of which Kafka's own timestamp keeps the milliseconds.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pipeline.bus.common import micros, partition_of
from pipeline.errors import BusCorruptError, BusError
from pipeline.ports import Delivered, Record, Topic

_SAME = (("ce_specversion", b"1.0"), ("ce_source", b"/fjaril"), ("content-type", b"application/json"))


class Message(NamedTuple):
    """What is sent: ``value`` is None for a tombstone."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    timestamp: int
    headers: list[tuple[str, bytes]]


def message(record: Record, topic: Topic, name: str) -> Message:
    """The record as it is sent to the topic that Kafka knows as ``name``.

    :raises BusError: if its value is empty, or its key or shard no valid Unicode.
    """
    if not record.value:
        raise BusError(f"{name}, key {record.key}: found an empty value, as only erased records have; give it a byte")
    try:
        key, shard = record.key.encode(), record.key if record.shard is None else record.shard
        partition = partition_of(shard, topic.partitions)
    except UnicodeEncodeError as error:
        raise BusError(f"{name}: {error}; keys and shards are valid Unicode") from error
    identity = uuid.uuid4().hex.encode()
    moment = micros(record.timestamp)
    headers = [
        *_SAME, ("ce_id", identity), ("ce_type", f"fjaril.{record.topic}".encode()),
        ("ce_time", record.timestamp.astimezone(UTC).isoformat().encode()), ("ce_subject", key),
    ]  # fmt: skip
    if record.shard is not None:
        headers.append(("ce_partitionkey", record.shard.encode()))
    return Message(name, partition, key if topic.compacted else identity, record.value, moment // 1000, headers)


def tombstone(found: Any) -> Message:
    """What makes compaction remove a message that was read."""
    return Message(found.topic, found.partition, found.key, None, found.timestamp, [])


def delivered(topic: str, found: Any) -> Delivered:
    """The record of a message that was read.

    :raises BusCorruptError: if it was not written by Fjäril.
    """
    headers: dict[str, bytes] = dict(found.headers)
    try:
        shard = headers.get("ce_partitionkey")
        return Delivered(
            topic=topic, key=headers["ce_subject"].decode(), value=found.value, timestamp=datetime.fromisoformat(headers["ce_time"].decode()),
            shard=None if shard is None else shard.decode(), partition=found.partition, offset=found.offset,
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise BusCorruptError(
            f"{found.topic}/{found.partition}: the message at {found.offset} is none of Fjäril's ({error!r}); give Fjäril a prefix of its own"
        ) from error
