"""When each source is visited: one APScheduler job a source, in UTC, spaced by interval, the source's own word and failures.

``coalesce``, one instance at a time and no misfire limit: after a suspension or an overload each source is visited once,
not once for every time that was missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

import structlog
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from collectors.items import digest
from collectors.registry import STREAMS
from pipeline.errors import FjarilError
from pipeline.health import FEWEST
from pipeline.model import Health, Source, SourceState

#: Seconds below which no source of a kind is visited again: polisen.se allows 60 calls an hour.
FLOORS = {"polisen": 60.0}
FLOOR = 30.0
#: After failures in a row the delay grows by this factor each, up to so many seconds. Soft: an outage, likely to pass.
#: Hard: refusals and answers that are no feed, which mostly need a person.
SOFT, HARD = (2.0, 6 * 3600.0), (4.0, 24 * 3600.0)
#: Visits for each of a source's usual pauses, once so many pauses are known; how long it is asked at its interval after something new.
PER_PAUSE, AWAKE = 10.0, timedelta(hours=1)
#: How many times slower than its interval a source may be asked that says nothing else, and seconds that this never is more than.
SLOWER, SLOWEST = 4.0, 6 * 3600.0
#: Seconds between two visits of what is pushed.
PUSHED = 3600.0
_HARD = frozenset({Health.BLOCKED, Health.MALFORMED})
#: Seconds over which first visits are spread, and between two looks at whether the system's clock was set.
SPREAD, HEARTBEAT = 20.0, 30.0
_log = structlog.get_logger(__name__)


class Collects(Protocol):
    """What the schedule needs of :class:`collectors.collect.Collector`."""

    async def collect(self, source: Source) -> SourceState:
        """Visit once."""

    def state(self, source_id: str) -> SourceState | None:
        """What is known."""


def delay_after(source: Source, state: SourceState | None, *, pushed: bool = False) -> float:
    """Seconds from a visit to the next one.

    A source is asked about ten times for each time that it gives something new, between its interval and its slowest; an hour long after
    something new at its interval: where something happens, more follows.

    :param pushed: whether a hub pushes what is new.
    """
    delay = max(float(source.interval), FLOORS.get(source.kind, FLOOR))
    if state is None:
        return delay
    if pushed:
        delay = max(delay, _ceiling(source, delay), PUSHED)
    elif len(state.pauses) >= FEWEST and not _is_awake(state):
        delay = max(delay, min(sum(state.pauses) / len(state.pauses) / PER_PAUSE, _ceiling(source, delay)))
    if state.failures:
        # who says when to come again refuses softly
        factor, ceiling = HARD if state.health in _HARD and not state.wait else SOFT
        delay = max(delay, min(delay * factor ** min(state.failures, 20), ceiling))
    return max(delay, state.wait)


def _ceiling(source: Source, floor: float) -> float:
    return max(floor, float(source.slowest) if source.slowest else min(SLOWER * source.interval, SLOWEST))


def _is_awake(state: SourceState) -> bool:
    return state.changed is not None and state.checked - state.changed < AWAKE


def _trigger(interval: float) -> Any:
    jitter = min(int(interval / 10), 60) or None
    return IntervalTrigger(seconds=int(interval), jitter=jitter, timezone=UTC)  # type: ignore[no-untyped-call]


async def _always_ready() -> None:
    return


class Schedule:
    """Visits sources until it is left; opened with ``async with``, in the loop of the engine.

    :param ready: awaited before each visit: how the runner holds collecting back while later stages lag.
    :param visited: told the state after each visit, for metrics.
    :param pushed: whether a hub pushes what is new of a source.
    """

    def __init__(
        self,
        collector: Collects,
        sources: Sequence[Source],
        ready: Callable[[], Awaitable[None]] = _always_ready,
        visited: Callable[[Source, SourceState], None] = lambda _source, _state: None,
        pushed: Callable[[str], bool] = lambda _source_id: False,
    ) -> None:
        self._collector, self._ready, self._visited, self._pushed = collector, ready, visited, pushed
        self._sources = {source.id: source for source in sources if source.enabled and source.kind not in STREAMS}
        self._scheduler: Any = AsyncIOScheduler(timezone=UTC)  # type: ignore[no-untyped-call]  # APScheduler has no types
        #: Longest time that each job may lie ahead, in seconds: more than that, and the clock was set back.
        self._ahead: dict[str, float] = {}
        self._heart: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for source in self._sources.values():
            self._add(source)
        self._scheduler.start()
        self._heart = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)
        self._scheduler.shutdown(wait=False)
        await asyncio.sleep(0)  # AsyncIOScheduler does it in the next turn of the loop

    @property
    def next_visits(self) -> dict[str, datetime]:
        """Source id → when it is visited next. Sources that are gone are not in it."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs()}

    def _add(self, source: Source) -> None:
        state = self._collector.state(source.id)
        interval = delay_after(source, None)
        self._scheduler.add_job(
            self._visit,
            _trigger(interval),
            args=(source.id,),
            id=source.id,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=self._first(source, state),
        )

    def _first(self, source: Source, state: SourceState | None) -> datetime:
        """A restart does not visit a source earlier than it would have been; the others are spread, by their ids."""
        now = datetime.now(UTC)
        soon = now + timedelta(seconds=int(digest(source.id.encode())[:8], 16) / 2**32 * SPREAD)
        delay = delay_after(source, state)
        self._ahead[source.id] = max(delay, SPREAD)
        return soon if state is None else max(soon, min(state.checked, now) + timedelta(seconds=delay))

    async def _visit(self, source_id: str) -> None:
        source = self._sources[source_id]
        await self._ready()
        try:
            state = await self._collector.collect(source)
        except FjarilError as error:
            _log.error("source_not_stored", source=source_id, error=str(error))
            return
        self._visited(source, state)
        if state.health is Health.GONE:
            self._remove(source_id)
        else:
            self._put_off(source, state)

    def _put_off(self, source: Source, state: SourceState) -> None:
        """The trigger knows only the interval; whatever asks for more time than that is set here."""
        delay = delay_after(source, state, pushed=self._pushed(source.id))
        self._ahead[source.id] = delay
        if delay > delay_after(source, None):
            self._move(source.id, datetime.now(UTC) + timedelta(seconds=delay))

    async def _beat(self) -> None:
        """APScheduler sleeps by a clock that stands still in a suspension and does not see when the time is set."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            self.check_clock()

    def check_clock(self) -> None:
        """Look at the time again: what is overdue runs, and what lies further ahead than planned is brought back."""
        now = datetime.now(UTC)
        for job_id, moment in self.next_visits.items():
            limit = now + timedelta(seconds=self._ahead[job_id] + 2 * HEARTBEAT)
            if moment > limit:
                self._move(job_id, limit)
        self._scheduler.wakeup()

    def _move(self, job_id: str, moment: datetime) -> None:
        try:
            self._scheduler.modify_job(job_id, next_run_time=moment)
        except JobLookupError:
            _log.debug("job_ended", source=job_id)  # the schedule is being left

    def _remove(self, job_id: str) -> None:
        try:
            self._scheduler.remove_job(job_id)
        except JobLookupError:
            _log.debug("job_ended", source=job_id)
