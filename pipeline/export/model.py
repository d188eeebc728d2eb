"""The rows of an export. A field's name is that of its column; its comment, what the metadata say of it."""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct


class TrendRow(Struct, frozen=True, kw_only=True):
    """A theme at a place on a day (Swedish time): what came, against what would come anyway."""

    day: date
    place: str
    place_name: str
    county: str
    theme: str
    theme_name: str
    #: Things that happened, however many documents tell of each.
    occurrences: int
    #: Documents that tell of them.
    coverage: int
    #: Sources that told of them in words of their own, over the occurrences.
    independent_sources: int
    #: What would come anyway, from the past alone; empty before enough is known.
    expected: float | None
    #: 95 % of such days have from ``low`` to ``high``.
    low: int | None
    high: int | None
    #: Observed over expected, with its 95 % interval.
    rate_ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    #: Share of chance among the rows of the day that are as far above what is expected (Benjamini-Hochberg).
    q: float | None


class FindingRow(Struct, frozen=True, kw_only=True):
    """A finding that was new or changed on the day, as it stood at its end."""

    day: date
    id: str
    version: int
    said: datetime
    kind: str
    grade: str
    theme: str
    theme_name: str
    #: Codes in the order in which they were reached, with spaces between.
    places: str
    place_names: str
    began: datetime
    last: datetime
    steps: int
    linked: int
    expected_per_year: float
    q: float
    reason: str


class AlertRow(Struct, frozen=True, kw_only=True):
    """An alert that was found on the day, as it stood at its end."""

    day: date
    id: str
    rule: str
    kind: str
    severity: str
    state: str
    found: datetime
    places: str
    themes: str
    causes: int
    #: Whether it was of use, as somebody has marked it; empty if nobody has.
    useful: bool | None
    #: Minutes until somebody took it; empty if nobody has.
    acknowledged_after: float | None


class QualityRow(Struct, frozen=True, kw_only=True):
    """A source on the day."""

    day: date
    source: str
    #: Documents that tell of an occurrence; its usual number a day, of the four weeks before.
    documents: int
    usual: float
    #: Of these documents: copies, and those that tell of an occurrence without place or theme.
    copies: int
    without_place: int
    without_theme: int
    #: Its records that no stage could process.
    dead: int
    #: Whether it gave nothing though it usually gives two a day or more: nothing is known there, it is not calm.
    silent: bool


class Day(Struct, frozen=True, kw_only=True):
    """All rows of a day."""

    day: date
    trend: tuple[TrendRow, ...]
    findings: tuple[FindingRow, ...]
    alerts: tuple[AlertRow, ...]
    quality: tuple[QualityRow, ...]
