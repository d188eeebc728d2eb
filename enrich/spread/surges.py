"""Bursts and surges: more of a theme than usual, in one place or in many counties at once. Neither is spread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from math import log
from typing import NamedTuple

from enrich.spread.model import Event, Finding, Grade, Occurrence, Version
from enrich.spread.usual import KNOWN, Expected, Usual, tail
from pipeline.model import county_of, fingerprint

#: Windows that are looked at, and how often by chance a year a finding may come to be said.
_WINDOWS, _SAID = (timedelta(hours=2), timedelta(hours=24)), 12.0
#: Least events of a burst; least counties of a surge, and least different wordings.
_EVENTS, _COUNTIES, _WORDINGS = 3, 4, 2
_HOUR = timedelta(hours=1)
_YEAR = 365 * 24.0
#: More events or counties than at the last version by this share are worth a new one.
_WORTH_SAYING = 1.25


class _Key(NamedTuple):
    theme: str
    #: Empty: the whole country.
    place: str


class Surges:
    """Takes events in about the order of time, and says when there are far more than usual.

    Against the hour of the week, the season (the last two months count most) and, for a place, how the theme goes in the nation. Poisson-gamma upper tail
    of the count; times the windows of a year and the places and themes looked at: how often chance gives as much.
    """

    def __init__(self) -> None:
        self._usual = Usual[_Key]()
        #: Events of the last window by key, by id; those that left it are part of what is usual.
        self._recent: defaultdict[_Key, dict[str, Event]] = defaultdict(dict)
        self._waiting: dict[str, Event] = {}
        #: Event → the words that it was first told in: what is sent to many counties in the same words is one message.
        self._words: dict[str, str] = {}
        self._said: dict[_Key, Finding] = {}
        #: Themes, and themes at places, that were looked at.
        self._looked = {True: 0, False: 0}

    def put(self, occurrence: Occurrence) -> list[Finding]:
        """Take an event; one of the same id is replaced. Returns findings that are new or have grown."""
        event = occurrence.event
        self.remove(event.id)
        if event.place is None or not event.theme:
            return []
        self._waiting[event.id] = event
        self._words[event.id] = next((sighting.words for sighting in occurrence.sightings if sighting.words), event.id)
        for key in _keys(event):
            self._looked[key.place == ""] += key not in self._recent
            self._recent[key][event.id] = event
        self._settle(event)
        return [finding for key in _keys(event) if (finding := self._look(key))]

    def remove(self, id_: str) -> None:
        """Forget an event of the window."""
        event = self._waiting.pop(id_, None)
        self._words.pop(id_, None)
        for key in _keys(event) if event else ():
            del self._recent[key][id_]

    def _settle(self, now: Event) -> None:
        """What is older than the widest window is usual from now on."""
        for event in [event for event in self._waiting.values() if event.time < now.time - _WINDOWS[-1]]:
            self.remove(event.id)
            self._usual.add(event.time, _keys(event))

    def _look(self, key: _Key) -> Finding | None:
        if len(self._recent[key]) < (_EVENTS if key.place else _COUNTIES):
            return None
        first, last = self._usual.first, max(self._recent[key].values(), key=lambda event: event.time)
        if first is None or last.time - first < KNOWN:
            return None
        found = [self._count(key, last, window) for window in _WINDOWS]
        events, expected, per_year = min(found, key=lambda one: one[2])
        counties = {_county(event.place or "") for event in events}
        words = {self._words[event.id] for event in events}
        if per_year > _SAID or len(events) < _EVENTS or (not key.place and (len(counties) < _COUNTIES or len(words) < _WORDINGS)):
            return None
        return self._tell(key, events, expected, per_year)

    def _count(self, key: _Key, last: Event, window: timedelta) -> tuple[list[Event], float, float]:
        """Events of the window, how many there would be anyway, and how often a year chance gives as many."""
        events = [event for event in self._recent[key].values() if last.time - window < event.time <= last.time]
        expected, known, _ = self._usual.expected(key, last.time, window)
        if key.place:  # where the whole country has more, a place has, too
            nation = _Key(key.theme, "")
            others = sum(last.time - window < e.time <= last.time and e.place != key.place for e in self._recent[nation].values())
            expected *= max(1.0, (others + 3) / (self._usual.expected(nation, last.time, window).mean + 3))
        # a country of counties is compared by its counties: ten calls of one town are no surge
        count = len(events) if key.place else len({event.place for event in events})
        return events, expected, tail(count, Expected(expected, known)) * _YEAR / (window / _HOUR) * self._looked[key.place == ""]

    def _tell(self, key: _Key, events: list[Event], expected: float, per_year: float) -> Finding | None:
        ordered = sorted(events, key=lambda event: (event.time, event.id))
        old = self._said.get(key)
        if old and not set(old.events) & {event.id for event in ordered}:
            old = None
        if old and len(ordered) < _WORTH_SAYING * len(old.events):
            return None
        root = old.root if old else ordered[0].id
        version = Version(
            version=old.version + 1 if old else 1,
            at=ordered[-1].time,
            score=round(-log(max(per_year, 1e-300)), 4),
            places=len({event.place for event in ordered}),
            expected_per_year=per_year,
            reason="grew" if old else "found",
        )
        self._said[key] = Finding(
            kind="burst" if key.place else "surge",
            id=fingerprint("surge", root, *key)[:16],
            theme=key.theme,
            root=root,
            places=tuple(event.place or "" for event in ordered),
            events=tuple(event.id for event in ordered),
            times=tuple(event.time for event in ordered),
            edges=(),
            score=version.score,
            expected_per_year=float(f"{per_year:.3g}"),
            q=1.0,
            grade=Grade.LOCAL if key.place else Grade.SIMULTANEOUS,
            linked=0,
            expected_linked=0.0,
            ratio=round(len(ordered) / expected, 2),
            version=version.version,
            history=(*(old.history if old else ()), version),
        )
        return self._said[key]


def _keys(event: Event) -> Iterator[_Key]:
    yield _Key(event.theme, "")
    yield _Key(event.theme, event.place or "")


def _county(place: str) -> str:
    return county_of(place) or place
