"""Keeps the tables of an index as the topics have them; only an index that others look into has any."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from pipeline.errors import StaleBatchError, WireError
from pipeline.ports import Batch, Bus, Row, Tables

log = structlog.get_logger()

#: What a record is to those who look into the index; raises WireError where it is none.
View = Callable[[bytes], Struct]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class TablesWorker:
    """Writes the records of some topics to the tables of the same names; the group advances only once they are durable there.

    A later record of a topic is newer, whoever writes it when. A table that is empty is filled from what the bus keeps. What cannot be
    written is logged: the topic has it, and nothing but what is shown comes of it.
    """

    name = "tables"

    def __init__(self, tables: Tables, bus: Bus, views: Mapping[str, View], batch: int, pause: float) -> None:
        """Begin.

        :param views: topic, and so table → what its records are there.
        :param pause: seconds between two batches that are not full, so that tables are not flushed more often than it is worth.
        """
        self.inputs = tuple(views)
        self._tables, self._bus, self._views, self._size, self._pause = tables, bus, views, batch, pause
        self._written = 0.0
        for topic in self.inputs:
            if tables.is_empty(topic):
                bus.seek(self.name, topic, _BEGINNING)

    def step(self) -> int:
        """Write one batch."""
        early = time.monotonic() - self._written < self._pause
        if early and sum(self._bus.lag(self.name, self.inputs).values()) < self._size:
            return 0
        return self._take()

    def close(self) -> None:
        """Write what is left."""
        while self._take():
            pass

    def _take(self) -> int:
        batch = self._bus.poll(self.name, self.inputs, self._size)
        if batch.records:
            self._write(batch)
        return len(batch.records)

    def _write(self, batch: Batch) -> None:
        rows: dict[tuple[str, str], Row] = {}
        for record in batch.records:
            if not record.value:
                continue
            try:
                fields = self._views[record.topic](record.value)
            except WireError as error:
                log.exception("a record cannot be shown", topic=record.topic, key=record.key, reason=str(error))
                continue
            rows[record.topic, record.key] = Row(table=record.topic, id=record.key, version=record.offset + 1, fields=fields)
        for key, reason in self._tables.keep(list(rows.values())).items():
            log.error("a record cannot be shown", key=key, reason=reason)
        self._tables.flush()
        try:
            self._bus.commit(batch)
        except StaleBatchError as error:  # the group was moved: what is written twice is written once
            log.warning("batch is taken again", stage=self.name, reason=str(error))
        self._written = time.monotonic()
