"""Readers: from a fetched item, in the format of its source, to a draft of a document. Pure functions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urljoin

import msgspec
from msgspec import Struct

from enrich.gazetteer import Gazetteer, NamedPlace
from pipeline.errors import PoisonError
from pipeline.model import Entry, Instant, RawItem

#: What the API's relative addresses are relative to.
POLISEN = "https://polisen.se"
T = TypeVar("T")
_POLISEN_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d{1,2}):(\d\d):(\d\d) ([+-]\d\d:\d\d)")


class Draft(Struct, frozen=True, kw_only=True):
    """What a source published, before anything is found in it or taken out of it."""

    title: str = ""
    text: str = ""
    #: None where the source does not say.
    published: Instant | None = None
    url: str | None = None
    links: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    #: What the source calls it, as ``Trafikolycka``.
    category: str = ""
    #: Code of the place that the source itself states; empty if it states none.
    stated: str = ""
    #: The source's place as it writes it: part of what was published.
    location: str = ""


class _Location(Struct, frozen=True):
    name: str
    gps: str = ""


class _PolisenEvent(Struct, frozen=True):
    """An event of the police's API, version of 2023 to 2026."""

    id: int
    datetime: str
    name: str
    summary: str = ""
    url: str = ""
    type: str = ""
    location: _Location | None = None
    #: What its own page says, where that was read.
    details: str = ""


def read(raw: RawItem, gazetteer: Gazetteer) -> Draft:
    """The draft of an item that was not withdrawn.

    :raises PoisonError: if the item is not in the format that it claims, or that format is unknown.
    """
    if raw.format == "polisen":
        return _polisen(_parse(raw, _PolisenEvent), gazetteer)
    if raw.format == "entry":
        return _entry(_parse(raw, Entry))
    raise PoisonError(f"item {raw.native_id}: found format {raw.format!r}, expected polisen or entry")


def _parse(raw: RawItem, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw.body, type=kind)
    except msgspec.DecodeError as error:
        raise PoisonError(f"item {raw.native_id}: found a body that is not {raw.format} ({error}): {raw.body[:60]!r}") from error


def _entry(entry: Entry) -> Draft:
    return Draft(
        title=entry.title,
        text=entry.text,
        published=entry.published or entry.updated,
        url=entry.url,
        links=entry.links,
        tags=entry.tags,
        category=entry.category,
        stated=entry.place,
    )


def _polisen(event: _PolisenEvent, gazetteer: Gazetteer) -> Draft:
    location = event.location.name if event.location else ""
    place = polisen_place(event.name, location, gazetteer)
    return Draft(
        title=event.name,
        text=_both(event.summary, event.details),
        published=polisen_time(event.datetime),
        url=_absolute(event.url) if event.url else None,
        category=event.type.strip(),
        stated=place.code if place else "",
        location=location,
    )


def _both(summary: str, details: str) -> str:
    """The page mostly repeats the summary."""
    return details if summary.strip() in details else f"{summary}\n{details}" if details else summary


def _absolute(url: str) -> str:
    return POLISEN + url if url.startswith("/") and not url.startswith("//") else urljoin(POLISEN, url)


def polisen_time(text: str) -> datetime:
    """UTC of the API's ``2026-08-22 9:48:12 +02:00``, whose hour is not padded.

    :raises PoisonError: if it is written otherwise.
    """
    match = _POLISEN_TIME.fullmatch(text.strip())
    if match is None:
        raise PoisonError(f"datetime: found {text!r}, expected the form '2026-08-22 9:48:12 +02:00'")
    day, hour, minute, second, zone = match.groups()
    try:
        return datetime.fromisoformat(f"{day}T{hour:0>2}:{minute}:{second}{zone}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PoisonError(f"datetime: found {text!r}, which is no time: {error}") from error


def polisen_place(title: str, location: str, gazetteer: Gazetteer) -> NamedPlace | None:
    """The place of an event titled ``D månad HH.MM, Typ, Plats``, most precise first.

    The municipality that ``location`` names, else the one that the title ends in if it lies in the county that
    ``location`` names, else that county. A type may hold commas, so the title is read from its right end.
    """
    municipality = gazetteer.municipality_by_name(location)
    if municipality is not None:
        return municipality
    county = gazetteer.county_by_name(location)
    last = title.rpartition(",")[2]
    titled = gazetteer.municipality_by_name(last)
    if titled is not None and (county is None or titled.code.startswith(county.code)):
        return titled
    return county or gazetteer.county_by_name(last)
