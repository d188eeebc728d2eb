"""Spread while it happens: each event is looked at when it comes, against the last fortnight of its theme."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from math import log

import numpy as np
from numpy.typing import NDArray

from enrich.spread.edges import edge, grade, linked, ratio
from enrich.spread.model import Event, Finding
from enrich.spread.night import Night, first_night
from enrich.spread.rates import Rates
from enrich.spread.scene import Scene, blank
from enrich.spread.table import MOST_PLACES, NEVER, REACH, Geography, Ints
from enrich.spread.telling import Episode, Telling
from enrich.spread.walk import ATTACH, Episodes, causes, episodes
from enrich.spread.window import Seen, Window

#: Events so long before a link's source could have been linked by chance, in hours.
_BEFORE = 120.0
#: Events are remembered for so long: the reach of an episode, and a day for those that come late. In hours.
KEPT = REACH + 24.0
#: Findings are said that chance gives at most so often a year.
SAID = 52.0


class _Atlas:
    """Classes of pairs of places, with room for places that are not known yet."""

    def __init__(self, geography: Geography, codes: Sequence[str]) -> None:
        self._geography = geography
        self.codes: list[str] = []
        self.at: dict[str, int] = {}
        self.kind: NDArray[np.uint8] = np.full((0, 0), NEVER, np.uint8)
        self.know(codes)

    def know(self, codes: Sequence[str]) -> None:
        """Make places known that are not."""
        first = len(self.codes)
        self.at.update((code, first + n) for n, code in enumerate(codes))
        self.codes += codes
        count = len(self.codes)
        if count > len(self.kind):
            grown = np.full((2 * count, 2 * count), NEVER, np.uint8)
            grown[:first, :first] = self.kind[:first, :first]
            self.kind = grown
        self.kind[first:count, :count] = self._geography.kinds(self.codes[first:], self.codes)
        self.kind[:first, first:count] = self._geography.kinds(self.codes[:first], self.codes[first:])


class Live:
    """Takes events one by one, in any order, and says what they change.

    Memory is bounded by the window (13 days of events), apart from one count for each place and theme.
    """

    def __init__(self, night: Night | None = None, geography: Geography | None = None, *, said: float = SAID) -> None:
        """:param night: what the last nightly run handed on; without it, what is known before the first.

        :param said: findings are said that chance gives at most so often a year.
        """
        geography = geography or Geography()
        self._night = night or first_night(tied=bool(geography.codes))
        self._least = self._night.score_of(said)
        self._rates = Rates(self._night)
        self._atlas = _Atlas(geography, sorted(geography.codes | {place for counts in self._night.counts.values() for place in counts}))
        self._fixed, self._rows = _with_families(self._night, self._atlas)
        self._highest = _highest(self._fixed)
        self._windows: dict[str, Window] = {}
        self._seen: dict[str, Seen] = {}
        #: Ids of events that point to one that has not come, by its id.
        self._waiting: defaultdict[str, dict[str, None]] = defaultdict(dict)
        #: Events without a place: when, and which ones point to them.
        self._placeless: dict[str, tuple[float, dict[str, None]]] = {}
        self._telling = Telling()
        self._now = float("-inf")

    def __len__(self) -> int:
        """How many events are remembered."""
        return len(self._seen)

    @property
    def findings(self) -> list[Finding]:
        """What is said now and can still change, strongest first."""
        return self._telling.findings

    def put(self, event: Event) -> list[Finding]:
        """Take an event; one with the same id is replaced. Returns the findings that are new or have changed."""
        known = self._seen.get(event.id)
        if known is not None and known.event == event:
            return []
        themes: dict[str, None] = self._remove(known) if known is not None else {}
        t = event.time.timestamp() / 3600
        if t > self._now - KEPT:
            themes |= self._announce(event.id, t) if event.place is None else self._add(event, event.place, t)
        return [finding for theme in themes for finding in self._look(theme, "grew" if known is None else "revised")]

    def withdraw(self, event_id: str) -> list[Finding]:
        """Forget an event. Returns the findings that changed; one that no longer holds says ``withdrawn``."""
        self._placeless.pop(event_id, None)
        known = self._seen.get(event_id)
        return [finding for theme in self._remove(known) for finding in self._look(theme, "withdrawn")] if known else []

    # --- events

    def _add(self, event: Event, place: str, t: float) -> dict[str, None]:
        """Take an event with a place; returns the themes whose episodes may have changed."""
        if place not in self._atlas.at:
            self._atlas.know((place,))
            if self._atlas.kind is not self._fixed.kind:
                self._fixed, self._rows = _with_families(self._night, self._atlas)
                self._highest = _highest(self._fixed)
        if event.theme not in self._windows:
            self._windows[event.theme] = Window(self._night.parameters)
        window, theme = self._windows[event.theme], self._rates.theme(event.theme, t)
        link = min(max(theme.link_ratio(t) / max(window.within(t - _BEFORE, t), 1), 1e-5), 0.5)
        seen = Seen(
            event=event,
            t=t,
            place=self._atlas.at[place],
            rate=self._rates.expected(theme, place, t),
            link=link,
            row=self._rows.get((event.theme, place), -1),
        )
        self._rates.add(theme, place, t, sum(link.places_named <= MOST_PLACES for link in event.links))
        self._now = max(self._now, t)
        self._seen[event.id] = seen
        longer = window.add(seen)
        themes = self._resolve(window, seen)
        if event.id in self._seen and event.theme not in themes and any(self._may_join(window, one) for one in (seen, *longer)):
            themes[event.theme] = None
        for gone in window.expire(self._now - KEPT):
            self._forget(gone)
        return themes

    def _announce(self, id_: str, t: float) -> dict[str, None]:
        """Take an event without a place: a common source for those that point to it."""
        self._now = max(self._now, t)
        self._placeless[id_] = t, self._waiting.pop(id_, {})
        for old in [old for old, (when, _) in self._placeless.items() if when < self._now - KEPT]:
            del self._placeless[old]
        return self._set_aside(id_)

    def _resolve(self, window: Window, seen: Seen) -> dict[str, None]:
        """Note the links from and to a new event; returns the themes whose episodes may have changed."""
        themes: dict[str, None] = {}
        targets: list[Seen] = []
        for to in dict.fromkeys(link.to for link in seen.event.links):
            if to in self._placeless:
                self._placeless[to][1][seen.event.id] = None
                themes |= self._set_aside(to)
            elif to in self._seen:
                targets += [self._seen[to]] if window.link(seen, self._seen[to]) else []
            else:
                self._waiting[to][seen.event.id] = None
        for source in self._waiting.pop(seen.event.id, {}):
            if source in self._seen:
                targets += [seen] if window.link(self._seen[source], seen) else []
        if targets and seen.event.id in self._seen:
            self._open(window, targets)
            themes[seen.event.theme] = None
        return themes

    def _open(self, window: Window, targets: list[Seen]) -> None:
        """Events that others point to now, and those that may have caused them, can be roots."""
        window.reindex()
        scene = window.scene(self._fixed)
        for target in targets:
            window.roots[target.event.id] = target
            for m in causes(scene, window.number(target)):
                window.roots[window.seen[m].event.id] = window.seen[m]

    def _may_join(self, window: Window, seen: Seen) -> bool:
        """Whether an event is a root, or one that something without a link could be the cause of."""
        if not window.roots or window.alone(seen) + self._highest[seen.place] <= ATTACH:
            return False
        return seen.event.id in window.roots or len(causes(window.scene(self._fixed), window.number(seen))) > 0

    def _set_aside(self, source: str) -> dict[str, None]:
        """Take out the events that share a source without a place, if they are at several places; returns their themes."""
        sharing = [self._seen[id_] for id_ in self._placeless[source][1] if id_ in self._seen]
        themes: dict[str, None] = {}
        if len({seen.place for seen in sharing}) > 1:
            for seen in sharing:
                themes |= self._remove(seen)
        return themes

    def _remove(self, seen: Seen) -> dict[str, None]:
        self._windows[seen.event.theme].remove(seen)
        self._forget(seen)
        return {seen.event.theme: None}

    def _forget(self, seen: Seen) -> None:
        self._seen.pop(seen.event.id, None)
        for link in seen.event.links:
            waiting = self._waiting.get(link.to, {})
            waiting.pop(seen.event.id, None)
            if not waiting:
                self._waiting.pop(link.to, None)

    # --- findings

    def _may_change(self, root: str) -> bool:
        """Whether a finding that began with an event can still change."""
        return root in self._seen and self._seen[root].t >= self._now - KEPT

    def _look(self, theme: str, reason: str) -> list[Finding]:
        """Grow the episodes of a theme again; returns what is new or changed in what is said."""
        window = self._windows[theme]
        self._telling.close(theme, self._may_change)
        scene = window.scene(self._fixed)
        roots = sorted(window.number(seen) for seen in window.roots.values() if seen.t >= self._now - KEPT)
        found = episodes(scene, np.array(roots, np.int64))
        strong = [n for n in range(found.size) if found.score[n] >= self._least]
        members = {n: found.member[found.start[n] : found.start[n + 1]] for n in strong}
        grown = [Episode(events=tuple(window.seen[j].event.id for j in members[n]), score=round(float(found.score[n]), 4)) for n in strong]
        make = partial(self._finding, theme, window, scene, found)
        return self._telling.tell(theme, grown, make, datetime.fromtimestamp(self._now * 3600, UTC), reason)

    def _finding(self, theme: str, window: Window, scene: Scene, found: Episodes, n: int) -> Finding:
        low, high = int(found.start[n]), int(found.start[n + 1])
        members: Ints = found.member[low:high]
        said = window.said(self._atlas.codes)
        edges = tuple(edge(scene, said, members, m, int(found.parent[low + m]) - low) for m in range(1, high - low))
        chance = sum(window.seen[j].link * (m + 1) for m, j in enumerate(members[1:]))
        ratio_, interval = ratio(linked(edges), chance)
        score = float(found.score[n])
        return Finding(
            id="",
            theme=theme,
            root=said.ids[members[0]],
            places=tuple(said.places[j] for j in members),
            events=tuple(said.ids[j] for j in members),
            edges=edges,
            score=round(score, 4),
            root_burst=round(float(found.value[low]), 4),
            expected_per_year=round(self._night.expected(score), 4),
            q=round(self._night.q(score), 5),
            grade=grade(edges),
            linked=linked(edges),
            expected_linked=round(chance, 4),
            ratio=ratio_,
            ratio_interval=interval,
        )


def _with_families(night: Night, atlas: _Atlas) -> tuple[Scene, dict[tuple[str, str], int]]:
    """A scene without events, and its row of the family of each (theme, place)."""
    scene = blank(night.parameters, atlas.kind)
    family = np.tile(scene.family, (len(night.families) + 1, 1))
    rows = {}
    for n, one in enumerate(night.families):
        rows[one.theme, one.place] = n
        family[n] = scene.log_prior[np.minimum(atlas.kind[atlas.at[one.place]], len(scene.log_prior) - 1)]
        for place, prior in one.prior.items():
            family[n, atlas.at[place]] = log(prior)
    return scene._replace(family=family), rows


def _highest(scene: Scene) -> list[float]:
    """What lag and prior can add at most, by place."""
    highest: list[float] = (scene.log_lag.max() + np.maximum(scene.log_prior.max(), scene.family.max(axis=0))).tolist()
    return highest
