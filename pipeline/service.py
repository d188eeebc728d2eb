"""``fjaril run``: the pipeline as a service, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import date, datetime, timedelta
from math import inf
from typing import Any, TypeVar

import structlog

from collectors.collect import Collector
from collectors.engine import Engine
from collectors.engine import run as run_in_loop
from collectors.schedule import Schedule
from collectors.streams import Streams
from pipeline import app, erase, erasure
from pipeline.clock import SystemClock
from pipeline.erase import Receipt
from pipeline.errors import FjarilError
from pipeline.export import write
from pipeline.live import Live, running
from pipeline.model import Source, SourceState
from pipeline.ports import Clock, Index
from pipeline.settings import Settings, sources_of
from pipeline.situation import period

log = structlog.get_logger()
T = TypeVar("T")
#: Seconds between two looks at whether the stages still run.
_LOOK = 1.0
#: Seconds between two removals of what is past its retention.
_EXPIRY = 3600.0
#: The hour (UTC) in which all events are looked at again, the longest time without, and seconds between two looks at the clock.
_NIGHT, _OVERDUE, _LOOK_AT_CLOCK = 1, timedelta(hours=36), 60.0
#: Seconds that the stages are given to take withdrawals, and between two looks.
_PATIENCE, _LOOK_AT_STAGES = 600.0, 0.5
#: A day is exported so long after its end, and so many days are caught up with.
_SETTLED, _CAUGHT_UP = timedelta(hours=3), 31


class Stopped(Exception):  # noqa: N818  (not an error: somebody asked for it)
    """SIGTERM or Ctrl-C came, and everything that was begun has been finished."""


def in_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` in the collectors' loop; SIGTERM and Ctrl-C cancel it.

    :raises Stopped: if it was cancelled so.
    """
    try:
        return run_in_loop(_stoppable(main))
    except asyncio.CancelledError as error:
        raise Stopped from error


async def _stoppable(main: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101  (a coroutine that runs has one)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await main
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def serve(settings: Settings, stages: Sequence[str], watch: Callable[[Live], None]) -> None:
    """Collect and process until cancelled.

    :param watch: is given the pipeline once it runs.
    :raises FjarilError: what has stopped it, if nobody did.
    """
    sources = sources_of(settings) if "collect" in stages else ()
    with _logged(settings, stages), running(settings, stages, SystemClock()) as live:
        watch(live)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_look_after(settings, live))
                if live.index is not None:
                    tasks.create_task(_retention(settings, live, live.index))
                if "spread" in stages:
                    tasks.create_task(_nights(settings, live))
                    if settings.export.nightly:
                        tasks.create_task(_exports(settings, live))
                if "collect" in stages:
                    tasks.create_task(_collect(settings, sources, live))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors


@contextmanager
def _logged(settings: Settings, stages: Sequence[str]) -> Iterator[None]:
    log.info("starting", stages=list(stages), data=str(settings.data_dir))
    try:
        yield
    finally:
        log.info("stopped")


async def _collect(settings: Settings, sources: Sequence[Source], live: Live) -> None:
    clock = SystemClock()
    logging.getLogger("apscheduler.executors.default").addFilter(_not_cut_short)
    async with AsyncExitStack() as stack:
        archive = stack.enter_context(app.archive(settings))
        engine = await stack.enter_async_context(Engine(settings.http, clock))
        collector = await stack.enter_async_context(Collector(engine, live.bus, clock, app.private(settings), archive))
        pushed: Callable[[str], bool] = _pushed_by_nobody
        visited: Callable[[Source, SourceState], None] = live.visited
        if settings.websub.callback:
            hubs = await stack.enter_async_context(app.subscriber(settings, engine, collector, clock, sources))
            pushed, visited = hubs.pushes, _both(live.visited, hubs.visited)
        await stack.enter_async_context(Streams(collector, sources, clock, live.ready, visited))
        await stack.enter_async_context(Schedule(collector, sources, live.ready, visited, pushed))
        while True:  # until cancelled
            gone = {id_: one.source for id_, one in erase.erased(live.bus).items()}
            if archive is not None:
                emptied = await collector.forget(gone)
                expired = archive.expire(clock.now())
            else:  # there may be one of before
                emptied = await asyncio.to_thread(app.forget_answers, settings, gone)
                expired = await asyncio.to_thread(app.expire_answers, settings, clock.now())
            log.info("archive_expired", answers=expired, emptied=emptied)
            await asyncio.sleep(_EXPIRY)


def _pushed_by_nobody(_source_id: str) -> bool:
    return False


def _both(*told: Callable[[Source, SourceState], None]) -> Callable[[Source, SourceState], None]:
    def tell(source: Source, state: SourceState) -> None:
        for one in told:
            one(source, state)

    return tell


