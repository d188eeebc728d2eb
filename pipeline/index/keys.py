"""Under which places, themes and hours a document is found and counted: what every adapter of the index agrees on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pipeline.model import Document, Place, PlaceRole, Theme, county_of, municipality_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Told of a document that is about one thing: what it says of places and of themes belongs together.
ONE_THING = "*"


@lru_cache(maxsize=10_000)
def place_line(code: str) -> tuple[str, ...]:
    """The code and what it lies in: ``0180:2673730``, ``0180``, ``01``."""
    outer = code.split(":", 1)[0]
    line = (code,) if outer == code else (code, outer)
    return (*line, outer[:2]) if len(outer) == 4 and outer.isdigit() else line


@lru_cache(maxsize=1_000)
def theme_line(theme: str) -> tuple[str, ...]:
    """The id and those above it: ``fire.vehicle``, ``fire``."""
    parts = theme.split(".")
    return tuple(".".join(parts[:end]) for end in range(len(parts), 0, -1))


@lru_cache(maxsize=10_000)
def area(code: str) -> str:
    """Where a place is counted: its municipality, else its county, else the country's code."""
    return municipality_of(code) or county_of(code) or code.split(":", 1)[0]


@lru_cache(maxsize=10_000)
def county(code: str) -> str:
    """The county of a place; empty abroad."""
    return county_of(code) or ""


def places(document: Document) -> list[Place]:
    """Its places and those of its incidents."""
    return [*document.places, *(place for incident in document.incidents for place in incident.places)]


def themes(document: Document) -> list[Theme]:
    """Its themes and those of its incidents."""
    return [*document.themes, *(theme for incident in document.incidents for theme in incident.themes)]


def told(document: Document) -> set[str]:
    """``place theme`` for all that one incident is and where, each also as what it lies in; :data:`ONE_THING` without incidents.

    A theme of the document that no incident has, as that of all summaries, holds wherever one happened.
    """
    if not document.incidents:
        return {ONE_THING}
    own = {theme.id for incident in document.incidents for theme in incident.themes}
    whole = [theme for theme in document.themes if theme.id not in own]
    found = _pairs(places(document), whole)
    return found.union(*(_pairs(incident.places, incident.themes) for incident in document.incidents))


def pair(place: str, theme: str) -> str:
    """How :func:`told` writes a place and a theme."""
    return f"{place} {theme}"


def _pairs(where: Iterable[Place], what: Iterable[Theme]) -> set[str]:
    outer = {code for place in where for code in place_line(place.code)}
    above = {name for theme in what for name in theme_line(theme.id)}
    return {pair(code, name) for code in outer for name in above}


def counted(document: Document) -> set[tuple[str, str]]:
    """(area, theme) under which it counts: where it happened, under its best theme; of several incidents each for itself.

    The area is ``""`` without any. An incident that says no place counts in the county of the whole.
    """
    if not document.incidents:
        return {(where, document.primary_theme) for where in _areas(document.places) or {""}}
    county = {where for where in _happened(document.places) if len(where) == 2 and where.isdigit()}
    return {(where, incident.primary_theme) for incident in document.incidents for where in _areas(incident.places) or county or {""}}


def _areas(places: Iterable[Place]) -> set[str]:
    """Where it happened; a county is left out where one of its municipalities is there."""
    found = _happened(places)
    if len(found) > 1:
        found -= {code[:2] for code in found if len(code) == 4}
    return found


def _happened(places: Iterable[Place]) -> set[str]:
    return {area(place.code) for place in places if place.role is PlaceRole.HAPPENED}


def points(document: Document) -> list[tuple[float, float]]:
    """(latitude, longitude) of its places that have coordinates, each once."""
    found = [(p.latitude, p.longitude) for p in places(document) if p.latitude is not None and p.longitude is not None]
    return found if len(found) < 2 else list(dict.fromkeys(found))


def month_start(moment: datetime) -> datetime:
    """When its month began (UTC): what is kept is kept by whole months."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exact (a float of seconds is not)."""
    return (moment - _EPOCH) // _MICROSECOND


def hour_number(moment: datetime) -> int:
    """Hours since the Monday 0001-01-01: never negative, so that integer division finds days and weeks."""
    moment = moment.astimezone(UTC)
    return (moment.toordinal() - 1) * 24 + moment.hour


@lru_cache(maxsize=20_000)  # hours of two years: trends ask for the same ones
def hour_start(number: int) -> datetime:
    """The time at which the hour of :func:`hour_number` begins."""
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(hours=number)
