"""When a host may be called: one call at a time, spaced, within the host's own limits, and not while it asks for peace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from msgspec import Struct

from collectors.failures import Blocked
from pipeline.ports import Clock

#: A Retry-After up to this many seconds is waited for; a longer one becomes the source's state.
PATIENCE = 30.0


class Limits(Struct, frozen=True, kw_only=True):
    """What a host allows."""

    #: Least number of seconds from the beginning of one call to that of the next.
    delay: float
    #: (calls, seconds): at most so many calls in any stretch of so many seconds.
    windows: tuple[tuple[int, float], ...] = ()


#: Limits that a site publishes, beyond what the settings ask. Each holds for the domain and all below it.
PUBLISHED = {"polisen.se": Limits(delay=10.0, windows=((60, 3600.0), (1440, 86400.0)))}


def host_of(url: str) -> str:
    """The name by which :class:`Gate` knows the host of an address; empty if it has none."""
    return urlsplit(url).hostname or ""


class _Host:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.lock = asyncio.Lock()
        self.calls: deque[datetime] = deque(maxlen=max([1, *(count for count, _ in limits.windows)]))
        self.held: datetime | None = None

    def earliest(self, now: datetime, delay: float) -> datetime:
        """When the next call may begin, as far as spacing and windows go. A call that lies ahead was one before the clock
        was set back: it counts as one of now, so that nobody waits for the old time to come again.
        """
        stretches = ((1, max(delay, self.limits.delay)), *self.limits.windows)
        calls = [(self.calls[-count], seconds) for count, seconds in stretches if len(self.calls) >= count]
        return max([now, *(min(call, now) + timedelta(seconds=seconds) for call, seconds in calls)])


class Gate:
    """One for all the collectors of a process.

    :param clock: the time that spacing goes by: virtual in a replay.
    :param host_delay: least number of seconds between two calls to a host.
    """

    def __init__(self, clock: Clock, host_delay: float) -> None:
        self._clock, self._delay = clock, host_delay
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str, crawl_delay: float = 0.0) -> AsyncIterator[None]:
        """Wait until ``host`` may be called, and keep others from calling it in the meantime.

        :param crawl_delay: seconds that its robots.txt asks for between two calls.
        :raises Blocked: if the host asked to be left alone for longer than :data:`PATIENCE`.
        """
        known = self._host(host)
        async with known.lock:
            await self._respect_hold(known)
            wait = (known.earliest(self._clock.now(), crawl_delay) - self._clock.now()).total_seconds()
            if wait > 0:
                await self._clock.sleep(wait)
            known.calls.append(self._clock.now())
            yield

    def hold(self, host: str, seconds: float) -> None:
        """The host answered that it wants to be left alone for so long."""
        known = self._host(host)
        until = self._clock.now() + timedelta(seconds=seconds)
        known.held = max(known.held or until, until)

    def remember(self, host: str, called: datetime) -> None:
        """A call of an earlier process: limits hold across a restart."""
        known = self._host(host)
        if not known.calls or called >= known.calls[-1]:
            known.calls.append(called)

    async def _respect_hold(self, known: _Host) -> None:
        if known.held is None:
            return
        wait = (known.held - self._clock.now()).total_seconds()
        if wait > PATIENCE:
            raise Blocked(f"the host asked not to be called before {known.held:%Y-%m-%d %H:%M:%S} UTC", wait)
        if wait > 0:
            await self._clock.sleep(wait)
        known.held = None

    def _host(self, host: str) -> _Host:
        known = self._hosts.get(host)
        if known is None:
            known = self._hosts[host] = _Host(_limits(host, self._delay))
        return known


def _limits(host: str, delay: float) -> Limits:
    for domain, limits in PUBLISHED.items():
        if host == domain or host.endswith("." + domain):
            return Limits(delay=max(delay, limits.delay), windows=limits.windows)
    return Limits(delay=delay)
