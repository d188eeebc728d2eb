"""Rates for live detection: what would happen anyway, from the past alone."""

from __future__ import annotations

from collections import defaultdict
from math import exp

from enrich.spread.night import Night

#: Hours of the two memories of the national rate, and hours that the long one counts for.
_CLOSE, _WIDE, _WORTH = 24.0, 168.0, 36.0
#: Hours of the memory of the local link ratio, and events that the usual one counts for.
_LINKS, _EVENTS = 60.0, 10.0
#: So many places are believed to be alike, and a theme to come up so often an hour in all of them, until more is known.
_PLACES, _LEAST = 290, 0.01
#: A place and theme is believed to be average to this many events.
_SHRINK = 2.0


class Fading:
    """A count that forgets."""

    __slots__ = ("_at", "_memory", "_since", "_value")

    def __init__(self, memory: float, now: float, rate: float | None = None) -> None:
        """:param rate: per hour, where it has gone on for long; None: it begins now."""
        self._memory, self._at = memory, now
        self._since = now if rate is None else float("-inf")
        self._value = (rate or 0.0) * memory

    def read(self, now: float) -> float:
        gone = now - self._at
        return self._value * exp(-gone / self._memory) if gone > 0 else self._value

    def add(self, when: float, amount: float = 1.0) -> None:
        """Count what happened at ``when``; the sum is the same in whatever order it is told."""
        gone = when - self._at
        if gone > 0:
            self._value, self._at = self._value * exp(-gone / self._memory) + amount, when
        else:
            self._value += amount * exp(gone / self._memory)

    def hours(self, now: float) -> float:
        """How many hours the count is worth: fewer than the memory in the beginning."""
        return self._memory * (1 - exp(-max(now - self._since, 1.0) / self._memory))


class ThemeRates:
    """What is counted of one theme."""

    def __init__(self, night: Night, theme: str, now: float) -> None:
        self.counts: defaultdict[str, float] = defaultdict(float, night.counts.get(theme, {}))
        self.total = sum(self.counts.values())
        rate = self.total / night.hours if night.hours else None
        self._close, self._wide = Fading(_CLOSE, now, rate), Fading(_WIDE, now, rate)
        self._events, self._links = Fading(_LINKS, now), Fading(_LINKS, now)
        self._link_ratio = night.link_ratio

    def national(self, now: float) -> float:
        """Events of the theme an hour: near past and last week."""
        close, wide = self._close, self._wide
        return (close.read(now) + _WORTH * wide.read(now) / wide.hours(now)) / (close.hours(now) + _WORTH)

    def link_ratio(self, now: float) -> float:
        """Links per event."""
        return (self._links.read(now) + _EVENTS * self._link_ratio) / (self._events.read(now) + _EVENTS)

    def add(self, place: str, when: float, links: int, amount: int) -> None:
        for fading in (self._close, self._wide, self._events):
            fading.add(when, amount)
        if links:
            self._links.add(when, links * amount)
        self.counts[place] += amount
        self.total += amount


class Rates:
    """Counts by place and theme, from the last night on."""

    def __init__(self, night: Night) -> None:
        self._night = night
        self._themes: dict[str, ThemeRates] = {}
        self._places: defaultdict[str, float] = defaultdict(float)
        for counts in night.counts.values():
            for place, count in counts.items():
                self._places[place] += count
        self._total = sum(self._places.values())

    def theme(self, theme: str, now: float) -> ThemeRates:
        """The counts of a theme; they begin when it is first asked for."""
        if theme not in self._themes:
            self._themes[theme] = ThemeRates(self._night, theme, now)
        return self._themes[theme]

    def expected(self, theme: ThemeRates, place: str, now: float) -> float:
        """Events an hour of a place and theme: share x national rate x hour, as in :mod:`enrich.spread.background` but from the past alone."""
        average = (self._places[place] + 1) * (theme.total + 1) / (self._total + _PLACES)
        share = (theme.counts[place] + _SHRINK) / (1 + _SHRINK / average) / (theme.total + 1)
        return share * max(theme.national(now), _LEAST) * self._night.day[int(now % 24)]

    def add(self, theme: ThemeRates, place: str, when: float, links: int, amount: int = 1) -> None:
        """Count an event and its links; ``amount`` -1 takes them back."""
        theme.add(place, when, links, amount)
        self._places[place] += amount
        self._total += amount
