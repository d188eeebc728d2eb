"""What is usual: how many would come anyway, by the hour of the week and the season, and how sure that is."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from enrich.spread.rates import Fading

#: Hours of the memory: long against chance, short against the seasons.
_MEMORY = 60 * 24.0
#: Before so much has been seen nothing is known of what is usual.
KNOWN = timedelta(days=5)
#: A rate is believed to vary by so much of its square (negative binomial), and a theme to come up as often before anything is known.
VARIES, _BELIEVED = 0.4, 0.5
#: How much likelier an hour of the week is believed to be than it shows: so many events spread evenly.
_EVEN = 168.0
_HOUR = timedelta(hours=1)
_SIDE = 0.025

Key = TypeVar("Key", bound=Hashable)


class Expected(NamedTuple):
    """How many come anyway, how many the rate is known from, and by what of its square it varies beside."""

    mean: float
    known: float
    varies: float = VARIES


class Usual(Generic[Key]):
    """How many of each key come in an hour of the week: what was counted since the first, and slowly forgotten, as seasons change."""

    def __init__(self) -> None:
        #: When the first came.
        self.first: datetime | None = None
        self._age = Fading(_MEMORY, 0.0)
        self._counts: dict[Key, Fading] = {}
        self._week = [_EVEN / 168] * 168
        self._total = _EVEN

    def add(self, when: datetime, keys: Iterable[Key]) -> None:
        """Count what happened once, under each of the keys."""
        now = _hours(when)
        if self.first is None:
            self.first, self._age = when, Fading(_MEMORY, now)
        self._week[_hour_of_week(when)] += 1
        self._total += 1
        for key in keys:
            self._counts.setdefault(key, Fading(_MEMORY, now)).add(now)

    def expected(self, key: Key, last: datetime, window: timedelta, known_at: datetime | None = None) -> Expected:
        """What would come in the window that ends with the hour of ``last``; asked for only once something was counted.

        :param known_at: until when was counted, where that is long before ``last``.
        """
        return self.together((key,), last, window, known_at)

    def together(self, keys: Iterable[Key], last: datetime, window: timedelta, known_at: datetime | None = None) -> Expected:
        """The same of several keys as if they were one."""
        now = _hours(known_at or last)
        hours = max(self._age.hours(now), KNOWN / _HOUR)
        known = sum(counted.read(now) for key in keys if (counted := self._counts.get(key))) + _BELIEVED
        hour = _hour_of_week(last)
        share = sum(self._week[(hour - back) % 168] for back in range(int(window / _HOUR))) / self._total * 168 / hours
        return Expected(known * share, known)


def tail(count: int, expected: Expected) -> float:
    """Probability of ``count`` or more: negative binomial with this mean and size 1 / (1 / known + varies)."""
    from scipy.special import betainc

    size = _size(expected)
    return float(betainc(count, size, expected.mean / (size + expected.mean))) if count else 1.0


def ordinary(expected: Expected) -> tuple[int, int]:
    """The fewest and the most that are no surprise: 95 % of such stretches have as many."""
    low = high = 0
    while 1 - tail(low + 1, expected) < _SIDE:
        low += 1
    while tail(high + 1, expected) > _SIDE:
        high += 1
    return low, high


def ratio(count: int, expected: Expected) -> tuple[float, float, float]:
    """Observed over expected, with its 95 % interval: exact for two counts of which the second is as uncertain as what is expected."""
    from scipy.special import betaincinv

    size = _size(expected)
    share = size / expected.mean
    low = float(betaincinv(count, size + 1, _SIDE)) if count else 0.0
    high = float(betaincinv(count + 1, size, 1 - _SIDE))
    return count / expected.mean, share * low / (1 - low), share * high / max(1 - high, 1e-12)


def _size(expected: Expected) -> float:
    return 1 / (1 / expected.known + expected.varies)


def _hours(moment: datetime) -> float:
    return moment.timestamp() / 3600


def _hour_of_week(moment: datetime) -> int:
    return moment.weekday() * 24 + moment.hour
