"""Publishes messages and moves a group in one transaction: all of it, or nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import OffsetAndMetadata, TopicPartition
from msgspec import Struct

from pipeline.bus.kafka.connection import Connection
from pipeline.bus.kafka.log import Log
from pipeline.bus.kafka.messages import Message
from pipeline.errors import BusError, StaleBatchError


class Move(Struct, frozen=True):
    """Where a group is to stand, on whose behalf."""

    group: str
    #: What the broker knew of the member when it was given the records: it refuses the move if the group has gone on without it.
    identity: Any
    offsets: Mapping[TopicPartition, int]


class Transactions:
    """One producer of this process; its transactions come one after the other."""

    def __init__(self, connection: Connection, log: Log, admin: Any) -> None:
        self._connection, self._log, self._admin = connection, log, admin
        self._identity = connection.new_identity()
        self._producer: Any = None
        self._lock = threading.Lock()

    def run(self, messages: Sequence[Message], move: Move | None = None) -> None:
        """Send the messages and make the move.

        :raises StaleBatchError: if the group has gone on without the member; nothing took effect.
        :raises BusError: if the brokers did not take it; nothing took effect, or it is not known yet, which the text says.
        """
        with self._lock:
            if self._producer is None:
                self._producer = self._connection.producer(self._identity)
            sent: list[Any] = []
            try:
                with self._connection.explained("publishing"):
                    self._send(messages, move, sent)
            except StaleBatchError:
                self._drop(0.0)  # the next producer of the same identity has the broker abort what this one has begun
                raise
            except BusError:
                if not self._took_effect(messages, move, sent):
                    raise
            self._log.note(_last(sent))

    def close(self) -> None:
        """Let go of the producer."""
        with self._lock:
            self._drop(5.0)

    def _send(self, messages: Sequence[Message], move: Move | None, sent: list[Any]) -> None:
        producer = self._producer
        producer.begin_transaction()
        for topic, partition, key, value, timestamp, headers in messages:
            sent.append(producer.send(topic, value, key=key, headers=headers, partition=partition, timestamp_ms=timestamp))
        if move is not None:
            offsets = {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in move.offsets.items()}
            self._finish(producer._transaction_manager.send_offsets_to_transaction(offsets, move.identity))  # noqa: SLF001
        self._finish(producer._transaction_manager.begin_commit())  # noqa: SLF001

    def _finish(self, step: Any) -> None:
        """Wait for a step of the transaction. The library's own methods wait for ever, also for an answer that a restarted broker lost."""
        self._producer._sender.wakeup()  # noqa: SLF001
        if not step.wait(timeout_ms=self._connection.transaction * 1000):
            raise KafkaTimeoutError("the broker does not finish the transaction")

    def _took_effect(self, messages: Sequence[Message], move: Move | None, sent: Sequence[Any]) -> bool:
        """Whether a transaction that ended in an error was committed after all.

        A new producer of the same identity makes the broker finish it one way or the other first.
        """
        self._drop(0.0)
        self._producer = self._connection.producer(self._identity)
        with self._connection.explained("looking for what became of a transaction; it is not known yet, look before publishing again"):
            if move is not None:
                stands = self._admin.list_group_offsets({move.group: list(move.offsets)})[move.group]
                return all(partition in stands and stands[partition].offset == offset for partition, offset in move.offsets.items())
            if len(sent) < len(messages) or not all(future.succeeded() for future in sent):
                return False
            partition, offset = next(iter(_last(sent).items()))
            return any(found.offset == offset for found in self._log.messages({partition: (offset, offset + 1)}))

    def _drop(self, seconds: float) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):  # what it could not send any more was not committed
                producer.close(timeout=seconds)


def _last(sent: Sequence[Any]) -> dict[TopicPartition, int]:
    """The last offset of each partition."""
    found: dict[TopicPartition, int] = {}
    for future in sent:
        written = future.value
        partition = TopicPartition(written.topic, written.partition)
        found[partition] = max(written.offset, found.get(partition, -1))
    return found
