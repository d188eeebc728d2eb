"""What the topics say now: findings, stories and sources, folded once and then kept up to date with what comes since."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from enrich.spread.model import Finding, Influence, Occurrence
from enrich.spread.nightly import Nightly
from pipeline.alerts.live import desk as alerts
from pipeline.alerts.live.desk import Board
from pipeline.desk.findings import in_order
from pipeline.model import SourceState, Story, Wire, decode
from pipeline.ports import Bus

#: Topic → what its records are; of each key the last one counts.
_KINDS: dict[str, type[Wire]] = {"findings": Finding, "stories": Story, "sources": SourceState, "nights": Nightly, **alerts.TOPICS}
#: Events are kept as they are: few of many are ever looked at.
TOPICS = (*_KINDS, "events")


class State:
    """What the topics said at one time. Never changes; safe to share between threads."""

    def __init__(self, folded: Mapping[str, Mapping[str, Any]], version: int) -> None:
        #: Counted up whenever something changed.
        self.version = version
        #: Topic → key → the last record.
        self.folded = folded

    @property
    def findings(self) -> Mapping[str, Finding]:
        """Id → the last version of a finding; withdrawn ones, too."""
        return self.folded["findings"]

    @property
    def stories(self) -> Mapping[str, Story]:
        """Id → story; merged ones, too."""
        return self.folded["stories"]

    @property
    def sources(self) -> Mapping[str, SourceState]:
        """Id → what the last fetch showed."""
        return self.folded["sources"]

    @property
    def network(self) -> tuple[Influence, ...]:
        """Which places are followed by which, the strongest first, as the last nightly run found it."""
        night: Nightly | None = self.folded["nights"].get("night")
        return night.network if night else ()

    @cached_property
    def board(self) -> Board:
        """The alerts that stand, and those that are over; silences; which rules and rota are in force."""
        return alerts.fold(self.folded)

    @cached_property
    def standing(self) -> list[Finding]:
        """The findings that hold, as :func:`in_order` has them."""
        return in_order(self.findings.values())

    @cached_property
    def open_stories(self) -> list[Story]:
        """The stories that were not merged into others, the latest first."""
        return sorted((story for story in self.stories.values() if story.into is None), key=lambda s: (s.last, s.id), reverse=True)

    def stories_between(self, since: datetime, until: datetime) -> Iterator[Story]:
        """Of the open stories those that reach into [since, until), the latest first."""
        for story in self.open_stories:
            if story.last < since:
                return
            if story.first < until:
                yield story

    def story(self, story: str) -> Story | None:
        """The story of this id, or the one that it was merged into; None where there is no record of it."""
        return self.stories.get(self._end(story))

    def merged(self, story: str) -> set[str]:
        """The ids that documents of a story may have: its own, and those of all that were merged into it."""
        end = self._end(story)
        return {story, end} | self._merged.get(end, set())

    @cached_property
    def _merged(self) -> Mapping[str, set[str]]:
        """Story → all that were merged into it."""
        found: dict[str, set[str]] = {}
        for one, story in self.stories.items():
            if story.into:
                found.setdefault(self._end(one), set()).add(one)
        return found

    def _end(self, story: str) -> str:
        """The id of what it was merged into in the end; that story has no record where it was always alone."""
        passed = {story}
        while (found := self.stories.get(story)) is not None and found.into is not None and found.into not in passed:
            story = found.into
            passed.add(story)
        return story

    def event(self, event: str) -> Occurrence | None:
        """The event of this id with the documents that tell of it."""
        data = self.folded["events"].get(event)
        return decode(data, Occurrence) if data else None


class Desk:
    """Keeps a :class:`State`. Safe to use from several threads.

    :param topics: what to read; of the others the state says nothing.
    """

    def __init__(self, bus: Bus, topics: Collection[str] = TOPICS) -> None:
        self._bus, self._lock = bus, threading.Lock()
        self._seen: dict[str, dict[int, int]] = {topic: {} for topic in topics}
        self.state = State({topic: {} for topic in TOPICS}, 0)

    def refresh(self) -> bool:
        """Read what came since the last time; whether anything did."""
        with self._lock:
            old = self.state.folded
            folded = dict(old) | {topic: self._came(topic, old[topic]) for topic in self._seen}
            changed = any(folded[topic] is not old[topic] for topic in self._seen)
            if changed:
                self.state = State(folded, self.state.version + 1)
            return changed

    def _came(self, topic: str, known: Mapping[str, Any]) -> Mapping[str, Any]:
        """``known`` itself if nothing came."""
        seen, kind, fresh = self._seen[topic], _KINDS.get(topic), dict[str, Any]()
        for record in self._bus.follow(topic, seen):
            seen[record.partition] = record.offset
            if record.value:  # an erased one has none
                fresh[record.key] = decode(record.value, kind) if kind else record.value
        return {**known, **fresh} if fresh else known


def read(bus: Bus, *topics: str) -> State:
    """What these topics say now."""
    desk = Desk(bus, topics)
    desk.refresh()
    return desk.state
