"""What Elasticsearch stores of a document: fields to search and count by, and the document whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct

from pipeline.index import keys
from pipeline.index.analysis import composed
from pipeline.model import Document, PlaceRole

#: What a time of Elasticsearch can be (``date_nanos``); a document from before or after is found at the border.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)

#: Stands for no terms; no word is analysed to it.
NOTHING = "^"


class Point(Struct, frozen=True):
    lat: float
    lon: float


class Event(Struct, frozen=True, kw_only=True):
    """ECS ``event``: the id of the document, when it was fetched, its source, and the fingerprint of its content."""

    id: str
    created: datetime
    provider: str
    hash: str


class Url(Struct, frozen=True):
    """ECS ``url``."""

    full: str


class Places(Struct, frozen=True, kw_only=True):
    """Its places and those of its incidents."""

    code: list[str]
    name: list[str]
    #: Each with what it lies in.
    within: list[str]
    #: Municipality, else county, else country.
    area: list[str]
    #: What people call these areas: to choose by.
    area_name: list[str]
    county: list[str]
    #: Areas where it happened, and what people call them.
    happened: list[str]
    happened_name: list[str]
    location: list[Point]


class Themes(Struct, frozen=True, kw_only=True):
    """Its themes and those of its incidents."""

    id: list[str]
    #: Each with those above it.
    within: list[str]
    primary: str


class Terms(Struct, frozen=True):
    """Title and text as terms with a space between: what Fjäril searches, alike on every server.

    An empty one is :data:`NOTHING`: a word's weight goes by the number of documents, and the server counts those without a field out.
    """

    title: str
    text: str


class Entry(Struct, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """One document that search can find."""

    #: When it was published.
    timestamp: datetime
    event: Event
    url: Url | None
    title: str
    message: str
    tags: tuple[str, ...]
    category: str
    language: str
    revision: int
    reliability: str
    copy_of: str | None
    is_copy: bool
    story: str
    place: Places
    theme: Themes
    #: :func:`pipeline.index.keys.told`.
    told: list[str]
    #: ``area|theme`` for each cell of a trend in which it counts.
    cell: list[str]
    terms: Terms
    document: Document


class Revised(Struct, frozen=True, kw_only=True):
    """Where a document is that has had more than one revision, or was withdrawn."""

    revision: int
    #: Index of its month; empty for a withdrawn one.
    month: str = ""
    tombstone: Document | None = None


def entry(document: Document, analyze: Callable[[str], list[str]], named: Callable[[str], str]) -> Entry:
    """The document as it is stored.

    :param analyze: text → the terms that search goes by.
    :param named: code of a municipality, a county or a country → what people call it.
    """
    places, themes, provenance = keys.places(document), keys.themes(document), document.provenance
    codes, ids = {place.code for place in places}, {theme.id for theme in themes}
    areas = {keys.area(code) for code in codes}
    happened = {keys.area(place.code) for place in places if place.role is PlaceRole.HAPPENED}
    return Entry(
        timestamp=findable(document.published),
        event=Event(id=document.id, created=findable(document.fetched), provider=provenance.source, hash=document.content_hash),
        url=Url(document.url) if document.url else None,
        title=document.title,
        message=document.text,
        tags=document.tags,
        category=document.category,
        language=document.language,
        revision=document.revision,
        reliability=provenance.reliability,
        copy_of=document.copy_of,
        is_copy=document.copy_of is not None,
        story=document.story,
        place=Places(
            code=sorted(codes),
            name=sorted({place.name for place in places}),
            within=sorted({outer for code in codes for outer in keys.place_line(code)}),
            area=sorted(areas),
            area_name=sorted(map(named, areas)),
            county=sorted({county for code in codes if (county := keys.county(code))}),
            happened=sorted(happened),
            happened_name=sorted(map(named, happened)),
            location=[Point(latitude, longitude) for latitude, longitude in keys.points(document)],
        ),
        theme=Themes(
            id=sorted(ids), within=sorted({above for theme in ids for above in keys.theme_line(theme)}), primary=document.primary_theme
        ),
        told=sorted(keys.told(document)),
        cell=sorted(f"{place}|{theme}" for place, theme in keys.counted(document)),
        terms=Terms(_terms(document.title, analyze), _terms(document.text, analyze)),
        document=document,
    )


def _terms(text: str, analyze: Callable[[str], list[str]]) -> str:
    return " ".join(analyze(composed(text))) or NOTHING


def findable(moment: datetime) -> datetime:
    """The nearest time that Elasticsearch can hold."""
    return min(max(moment, _EARLIEST), _LATEST)
