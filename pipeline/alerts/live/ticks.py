"""The clock of the alert stage: a record a second, as long as somebody reads them."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipeline.alerts.live.model import Tick
from pipeline.alerts.topics import TICKS
from pipeline.model import encode
from pipeline.ports import Bus, Clock, Record

PAUSE = timedelta(seconds=1)


class Ticks:
    """A worker that reads nothing."""

    name = "ticks"
    inputs: tuple[str, ...] = ()

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._last: datetime | None = None

    def step(self) -> int:
        """Say what time it is, if a second has passed."""
        now = self._clock.now()
        if self._last is None or now - self._last >= PAUSE:
            self._last = now
            self._bus.publish([Record(topic=TICKS, key="alerts", timestamp=now, value=encode(Tick(at=now)))])
        return 0

    def close(self) -> None:
        """Nothing is left open."""
