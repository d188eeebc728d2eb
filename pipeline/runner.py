"""Runs stages over the bus: batch in, records out, both committed at once.

A stage that raises on a batch gets its records one at a time, and those it still raises on go to ``dead``: no record can
stop the pipeline. Errors of the bus or the index do stop it, since going on could lose something.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec
import structlog

from pipeline.dead import DEAD, dead_record
from pipeline.errors import FjarilError, IndexBusyError, PoisonError, StaleBatchError, WireError
from pipeline.model import Document, IndexBooks, decode, encode
from pipeline.ports import Batch, Bus, Delivered, Index, Record, Stage, StatefulStage

log = structlog.get_logger()

#: Topics in which a document's text, words of it, or its address can stand.
TEXT_TOPICS = ("raw", "documents", "related", "story_members", "alert_evidence", DEAD)
#: Seconds between two rewritings of the index that make withdrawn text unreadable in its files.
_PURGE = 3600.0
#: Seconds to rest when there was nothing to do.
_PAUSE = 0.02
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Worker(Protocol):
    """Something that works through topics step by step."""

    @property
    def name(self) -> str:
        """Name of the worker and of its consumer group."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Topics that it reads."""

    def step(self) -> int:
        """Do one batch if there is one; returns the number of records taken."""

    def close(self) -> None:
        """Finish what was begun."""


class Observer(Protocol):
    """Is told what the workers do: metrics and progress."""

    def batch(self, worker: str, records: int, seconds: float) -> None:
        """A worker took so many records and so long."""


class StageWorker:
    """One stage as a consumer group of its name. Its state is restored whenever it may not be what the bus holds."""

    def __init__(self, stage: Stage, bus: Bus, batch: int) -> None:
        self.name, self.inputs = stage.name, stage.inputs
        self._stage, self._bus, self._size = stage, bus, batch
        #: (topic, partition) → position of the group up to which the stage's state goes.
        self._reached: dict[tuple[str, int], int] = {}

    def step(self) -> int:
        """Process one batch and commit it with its outputs."""
        batch = self._bus.poll(self.name, self.inputs, self._size)
        if batch.records:
            self._take(batch)
        return len(batch.records)

    def close(self) -> None:
        """Nothing is left open between two batches."""

    def _take(self, batch: Batch) -> None:
        if any(self._reached.get(where) != before for where, (before, _) in batch.span.items()):
            self._restore()  # the first batch, or another process of the group has taken some since the last
        try:
            self._bus.commit(batch, self._process(batch.records))
            self._reached.update({where: after for where, (_, after) in batch.span.items()})
        except StaleBatchError as error:  # another process of the group was faster: its outputs count, ours never were
            log.warning("batch was taken over", stage=self.name, reason=str(error))
            self._reached = {}

    def _process(self, records: Sequence[Delivered]) -> list[Record]:
        try:
            return self._stage.process(records)
        except Exception as error:
            _raise_if_not_of_a_record(error)
            log.exception("a batch failed and is processed record by record", stage=self.name, records=len(records))
            self._restore()
            return self._process_singly(records)

    def _process_singly(self, records: Sequence[Delivered]) -> list[Record]:
        outputs: list[Record] = []
        good: list[Delivered] = []
        for record in records:
            try:
                outputs += self._stage.process([record])
                good.append(record)
            except Exception as error:
                _raise_if_not_of_a_record(error)
                log.exception("a record cannot be processed", stage=self.name, topic=record.topic, key=record.key)
                outputs.append(dead_record(self.name, f"{type(error).__name__}: {error}", record))
                self._restore(good)
        return outputs

    def _restore(self, since_then: Sequence[Delivered] = ()) -> None:
        """Fold the state back from the bus, then go through the records whose outputs are not on it yet."""
        if isinstance(self._stage, StatefulStage):
            self._stage.restore(self._bus.read)
            for record in since_then:
                self._stage.process([record])


def _raise_if_not_of_a_record(error: Exception) -> None:
    """An error of ours that no record is to blame for stops the worker."""
    if isinstance(error, FjarilError) and not isinstance(error, (PoisonError, WireError)):
        raise error


