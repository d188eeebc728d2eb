"""Type cardinality: how many different values a field has within a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from math import inf
from typing import Any

from pipeline.alerts.kinds.base import Event, Key, Kind, Match, keys_of, single
from pipeline.alerts.rule import CardinalityRule


class Cardinality(Kind):
    """More than ``max_cardinality``, or fewer than ``min_cardinality`` once the time has passed, different values."""

    def __init__(self, rule: CardinalityRule) -> None:
        super().__init__(rule)
        self.least = 1 if rule.max_cardinality is None else rule.max_cardinality + 1
        self._rule, self._length = rule, rule.timeframe.delta
        self._most = inf if rule.max_cardinality is None else rule.max_cardinality
        self._least = -inf if rule.min_cardinality is None else rule.min_cardinality
        #: Key → value → when it last came, and in which document.
        self._last: dict[Key, dict[Any, tuple[datetime, str]]] = {}
        #: Since when a key is looked at; again from its next document once it has spoken.
        self._since: dict[Key, datetime] = {}
        #: When it was last run.
        self._ticked: datetime | None = None

    @property
    def is_timed(self) -> bool:
        return self._rule.min_cardinality is not None

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            found = single(event.document, self._rule.cardinality_field)
            for key in keys_of(event.document, self._rule.keys):
                last = self._last.setdefault(key, {})
                self._since.setdefault(key, event.time)
                if found is None:
                    continue
                if self._ticked is not None and not self.is_timed:
                    yield from self._look([key], self._ticked)
                last.pop(found, None)
                last[found] = (event.time, event.id)
                if self._is_odd(key, event.time):  # only now is it worth while to take out what is too old
                    yield from self._look(self._last if self.is_timed else [key], event.time)
                    yield from self._speak(key, event.time)

    def tick(self, run: datetime) -> Iterator[Match]:
        """Look at each key if there can be too few; else what is too old by now is forgotten when its key comes again."""
        self._ticked = run
        if self.is_timed:
            yield from self._look(self._last, run)

    def _look(self, keys: Iterable[Key], now: datetime) -> Iterator[Match]:
        """Forget values that are too old; say where there are too few."""
        for key in keys:
            last = self._last[key]
            for old in [one for one, (when, _) in last.items() if now - when > self._length]:
                del last[old]
            if self.is_timed:
                yield from self._speak(key, now)

    def _is_odd(self, key: Key, now: datetime) -> bool:
        many = len(self._last[key])
        elapsed = now - self._since.get(key, now)
        return many > self._most or (many < self._least and elapsed > self._length)

    def _speak(self, key: Key, now: datetime) -> Iterator[Match]:
        if self._is_odd(key, now):
            self._since.pop(key, None)
            last = self._last[key]
            yield Match(now, key, tuple(dict.fromkeys(one for _, one in last.values())), {"cardinality": len(last)})
