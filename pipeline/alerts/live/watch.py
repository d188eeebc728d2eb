"""Rules while documents come: each has what it remembers, and is run as time passes it by.

What a rule remembers follows from the documents that count for it and the times at which they came, so it is folded back from those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pipeline.alerts.anchors import Anchors, Query
from pipeline.alerts.engine import Alert as Said
from pipeline.alerts.engine import Runner, at_or_after, first_after
from pipeline.alerts.kinds.base import Event, Key
from pipeline.alerts.live.model import Taken
from pipeline.alerts.live.subjects import Subject
from pipeline.alerts.rule import AnyType, NewTermRule, Over
from pipeline.alerts.text import WORDS


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
        #: When it is run next.
        self.due = at_or_after(since, self.runner.every)

    def take(self, event: Event, now: datetime) -> Iterator[Said]:
        """A document that counts came."""
        if self.runner.is_by_run:
            self._waiting.append(event)
        else:
            yield from self.runner.take(event, now)

    def advance(self, now: datetime, *, only_last: bool = False) -> Iterator[Said]:
        """Do the runs that time has come to.

        :param only_last: of those without documents the last alone: what none of them would change.
        """
        while self.due <= now:
            last = first_after(now, self.runner.every) - self.runner.every
            if not self._waiting and (only_last or not self.runner.is_timed):
                self.due = last
            run, self.due = self.due, self.due + self.runner.every
            events, self._waiting = sorted(self._waiting, key=lambda event: event.time), []
            yield from self.runner.run(events, run)

    def go_on(self, before: Watched) -> None:
        """Remember what a version of the rule remembers that counts the same."""
        self.runner.go_on(before.runner)
        self.since, self.seen, self._waiting, self.due = before.since, before.seen, before._waiting, before.due

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
        self.ran = self.rules
        for watched in self.rules:
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

    def replay(self, journal: Iterable[Taken], now: datetime) -> None:
        """Fold back what the rules remember; what they say was said before."""
        for taken in journal:
            for essence in taken.hits:
                if (watched := self.by_essence.get(essence)) is not None:
                    _drop(watched.advance(taken.at, only_last=taken.at < now - watched.rule.horizon))
            _drop(self.take(taken))
        for watched in self.rules:
            _drop(watched.advance(now, only_last=watched.rule.horizon == timedelta(0)))
            watched.over()
        self._due = None


def hits_of(rules: Iterable[Watched], subject: Subject, at: datetime) -> tuple[datetime, dict[str, dict[str, object] | None]]:
    """(when it was, what each of the rules is given of it): nothing where the rule had it before, or it comes too late."""
    time = min(subject.time or at, at)  # a clock that is ahead would empty the windows of all others
    hits: dict[str, dict[str, object] | None] = {}
    for watched in rules:
        before = watched.seen.get(subject.id)
        counts = before is None or (subject.over in {"findings", "sources"} and subject.revision > before)
        is_late = at - time > watched.rule.lateness.delta
        hits[watched.essence] = watched.runner.project(subject.document) if counts and not is_late else None
    return time, hits


def prime(watched: Watched, subjects: Iterable[tuple[Subject, datetime]]) -> None:
    """Give a rule that is new what was there before it, so that it knows what is usual; it says nothing of that."""
    for subject, at in subjects:
        if subject.over != watched.rule.subject or subject.is_gone or not watched.runner.query(subject.document):
            continue
        known = watched.seen.get(subject.id)
        watched.seen[subject.id] = subject.revision
        if known is not None and subject.over not in {"findings", "sources"}:
            continue
        event = Event(min(subject.time or at, at), subject.id, watched.runner.project(subject.document))
        if isinstance(watched.rule, NewTermRule):
            watched.runner.learn(event)
            continue
        _drop(watched.advance(at, only_last=True))
        _drop(watched.take(event, at))


def _drop(said: Iterator[object]) -> None:
    for _ in said:
        pass
