"""When a rule that has spoken speaks again: not before ``realert`` has passed, for each key apart."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipeline.alerts.kinds.base import Key
from pipeline.alerts.rule import Rule


class Silence:
    """Of one rule. The time is that at which an alert is sent, not that of what it tells of."""

    def __init__(self, rule: Rule) -> None:
        self._step = rule.silence
        self._longest = rule.exponential_realert.delta if rule.exponential_realert else None
        #: Key → (silent until, how many times the silence was doubled).
        self._until: dict[Key, tuple[datetime, int]] = {}

    def lets_through(self, key: Key, now: datetime) -> bool:
        """Whether the rule may speak about the key; if so it is silent from now on."""
        until, power = self._until.get(key, (None, 0))
        if until is not None and now < until:
            return False
        if self._step:
            self._until[key] = self._next(until, power, now)
        return True

    def of(self, key: Key) -> tuple[datetime, int] | None:
        """(silent about the key until, how many times that was doubled); None if it never spoke."""
        return self._until.get(key)

    def put(self, key: Key, until: datetime, power: int) -> None:
        """As :meth:`of` gave it."""
        self._until[key] = (until, power)

    def _next(self, until: datetime | None, power: int, now: datetime) -> tuple[datetime, int]:
        """Twice as long if it goes on, halved again for each such time without an alert, never more than the longest."""
        if until is None or self._longest is None:
            return now + self._step, 0
        since = now - until
        if since < self._step * 2**power:
            power += 1
        else:
            while power > 0 and since > self._step * 2**power:
                since -= self._step * 2**power
                power -= 1
        wait: timedelta = self._step * 2**power
        return (now + self._longest, power - 1) if wait >= self._longest else (now + wait, power)
