"""Puts a picture together from what the topics say. The same input gives the same picture."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from enrich.gazetteer import Gazetteer
from enrich.spread.model import Finding
from enrich.spread.usual import Usual
from pipeline.desk.findings import blind_spots, in_order
from pipeline.desk.state import State
from pipeline.index.keys import area as area_of
from pipeline.model import Reliability, Source, Story, county_of
from pipeline.situation.figures import Baseline, figures, spots, trends
from pipeline.situation.history import Happened, happened
from pipeline.situation.model import Area, BlindLine, Situation, SourceLine, SpreadLine, StoryLine
from pipeline.situation.period import begin, day_of
from pipeline.situation.privacy import PERSONAL, group, is_story_told

#: Groups that tell of no occurrence: announcements and summaries.
_NO_OCCURRENCE = frozenset({"notice", "summary"})
#: Most stories and findings that are listed.
_STORIES, _SPREAD = 20, 12
#: Beginnings of periods for which it is kept what is usual.
_PERIODS = 4
#: When no source at all was asked for so long, the pipeline stands still.
_STOPPED = timedelta(hours=6)


class Maker:
    """Makes pictures of one state; what all areas share is read once. Safe to use from several threads.

    :param themes: ids of the lexicon's themes.
    """

    def __init__(self, state: State, sources: Sequence[Source], gazetteer: Gazetteer, themes: Iterable[str]) -> None:
        self._state, self._sources, self._gazetteer = state, sources, gazetteer
        self._groups = sorted({group(theme) for theme in themes} - _NO_OCCURRENCE)
        self._history = happened(state.folded["events"].values())
        self._times = [one.time for one in self._history]
        self._counted: dict[datetime, Usual[tuple[str, str]]] = {}
        self._lock = threading.Lock()

    @property
    def latest(self) -> datetime | None:
        """When the last occurrence was."""
        return self._times[-1] if self._times else None

    def end(self, now: datetime, days: int) -> datetime:
        """When a period of so many days ends that goes on until now: with the last occurrence where that lies before it, as of a replay."""
        return self.latest if self.latest and self.latest < begin(now, days) else now

    def prepare(self, since: datetime) -> None:
        """Count what came before, so that nobody waits for it who asks for a period that begins then."""
        self._usual(since)

    def make(self, area: Area, since: datetime, until: datetime, made: datetime) -> Situation:
        """The picture of the period [since, until), by the machine alone."""
        start, end = bisect_left(self._times, since), bisect_left(self._times, until)
        places = frozenset(area.places)
        inside = [one for one in self._history[start:end] if one.place in places]
        public = [one for one in inside if group(one.theme) not in PERSONAL]  # what is not told is in no other count either
        baseline = Baseline(self._usual(since), since, until, area.places)
        told = figures(inside, self._groups, baseline, since, until)
        sources = self._of_sources(area, public)
        return Situation(
            area=area,
            since=since,
            until=until,
            made=made,
            figures=told,
            trends=trends(inside, told, baseline, since, until),
            spots=spots(public, self._gazetteer),
            stories=self._stories(places, Counter(one.theme for one in inside), since, until),
            spread=self._spread(places, since, until),
            blind=(*self._stopped(until), *self._begun(since), *self._blind(area, sources, self._history[start:end])),
            sources=sources,
        )

    def _usual(self, since: datetime) -> Usual[tuple[str, str]]:
        """What came before, counted once for all areas: the pictures of a day begin at the same midnight."""
        with self._lock:
            if since not in self._counted:
                usual = Usual[tuple[str, str]]()
                for one in self._history[: bisect_left(self._times, since)]:
                    usual.add(one.time, [(one.place, group(one.theme))])
                while len(self._counted) >= _PERIODS:
                    del self._counted[next(iter(self._counted))]
                self._counted[since] = usual
            return self._counted[since]

    def _stories(self, places: Collection[str], occurrences: Mapping[str, int], since: datetime, until: datetime) -> tuple[StoryLine, ...]:
        lines = []
        for story in self._state.stories_between(since, until):
            theme = next(iter(story.themes), "")
            if (
                story.coverage > 1
                and group(theme) not in _NO_OCCURRENCE
                and any(area_of(code) in places for code in story.places)
                and is_story_told(theme, occurrences.get(theme, 0))
            ):
                lines.append(self._story(story, theme))
        return tuple(sorted(lines, key=lambda line: (-line.independent, -line.coverage, line.first, line.id))[:_STORIES])

    def _story(self, story: Story, theme: str) -> StoryLine:
        names = dict.fromkeys(self._gazetteer.name(area_of(code)) for code in story.places)
        return StoryLine(
            id=story.id,
            theme=group(theme),
            places=tuple(names),
            first=day_of(story.first).isoformat(),
            last=day_of(story.last).isoformat(),
            coverage=story.coverage,
            independent=story.independent,
        )

    def _spread(self, places: Collection[str], since: datetime, until: datetime) -> tuple[SpreadLine, ...]:
        found = (line for finding in in_order(self._state.findings.values()) if (line := self._finding(finding, places, since, until)))
        return tuple(line for line, _ in zip(found, range(_SPREAD), strict=False))

    def _finding(self, finding: Finding, places: Collection[str], since: datetime, until: datetime) -> SpreadLine | None:
        inside = [code in places for code in finding.places]
        if not any(inside) or not any(since <= time < until for time in finding.times):
            return None
        return SpreadLine(
            id=finding.id,
            kind=finding.kind,
            direction=_direction(finding, places),
            theme=group(finding.theme),
            places=tuple(dict.fromkeys(self._gazetteer.name(code) for code in finding.places)),
            began=min(finding.times),
            grade=finding.grade.value,
            expected_per_year=finding.expected_per_year,
            q=finding.q,
            linked=finding.linked,
            steps=len(finding.edges),
            verdict=finding.verdict,
        )

    def _stopped(self, until: datetime) -> Iterator[BlindLine]:
        """Nothing is seen where nobody looks: the pipeline stood still at the end of the period."""
        asked = max((state.checked for state in self._state.sources.values()), default=None)
        if asked is None or until - asked >= _STOPPED:
            yield BlindLine(kind="stopped", since=asked)

    def _begun(self, since: datetime) -> Iterator[BlindLine]:
        """What happened before anything was collected is not seen."""
        if self._times and self._times[0] > since:
            yield BlindLine(kind="begun", since=self._times[0])

    def _blind(self, area: Area, sources: Sequence[SourceLine], happened: Sequence[Happened]) -> tuple[BlindLine, ...]:
        names = {source.id: source.name for source in self._sources}
        covering = {source.id: source.area for source in self._sources if _covers(source.area, area)}
        states = [state for state in self._state.sources.values() if state.source in covering or state.source not in names]
        lines = []
        for spot in blind_spots(states, covering):
            state = spot.state
            if spot.kind == "area":
                lines.append(BlindLine(kind="area", what=self._name(spot.area)))
            elif state:
                lines.append(BlindLine(kind=spot.kind, what=names.get(spot.source, spot.source), since=state.changed))
        if not sources and not any(line.kind == "area" for line in lines):
            lines.append(BlindLine(kind="area", what=area.name))
        counties = {county for code in area.places if (county := county_of(code))} - set(area.places)
        unplaced = Counter(one.place for one in happened if one.place in counties and group(one.theme) not in PERSONAL)
        return (*lines, *(BlindLine(kind="unplaced", what=self._name(code), count=count) for code, count in sorted(unplaced.items())))

    def _of_sources(self, area: Area, inside: Sequence[Happened]) -> tuple[SourceLine, ...]:
        told = Counter(source for one in inside for source in one.sources)
        known = {source.id: source for source in self._sources}
        covering = {
            source.id for source in self._sources if source.enabled and source.id in self._state.sources and _covers(source.area, area)
        }
        lines = [self._source(id_, known.get(id_), told[id_]) for id_ in {*told, *covering}]
        return tuple(sorted(lines, key=lambda line: (-line.told, line.reliability.value, line.id)))

    def _source(self, id_: str, source: Source | None, told: int) -> SourceLine:
        """Of one that is not in the settings the grade is the one it was fetched with; without that it cannot be judged."""
        state = self._state.sources.get(id_)
        graded = source or state
        return SourceLine(
            id=id_,
            name=source.name if source else id_,
            reliability=(graded and graded.reliability) or Reliability.F,
            listed=source is not None,
            health=state.health if state else None,
            checked=state.checked if state else None,
            changed=state.changed if state else None,
            told=told,
        )

    def _name(self, code: str) -> str:
        return "Sverige" if code == "SE" else self._gazetteer.name(code)


def _direction(finding: Finding, places: Collection[str]) -> Literal["in", "out", "both", "here"]:
    at = dict(zip(finding.events, finding.places, strict=True))
    steps = [(at[edge.from_] in places, at[edge.to] in places) for edge in finding.edges]
    came, went = (False, True) in steps, (True, False) in steps
    return "both" if came and went else "in" if came else "out" if went else "here"


def _covers(source: str, area: Area) -> bool:
    """Whether a source of that area tells of the picture's."""
    return source == "SE" or any(source in {code, county_of(code)} for code in area.places)
