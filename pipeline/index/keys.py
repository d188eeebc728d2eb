"""Under which places, themes and hours a document is found and counted: what every adapter of the index agrees on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pipeline.model import Document, Place, PlaceRole

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def place_line(code: str) -> Iterator[str]:
    """The code and what it lies in: ``0180:2673730``, ``0180``, ``01``."""
    yield code
    if ":" in code:
        code = code.split(":", 1)[0]
        yield code
    if len(code) == 4 and code.isdigit():
        yield code[:2]


def theme_line(theme: str) -> Iterator[str]:
    """The id and those above it: ``fire.vehicle``, ``fire``."""
    while theme:
        yield theme
        theme = theme.rpartition(".")[0]


def area(place: Place) -> str:
    """The coarsest useful name of where it is: its municipality, else its county, else the country's code."""
    return place.municipality or place.county or place.code.split(":", 1)[0]


def areas(document: Document) -> set[str]:
    """The areas of all places that the document names, in whatever role."""
    return {area(place) for place in document.places}


def counties(document: Document) -> set[str]:
    """The counties of all places that the document names."""
    return {place.county for place in document.places if place.county}


def counted_areas(document: Document) -> set[str]:
    """The areas in which it happened; ``{""}`` without any. A county is left out where one of its municipalities is there."""
    found = {area(place) for place in document.places if place.role is PlaceRole.HAPPENED}
    return (found - {code[:2] for code in found if len(code) == 4}) or {""}


def points(document: Document) -> list[tuple[float, float]]:
    """(latitude, longitude) of its places that have coordinates, each once."""
    pairs = ((place.latitude, place.longitude) for place in document.places)
    return list(dict.fromkeys((lat, lon) for lat, lon in pairs if lat is not None and lon is not None))


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exact (a float of seconds is not)."""
    return (moment - _EPOCH) // _MICROSECOND


def hour_number(moment: datetime) -> int:
    """Hours since the Monday 0001-01-01: never negative, so that integer division finds days and weeks."""
    moment = moment.astimezone(UTC)
    return (moment.toordinal() - 1) * 24 + moment.hour


def hour_start(number: int) -> datetime:
    """The time at which the hour of :func:`hour_number` begins."""
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(hours=number)
