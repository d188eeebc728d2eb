"""Runs rules over documents in time order: at each multiple of ``run_every`` the documents since the last run, then the time itself."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct

from pipeline.alerts.anchors import Anchors
from pipeline.alerts.fields import Document
from pipeline.alerts.kinds import aggregate, cardinality, compare, counts, finding, silence, spike
from pipeline.alerts.kinds.base import Event, Kind, Match
from pipeline.alerts.query import every
from pipeline.alerts.rule import (
    AnyRule,
    AnyType,
    BlacklistRule,
    BurstRule,
    CardinalityRule,
    ChangeRule,
    FlatlineRule,
    FrequencyRule,
    MetricAggregationRule,
    NewTermRule,
    Over,
    PercentageMatchRule,
    Rule,
    SilenceRule,
    SpikeAggregationRule,
    SpikeRule,
    SpreadRule,
    SurgeRule,
    WhitelistRule,
)
from pipeline.alerts.silence import Silence
from pipeline.alerts.text import WORDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Type of rule → what does it.
_KINDS: dict[type[Rule], Any] = {
    AnyRule: compare.Everything,
    BlacklistRule: compare.Blacklist,
    WhitelistRule: compare.Whitelist,
    ChangeRule: compare.Change,
    NewTermRule: compare.NewTerm,
    FrequencyRule: counts.Frequency,
    FlatlineRule: counts.Flatline,
    SpikeRule: spike.Spike,
    CardinalityRule: cardinality.Cardinality,
    MetricAggregationRule: aggregate.MetricAggregation,
    SpikeAggregationRule: aggregate.SpikeAggregation,
    PercentageMatchRule: aggregate.PercentageMatch,
    SpreadRule: finding.Findings,
    BurstRule: finding.Findings,
    SurgeRule: finding.Findings,
    SilenceRule: silence.Silent,
}


#: ``type`` of a record → what it is to rules.
_OVER: dict[str, Over] = {"document": "documents", "story": "stories", "spread": "findings", "source_state": "sources"}


class Alert(Struct, frozen=True, kw_only=True):
    """What a rule says."""

    rule: str
    #: When what it tells of was.
    time: datetime
    #: Value of the query key; None without one, or where the documents have none.
    key: str | None
    #: Documents that made it, the oldest first.
    ids: tuple[str, ...]
    severity: str
    #: When it was sent: the run that found it.
    sent: datetime
    figures: Mapping[str, Any]


class Spoken(NamedTuple):
    """A rule said something of a key, which it may have been silent about."""

    key: str | None
    #: When what it tells of was, and when it said so.
    time: datetime
    at: datetime
    #: Until when it is silent about the key, and how many times that was doubled.
    silence: tuple[datetime, int] | None
    #: The document of which it said so; empty: at a run.
    document: str = ""


class Runner:
    """One rule with what it remembers."""

    def __init__(self, rule: AnyType) -> None:
        """Begin without memory.

        :raises QueryError: if a filter of the rule cannot be understood.
        """
        self.rule = rule
        self.every = rule.run_every.delta
        #: What the rule is about.
        self.query = every(rule.filter)
        self._kind: Kind = _KINDS[type(rule)](rule)
        self._silence = Silence(rule)
        #: What it said where time alone can make it speak, silent or not, since the last time that somebody took it.
        self.spoken: list[Spoken] = []

    @property
    def is_timed(self) -> bool:
        """Whether runs without documents are to be done."""
        return self._kind.is_timed

    @property
    def is_by_run(self) -> bool:
        """Whether it speaks of a document at the next run alone."""
        return self._kind.by_run

    @property
    def lasts(self) -> bool:
        """Whether it says so again for as long as it holds."""
        return self._kind.lasts

    @property
    def least(self) -> int:
        """Fewer documents than this would not have made it speak."""
        return self._kind.least

    def over(self) -> set[str | None]:
        """Keys of which what was said is over, since the last time that somebody asked."""
        found, self._kind.over = self._kind.over, set()
        return found

    def project(self, document: Document) -> dict[str, Any]:
        """What of a document it looks at."""
        return self._kind.project(document)

    def take(self, event: Event, now: datetime) -> Iterator[Alert]:
        """A document as it comes, between two runs."""
        yield from self._let_through(list(self._kind.take([event], now)), now, event.id)

    def _let_through(self, matches: Sequence[Match], now: datetime, document: str = "") -> Iterator[Alert]:
        for match in matches:
            passes = self._silence.lets_through(match.key, now)
            if self.is_timed:
                self.spoken.append(Spoken(match.key, match.time, now, self._silence.of(match.key), document))
            if passes:
                yield self._alert(match, now)

    def recall(self, spoken: Spoken) -> None:
        """What it said at that time, while it was not asked (:meth:`skim`)."""
        self._kind.spoke(spoken.key, spoken.time)
        if spoken.silence is not None:
            self._silence.put(spoken.key, *spoken.silence)

    def skim(self, events: Sequence[Event], run: datetime | None) -> None:
        """Documents and times of long ago, without asking what it says of them.

        :param run: None: the documents came between two runs.
        """
        self._kind.is_muted = True
        for _ in self._kind.take(events, run or events[-1].time):
            pass
        if run is not None:
            for _ in self._kind.tick(run):
                pass
        self._kind.is_muted = False

    def go_on(self, before: Runner) -> None:
        """Remember what a version of the rule remembers that counts the same."""
        self._kind, self._silence = before._kind, before._silence

    def learn(self, event: Event) -> None:
        """A document that the rule is about came before the rule began: what it has is not new."""
        if isinstance(self._kind, compare.NewTerm):
            self._kind.learn(event.document)

    def run(self, events: Sequence[Event], run: datetime) -> Iterator[Alert]:
        """The run at ``run``, with the documents since the last that the rule is about, oldest first."""
        yield from self._let_through([*self._kind.take(events, run), *self._kind.tick(run)], run)

    def _alert(self, match: Match, run: datetime) -> Alert:
        rule = self.rule
        return Alert(
            rule=rule.name, time=match.time, key=match.key, ids=match.ids, severity=rule.severity, sent=run, figures=match.figures
        )  # fmt: skip


class Course:
    """Rules and the documents that each is about, ready to be run once."""

    def __init__(self, rules: Sequence[AnyType], events: Iterable[Event]) -> None:
        """:param events: in any order; they are taken in that of their time."""
        self.events = sorted(events, key=lambda event: event.time)
        self._runners = [Runner(rule) for rule in rules]
        anchors = Anchors([runner.query for runner in self._runners], WORDS)
        #: For each rule the documents that it is about.
        self.about: list[list[Event]] = [[] for _ in rules]
        for event in self.events:
            over = _OVER.get(str(event.document.get("type")))  # a plain document need not say what it is
            for number in anchors.holding(event.document):
                if over is None or over == rules[number].subject:
                    self.about[number].append(event)

    def alerts(self, *, start: datetime | None = None, until: datetime | None = None) -> Iterator[Alert]:
        """What the rules say, in the order in which it is sent.

        :param start: what is earlier was there before the rules; the first document's time if left out.
        :param until: the last run is the first at or after it; that which takes the last document if left out.
        """
        begin = start or (self.events[0].time if self.events else until)
        if begin is None:
            return
        end = until or max(begin, self.events[-1].time if self.events else begin)
        runs = [_alerts(runner, mine, begin, end) for runner, mine in zip(self._runners, self.about, strict=True)]
        yield from heapq.merge(*runs, key=lambda alert: alert.sent)


def _alerts(runner: Runner, events: Sequence[Event], begin: datetime, end: datetime) -> Iterator[Alert]:
    at = 0
    earliest = begin - (runner.rule.terms_window_size.delta if isinstance(runner.rule, NewTermRule) else timedelta(0))
    while at < len(events) and events[at].time < begin:
        if events[at].time >= earliest:
            runner.learn(events[at])
        at += 1
    run, last = at_or_after(begin, runner.every), at_or_after(end, runner.every)
    while run <= last:
        first = at
        while at < len(events) and events[at].time <= run:
            at += 1
        yield from runner.run(events[first:at], run)
        runner.spoken.clear()
        run += runner.every
        if not runner.is_timed:  # nothing can be said before the next document
            if at >= len(events):
                return
            run = max(run, at_or_after(events[at].time, runner.every))


def at_or_after(moment: datetime, step: timedelta) -> datetime:
    """The first multiple of ``step`` since 1970 that is not before ``moment``."""
    return _EPOCH + -(-(moment - _EPOCH) // step) * step


def first_after(moment: datetime, step: timedelta) -> datetime:
    """The first multiple of ``step`` since 1970 that is after ``moment``."""
    return _EPOCH + ((moment - _EPOCH) // step + 1) * step
