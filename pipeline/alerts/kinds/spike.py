"""Type spike: the current window against the reference window before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import fmean
from typing import Literal

from pipeline.alerts.fields import value
from pipeline.alerts.kinds.base import Event, Key, Kind, Match, keys_of
from pipeline.alerts.kinds.window import Entry, Window, mark
from pipeline.alerts.rule import SpikeRule, Spiking

#: What two windows are compared by.
Measure = Literal["total", "mean", "min", "max"]


class _Pair:
    """The two windows of a key: what leaves the current one comes into the reference."""

    def __init__(self, rule: Spiking) -> None:
        self.reference = Window(rule.timeframe.delta)
        self.current = Window(rule.timeframe.delta, self.reference.add)

    @property
    def is_empty(self) -> bool:
        return not (self.reference.total or self.current.total)


class Pairs:
    """The windows of each key, and when a key may speak: once both its windows have had time to fill.

    :param measure: what of the windows is compared.
    :param positive: a window whose measure is 0 or unknown says nothing, and the thresholds are not asked.
    """

    def __init__(self, rule: Spiking, measure: Measure = "total", *, positive: bool = False) -> None:
        self._rule, self._measure, self._positive = rule, measure, positive
        self._fill = 2 * rule.timeframe.delta
        self._pairs: dict[Key, _Pair] = {}
        self._since: dict[Key, datetime] = {}
        #: Until when a key that has spoken is not taken for a new one.
        self._quiet: dict[Key, datetime] = {}
        self._filled = False
        #: Says nothing.
        self.is_muted = False

    def add(self, key: Key, entry: Entry) -> Iterator[Match]:
        """Take an entry in; speak if the windows differ enough."""
        self._since.setdefault(key, entry.time)
        pair = self._pairs.get(key)
        if pair is None:
            pair = self._pairs[key] = _Pair(self._rule)
        pair.current.add(entry)
        if not self._may_speak(key, entry.time) or self.is_muted:
            return
        reference, current = self._figure(pair.reference), self._figure(pair.current)
        if self._differ(reference, current):
            told = next((one for one in pair.current.entries if self._counts(one)), pair.current.entries[-1])
            yield Match(told.time, key, pair.current.ids, {"spike_count": current, "reference_count": reference})
            self.spoke(key, told.time)

    def spoke(self, key: Key, time: datetime) -> None:
        """What was said of the key, of that time, is not said again before its windows are filled anew."""
        if key in self._pairs:
            self._pairs[key].reference.clear()
        self._since.pop(key, None)
        self._quiet[key] = time + self._fill

    def tick(self, run: datetime) -> Iterator[Match]:
        """Let the windows of each key move on; a key of which nothing is left is forgotten, but for when it was first seen."""
        for key, pair in list(self._pairs.items()):
            if self._rule.keys and pair.is_empty:
                del self._pairs[key]
            else:
                yield from self.add(key, mark(run))

    def _may_speak(self, key: Key, now: datetime) -> bool:
        if now - self._since[key] >= self._fill:
            self._filled = True
            return True
        on_new = bool(self._rule.keys) and self._rule.alert_on_new_data
        return self._filled and on_new and now >= self._quiet.get(key, now)

    def _figure(self, window: Window) -> float | None:
        if self._measure == "total":
            return window.total
        amounts = window.amounts
        if not amounts:
            return None
        return fmean(amounts) if self._measure == "mean" else min(amounts) if self._measure == "min" else max(amounts)

    def _counts(self, entry: Entry) -> bool:
        return not entry.is_mark if self._positive else bool(entry.amount)

    def _differ(self, reference: float | None, current: float | None) -> bool:
        if reference is None or current is None:
            return False
        if self._positive:
            if not (reference and current):
                return False
        elif current < self._rule.threshold_cur or reference < self._rule.threshold_ref:
            return False
        up = current >= reference * self._rule.spike_height
        down = current <= reference / self._rule.spike_height
        return (up and self._rule.spike_type != "down") or (down and self._rule.spike_type != "up")


class Spike(Kind):
    """So many times as many documents, or as large a field, as in the time before; or so many times fewer."""

    def __init__(self, rule: SpikeRule) -> None:
        super().__init__(rule)
        self._rule = rule
        self._pairs = Pairs(rule, "mean", positive=True) if rule.field_value else Pairs(rule)

    @property
    def is_timed(self) -> bool:
        return True

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        self._pairs.is_muted = self.is_muted
        for event in events:
            amount = self._amount(event)
            if amount is not None:
                for key in keys_of(event.document, self._rule.keys):
                    yield from self._pairs.add(key, Entry(event.time, amount, event.id))

    def tick(self, run: datetime) -> Iterator[Match]:
        self._pairs.is_muted = self.is_muted
        yield from self._pairs.tick(run)

    def spoke(self, key: Key, time: datetime) -> None:
        self._pairs.spoke(key, time)

    def _amount(self, event: Event) -> int | None:
        """1, or the whole number in the field; None where it has none."""
        if self._rule.field_value is None:
            return 1
        try:
            return int(value(event.document, self._rule.field_value))
        except (TypeError, ValueError):
            return None
