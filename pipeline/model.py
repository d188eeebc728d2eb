"""The records that flow through the pipeline: frozen, and every time timezone-aware UTC.

Wire format: JSON by msgspec, one object a record, with ``type`` (the tag of the class) and ``v`` (its version). A reader
accepts the version it writes and the one before it, so that stages can be upgraded one at a time.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from pipeline.errors import WireError

#: A time with its zone; the code always uses UTC.
Instant = Annotated[datetime, Meta(tz=True)]
#: 1 for the first version of a document, counted up at each change of its content.
Revision = Annotated[int, Meta(ge=1, le=1_000_000)]


class Wire(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what is stored on the bus. ``WIRE_VERSION`` is raised when a field changes meaning or becomes required."""

    WIRE_VERSION: ClassVar[int] = 1
    #: Version of the layout; see :func:`decode`.
    v: int = 1


W = TypeVar("W", bound=Wire)
_encoder = msgspec.json.Encoder()
_decoders: dict[type[Wire], msgspec.json.Decoder[Wire]] = {}


def encode(record: Wire) -> bytes:
    """The record as UTF-8 JSON."""
    return _encoder.encode(record)


def decode(data: bytes, kind: type[W]) -> W:
    """The record of type ``kind`` that ``data`` holds.

    :raises WireError: if it is not JSON, not of this type, or of a version other than the last two.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        record = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"{kind.__name__}: {error}; found {data[:80]!r}") from error
    if not kind.WIRE_VERSION - 1 <= record.v <= kind.WIRE_VERSION:
        raise WireError(f"{kind.__name__}: found version {record.v}; this reader knows {kind.WIRE_VERSION - 1} and {kind.WIRE_VERSION}")
    return record  # type: ignore[return-value]


def fingerprint(*parts: str) -> str:
    """32 hexadecimal digits that identify the parts, in their order (BLAKE2b, 128 bits)."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def utc(moment: datetime) -> datetime:
    """``moment`` in UTC; a naive time is refused, since guessing a zone is the collector's business."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without zone: {moment!r}")
    return moment.astimezone(UTC)


# --- sources -----------------------------------------------------------------------------------------------------------


class Reliability(StrEnum):
    """How far a source can be relied on: the letters of the Admiralty grading."""

    A = "A"  # completely reliable
    B = "B"  # usually reliable
    C = "C"  # fairly reliable
    D = "D"  # not usually reliable
    E = "E"  # unreliable
    F = "F"  # cannot be judged


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to collect, how often, how far to trust it, and why it is collected at all."""

    #: Short name, unique: lower-case letters, digits, ``-`` and ``.``.
    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
    #: Which collector fetches it: a name of :mod:`collectors.registry`, as ``feed``.
    kind: str
    url: Annotated[str, Meta(pattern=r"^(https?|wss?)://")]
    #: What people call it.
    name: str
    #: Why it is collected; a source without a purpose is refused.
    purpose: Annotated[str, Meta(min_length=3)]
    #: Who answers for the content.
    owner: str = ""
    #: Code of the municipality or county that it mostly writes about; ``SE`` for the nation.
    area: Annotated[str, Meta(pattern=r"^(SE|\d{2}|\d{4})$")] = "SE"
    reliability: Reliability = Reliability.F
    #: Seconds between two fetches; never below the collector's own floor.
    interval: Annotated[int, Meta(ge=10, le=7 * 86400)] = 900
    #: Most seconds between two fetches while it seldom gives anything new; None: four times ``interval``, at most six hours.
    slowest: Annotated[int, Meta(ge=10, le=7 * 86400)] | None = None
    #: Time zone of times that are written without one (IANA name).
    timezone: str = "Europe/Stockholm"
    #: Expected language (ISO 639-1); the text's own is detected.
    language: str = "sv"
    #: Days that its terms allow what it gave to be kept, since it last gave it; ``keep.purposes`` may allow fewer.
    retention_days: Annotated[int, Meta(ge=1)] = 365
    #: Under which terms it may be used.
    terms: str = ""
    enabled: bool = True
    #: What its kind needs to know beyond the address, as selectors of a page; see docs/sources.md.
    options: dict[str, Any] = {}


class Health(StrEnum):
    """What the last fetch of a source showed."""

    UNKNOWN = "unknown"  # never fetched
    CHANGED = "changed"  # there was something new
    UNCHANGED = "unchanged"  # it answered, with nothing new
    EMPTY = "empty"  # it answered with nothing at all
    SHRUNK = "shrunk"  # far fewer items than it usually has
    MALFORMED = "malformed"  # what came is not what the source should give
    UNREACHABLE = "unreachable"  # no answer, or a server error
    BLOCKED = "blocked"  # refused: 401, 403, 429, or robots.txt
    GONE = "gone"  # 410, or 404 where that is final: it is not asked again

    @property
    def is_failure(self) -> bool:
        """Whether the fetch gave nothing that can be used."""
        return self in _FAILURES