class IndexWorker:
    """Writes related documents to the index; the group advances only once they are durable there."""

    name = "index"
    inputs = ("related",)

    def __init__(self, index: Index, bus: Bus, batch: int, flush_seconds: float) -> None:
        self._index, self._bus, self._size, self._pause = index, bus, batch, flush_seconds
        self._flushed = 0.0
        self._purged = time.monotonic()
        if index.count() == 0:  # a new index, or one that was removed: it is filled from what the bus keeps
            bus.seek(self.name, self.inputs[0], _BEGINNING)

    def step(self) -> int:
        """Write one batch. A small one waits, so that the index is not flushed more often than it is worth."""
        if time.monotonic() - self._purged > _PURGE:
            self._purge()
        early = self._flushed + self._pause - time.monotonic()
        if early > 0 and self._bus.lag(self.name, self.inputs)[self.inputs[0]] < self._size:
            return 0
        batch = self._bus.poll(self.name, self.inputs, self._size)
        if batch.records:
            self._write(batch)
        return len(batch.records)

    def close(self) -> None:
        """Write what is left, and make erased text unreadable in the files."""
        while batch := self._bus.poll(self.name, self.inputs, self._size):
            if not batch.records:
                break
            self._write(batch)
        self._purge()

    def _purge(self) -> None:
        """The index remembers what is left to do, so a reader in the way only puts it off."""
        self._purged = time.monotonic()
        try:
            self._index.purge()
        except IndexBusyError as error:
            log.warning("rewriting the index is put off", reason=str(error))

    def _write(self, batch: Batch) -> None:
        documents, dead = _documents(batch.records)
        refused = self._index.upsert(documents).refused
        dead += [(record, refused[record.key]) for record in batch.records if record.value and record.key in refused]
        self._index.flush()
        if withdrawn := {document.id: document.fetched for document in documents if document.withdrawn}:
            self._bus.erase(TEXT_TOPICS, withdrawn)
        try:
            self._bus.commit(batch, [dead_record(self.name, reason, record) for record, reason in dead] + self._counted(dead))
        except StaleBatchError as error:  # the group was moved: what is written twice is written once
            log.warning("batch is taken again", stage=self.name, reason=str(error))
        self._flushed = time.monotonic()

    def _counted(self, dead: Sequence[tuple[Delivered, str]]) -> list[Record]:
        """The books of the partitions of these records, with them: letters expire, what was counted before them does not."""
        if not dead:
            return []
        books = {book.partition: book for book in (decode(record.value, IndexBooks) for record in self._bus.read("index_books"))}
        touched = {}
        for record, _ in dead:
            before = books.get(record.partition, IndexBooks(partition=record.partition))
            books[record.partition] = msgspec.structs.replace(before, dead=before.dead + 1)
            touched[record.partition] = record.timestamp
        return [
            Record(topic="index_books", key=str(partition), timestamp=moment, value=encode(books[partition]))
            for partition, moment in touched.items()
        ]


def _documents(records: Sequence[Delivered]) -> tuple[list[Document], list[tuple[Delivered, str]]]:
    """The documents, and the records that hold none with the reason."""
    documents, dead = [], []
    for record in records:
        if not record.value:  # erased: its tombstone follows
            continue
        try:
            documents.append(decode(record.value, Document))
        except WireError as error:
            dead.append((record, str(error)))
    return documents, dead


class Runner:
    """Runs workers in turn, in one thread, until stopped or until one fails.

    Python runs one thread at a time: a thread a worker only made them hand the interpreter to and fro at every row that they
    fetch (1,640 documents a second instead of 1,840).
    """

    def __init__(self, bus: Bus, workers: Sequence[Worker], observer: Observer | None = None) -> None:
        self._bus, self._workers, self._observer = bus, workers, observer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stages")
        #: What stopped it, if a worker failed.
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let the worker that is at work finish its batch, and wait for it.

        :raises FjarilError: what had stopped a worker.
        """
        self._stop.set()
        self._thread.join()
        if self.failure:
            raise self.failure

    def lag(self) -> dict[str, int]:
        """Records waiting before each worker."""
        return {worker.name: sum(self._bus.lag(worker.name, worker.inputs).values()) for worker in self._workers}

    def _run(self) -> None:
        worker: Worker | None = None
        try:
            while not self._stop.is_set():
                taken = 0
                for worker in self._workers:
                    taken += self._step(worker)
                if not taken:
                    self._stop.wait(_PAUSE)
            for worker in self._workers:
                worker.close()
        except BaseException as error:
            log.exception("a worker stopped", worker=worker.name if worker else "", reason=str(error), exc_info=error)
            self.failure = error
            self._stop.set()

    def _step(self, worker: Worker) -> int:
        began = time.perf_counter()
        records = worker.step()
        if records and self._observer:
            self._observer.batch(worker.name, records, time.perf_counter() - began)
        return records
