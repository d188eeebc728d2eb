"""Documents and rules for the tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pipeline.alerts.engine import Alert, Course
from pipeline.alerts.kinds.base import Event
from pipeline.alerts.rule import AnyType

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def rule(kind: str, **options: Any) -> AnyType:
    """A rule of a type, never silent unless asked to be."""
    given = {"name": "prov", "purpose": "prova regeln", "type": kind, "realert": {"minutes": 0}} | options
    made: AnyType = msgspec.convert(given, AnyType)
    return made


def at(minutes: float, **document: Any) -> Event:
    """A document so many minutes after noon; its id is its time."""
    moment = NOON + timedelta(minutes=minutes)
    return Event(moment, f"{minutes:g}", document)


def said(made: AnyType, *events: Event, until: float | None = None, start: float | None = None) -> list[Alert]:
    """What the rule says of the documents."""
    moments = [None if one is None else NOON + timedelta(minutes=one) for one in (start, until)]
    return list(Course([made], events).alerts(start=moments[0], until=moments[1]))


def when(alerts: list[Alert]) -> list[tuple[float, str | None]]:
    """(minutes after noon, key) of each."""
    return [((alert.time - NOON) / timedelta(minutes=1), alert.key) for alert in alerts]