_FAILURES = frozenset({Health.EMPTY, Health.MALFORMED, Health.UNREACHABLE, Health.BLOCKED, Health.GONE})


class SourceState(Wire, frozen=True, kw_only=True, tag="source_state"):
    """What the collector knows of one source after a fetch; the last one counts (topic ``sources``, key = source id)."""

    source: str
    #: Where it is fetched now (301 and 308 move it).
    url: str
    checked: Instant
    health: Health
    #: How far it could be relied on when it was fetched, as its documents say, too; None in states that do not tell yet.
    reliability: Reliability | None = None
    #: One sentence for people: what was found, and what was expected.
    detail: str = ""
    etag: str | None = None
    last_modified: str | None = None
    #: Fingerprint of the last body that was parsed.
    body_hash: str | None = None
    #: Seconds that the answer asks to wait (max-age, Expires, ttl, Retry-After); the schedule takes the longer.
    wait: float = 0.0
    #: Failures in a row.
    failures: int = 0
    #: When it last failed, and what was wrong then; None if it never did.
    failed: Instant | None = None
    failure: str = ""
    #: When it last gave something new.
    changed: Instant | None = None
    #: Usual number of items in an answer (exponentially smoothed).
    usual_items: float = 0.0
    #: Items in all the answers that were parsed since the beginning.
    fetched: int = 0
    #: Those of them that were known already, unchanged.
    unchanged: int = 0
    #: Where to go on, as the source itself counts; empty where it does not count.
    cursor: str = ""
    #: Usual seconds from question to answer (exponentially smoothed).
    took: float = 0.0
    #: Whether it has moved for good from the address that is configured.
    moved: bool = False
    #: Seconds between the last occasions on which it gave something new, latest last: its own rhythm.
    pauses: tuple[int, ...] = ()
    #: How much new it gave on each of the last days, the day of ``checked`` last.
    volume: tuple[int, ...] = ()
    #: Number of its last answer in the archive; those above it do not count.
    archived: int = 0
    #: Where it can be had pushed from, and under which address (WebSub); empty where it says nothing of it.
    hub: str = ""
    topic: str = ""


class ItemState(Wire, frozen=True, kw_only=True, tag="item_state"):
    """The last version of an item that was published (topic ``items``, key = document id)."""

    source: str
    content_hash: str
    revision: int
    seen: Instant
    withdrawn: bool = False
    #: What the source calls it, where its absence from later answers has to be noticed; else empty.
    native_id: str = ""
    #: Keyed pseudonym of who wrote it, where the source may have all that somebody wrote withdrawn; else empty.
    author: str = ""


# --- items and documents -----------------------------------------------------------------------------------------------


class RawItem(Wire, frozen=True, kw_only=True, tag="raw_item"):
    """One item as it was fetched, one version of it (topic ``raw``, key = document id, sharded by source)."""

    #: :func:`document_id` of source and native id.
    document: str
    source: str
    native_id: str
    revision: Revision
    #: The address that was fetched.
    fetched_url: str
    fetched: Instant
    status: int = 200
    #: How ``body`` is written: ``polisen`` (the API's object) or ``entry`` (a :class:`Entry`).
    format: str
    #: The item: JSON as the source gave it, or as the feed parser gives it. Empty for a withdrawn item.
    body: str
    #: Shortened addresses that stand in it → where they lead, as far as that was looked up.
    redirects: dict[str, str] = {}
    withdrawn: bool = False
    # What enrichment needs to know of the source, so that a stage needs no list of sources.
    area: str = "SE"
    reliability: Reliability = Reliability.F


class Entry(Struct, frozen=True, kw_only=True):
    """An entry of a feed after parsing and cleaning: plain text, absolute links, times in UTC."""

    title: str = ""
    text: str = ""
    url: str | None = None
    published: Instant | None = None
    updated: Instant | None = None
    #: Links found in the entry, in order, each once.
    links: tuple[str, ...] = ()
    #: The feed's own categories and hashtags.
    tags: tuple[str, ...] = ()
    #: (longitude, latitude) where the feed gives a point.
    point: tuple[float, float] | None = None
    #: What the source itself calls it, as ``Vädervarning``.
    category: str = ""
    #: Official code of the one municipality or county that the source itself states; empty if it states none, or several.
    place: str = ""


class PlaceKind(StrEnum):
    MUNICIPALITY = "municipality"
    COUNTY = "county"
    LOCALITY = "locality"
    DISTRICT = "district"
    REGION = "region"
    ABROAD = "abroad"


