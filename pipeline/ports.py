"""What the pipeline needs of the outside: small Protocols, each with one behaviour and several adapters.

``tests/contract`` holds one suite a port; an adapter is right when it passes it. All times are timezone-aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from pipeline.model import Document


class Clock(Protocol):
    """The time that a stage or collector goes by: the system's, or a virtual one in a replay."""

    def now(self) -> datetime:
        """The time now, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` of this clock's time have passed."""


# --- bus ---------------------------------------------------------------------------------------------------------------


class Topic(Struct, frozen=True, kw_only=True):
    """A named, partitioned log."""

    name: str
    partitions: int = 1
    #: How long a record is kept after its timestamp; None keeps it for ever.
    retention: timedelta | None = None
    #: Only the last record of each key is kept.
    compacted: bool = False
    #: Groups that read the topic: a record stays until each has committed it, however old it is.
    consumers: tuple[str, ...] = ()


class Record(Struct, frozen=True, kw_only=True):
    """What is published."""

    topic: str
    #: Identity of the thing the record is about: compaction and erasure go by it.
    key: str
    value: bytes
    timestamp: datetime
    #: Records with the same shard go to the same partition, in order; None: the key decides.
    shard: str | None = None


class Delivered(Struct, frozen=True, kw_only=True):
    """A record as it is read back."""

    topic: str
    key: str
    value: bytes
    timestamp: datetime
    shard: str | None
    partition: int
    #: Position in the partition: larger is later, without a promise that numbers are consecutive.
    offset: int


class Batch(Struct, frozen=True, kw_only=True):
    """What one poll gave, and the receipt with which it is committed."""

    group: str
    records: tuple[Delivered, ...]
    #: (topic, partition) → (offset the group stood at before, offset after the batch).
    span: Mapping[tuple[str, int], tuple[int, int]]


class Bus(Protocol):
    """A durable log of records, read by consumer groups. Safe to call from several threads."""

    def publish(self, records: Sequence[Record]) -> None:
        """Append all the records, or none; durable on return. In one partition their order is kept.

        :raises UnknownTopicError: if a topic was not declared.
        :raises BusError: if a value is empty, which is what an erased record has, a key is no valid Unicode, or they could
            not be stored.
        """

    def poll(self, group: str, topics: Sequence[str], max_records: int = 500, timeout: float = 0.0) -> Batch:
        """The earliest records that ``group`` has not committed, at most ``max_records``, in order within a partition.

        Waits up to ``timeout`` seconds for the first; the batch may be empty. Until it is committed the same records
        are given again, so a consumer that dies loses nothing. A new group starts at the oldest record.

        :raises BusCorruptError: if a record does not match its checksum.
        """

    def commit(self, batch: Batch, outputs: Sequence[Record] = ()) -> None:
        """Publish ``outputs`` and advance the group past ``batch``: both or neither, durable on return.

        :raises StaleBatchError: if the group was moved in the meantime; nothing was published.
        """

    def seek(self, group: str, topic: str, timestamp: datetime) -> None:
        """Let ``group`` go on from the first record of each partition whose timestamp is at or after ``timestamp``."""

    def read(self, topic: str, since: datetime | None = None) -> Iterator[Delivered]:
        """All records now in the topic, without a group, in order within a partition: how state is folded back.

        Of a compacted topic the last of each key.
        """

    def follow(self, topic: str, after: Mapping[int, int]) -> Iterator[Delivered]:
        """The records that came since, without a group, in order within a partition: how a view is kept up to date.

        :param after: partition → the last offset that was seen there; a partition that is left out is read from its beginning.
        """

    def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        """For each topic the number of records that the group has not committed."""

    def count(self, topic: str) -> int:
        """Number of records ever published to the topic, those since expired included; of a compacted topic at least those it holds."""

    def erase(self, topics: Sequence[str], keys: Mapping[str, datetime]) -> None:
        """Empty the records with these keys, each up to a time; after :meth:`expire` or :meth:`close` their bytes are in no file.

        A log on a server cannot be changed: there they read as empty at once, and :meth:`expire` has them compacted away.

        :param keys: key → moment; records with an earlier timestamp read as empty from now on. For a withdrawn document it
            is the moment of the withdrawal: its tombstone stays, and so does what the source gives after it.
        """

    def expire(self, now: datetime) -> int:
        """Remove the records older than their topic's retention; returns how many.

        What one of the topic's consumers has not committed stays, also where it has yet to begin. On a server an old record
        that came after a young one goes with that.
        """

    def verify(self) -> None:
        """Read all that is stored and compare it with its checksums; may take seconds.

        :raises BusCorruptError: if anything is damaged or missing.
        """

    def close(self) -> None:
        """Release what is held; the bus cannot be used afterwards."""


