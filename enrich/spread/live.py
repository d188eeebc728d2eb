"""Spread while it happens: each event is looked at when it comes, against the last fortnight of its theme."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from math import log

import numpy as np
from numpy.typing import NDArray

from enrich.spread.edges import edge, grade, linked, ratio
from enrich.spread.model import WITHDRAWN, Event, Finding
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
        self._night = night or first_night(tied=geography.tied)
        self._least = self._night.score_of(said)
        self._rates = Rates(self._night)
        self._atlas = _Atlas(geography, sorted(geography.codes | {place for counts in self._night.counts.values() for place in counts}))
        self._fixed, self._rows = _with_families(self._night, self._atlas)
        self._highest = _highest(self._fixed)
        self._windows: dict[str, Window] = {}
        self._seen: dict[str, Seen] = {}
        #: Ids of the events that point to an event, by its id, whether that one has come or not.
        self._pointing: defaultdict[str, dict[str, None]] = defaultdict(dict)
        #: When the events without a place were; and those with one that share such a source, and so are no spread.
        self._placeless: dict[str, float] = {}
        self._aside: dict[str, Event] = {}
        self._telling = Telling()
        self._now = float("-inf")

    def __len__(self) -> int:
        """How many events are remembered."""
        return len(self._seen) + len(self._placeless) + len(self._aside)

    @property
    def findings(self) -> list[Finding]:
        """What is said now and can still change, strongest first."""
        return [finding for finding in self._telling.findings if finding.times[0].timestamp() / 3600 >= self._now - KEPT]

    def put(self, event: Event) -> list[Finding]:
        """Take an event; one with the same id is replaced. Returns the findings that are new or have changed."""
        known = self._seen[event.id].event if event.id in self._seen else self._aside.get(event.id)
        if known == event:
            return []
        themes = self._take_out(event.id)
        t = event.time.timestamp() / 3600
        if t > self._now - KEPT:
            self._now = max(self._now, t)
            for link in event.links:
                self._pointing[link.to][event.id] = None
            themes |= self._announce(event.id, t) if event.place is None else self._add(event)
            self._forget_old()
        return self._look_at(themes, "grew" if known is None else "revised")

    def withdraw(self, event_id: str) -> list[Finding]:
        """Forget an event. Returns the findings that changed; one that no longer holds says ``withdrawn``."""
        return self._look_at(self._take_out(event_id), WITHDRAWN)

    def resume(self, findings: Iterable[Finding]) -> None:
        """Go on from what was said before a restart, once the events have been put again."""
        self._telling = Telling()
        for finding in findings:
            self._telling.resume(finding)

    def succeed(self, before: Live) -> None:
        """Go on from what another one has said, once the events have been put again."""
        self._telling = before._telling

    def judge(self, found: Sequence[Finding], at: datetime) -> list[Finding]:
        """Compare what is said with what a nightly run found; returns what is to be said of it."""
        return self._telling.judge(found, at, _instant(self._now - KEPT)) if self._seen else []

    # --- events

    def _add(self, event: Event) -> dict[str, None]:
        """Take an event with a place; returns the themes whose episodes may have changed."""
        place, t = event.place or "", event.time.timestamp() / 3600
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
        self._rates.add(theme, place, t, _links(event))
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
        self._placeless[id_] = t
        return self._settle(id_)

    def _resolve(self, window: Window, seen: Seen) -> dict[str, None]:
        """Note the links from and to a new event; returns the themes whose episodes may have changed."""
        themes: dict[str, None] = {}
        targets: list[Seen] = []
        for to in dict.fromkeys(link.to for link in seen.event.links):
            if to in self._placeless:
                themes |= self._settle(to)
            elif to in self._seen:
                targets += [self._seen[to]] if window.link(seen, self._seen[to]) else []
        for source in self._pointing.get(seen.event.id, ()):
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
        if not window.roots or seen.alone + self._highest[seen.place] <= ATTACH:
            return False
        return seen.event.id in window.roots or len(causes(window.scene(self._fixed), window.number(seen))) > 0

    def _settle(self, source: str) -> dict[str, None]:
        """Set aside the events that share a source without a place, if they are at several places, else take them back; returns their themes."""
        sharing = [event for event in map(self._event, self._pointing.get(source, ())) if event]
        themes: dict[str, None] = {}
        if self._is_common(source):
            for event in sharing:
                if event.id in self._seen:
                    themes |= self._remove(self._seen[event.id])
                    self._aside[event.id] = event
        else:
            for event in sharing:
                if event.id in self._aside and not any(self._is_common(link.to) for link in event.links):
                    themes |= self._add(self._aside.pop(event.id))
        return themes

    def _is_common(self, source: str) -> bool:
        """Whether it is an event without a place that others at several places point to."""
        events = map(self._event, self._pointing.get(source, ()))
        return source in self._placeless and len({event.place for event in events if event}) > 1

    def _event(self, id_: str) -> Event | None:
        """An event with a place, by its id."""
        return self._seen[id_].event if id_ in self._seen else self._aside.get(id_)

    def _take_out(self, id_: str) -> dict[str, None]:
        """Forget an event, as if it had never come; returns the themes whose episodes may have changed."""
        if id_ in self._placeless:
            del self._placeless[id_]
            return self._settle(id_)
        event = self._event(id_)
        if event is None:
            return {}
        themes = self._remove(self._seen[id_]) if id_ in self._seen else {}
        self._aside.pop(id_, None)
        self._unpoint(event)
        for link in event.links:
            if link.to in self._placeless:
                themes |= self._settle(link.to)
        return themes

    def _remove(self, seen: Seen) -> dict[str, None]:
        event = seen.event
        self._windows[event.theme].remove(seen)
        self._rates.add(self._rates.theme(event.theme, seen.t), event.place or "", seen.t, _links(event), -1)
        del self._seen[event.id]
        return {event.theme: None}

    def _forget(self, seen: Seen) -> None:
        self._seen.pop(seen.event.id, None)
        self._unpoint(seen.event)

    def _unpoint(self, event: Event) -> None:
        for link in event.links:
            pointing = self._pointing.get(link.to, {})
            pointing.pop(event.id, None)
            if not pointing:
                self._pointing.pop(link.to, None)

    def _forget_old(self) -> None:
        """Let go of announcements from before the window, and of what was set aside for them."""
        if not self._placeless and not self._aside:
            return
        for id_ in [id_ for id_, t in self._placeless.items() if t < self._now - KEPT]:
            del self._placeless[id_]
        for event in [event for event in self._aside.values() if event.time.timestamp() / 3600 < self._now - KEPT]:
            del self._aside[event.id]
            self._unpoint(event)

    # --- findings

    def _look_at(self, themes: Iterable[str], reason: str) -> list[Finding]:
        return [finding for theme in themes for finding in self._look(theme, reason)]

    def _look(self, theme: str, reason: str) -> list[Finding]:
        """Grow the episodes of a theme again; returns what is new or changed in what is said."""
        window = self._windows[theme]
        self._telling.close(theme, _instant(self._now - KEPT))
        scene = window.scene(self._fixed)
        roots = sorted(window.number(seen) for seen in window.roots.values() if seen.t >= self._now - KEPT)
        found = episodes(scene, np.array(roots, np.int64))
        strong = [n for n in range(found.size) if found.score[n] >= self._least]
        members = {n: found.member[found.start[n] : found.start[n + 1]] for n in strong}
        grown = [Episode(events=tuple(window.seen[j].event.id for j in members[n]), score=round(float(found.score[n]), 4)) for n in strong]
        make = partial(self._finding, theme, window, scene, found)
        return self._telling.tell(theme, grown, make, _instant(self._now), reason)

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
            times=tuple(window.seen[j].event.time for j in members),
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


def _links(event: Event) -> int:
    """Links that count."""
    return sum(link.places_named <= MOST_PLACES for link in event.links)


def _instant(hours: float) -> datetime:
    return datetime.fromtimestamp(hours * 3600, UTC)


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