class PlaceRole(StrEnum):
    """What the place is to the document: where it happened, from where it is reported, or only named."""

    HAPPENED = "happened"
    REPORTED = "reported"
    MENTIONED = "mentioned"


class Alternative(Struct, frozen=True, kw_only=True):
    """A reading of a name that was considered and rejected."""

    code: str
    name: str
    reason: str


class Place(Struct, frozen=True, kw_only=True):
    """A place that a document names, with why it is believed to be that place."""

    #: ``0180`` a municipality, ``01`` a county, ``0180:2673730`` a place inside one, ``DK`` abroad.
    code: str
    name: str
    kind: PlaceKind
    role: PlaceRole
    #: 0–1: how sure it is that this place is meant.
    score: float
    #: Characters of ``field``: [start, end). Both 0 where the place comes from the source's own data.
    start: int = 0
    end: int = 0
    #: Where it stands: ``title``, ``text``, or ``source`` (structured data of the source).
    field: str = "text"
    reason: str = ""
    alternatives: tuple[Alternative, ...] = ()
    latitude: float | None = None
    longitude: float | None = None

    @property
    def municipality(self) -> str | None:
        """Its municipality's four digits, None for a county or a place abroad."""
        return municipality_of(self.code)

    @property
    def county(self) -> str | None:
        """Its county's two digits, None abroad."""
        return county_of(self.code)


class Theme(Struct, frozen=True, kw_only=True):
    """What a document is about: an id of the lexicon, as ``fire.vehicle``, and how sure (0–1)."""

    id: str
    score: float
    #: The words that gave it.
    evidence: tuple[str, ...] = ()
    #: Why it counts less than its words say, or that it was learned; else empty.
    reason: str = ""


class Incident(Struct, frozen=True, kw_only=True):
    """One of several events that a document tells, with its own places and themes.

    Only texts that tell of events one after the other have them: a night's summary, a round-up.
    """

    #: Characters of the document's text: [start, end), its heading included.
    start: int
    end: int
    #: ``HH:MM`` as the text gives it; empty if it gives none.
    time: str = ""
    #: Best first, with spans in the document's text; empty if it says no place.
    places: tuple[Place, ...] = ()
    #: Best first.
    themes: tuple[Theme, ...] = ()

    @property
    def primary_theme(self) -> str:
        """Id of the best theme, ``none`` without any."""
        return self.themes[0].id if self.themes else "none"


class Redaction(Struct, frozen=True, kw_only=True):
    """Something that was taken out of the text before it was stored; never what it was."""

    #: ``personal_number``, ``phone`` or ``email``.
    kind: str
    #: Characters of ``field`` where its marker now stands.
    start: int
    end: int
    field: str = "text"


class Provenance(Struct, frozen=True, kw_only=True):
    """Where a document comes from, enough to fetch and judge it again."""

    source: str
    native_id: str
    fetched_url: str
    status: int
    reliability: Reliability
    area: str