# --- index -------------------------------------------------------------------------------------------------------------


class Filters(Struct, frozen=True, kw_only=True):
    """What a document must be to count: all the given hold; within one, any value will do.

    Of a document that tells of several incidents, one of them must have both the place and the theme.
    """

    #: Codes: a county holds its municipalities, a municipality what lies inside it.
    places: tuple[str, ...] = ()
    #: Ids: a theme holds its children.
    themes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    #: [since, until) of the time of publication.
    since: datetime | None = None
    until: datetime | None = None
    #: (west, south, east, north) in degrees; a document counts if one of its places with coordinates lies inside.
    box: tuple[float, float, float, float] | None = None
    #: Whether copies of an earlier document count.
    copies: bool = True


class Search(Struct, frozen=True, kw_only=True):
    """A question to the index."""

    #: Words (stemmed, all must occur), "a phrase", -without, field:value (place, theme, source, lang, story); empty: everything.
    text: str = ""
    filters: Filters = Filters()
    size: int = 20
    #: ``Page.after`` of the page before.
    after: str | None = None
    order: Literal["relevance", "newest"] = "relevance"
    #: For which of ``place``, ``county``, ``theme``, ``source``, ``language`` to count the documents found.
    facets: tuple[str, ...] = ()


class Hit(Struct, frozen=True, kw_only=True):
    document: Document
    score: float
    #: A passage of the text as HTML: escaped, with what matched in <mark>.
    highlight: str = ""


class Page(Struct, frozen=True, kw_only=True):
    hits: tuple[Hit, ...]
    #: Number of documents found, all pages.
    total: int
    #: Facet → ((value, number of documents), …), most first.
    facets: Mapping[str, tuple[tuple[str, int], ...]] = {}
    #: Give it as ``Search.after`` for the next page; None at the end.
    after: str | None = None


class TrendBucket(Struct, frozen=True, kw_only=True):
    """How many documents in one stretch of time; ``place`` and ``theme`` are empty unless split by them."""

    start: datetime
    count: int
    place: str = ""
    theme: str = ""


class Written(Struct, frozen=True, kw_only=True):
    """What an upsert did with the documents given."""

    created: int = 0
    updated: int = 0
    #: Withdrawn ones whose text was erased.
    erased: int = 0
    #: Not newer than what is there already.
    stale: int = 0
    #: Id → why it can never be written, with a server that says so; the others were written.
    refused: Mapping[str, str] = {}


