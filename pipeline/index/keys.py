"""Under which places, themes and hours a document is found and counted: what every adapter of the index agrees on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pipeline.model import Document, PlaceRole

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
    return code[:4] if len(code) >= 4 and code[:4].isdigit() else county(code) or code.split(":", 1)[0]


@lru_cache(maxsize=10_000)
def county(code: str) -> str:
    """The county of a place; empty abroad."""
    return code[:2] if len(code) >= 2 and code[:2].isdigit() else ""


def counted_areas(document: Document) -> set[str]:
    """The areas in which it happened; ``{""}`` without any. A county is left out where one of its municipalities is there."""
    found = {area(place.code) for place in document.places if place.role is PlaceRole.HAPPENED}
    if len(found) > 1:
        found -= {code[:2] for code in found if len(code) == 4}
    return found or {""}


def points(document: Document) -> list[tuple[float, float]]:
    """(latitude, longitude) of its places that have coordinates, each once."""
    found = [(p.latitude, p.longitude) for p in document.places if p.latitude is not None and p.longitude is not None]
    return found if len(found) < 2 else list(dict.fromkeys(found))


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
