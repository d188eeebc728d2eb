"""The clocks: the system's, and a virtual one for replays and tests."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait, really."""
        await asyncio.sleep(seconds)


class VirtualClock:
    """A time that goes on only when told to: a sleeper moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The virtual time, in UTC."""
        return self._now

    def advance_to(self, moment: datetime) -> None:
        """Move on to ``moment``; never back."""
        self._now = max(self._now, moment.astimezone(UTC))

    async def sleep(self, seconds: float) -> None:
        """Move on by ``seconds`` at once, and let other tasks run."""
        self._now += timedelta(seconds=seconds)
        await asyncio.sleep(0)
