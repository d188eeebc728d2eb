"""Types that look at all documents of a time at once: metric_aggregation, spike_aggregation, percentage_match."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import fmean
from typing import Any

from pipeline.alerts.fields import Document, values
from pipeline.alerts.kinds.base import Event, Key, Kind, Match, keys_of
from pipeline.alerts.kinds.spike import Measure, Pairs
from pipeline.alerts.kinds.window import Entry
from pipeline.alerts.query import every
from pipeline.alerts.rule import Metric, MetricAggregationRule, PercentageMatchRule, SpikeAggregationRule

_MEASURES: dict[Metric, Measure] = {"avg": "mean", "min": "min", "max": "max"}


class _Recent:
    """The documents of (run − length, run], by key; keys without a document are left out."""

    def __init__(self, rule: MetricAggregationRule | SpikeAggregationRule | PercentageMatchRule) -> None:
        self._length = (rule.buffer_time or rule.run_every).delta
        self._fields = rule.keys
        self._events: deque[Event] = deque()

    def at(self, events: Sequence[Event], run: datetime) -> dict[Key, list[Event]]:
        self._events.extend(events)
        self._drop(run - self._length)
        groups: dict[Key, list[Event]] = {} if self._fields else {None: []}
        for event in self._events:
            for key in keys_of(event.document, self._fields):
                if key is not None or not self._fields:  # as a terms aggregation, which has no bucket for what is missing
                    groups.setdefault(key, []).append(event)
        return groups

    def _drop(self, before: datetime) -> None:
        while self._events and self._events[0].time <= before:
            self._events.popleft()


class MetricAggregation(Kind):
    """A figure beyond ``max_threshold`` or below ``min_threshold``."""

    by_run = lasts = True

    def __init__(self, rule: MetricAggregationRule) -> None:
        super().__init__(rule)
        self._rule, self._recent = rule, _Recent(rule)

    @property
    def is_timed(self) -> bool:
        return True

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:
        for key, group in self._recent.at(events, run).items():
            figure = _metric(self._rule.metric_agg_type, group, self._rule.metric_agg_key)
            if figure is not None and _is_outside(figure, self._rule.min_threshold, self._rule.max_threshold):
                self.over.discard(key)
                yield Match(run, key, tuple(event.id for event in group), {"value": figure})
            else:
                self.over.add(key)


class SpikeAggregation(Kind):
    """A spike of the figures of the runs."""

    by_run = True

    def __init__(self, rule: SpikeAggregationRule) -> None:
        super().__init__(rule)
        self._rule, self._recent = rule, _Recent(rule)
        self._pairs = Pairs(rule, _MEASURES.get(rule.metric_agg_type, "total"))

    @property
    def is_timed(self) -> bool:
        return True

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:
        self._pairs.is_muted = self.is_muted
        for key, group in self._recent.at(events, run).items():
            figure = _metric(self._rule.metric_agg_type, group, self._rule.metric_agg_key)
            if figure is not None:
                yield from self._pairs.add(key, Entry(run, figure, group[-1].id if group else ""))

    def spoke(self, key: Key, time: datetime) -> None:
        self._pairs.spoke(key, time)


#: Where a document that was reduced to what the rule reads says whether it is one of the share.
BUCKET = "(bucket)"


class PercentageMatch(Kind):
    """A share beyond ``max_percentage`` or below ``min_percentage``."""

    by_run = lasts = True

    def __init__(self, rule: PercentageMatchRule) -> None:
        super().__init__(rule)
        self._rule, self._recent = rule, _Recent(rule)
        self._matches = every(rule.match_bucket_filter, "match_bucket_filter")

    @property
    def is_timed(self) -> bool:
        return self._rule.buffer_time is not None

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:
        for key, group in self._recent.at(events, run).items():
            if not group or len(group) < self._rule.min_denominator:
                continue
            found = [event for event in group if self._is_counted(event.document)]
            share = 100 * len(found) / len(group)
            if _is_outside(share, self._rule.min_percentage, self._rule.max_percentage):
                self.over.discard(key)
                yield Match(run, key, tuple(event.id for event in found), {"percentage": share, "denominator": len(group)})
            else:
                self.over.add(key)

    def project(self, document: Document) -> dict[str, Any]:
        """With whether it is one of the share."""
        return super().project(document) | {BUCKET: self._is_counted(document)}

    def _is_counted(self, document: Document) -> bool:
        return bool(document[BUCKET]) if BUCKET in document else self._matches(document)


def _metric(kind: Metric, events: Sequence[Event], field: str) -> float | None:
    """Of no documents 0 or, where that would mean something, None."""
    found = [one for event in events for one in values(event.document, field)]
    if kind == "value_count":
        return len(found)
    if kind == "cardinality":
        return len({repr(one) for one in found})
    numbers = [number for one in found if (number := _number(one)) is not None]
    if kind == "sum":
        return sum(numbers)
    if not numbers:
        return None
    return fmean(numbers) if kind == "avg" else min(numbers) if kind == "min" else max(numbers)


def _number(one: Any) -> float | None:
    return float(one) if isinstance(one, int | float) else None


def _is_outside(figure: float, least: float | None, most: float | None) -> bool:
    return (most is not None and figure > most) or (least is not None and figure < least)
