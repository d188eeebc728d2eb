"""Types that count documents within a time: frequency, flatline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pipeline.alerts.kinds.base import Event, Key, Kind, Match, keys_of
from pipeline.alerts.kinds.window import Entry, Window, mark
from pipeline.alerts.rule import FlatlineRule, FrequencyRule


class Frequency(Kind):
    """At least ``num_events`` within ``timeframe``; what was told of is not counted again."""

    def __init__(self, rule: FrequencyRule) -> None:
        super().__init__(rule)
        self.least = rule.num_events
        self._rule = rule
        self._windows: dict[Key, Window] = {}

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            for key in keys_of(event.document, self._rule.keys):
                window = self._windows.get(key)
                if window is None:
                    window = self._windows[key] = Window(self._rule.timeframe.delta)
                window.add(Entry(event.time, 1, event.id))
                if window.total >= self._rule.num_events:
                    yield Match(window.newest, key, window.ids, {"count": int(window.total)})
                    del self._windows[key]

    def tick(self, run: datetime) -> Iterator[Match]:
        """Forget keys of which nothing can be counted any more."""
        length = self._rule.timeframe.delta
        self._windows = {key: window for key, window in self._windows.items() if run - window.newest <= length}
        yield from ()


class Flatline(Kind):
    """Fewer than ``threshold`` within ``timeframe``, once that has passed since a key was first looked at."""

    by_run = lasts = True

    def __init__(self, rule: FlatlineRule) -> None:
        super().__init__(rule)
        self._rule, self._length = rule, rule.timeframe.delta
        self._windows: dict[Key, Window] = {}
        self._since: dict[Key, datetime] = {}

    @property
    def is_timed(self) -> bool:
        return True

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        last: list[Key] = []
        for event in events:
            last = keys_of(event.document, self._rule.keys)
            for key in last:
                self._window(key).add(Entry(event.time, 1, event.id))
        for key in last:
            yield from self._look(key)

    def tick(self, run: datetime) -> Iterator[Match]:
        """Let each key's window move on to ``run``; without a query key there is one from the start."""
        for key in list(self._windows) or ([] if self._rule.keys else [None]):
            self._window(key).add(mark(run))
            self._since.setdefault(key, run)
            yield from self._look(key)

    def _window(self, key: Key) -> Window:
        if key not in self._windows:
            self._windows[key] = Window(self._length)
        return self._windows[key]

    def _look(self, key: Key) -> Iterator[Match]:
        window = self._windows[key]
        now = window.newest
        since = self._since.setdefault(key, now)
        if window.total >= self._rule.threshold:
            self.over.add(key)
            return
        if now - since < self._length:
            return
        self.over.discard(key)
        yield Match(now, key, window.ids, {"count": int(window.total), "threshold": self._rule.threshold})
        if self._rule.forget_keys:
            del self._windows[key], self._since[key]
        else:  # speaks again at the next look, until there are enough
            self._since[key] = min(window.oldest, now - self._length)
