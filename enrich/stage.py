"""The stage ``enrich``: fetched items in, documents out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from spacy.language import Language
from spacy.tokens import Doc

from enrich.attributes import LANG, PLACES, THEMES
from enrich.gazetteer import Gazetteer
from enrich.incidents import Splitter
from enrich.nlp import analyse
from enrich.readers import Draft, read
from enrich.redaction import public_id, public_links, redact
from enrich.text import Frame, Unframe, frame
from pipeline.dead import dead_record
from pipeline.errors import PoisonError, WireError
from pipeline.model import (
    Document,
    Place,
    PlaceKind,
    PlaceRole,
    Provenance,
    RawItem,
    Redaction,
    decode,
    encode,
    fingerprint,
    utc,
)
from pipeline.ports import Delivered, Record

#: How far ahead of its fetch a publication may be dated: clocks and time zones go wrong by less.
_AHEAD = timedelta(days=1)
#: How sure it is that a source of an area reports from there, where the text names no place.
_AREA_SCORE = 0.5


class Prepared(Struct, frozen=True, kw_only=True):
    """A draft without personal data, and the frame that the components read."""

    raw: RawItem
    draft: Draft
    redactions: tuple[Redaction, ...]
    frame: Frame


class Enrich:
    """Turns records of topic ``raw`` into records of ``documents``; what cannot be read into records of ``dead``."""

    name = "enrich"
    inputs = ("raw",)

    def __init__(self, nlp: Language, gazetteer: Gazetteer, *, incidents: bool = True) -> None:
        self._nlp = nlp
        self._gazetteer = gazetteer
        self._splitter = Splitter(nlp) if incidents else None

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        """One output a record, in order. For the same input always the same output."""
        prepared = [self._prepare(record) for record in records if record.value]  # erased ones are followed by their tombstone
        frames = [item.frame for item in prepared if isinstance(item, Prepared)]
        docs = iter(analyse(self._nlp, frames))
        return [self._finish(item, next(docs)) if isinstance(item, Prepared) else item for item in prepared]

    def _prepare(self, record: Delivered) -> Prepared | Record:
        """What is to be analysed; or the record that goes out as it is: a tombstone or a dead letter."""
        raw: RawItem | None = None
        try:
            raw = decode(record.value, RawItem)
            return _tombstone(raw) if raw.withdrawn else prepare(raw, self._gazetteer)
        except (WireError, PoisonError) as error:
            return dead_record(self.name, str(error), record, source=raw.source if raw else "")

    def _finish(self, item: Prepared, doc: Doc) -> Record:
        return _record(document(item, doc, self._gazetteer, self._splitter), item.raw.fetched)


def prepare(raw: RawItem, gazetteer: Gazetteer) -> Prepared:
    """The item read and redacted.

    :raises PoisonError: if it cannot be read.
    """
    draft = read(raw, gazetteer)
    title, text = redact(draft.title.strip(), "title"), redact(draft.text.strip(), "text")
    clean = msgspec.structs.replace(
        draft,
        title=title.text,
        text=text.text,
        url=_public(draft.url),
        links=public_links(_led(draft.links, raw.redirects)),
        tags=tuple(redact(tag).text for tag in draft.tags),
    )
    framed = frame(clean.title, clean.text, area=raw.area, stated=clean.stated, category=clean.category)
    return Prepared(raw=raw, draft=clean, redactions=title.redactions + text.redactions, frame=framed)


def _led(links: tuple[str, ...], redirects: Mapping[str, str]) -> tuple[str, ...]:
    """The links, with where shortened ones lead, also those that stand in the text only."""
    return tuple(dict.fromkeys([*(redirects.get(link, link) for link in links), *redirects.values()])) if redirects else links


def _public(url: str | None) -> str | None:
    return next(iter(public_links((url,))), None) if url else None


def document(item: Prepared, doc: Doc, gazetteer: Gazetteer, splitter: Splitter | None) -> Document:
    """The document of an item and its analysed text; spans are mapped back to the stored title and text.

    :param splitter: takes round-ups apart; without it nobody looks whether the text is one.
    """
    raw, draft = item.raw, item.draft
    return Document(
        id=raw.document,
        revision=raw.revision,
        content_hash=content_hash(draft),
        title=draft.title,
        text=draft.text,
        language=LANG.get(doc),
        published=_published(draft, utc(raw.fetched)),
        fetched=utc(raw.fetched),
        url=draft.url,
        links=draft.links,
        tags=draft.tags,
        places=_with_area(stored_places(PLACES.get(doc), item.frame, draft.title, draft.text), raw.area, gazetteer),
        themes=THEMES.get(doc),
        incidents=splitter.incidents(draft.title, draft.text, places=PLACES.get(doc), area=raw.area) if splitter else (),
        redactions=item.redactions,
        provenance=_provenance(raw),
        category=draft.category,
    )


def _published(draft: Draft, fetched: datetime) -> datetime:
    """When the source says it was published. What it says of a time to come is a slip, and counts as not said."""
    said = utc(draft.published) if draft.published else fetched
    return fetched if said > fetched + _AHEAD else said


def content_hash(draft: Draft) -> str:
    """Fingerprint of what was published, without personal data: the same for the same content at any time."""
    published = draft.published.isoformat() if draft.published else ""
    return fingerprint(
        draft.title, draft.text, draft.category, draft.location, draft.url or "", published, "\n".join(draft.links), "\n".join(draft.tags)
    )


def stored_places(places: Iterable[Place], framed: Frame, title: str, text: str) -> tuple[Place, ...]:
    """The places with spans in the title and text as they are stored."""
    back = Unframe(framed, title, text)
    return tuple(place if place.field == "source" else _moved(place, back) for place in places)


def _moved(place: Place, back: Unframe) -> Place:
    field, start, end = back.span(place.start, place.end)
    return msgspec.structs.replace(place, field=field, start=start, end=end)


def _with_area(places: tuple[Place, ...], area: str, gazetteer: Gazetteer) -> tuple[Place, ...]:
    """With the source's area as the place that it is reported from, where no place says where it happened."""
    known = gazetteer.describe(area)
    if (
        known is None
        or known.kind is PlaceKind.ABROAD
        or any(place.role is PlaceRole.HAPPENED and place.kind is not PlaceKind.ABROAD for place in places)
    ):
        return places
    reported = Place(
        code=known.code,
        name=known.name,
        kind=known.kind,
        role=PlaceRole.REPORTED,
        score=_AREA_SCORE,
        field="source",
        reason="Källan skriver om detta område.",
        latitude=known.latitude,
        longitude=known.longitude,
    )
    return (*(place for place in places if place.code != known.code), reported)


def _provenance(raw: RawItem) -> Provenance:
    return Provenance(
        source=raw.source,
        native_id=public_id(raw.native_id),
        fetched_url=raw.fetched_url,
        status=raw.status,
        reliability=raw.reliability,
        area=raw.area,
    )


def _tombstone(raw: RawItem) -> Record:
    """What remains of a withdrawn item: that it was there, and when it went."""
    fetched = utc(raw.fetched)
    gone = Document(
        id=raw.document,
        revision=raw.revision,
        content_hash=fingerprint("withdrawn"),
        published=fetched,
        fetched=fetched,
        provenance=msgspec.structs.replace(_provenance(raw), native_id=""),  # often the address of what is gone
        withdrawn=True,
    )
    return _record(gone, fetched)


def _record(made: Document, timestamp: datetime) -> Record:
    return Record(topic="documents", key=made.id, value=encode(made), timestamp=utc(timestamp), shard=made.primary_theme)
