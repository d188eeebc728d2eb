"""Läget nu: what happens in the country, what is new, what grows, what spreads, and what cannot be seen."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from enrich.spread.model import Finding
from pipeline.console.ask import AskError, moment
from pipeline.console.rows import BlindRow, DocumentRow, FindingRow, Show, StoryRow
from pipeline.desk.rhythm import FEWEST, WINDOWS, Usual, chance_of, stretches, usual
from pipeline.model import Story
from pipeline.ports import Filters, Hit, Search

_HOURS = {"6h": 6, "24h": 24, "7d": 168}
#: A municipality has clearly more than usual where chance gives as many in fewer than one of so many looks.
_CLEARLY = 1 / 1000
#: Fewest documents that are said to be more than usual: one or two in a small place are never much.
_LEAST = 3
_DOCUMENTS, _STORIES, _FINDINGS = 12, 8, 6


class NowAsked(Struct, frozen=True, kw_only=True):
    """What Läget nu is asked for."""

    #: How far back.
    period: Literal["6h", "24h", "7d"] = "24h"
    #: As it was then: a date or time, or a stretch before now. Empty: now.
    at: str = ""
    #: Id of a theme, its children included.
    theme: str = ""


class Area(Struct, frozen=True, kw_only=True):
    """A municipality with what was published of what happened there."""

    code: str
    name: str
    #: Documents in the period.
    count: int
    #: What the time before gives for as long a period, up to four weeks of it; None where it is too short to say.
    expected: float | None
    #: Clearly more than usual.
    more: bool


class Now(Struct, frozen=True, kw_only=True):
    """What Läget nu shows."""

    #: The period is [since, at).
    since: datetime
    at: datetime
    period: str
    #: Whether nothing has come in the last period, so that an earlier one is shown.
    stale: bool
    #: Documents in the index; 0: nothing was collected yet.
    total: int
    #: Documents of the period, and how many are usual; None where the history is too short to say.
    count: int
    usual: Usual | None
    #: Most first; municipalities without any are left out.
    areas: tuple[Area, ...]
    fresh: tuple[DocumentRow, ...]
    stories: tuple[StoryRow, ...]
    #: Surges and bursts that reach into the period, and spread.
    surges: tuple[FindingRow, ...]
    spread: tuple[FindingRow, ...]
    blind: tuple[BlindRow, ...]


def now(show: Show, asked: NowAsked) -> Now:
    """Läget nu.

    :raises AskError: if ``at`` is no time, or there is no such theme.
    """
    room, length = show.room, timedelta(hours=_HOURS[asked.period])
    if asked.theme and asked.theme not in room.names.themes:
        raise AskError("theme", field="theme", found=asked.theme)
    total = room.index.count()
    present = room.clock.now()
    at = moment("at", asked.at, present) or present
    fresh = _fresh(show, asked, at - length, at)
    last = () if fresh or asked.at else _fresh(show, asked, None, at)
    if last:
        at = _next_hour(last[0].document.published)
        fresh = _fresh(show, asked, at - length, at)
    since, end = at - length, _next_hour(at - timedelta(microseconds=1))
    count, *earlier = _counts(show, asked, end, length) or [0]
    return Now(
        since=since, at=at, period=asked.period, stale=bool(last), total=total, count=count, usual=usual(earlier),
        areas=_areas(show, asked, end, length, len(earlier)), fresh=show.hits(fresh),
        stories=tuple(show.story(story) for story in _stories(show, asked, since, at)),
        surges=tuple(map(show.finding, _findings(show, asked, since, at, ("surge", "burst"))[:_FINDINGS])),
        spread=tuple(map(show.finding, _findings(show, asked, since - timedelta(days=6), at, ("spread",))[:_FINDINGS])),
        blind=show.blind(),
    )  # fmt: skip


def _fresh(show: Show, asked: NowAsked, since: datetime | None, until: datetime) -> tuple[Hit, ...]:
    """The newest documents of a time."""
    filters = show.who.narrowed(Filters(themes=_themes(asked), since=since, until=until))
    return show.room.index.search(Search(filters=filters, size=_DOCUMENTS, order="newest")).hits


def _next_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _counts(show: Show, asked: NowAsked, end: datetime, length: timedelta) -> list[int]:
    """Documents in the period by whole hours, then in each of those before it that the index knows of."""
    filters = show.who.narrowed(Filters(themes=_themes(asked), since=end - length * (WINDOWS + 1), until=end))
    counts = {bucket.start: bucket.count for bucket in show.room.index.trend(filters, "hour")}
    return stretches(counts, end, length, WINDOWS + 1)


def _areas(show: Show, asked: NowAsked, end: datetime, length: timedelta, known: int) -> tuple[Area, ...]:
    """:param known: earlier periods that the index knows of."""
    before = min(timedelta(days=28), known * length)

    def count(since: datetime, until: datetime) -> Counter[str]:
        found: Counter[str] = Counter()
        filters = show.who.narrowed(Filters(themes=_themes(asked), since=since, until=until))
        for bucket in show.room.index.trend(filters, "day", by=("place",)):
            found[bucket.place] += bucket.count
        return found

    here = count(end - length, end)
    earlier = count(end - length - before, end - length) if known >= FEWEST else None
    return tuple(
        _area(show.room.names.place(code), code, number, None if earlier is None else earlier[code], length / before if before else 0.0)
        for code, number in here.most_common()
        if len(code) == 4 and code.isdigit()
    )


def _area(name: str, code: str, count: int, earlier: int | None, share: float) -> Area:
    """:param share: the period's length in that of the time before it."""
    if earlier is None:
        return Area(code=code, name=name, count=count, expected=None, more=False)
    expected = earlier * share  # one that never came before might have come once
    more = count >= _LEAST and chance_of(count, max(expected, share)) < _CLEARLY
    return Area(code=code, name=name, count=count, expected=round(expected, 2), more=more)


def _themes(asked: NowAsked) -> tuple[str, ...]:
    return (asked.theme,) if asked.theme else ()


def _stories(show: Show, asked: NowAsked, since: datetime, at: datetime) -> list[Story]:
    """The latest that several sources tell of, then the latest of all."""
    found = [
        story
        for story in show.room.state.stories_between(since, at)
        if (not asked.theme or any(_within(theme, asked.theme) for theme in story.themes)) and show.sees_story(story)
    ]
    found.sort(key=lambda story: story.independent < 2)
    return found[:_STORIES]


def _findings(show: Show, asked: NowAsked, since: datetime, at: datetime, kinds: tuple[str, ...]) -> list[Finding]:
    return [
        finding
        for finding in show.room.state.standing
        if finding.kind in kinds
        and finding.times
        and max(finding.times) >= since
        and min(finding.times) < at
        and (not asked.theme or _within(finding.theme, asked.theme))
        and show.sees_finding(finding)
    ]


def _within(theme: str, above: str) -> bool:
    return theme == above or theme.startswith(above + ".")
