"""Rules while documents come: each has what it remembers, and is run as time passes it by.

What a rule remembers follows from the documents that count for it and the times at which they came, so it is folded back from those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.alerts.anchors import Anchors, Query
from pipeline.alerts.engine import Alert as Said
from pipeline.alerts.engine import Runner, Spoken, at_or_after, first_after
from pipeline.alerts.kinds.base import Event, Key
from pipeline.alerts.live.model import Spoke, Taken
from pipeline.alerts.live.subjects import Subject
from pipeline.alerts.rule import AnyType, Over
from pipeline.alerts.text import WORDS

_NEVER = datetime.max.replace(tzinfo=UTC)


class Watched:
    """One rule."""

    def __init__(self, rule: AnyType, since: datetime) -> None:
        """:param since: since when it looks."""
        self.rule = rule
        self.essence, self.version = rule.essence, rule.version
        self.runner = Runner(rule)
        self.since = since
        #: Document → the revision that it had when it last came.
        self.seen: dict[str, int] = {}
        self._waiting: list[Event] = []
        #: Whether a run without documents only forgets: the last one before a document is then enough, and is done with that.
        self._is_lazy = not (self.runner.is_timed or self.runner.is_by_run)
        self._ran = since
        #: When it is run next.
        self.due = _NEVER if self._is_lazy else at_or_after(since, self.runner.every)
        #: What goes by was said before: the rule is not asked what it says of it; and the runs in which nothing came are left out.
        self.is_recalling = self.is_skimming = False

    def take(self, event: Event, now: datetime) -> Iterator[Said]:
        """A document that counts came."""
        if self._is_lazy:
            yield from self._catch_up(now)
        if self.runner.is_by_run:
            self._waiting.append(event)
        elif self.is_recalling:
            self.runner.skim([event], None)
        else:
            yield from self.runner.take(event, now)

    def _catch_up(self, now: datetime) -> Iterator[Said]:
        last = first_after(now, self.runner.every) - self.runner.every
        if last > self._ran:
            self._ran = last
            yield from self.runner.run([], last)

    def advance(self, now: datetime) -> Iterator[Said]:
        """Do the runs that time has come to; while skimming, of those without documents the last alone."""
        while self.due <= now:
            last = first_after(now, self.runner.every) - self.runner.every
            if not self._waiting and (self.is_skimming or not self.runner.is_timed):
                self.due = last
            run, self.due = self.due, self.due + self.runner.every
            events, self._waiting = sorted(self._waiting, key=lambda event: event.time), []
            if self.is_recalling:
                self.runner.skim(events, run)
            else:
                yield from self.runner.run(events, run)

    def given(self, subject: Subject) -> dict[str, Any] | None:
        """What the rule looks at of it; None: it had it before. Each version of a finding and of a source's state counts."""
        before = self.seen.get(subject.id)
        counts = before is None or (subject.over in {"findings", "sources"} and subject.revision > before)
        return self.runner.project(subject.document) if counts else None

    def replay(self, journal: Sequence[Taken], spoken: Sequence[Spoke], now: datetime) -> None:
        """Go through what counted for it, and what it said, in order of time."""
        said, done = [one.spoken for one in spoken], 0
        for taken in journal:
            while done < len(said) and (said[done].at < taken.at or (said[done].at == taken.at and not said[done].document)):
                self._recall(said[done], now)
                done += 1
            self._go_to(taken.at, now)
            self.seen[taken.id] = taken.revision
            if (reduced := taken.hits[self.essence]) is not None:
                self.is_recalling = self.runner.is_timed
                _drop(self.take(Event(taken.time, taken.id, reduced), taken.at))
            while done < len(said) and (said[done].at, said[done].document) == (taken.at, taken.id):
                self.runner.recall(said[done])
                done += 1
        for one in said[done:]:
            self._recall(one, now)
        self._go_to(now, now)
        self.is_recalling = self.is_skimming = False
        self.over()
        self.runner.spoken.clear()

    def _recall(self, spoken: Spoken, now: datetime) -> None:
        self._go_to(spoken.at, now)
        self.runner.recall(spoken)

    def _go_to(self, at: datetime, now: datetime) -> None:
        """Time went on to ``at``: run by run where that matters (:attr:`Rule.horizon`)."""
        self.is_recalling = self.is_skimming = self.runner.is_timed
        begin = now - self.rule.horizon
        _drop(self.advance(min(at, begin)))
        self.is_skimming = self.is_skimming and not self.rule.horizon
        _drop(self.advance(at))

    def go_on(self, before: Watched) -> None:
        """Remember what a version of the rule remembers that counts the same."""
        self.runner.go_on(before.runner)
        self.since, self.seen, self._waiting = before.since, before.seen, before._waiting
        self._ran, self.due = before._ran, before.due

    def over(self) -> set[Key]:
        """Keys of which what was said is over, since the last time that somebody asked."""
        return self.runner.over()


