"""How a source does: one word for people, metrics and blind spots, from what its state says and the time now. Pure functions.

A source is silent when it has given nothing new for much longer than its own pauses, learned from it: a newspaper is silent
after a day, a municipality's notices after a month.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from pipeline.model import Health, SourceState

#: Pauses and days that a state remembers: two months of a source that gives something every working day.
PAUSES, DAYS = 40, 36
#: Seconds within which what comes belongs to the same occasion.
_OCCASION = 60
#: Fewest pauses that make a rhythm, the share of them no longer than it, and how many times longer a silence is; or than the longest.
FEWEST, SHARE, FACTOR, LONGEST = 5, 0.95, 3.0, 1.5
#: No silence is shorter; and where there is no rhythm yet, or it is longer still, this is one.
LEAST, UNKNOWN_RHYTHM = timedelta(hours=6), timedelta(days=3)
#: Seconds for one answer from which on a source is slow.
SLOW = 5.0
#: Most recent days that are compared with those before them, the fewest of those, and the least evidence (a log-likelihood ratio,
#: doubled and divided by the dispersion): steady sources of 1 to 100 items a day, simulated, reach it less than once in 25 years.
RECENT, BEFORE, EVIDENCE = 7, 14, 18.0


#: A length of time, of whatever sort.
T = TypeVar("T", int, float, timedelta)


class Condition(StrEnum):
    """How a source does."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"  # never asked
    SLOW = "slow"  # it answers, and takes long to
    MOVED = "moved"  # it has moved for good: the list of sources names its old address
    SHRUNK = "shrunk"  # far fewer items than it usually has
    SILENT = "silent"  # it answers, and has given nothing new for longer than its own rhythm
    EMPTY = "empty"
    MALFORMED = "malformed"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    GONE = "gone"

    @property
    def is_blind(self) -> bool:
        """Whether that nothing comes from it says nothing."""
        return self in _BLIND


_BLIND = frozenset(
    {Condition.SILENT, Condition.EMPTY, Condition.MALFORMED, Condition.UNREACHABLE, Condition.BLOCKED, Condition.GONE, Condition.UNKNOWN}
)


class Change(Struct, frozen=True):
    """A change of how much a source gives."""

    #: Whole days since then, and how many times as much as before.
    days: int
    ratio: float


def condition(state: SourceState, now: datetime) -> Condition:
    """How the source does now."""
    if state.health.is_failure or state.health is Health.UNKNOWN:
        return Condition(state.health.value)
    if is_silent(state, now):
        return Condition.SILENT
    if state.health is Health.SHRUNK:
        return Condition.SHRUNK
    if state.moved:
        return Condition.MOVED
    return Condition.SLOW if state.took >= SLOW else Condition.HEALTHY


def is_silent(state: SourceState, now: datetime) -> bool:
    """Whether it has given nothing new for longer than its own rhythm."""
    moment = silent_from(state)
    return moment is not None and now >= moment


def silent_from(state: SourceState) -> datetime | None:
    """When it is silent if nothing new comes; None if nothing ever came."""
    return state.changed + patience(state.pauses) if state.changed else None


def patience(pauses: Sequence[int]) -> timedelta:
    """How long a source with these pauses (seconds) may give nothing new before it is silent."""
    if len(pauses) < FEWEST:
        return UNKNOWN_RHYTHM
    return max(LEAST, timedelta(seconds=max(FACTOR * rhythm(pauses), LONGEST * max(pauses))))


def rhythm(pauses: Sequence[T]) -> T:
    """The pause that 95 % of these are no longer than."""
    return sorted(pauses)[int(SHARE * (len(pauses) - 1))]


def paused(pauses: tuple[int, ...], last: datetime | None, now: datetime) -> tuple[int, ...]:
    """With the pause that ends now: what comes within a minute belongs to the same occasion."""
    pause = int((now - last).total_seconds()) if last else 0
    return (*pauses, pause)[-PAUSES:] if pause >= _OCCASION else pauses


def counted(volume: tuple[int, ...], last: datetime, now: datetime, new: int) -> tuple[int, ...]:
    """With so much new on the day of ``now``; ``last`` is when the days were counted to."""
    days = max(0, (now.date() - last.date()).days) if volume else 0
    *before, today = (*(volume or (0,)), *([0] * min(days, DAYS)))
    return (*before, today + new)[-DAYS:]


def volume_change(volume: Sequence[int]) -> Change | None:
    """The change of the last week in how much a source gives by the day, if chance does not explain it; the day under way is left out.

    Two rates instead of one, for each of the last seven days as the first of the second; the dispersion of the days before takes care
    of weekends and of sources that give by fits and starts.
    """
    whole = volume[:-1]
    best: tuple[float, Change] | None = None
    for days in range(1, min(RECENT, len(whole) - BEFORE) + 1):
        before, recent = whole[:-days], whole[-days:]
        evidence = _evidence(before, recent)
        if evidence >= EVIDENCE and (best is None or evidence > best[0]):
            usual = sum(before) / len(before)
            best = evidence, Change(days, round(sum(recent) / days / usual, 3) if usual else math.inf)
    return best[1] if best else None


def _evidence(before: Sequence[int], recent: Sequence[int]) -> float:
    usual = sum(before) / len(before)
    pooled = (sum(before) + sum(recent)) / (len(before) + len(recent))
    variance = sum((count - usual) ** 2 for count in before) / (len(before) - 1)
    dispersion = max(1.0, variance / usual) if usual else 1.0
    ratio = sum(sum(part) * math.log(sum(part) / (len(part) * pooled)) for part in (before, recent) if sum(part))
    return 2 * ratio / dispersion


def told(state: SourceState, now: datetime) -> str:
    """What is to be said of it, in a sentence."""
    parts = [state.detail]
    if state.failed and not state.health.is_failure:
        parts.append(f"failed last on {state.failed:%Y-%m-%d %H:%M}: {state.failure}")
    if state.changed and is_silent(state, now):
        parts.insert(
            0, f"nothing new since {state.changed:%Y-%m-%d %H:%M}; it is seldom silent for more than {_span(patience(state.pauses))}"
        )
    if state.moved:
        parts.append(f"it has moved to {state.url}: change its address")
    if change := volume_change(state.volume):
        parts.append(f"for {change.days} days it has given {change.ratio:.3g} times as much as before")
    return "; ".join(part for part in parts if part)


def _span(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"