def _not_cut_short(record: logging.LogRecord) -> bool:
    """APScheduler logs a visit that a stop cuts short as an error; it is none: the next start visits the source again."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def night_is_due(now: datetime, last: datetime | None, hour: int = _NIGHT) -> bool:
    """Whether what is done each night is to be done now: once, in its hour, and at any hour when a night was missed."""
    if last is None:
        return now.hour == hour
    return now - last >= _OVERDUE or (now.hour == hour and last.date() < now.date())


async def _nights(settings: Settings, live: Live) -> None:
    """Look again at all events when it is time."""
    clock = SystemClock()
    while True:
        now = clock.now()
        if night_is_due(now, app.last_night(live.bus)):
            await asyncio.to_thread(app.night, settings, live.bus, now)
            log.info("night", seconds=round((clock.now() - now).total_seconds(), 1))
        await asyncio.sleep(_LOOK_AT_CLOCK)


def exports_due(now: datetime, done: Sequence[date]) -> list[date]:
    """The days to be exported: since the first that was, those of the last month that are missing; yesterday alone where none was.

    A day is over when its last documents have come, some hours after Swedish midnight.
    """
    last = period.day_of(now - _SETTLED) - timedelta(days=1)
    first = max(min(done, default=last), last - timedelta(days=_CAUGHT_UP))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if day not in done]


async def _exports(settings: Settings, live: Live) -> None:
    """Export each day once it is over, those that were missed too; remove what is past its retention."""
    clock, directory = SystemClock(), settings.export_path
    while True:
        now = clock.now()
        for day in write.days(directory):
            if period.day_of(now) - day > timedelta(days=settings.export.keep):
                await asyncio.to_thread(write.remove, directory, day)
        for day in exports_due(now, write.days(directory)):
            try:
                await asyncio.to_thread(app.export, settings, live.bus, day)
            except FjarilError as error:
                # another process exports, or the disk is full: the pipeline goes on, and the next look tries again
                log.warning("export", day=str(day), error=str(error))
                break
            log.info("export", day=str(day))
        await asyncio.sleep(_LOOK_AT_CLOCK)


async def _retention(settings: Settings, live: Live, index: Index) -> None:
    """Erase each night what is past its retention; finish what an erasure that was cut short has left, at once and each hour."""
    clock, loop = SystemClock(), asyncio.get_running_loop()
    finished = begun = -inf
    while True:
        kept, now = await asyncio.to_thread(erase.receipts, live.bus), loop.time()
        unfinished = [receipt for receipt in kept if not receipt.is_complete]
        last, is_due = erase.looked(kept), False
        if settings.keep.erase_nightly:
            is_due = night_is_due(clock.now(), last, settings.keep.erase_hour)
        try:
            if unfinished and now - finished >= _EXPIRY:
                with erasure.only_one(settings):
                    finished = now
                    for receipt in unfinished:
                        await _finish(settings, live, index, receipt, clock)
            elif is_due and now - begun >= _EXPIRY:
                with erasure.only_one(settings):
                    begun = now
                    await _erase_old(settings, live, index, last, clock)
        except FjarilError as error:
            # another process erases or exports, or the log cannot be written: the pipeline goes on, and a later look tries again
            log.warning("retention", error=str(error))
        await asyncio.sleep(_LOOK_AT_CLOCK)


async def _erase_old(settings: Settings, live: Live, index: Index, since: datetime | None, clock: Clock) -> None:
    """Follow what sources have withdrawn ``since``; erase what is past its retention, some at a time; the last receipt says that nothing is."""
    for receipt in await asyncio.to_thread(erasure.follow, settings, live.bus, since, clock.now()):
        await _finish(settings, live, index, receipt, clock)
    while True:
        now = clock.now()
        items = await asyncio.to_thread(erasure.due, settings, live.bus, now)
        receipt = await asyncio.to_thread(
            erasure.begin, settings, live.bus, index, items, who=erasure.SYSTEM, purpose=erasure.PURPOSE, now=now
        )
        if not items or not await _finish(settings, live, index, receipt, clock):
            return


async def _finish(settings: Settings, live: Live, index: Index, receipt: Receipt, clock: Clock) -> bool:
    """Finish an erasure once the stages have taken its withdrawals, or have had time to; whether nothing is left."""
    wanted = await asyncio.to_thread(erase.documents_of, live.bus, receipt)
    await _taken(settings, live, index, list(wanted))
    done = await asyncio.to_thread(erasure.finish, settings, live.bus, index, receipt, wanted, clock.now(), rewritten=False)
    log.info("erased", at=done.at.isoformat(), who=done.who, documents=len(wanted), complete=done.is_complete)
    return done.is_complete


async def _taken(settings: Settings, live: Live, index: Index, ids: list[str]) -> None:
    """Return once the stages have taken the withdrawals one after the other, and search finds none of the documents; or after a while."""

    def is_found() -> bool:
        while ids and erase.is_gone(index, ids[-1]):
            ids.pop()
        return bool(ids)

    loop, before = asyncio.get_running_loop(), [stage for stage in erasure.STAGES if stage in app.stages(settings) and stage != "index"]
    deadline = loop.time() + _PATIENCE
    while loop.time() < deadline:
        live.check()
        # a stage that stands at the end of what it reads has taken them only if all before it have
        while before and not any(live.bus.lag(before[0], app.READS[before[0]]).values()):
            del before[0]
        if not before and not await asyncio.to_thread(is_found):
            return
        await asyncio.sleep(_LOOK_AT_STAGES)


async def _look_after(settings: Settings, live: Live) -> None:
    """Stop when a stage has stopped; remove what is past its retention."""
    loop, keep = asyncio.get_running_loop(), settings.keep
    expired, looked = -_EXPIRY, None
    while True:
        live.check()
        live.lag()
        if loop.time() - expired >= _EXPIRY:
            now = SystemClock().now()
            removed = await asyncio.to_thread(live.bus.expire, now)
            documents = 0
            if live.index is not None and keep.index is not None:
                documents = await asyncio.to_thread(live.index.expire, now - timedelta(days=keep.index))
            await asyncio.to_thread(app.forget_pictures, settings, now)
            if live.index is not None:
                await asyncio.to_thread(erase.again, live.bus, live.index, looked, now)
                looked = now - timedelta(seconds=_EXPIRY)
            log.info("expired", records=removed, documents=documents)
            expired = loop.time()
        await asyncio.sleep(_LOOK)
