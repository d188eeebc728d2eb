"""Type silence: a key from which nothing has come for much longer than its own rhythm."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pipeline.alerts.kinds.base import Event, Key, Kind, Match, keys_of
from pipeline.alerts.rule import SilenceRule
from pipeline.health import rhythm

#: Pauses of a key that are remembered.
_REMEMBERED = 200


class Silent(Kind):
    """Tells once of each silence; what comes after it ends it."""

    def __init__(self, rule: SilenceRule) -> None:
        super().__init__(rule)
        self._rule = rule
        self._last: dict[Key, Event] = {}
        self._pauses: dict[Key, deque[timedelta]] = {}
        self._told: set[Key] = set()

    @property
    def is_timed(self) -> bool:
        return True

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            for key in keys_of(event.document, self._rule.keys):
                before = self._last.get(key)
                if before is not None and event.time > before.time:
                    self._pauses.setdefault(key, deque(maxlen=_REMEMBERED)).append(event.time - before.time)
                if before is None or event.time >= before.time:
                    self._last[key] = event
                if key in self._told:
                    self._told.discard(key)
                    self.over.add(key)
        yield from ()

    def tick(self, run: datetime) -> Iterator[Match]:
        for key, last in self._last.items():
            pauses = self._pauses.get(key, ())
            if key in self._told or len(pauses) < self._rule.pauses:
                continue
            usual = rhythm(list(pauses))
            silent = run - last.time
            if silent > max(usual * self._rule.factor, self._rule.least.delta):
                self._told.add(key)
                self.over.discard(key)
                figures = {"silent_hours": round(silent / timedelta(hours=1), 2), "rhythm_hours": round(usual / timedelta(hours=1), 2)}
                yield Match(run, key, (last.id,), figures)