class Watch:
    """All the rules."""

    def __init__(self, rules: Sequence[AnyType], since: Mapping[str, datetime], now: datetime) -> None:
        """:param since: essence → since when the rule looks; others look from now on."""
        self.rules = [Watched(rule, since.get(rule.essence, now)) for rule in rules]
        self.by_essence = {watched.essence: watched for watched in self.rules}
        self.by_name = {watched.rule.name: watched for watched in self.rules}
        #: When the next run is; None: not known.
        self._due: datetime | None = None
        #: The rules that were run when time last went on.
        self.ran: list[Watched] = []
        self._over: dict[Over, tuple[list[Watched], Anchors]] = {}
        for over in ("documents", "stories", "findings", "sources"):
            mine = [watched for watched in self.rules if watched.rule.subject == over]
            if mine:
                queries: list[Query] = [watched.runner.query for watched in mine]
                self._over[over] = (mine, Anchors(queries, WORDS))

    def about(self, subject: Subject) -> list[Watched]:
        """The rules whose filter lets it through."""
        if subject.over not in self._over:
            return []
        mine, anchors = self._over[subject.over]
        return [mine[number] for number in anchors.holding(subject.document)]

    def advance(self, now: datetime) -> Iterator[tuple[Watched, Said]]:
        """Do the runs that time has come to."""
        self.ran = []
        if self._due is not None and now < self._due:
            return
        self.ran = [watched for watched in self.rules if watched.due <= now]
        for watched in self.ran:
            yield from ((watched, said) for said in watched.advance(now))
        self._due = min((watched.due for watched in self.rules), default=None)

    def take(self, taken: Taken) -> Iterator[tuple[Watched, Said]]:
        """Give a document to the rules that it counts for."""
        for essence, reduced in taken.hits.items():
            watched = self.by_essence.get(essence)
            if watched is None:
                continue
            watched.seen[taken.id] = taken.revision
            if reduced is not None:
                event = Event(taken.time, taken.id, reduced)
                yield from ((watched, said) for said in watched.take(event, taken.at))

    def learn(self, taught: Iterable[Taken]) -> None:
        """Give rules what was there before they were in force."""
        for taken in taught:
            _drop(self.take(taken))

    def replay(self, journal: Sequence[Taken], spoken: Iterable[Spoke], now: datetime) -> None:
        """Fold back what the rules remember; what they say was said before.

        Where time alone makes a rule speak, each of its runs is done again as far back as that matters (:attr:`Rule.horizon`), and what it
        said is told to it: of what is older the documents are enough.
        """
        said = sorted((one for one in spoken if one.essence in self.by_essence), key=lambda one: one.at)
        for watched in self.rules:
            mine = [one for one in said if one.essence == watched.essence]
            watched.replay([taken for taken in journal if watched.essence in taken.hits], mine, now)
        self._due = None


def hits_of(rules: Iterable[Watched], subject: Subject, at: datetime) -> tuple[datetime, dict[str, dict[str, Any] | None]]:
    """(when it was, what each of the rules is given of it): nothing where the rule had it before, or it comes too late."""
    time = min(subject.time or at, at)  # a clock that is ahead would empty the windows of all others
    return time, {
        watched.essence: None if at - time > watched.rule.lateness.delta else watched.given(subject) for watched in rules
    }  # fmt: skip


def _drop(said: Iterator[object]) -> None:
    for _ in said:
        pass
