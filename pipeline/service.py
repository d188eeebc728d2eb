"""``fjaril run``: the pipeline as a service, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from collectors.collect import Collector
from collectors.engine import Engine
from collectors.engine import run as run_in_loop
from collectors.schedule import Schedule
from collectors.streams import Streams
from pipeline import app, erase, nightly
from pipeline.clock import SystemClock
from pipeline.errors import FjarilError
from pipeline.live import Live, running
from pipeline.model import Source, SourceState
from pipeline.settings import Settings, sources_of

log = structlog.get_logger()
T = TypeVar("T")
#: Seconds between two looks at whether the stages still run.
_LOOK = 1.0
#: Seconds between two removals of what is past its retention.
_EXPIRY = 3600.0


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
                    tasks.create_task(nightly.retention(settings, live, live.index))
                if "spread" in stages:
                    tasks.create_task(nightly.nights(settings, live))
                    if settings.export.nightly:
                        tasks.create_task(nightly.exports(settings, live))
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
            # all that ever were: a source that still gives one puts its text into new answers, however long ago it was erased
            gone = {id_: one.source for id_, one in (await asyncio.to_thread(erase.erased, live.bus)).items()}
            try:
                if archive is not None:
                    emptied = await collector.forget(gone)
                    expired = archive.expire(clock.now())
                else:  # there may be one of before
                    emptied = await asyncio.to_thread(app.forget_answers, settings, gone)
                    expired = await asyncio.to_thread(app.expire_answers, settings, clock.now())
                log.info("archive_expired", answers=expired, emptied=emptied)
            except FjarilError as error:  # another process holds it, or the disk is full: a later look does it
                log.warning("archive", error=str(error))
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