class Document(Wire, frozen=True, kw_only=True, tag="document"):
    """One version of one publication (topics ``documents`` and ``related``, key = id).

    A tombstone has ``withdrawn`` set and nothing in title, text, url, links, places, themes, incidents and redactions.
    """

    id: str
    revision: Revision
    #: Fingerprint of what was published: title, text and structured data.
    content_hash: str
    title: str = ""
    text: str = ""
    #: ISO 639-1, or ``und`` where the text is too short to say.
    language: str = "und"
    #: When the source says it was published; when it was fetched, if the source says nothing.
    published: Instant
    fetched: Instant
    url: str | None = None
    links: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    #: Best first.
    themes: tuple[Theme, ...] = ()
    #: What it tells one after the other, in the order of the text; empty where it is about one thing.
    incidents: tuple[Incident, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    provenance: Provenance
    withdrawn: bool = False
    #: What the source itself calls it, as ``Trafikolycka``; empty if it does not say.
    category: str = ""
    #: The earliest document that had exactly the same text when this version came, if another one was first: coverage, not
    #: occurrence. That one may have been edited or withdrawn since.
    copy_of: str | None = None
    #: Id of the story that it was put into when this version came; empty where none was looked for. Stories merge and split:
    #: topic ``stories`` tells what became of it.
    story: str = ""

    @property
    def primary_theme(self) -> str:
        """Id of the best theme, ``none`` without any: what partitions the topic ``documents``."""
        return self.themes[0].id if self.themes else "none"


#: ``merged``: all of the other's documents came; ``merged_into``: all went there; ``split``: some went to the other, which is new;
#: ``split_from``: they came from there.
ChangeKind = Literal["merged", "merged_into", "split", "split_from"]


class StoryChange(Struct, frozen=True, kw_only=True):
    """A merge or a split in the life of a story."""

    at: Instant
    kind: ChangeKind
    #: Id of the other story.
    story: str
    #: How many documents changed story.
    documents: int


class Story(Wire, frozen=True, kw_only=True, tag="story"):
    """Documents about the same occurrence (topic ``stories``, key = id); the last one counts.

    A document that has always been alone in its story has no such record.
    """

    id: str
    #: Id → number in the order in which documents came; withdrawn ones leave as long as the story is open.
    documents: dict[str, int] = {}
    #: Times of the earliest and the latest publication.
    first: Instant
    last: Instant
    #: Code of where it happened → documents that say so, most first: one occurrence may have several places.
    places: dict[str, int] = {}
    #: Id → documents.
    themes: dict[str, int] = {}
    #: Source → its documents that are near-duplicates of none before them.
    originals: dict[str, int] = {}
    #: Whether it holds a message about one incident, as police publish: another one is another incident.
    incident: bool = False
    #: The story that it was merged into; it has no documents then.
    into: str | None = None
    #: The story that was full when this one began.
    continues: str | None = None
    #: Its last merges and splits, in order.
    history: tuple[StoryChange, ...] = ()

    @property
    def coverage(self) -> int:
        """Documents that tell of it, copies too."""
        return len(self.documents)

    @property
    def independent(self) -> int:
        """Sources that have told of it in words of their own."""
        return len(self.originals)


class StoryMember(Wire, frozen=True, kw_only=True, tag="story_member"):
    """What stories remember of a document beside its text (topic ``story_members``, key = document id), as long as the window."""

    document: str
    #: Its place in the order in which documents came.
    number: int
    arrived: Instant
    is_copy: bool = False
    #: Its heaviest stems; none where it is not linked by topic, and once it is withdrawn.
    weights: dict[str, int] = {}
    withdrawn: bool = False


class DeadLetter(Wire, frozen=True, kw_only=True, tag="dead_letter"):
    """A record that a stage could not process (topic ``dead``): nothing is dropped in silence."""

    stage: str
    #: One sentence: what was found, and what was expected.
    reason: str
    died: Instant
    #: Topic and key that it would have been read from again; empty topic: it never reached the bus.
    topic: str = ""
    key: str = ""
    shard: str = ""
    source: str = ""
    #: The original bytes (base64 on the wire).
    original: bytes = b""


class Books(Wire, frozen=True, kw_only=True, tag="books"):
    """What became of the documents of one partition since the beginning (topic ``books``, key = partition)."""

    partition: int
    #: First versions.
    documents: int = 0
    #: Later versions.
    revisions: int = 0
    #: Withdrawals.
    tombstones: int = 0
    #: Versions that had come before, or that a later withdrawal has overtaken.
    duplicates: int = 0
    #: Documents whose newest version is not a withdrawal: those that search should find.
    standing: int = 0
    #: The latest time of a record so far.
    latest: Instant = datetime(1970, 1, 1, tzinfo=UTC)


class IndexBooks(Wire, frozen=True, kw_only=True, tag="index_books"):
    """What the index could not take of one partition since the beginning (topic ``index_books``, key = partition)."""

    partition: int
    dead: int = 0


class Versions(Wire, frozen=True, kw_only=True, tag="versions"):
    """Which versions of a document were passed on, and what text it has now (topic ``versions``, key = document id)."""

    document: str
    #: The highest version that came, and those below it that did not.
    newest: int = 0
    missing: tuple[int, ...] = ()
    #: The version with which it was withdrawn; 0 if it never was.
    gone: int = 0
    #: Fingerprint of its text, if that is long enough to be recognised elsewhere.
    text: str | None = None
    #: When it got this text, and how many documents had got theirs before.
    since: Instant = datetime(1970, 1, 1, tzinfo=UTC)
    order: int = 0


class Retry(Wire, frozen=True, kw_only=True, tag="retry"):
    """A dead letter was put back where it came from (topic ``retried``, key = number of the letter)."""

    stage: str


def municipality_of(code: str) -> str | None:
    """The four digits of the municipality that a place's code lies in, None for a county, a region or a place abroad."""
    return code[:4] if len(code) >= 4 and code[:4].isdigit() else None


def county_of(code: str) -> str | None:
    """The two digits of the county that a place's code lies in, None abroad."""
    return code[:2] if len(code) >= 2 and code[:2].isdigit() else None


def document_id(source: str, native_id: str) -> str:
    """The id of a document: the same for every fetch of the same item, on every machine."""
    return fingerprint(source, native_id)


def letter_id(source: str, content_hash: str) -> str:
    """The key of what a source gave that could not be read: no document, known so that it is kept among the dead once."""
    return fingerprint(source, "dead", content_hash)