class Index(Protocol):
    """The searchable store of the last revision of every document. Safe to call from several threads."""

    def upsert(self, documents: Sequence[Document]) -> Written:
        """Write each document unless the same or a newer revision is there. Idempotent.

        A tombstone removes the document from search, erases its text and leaves its id and revision, so that an older
        revision cannot bring it back. Searchable and durable after :meth:`flush`.
        """

    def flush(self) -> None:
        """Make all that was written durable and visible to search."""

    def get(self, document_id: str) -> Document | None:
        """The last revision, also of a withdrawn document; None if it was never there or was deleted."""

    def search(self, search: Search) -> Page:
        """One page of what is found. Paging to the end gives each document once, as long as nothing is written.

        :raises QueryError: if the text, a filter or ``after`` cannot be understood.
        """

    def over_time(self, search: Search, edges: Sequence[datetime]) -> tuple[int, ...]:
        """How many documents that ``search`` finds were published in each stretch from one edge to the next.

        :param search: its text and filters count, but for ``since`` and ``until``.
        :param edges: two or more, each no earlier than the one before.
        :raises QueryError: if the text or a filter cannot be understood.
        """

    def trend(
        self, filters: Filters, bucket: Literal["hour", "day", "week"] = "day", by: Sequence[Literal["place", "theme"]] = ()
    ) -> tuple[TrendBucket, ...]:
        """Documents per stretch of time (UTC; weeks begin on Monday), in order; stretches without any are left out.

        A document counts once in each municipality (or county, where no municipality is known) in which it happened and
        under its best theme; one without place under ``""``, one without theme under ``none``. Of a document that tells of
        several incidents each counts for itself, where it happened and under its own theme; two of one theme in one place are one.
        Only ``places``, ``themes``, ``since`` and ``until`` of the filters apply, the times by whole hours.

        :raises QueryError: if another filter is given.
        """

    def delete(self, ids: Iterable[str]) -> int:
        """Remove every trace of these documents, tombstones too; returns how many there were."""

    def expire(self, before: datetime) -> int:
        """Remove the documents published in months (UTC) that ended by that time; returns how many. Tombstones stay.

        Their text is gone from every file after :meth:`purge` at the latest.
        """

    def purge(self) -> None:
        """Rewrite what is stored so that erased text is no longer in any file; does nothing if none was erased since the last time.

        Until then the index remembers that it is to be done, also when it is killed.
        """

    def count(self) -> int:
        """Number of documents that search can find."""

    def about(self) -> str:
        """What it is, and how it finds words: one line for people."""

    def close(self) -> None:
        """Flush and release what is held."""


# --- tables ------------------------------------------------------------------------------------------------------------


#: What there are tables of: names of topics.
TABLES = ("findings", "stories", "sources")


class Row(Struct, frozen=True, kw_only=True):
    """A record as those see it who look into the index's server with a tool of their own."""

    #: Name of the table, which is that of the topic.
    table: str
    id: str
    #: Of two rows of one id the larger is the newer.
    version: int
    fields: Struct


class Tables(Protocol):
    """The last row of each id, for tools that look into the index's server, as Kibana; Fjäril itself reads the topics."""

    def keep(self, rows: Sequence[Row]) -> Mapping[str, str]:
        """Write each row unless the same or a newer one is there; durable on return, visible after :meth:`flush`. Idempotent.

        Returns id → why a row can never be written; the others were.
        """

    def flush(self) -> None:
        """Make all that was written visible."""

    def is_empty(self, table: str) -> bool:
        """Whether the table has no row: it is new, or was removed to be filled again."""


@runtime_checkable
class TabledIndex(Index, Protocol):
    """An index that others look into: it keeps tables beside the documents."""

    @property
    def tables(self) -> Tables:
        """Its tables."""


# --- stages ------------------------------------------------------------------------------------------------------------


class Stage(Protocol):
    """A box of the data flow: reads a batch, returns records, knows nothing of bus, index or clock.

    A record that it cannot process becomes a ``dead`` record among the outputs; the rest of the batch goes on.
    """

    @property
    def name(self) -> str:
        """Name of the stage, and of its consumer group."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Topics that it reads."""

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        """What the records become, in order. For the same state and input always the same output."""


class Reading(Protocol):
    """Reads a topic for a stage that folds back its state: :meth:`Bus.read`."""

    def __call__(self, topic: str, since: datetime | None = None) -> Iterator[Delivered]:
        """All records now in the topic, those from ``since`` on if it is given."""


@runtime_checkable
class StatefulStage(Stage, Protocol):
    """A stage that remembers, and keeps none of it on disk: it is folded back from the topics that it writes itself."""

    def restore(self, read: Reading) -> None:
        """Forget everything, then fold back what ``read`` gives."""
