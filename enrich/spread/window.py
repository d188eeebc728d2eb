"""The last fortnight of one theme, as the compiled loops read it, grown event by event."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log, log1p

import numpy as np

from enrich.spread.edges import Said
from enrich.spread.model import Event
from enrich.spread.parameters import Parameters
from enrich.spread.scene import Scene, burst_link_value, burst_value, chance_at
from enrich.spread.table import BURST, LONGEST, MOST_PLACES, SHORTEST

#: Room that a window begins with, in events.
_ROOM = 64
#: Old events are taken out so many at a time, and when they are one of so many.
_LEAST_GONE, _SHARE_GONE = 8, 5


@dataclass(slots=True, eq=False)
class Seen:
    """An event of the window, with what its score is made of."""

    event: Event
    #: Hours since 1970, and index of the place.
    t: float
    place: int
    #: Expected events per hour of its place and theme; links by chance to one given event.
    rate: float
    link: float
    #: Row of the family of its place and theme, -1 without.
    row: int = -1
    further: int = 0
    #: Score without lag, prior and links.
    alone: float = 0.0
    #: Cause by id: what links add for it, and whether the event itself has one.
    extra: dict[str, tuple[float, bool]] = field(default_factory=dict)


class Window:
    """Events of one theme in the order of time. Adding one is cheap; taking one out builds the arrays anew."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._none, self._log_none = parameters.unlinked, parameters.log_unlinked
        self._profile = np.array(parameters.chance_lags)
        self.seen: list[Seen] = []
        self.times: list[float] = []
        #: Events that an episode may begin with.
        self.roots: dict[str, Seen] = {}
        self._size = 0
        self._allocate(_ROOM)

    def __len__(self) -> int:
        return len(self.seen)

    def _allocate(self, room: int) -> None:
        self._t, self._alone, self._root = np.zeros(room), np.zeros(room), np.zeros(room)
        self._place, self._row, self._further = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room, np.int64)
        self._columns = self._t, self._alone, self._root, self._place, self._row, self._further
        self._end = np.zeros(room, np.int64)
        self._start = np.zeros(room + 1, np.int64)
        self._from, self._value, self._direct = np.zeros(room, np.int64), np.zeros(room), np.zeros(room, bool)

    def add(self, seen: Seen) -> list[Seen]:
        """Put an event where its time says; returns the earlier ones whose burst it is of."""
        at = bisect_right(self.times, seen.t)
        longer = self._follow(seen, at)
        self.seen.insert(at, seen)
        self.times.insert(at, seen.t)
        if len(self.seen) <= len(self._t):
            self._insert(at, seen)
        else:
            self.rebuild()
        return longer

    def _insert(self, at: int, seen: Seen) -> None:
        """Make room in the arrays for an event that has no links yet."""
        size = self._size
        if at < size:
            for column in self._columns:
                column[at + 1 : size + 1] = column[at:size]
            causes = self._from[: self._start[size]]
            causes += causes >= at
        self._start[at + 1 : size + 2] = self._start[at : size + 1]
        self._put(at, seen)
        self._size += 1

    def remove(self, seen: Seen) -> None:
        """Take an event out, and what it said of others."""
        at = self.seen.index(seen)
        del self.seen[at], self.times[at]
        for other in self.neighbours(seen):
            if other.t <= seen.t:
                other.further -= 1
        self.roots.pop(seen.event.id, None)
        for other in self.seen[at:]:
            other.extra.pop(seen.event.id, None)
        self.rebuild()

    def expire(self, before: float) -> list[Seen]:
        """Take out what is older, once it is a fifth of all; returns it."""
        count = bisect_left(self.times, before)
        if count < _LEAST_GONE or count * _SHARE_GONE < len(self.seen):
            return []
        gone = self.seen[:count]
        del self.seen[:count], self.times[:count]
        for seen in gone:
            self.roots.pop(seen.event.id, None)
        for column in self._columns:
            column[: len(self.seen)] = column[count : count + len(self.seen)].copy()
        self._size = len(self.seen)
        self.reindex()
        return gone

    def within(self, low: float, high: float) -> int:
        """Events from ``low`` to before ``high``."""
        return bisect_left(self.times, high) - bisect_left(self.times, low)

    def neighbours(self, seen: Seen) -> list[Seen]:
        """Events of the same place within ``BURST`` hours before and after, without itself."""
        low, high = bisect_left(self.times, seen.t - BURST), bisect_right(self.times, seen.t + BURST)
        return [other for other in self.seen[low:high] if other.place == seen.place and other is not seen]

    def _follow(self, seen: Seen, at: int) -> list[Seen]:
        """Count the event in the bursts of its neighbours, and those in its own."""
        longer = []
        for n in range(at - 1, -1, -1):
            other = self.seen[n]
            if seen.t - other.t > BURST:
                break
            if other.place == seen.place:
                other.further += 1
                longer.append(other)
                if n < self._size:
                    self._put(n, other)
        for other in self.seen[at:]:
            if other.t - seen.t > BURST:
                break
            seen.further += other.place == seen.place
        return longer

    def link(self, source: Seen, target: Seen) -> bool:
        """Note the links between two events; returns whether there are any that count. Call :meth:`reindex` after.

        They count for the event itself and for those that it is a further event of.
        """
        vias = {link.via for link in source.event.links if link.to == target.event.id and link.places_named <= MOST_PLACES}
        if source.event.theme != target.event.theme or not vias:
            return False
        effects = [source, *(other for other in self.neighbours(source) if other.t <= source.t)]
        for effect in effects:
            if target.place != effect.place and SHORTEST <= effect.t - target.t <= LONGEST:
                for via in sorted(vias):
                    self._note(effect, source, target, via)
        return True

    def _note(self, effect: Seen, source: Seen, target: Seen, via: str) -> None:
        """Add what a link says of ``target`` as the cause of ``effect``, of whose burst ``source`` is."""
        p = self._parameters
        follows = p.follow_share(via)
        chance = chance_at(p.chance_share(via), source.link, max(source.t - target.t, 0.0), self._profile)
        value, direct = effect.extra.get(target.event.id, (0.0, False))
        if effect is source:
            value += log(follows / chance) - (0.0 if direct else self._unlinked(effect))
        else:
            value += float(burst_link_value(follows, chance, p.burst, self._none, self._beta(effect)))
        effect.extra[target.event.id] = value, direct or effect is source

    def rebuild(self) -> None:
        """Make the arrays anew."""
        if len(self.seen) > len(self._t):
            self._allocate(2 * len(self.seen))
        self._size = len(self.seen)
        for n, seen in enumerate(self.seen):
            self._put(n, seen)
        self.reindex()

    def reindex(self) -> None:
        """Make the arrays of links anew."""
        at = {seen.event.id: n for n, seen in enumerate(self.seen)}
        rows: list[tuple[int, float, bool]] = []
        count = np.zeros(self._size, np.int64)
        for n, seen in enumerate(self.seen):
            if seen.extra:
                own = [(at[cause], *value) for cause, value in seen.extra.items() if cause in at]
                rows += own
                count[n] = len(own)
        self._start[0] = 0
        self._start[1 : self._size + 1] = np.cumsum(count)
        if len(rows) > len(self._from):
            self._from, self._value, self._direct = (
                np.zeros(2 * len(rows), np.int64),
                np.zeros(2 * len(rows)),
                np.zeros(2 * len(rows), bool),
            )
        for x, (cause, value, direct) in enumerate(rows):
            self._from[x], self._value[x], self._direct[x] = cause, value, direct

    def scene(self, fixed: Scene) -> Scene:
        """The window as a scene, with parameters, places and families as in ``fixed``."""
        n, rows = self._size, int(self._start[self._size])
        self._end[:n] = n
        return fixed._replace(
            t=self._t[:n],
            place=self._place[:n],
            end=self._end[:n],
            alone=self._alone[:n],
            root=self._root[:n],
            extra_start=self._start[: n + 1],
            extra_from=self._from[:rows],
            extra_value=self._value[:rows],
            extra_direct=self._direct[:rows],
            row=self._row[:n],
            further=self._further[:n],
        )

    def number(self, seen: Seen) -> int:
        """Where an event stands in the scene."""
        n = bisect_left(self.times, seen.t)
        while self.seen[n] is not seen:
            n += 1
        return n

    def said(self, places: Sequence[str]) -> Said:
        """What the events are called and made of."""
        seen = self.seen

        def vias(j: int, cause: int) -> tuple[str, ...]:
            return tuple(sorted({link.via for link in seen[j].event.links if link.to == seen[cause].event.id}))

        return Said(
            ids=[s.event.id for s in seen],
            places=[places[s.place] for s in seen],
            rate=np.array([s.rate for s in seen]),
            unlinked=np.array([self._unlinked(s) for s in seen]),
            burst=np.array([self._burst(s) for s in seen]),
            vias=vias,
        )

    def _put(self, n: int, seen: Seen) -> None:
        self._t[n], self._place[n], self._row[n], self._further[n] = seen.t, seen.place, seen.row, seen.further
        seen.alone = self._unlinked(seen) + self._burst(seen) - log(seen.rate)
        self._alone[n], self._root[n] = seen.alone, self._root_burst(seen)

    def _unlinked(self, seen: Seen) -> float:
        return self._log_none - log1p(-seen.link)

    def _beta(self, seen: Seen) -> float:
        return BURST * seen.rate + self._parameters.excitation

    def _burst(self, seen: Seen) -> float:
        p = self._parameters
        return self._gained(seen, p.burst * self._none) - p.burst * (1 - self._none)

    def _root_burst(self, seen: Seen) -> float:
        return self._gained(seen, self._parameters.root_burst)

    def _gained(self, seen: Seen, mean: float) -> float:
        """What the burst adds; most events have none."""
        return float(burst_value(seen.further, mean, self._beta(seen))) if seen.further else -mean
