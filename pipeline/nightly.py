"""What ``fjaril run`` does each night: looks again at all events, exports the day, erases what is past its retention.

Each catches up with what was missed while nothing ran.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import inf

import structlog

from pipeline import app, erase, erasure
from pipeline.clock import SystemClock
from pipeline.erase import Receipt
from pipeline.errors import FjarilError
from pipeline.export import write
from pipeline.live import Live
from pipeline.night import last_night, look_again
from pipeline.ports import Clock, Index
from pipeline.settings import Settings
from pipeline.situation import period

log = structlog.get_logger()
#: The hour (UTC) in which all events are looked at again, the longest time without, and seconds between two looks at the clock.
_NIGHT, _OVERDUE, _LOOK_AT_CLOCK = 1, timedelta(hours=36), 60.0
#: What was never done waits so long for its hour.
_SETTLED_IN = timedelta(hours=1)
#: Seconds until what went wrong is tried again.
_AGAIN = 3600.0
#: Seconds that the stages are given to take withdrawals, and between two looks.
_PATIENCE, _LOOK_AT_STAGES = 600.0, 0.5
#: A day is exported so long after its end, and so many days are caught up with.
_SETTLED, _CAUGHT_UP = timedelta(hours=3), 31


def night_is_due(now: datetime, last: datetime | None, started: datetime, hour: int = _NIGHT) -> bool:
    """Whether what is done each night is to be done now: once, in its hour, and at any hour when a night was missed.

    What never was is also due when the pipeline has run for an hour, since ``started``: it may not run at night, and a first start
    leaves time to see what it was told.
    """
    if last is None:
        return now.hour == hour or now - started >= _SETTLED_IN
    return now - last >= _OVERDUE or (now.hour == hour and last.date() < now.date())


async def nights(settings: Settings, live: Live) -> None:
    """Look again at all events when it is time."""
    clock = SystemClock()
    started = clock.now()
    while True:
        now, wait = clock.now(), _LOOK_AT_CLOCK
        if night_is_due(now, last_night(live.bus), started):
            try:
                await look_again(settings, live.bus, now)
                log.info("night", seconds=round((clock.now() - now).total_seconds(), 1))
            except FjarilError as error:  # the pipeline goes on with what was learned before
                log.warning("night", error=str(error))
                wait = _AGAIN
        await asyncio.sleep(wait)


def exports_due(now: datetime, done: Sequence[date]) -> list[date]:
    """The days to be exported: since the first that was, those of the last month that are missing; yesterday alone where none was.

    A day is over when its last documents have come, some hours after Swedish midnight.
    """
    last = period.day_of(now - _SETTLED) - timedelta(days=1)
    first = max(min(done, default=last), last - timedelta(days=_CAUGHT_UP))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if day not in done]


async def exports(settings: Settings, live: Live) -> None:
    """Export each day once it is over, those that were missed too; remove what is past its retention."""
    clock, directory = SystemClock(), settings.export_path
    while True:
        now = clock.now()
        try:
            for day in write.days(directory):
                if period.day_of(now) - day > timedelta(days=settings.export.keep):
                    await asyncio.to_thread(write.remove, directory, day)
            for day in exports_due(now, write.days(directory)):
                await asyncio.to_thread(app.export, settings, live.bus, day)
                log.info("export", day=str(day))
        except FjarilError as error:
            # another process exports, or the disk is full: the pipeline goes on, and the next look tries again
            log.warning("export", error=str(error))
        await asyncio.sleep(_LOOK_AT_CLOCK)


async def retention(settings: Settings, live: Live, index: Index, pause: float = _LOOK_AT_CLOCK) -> None:
    """Follow each night what sources have withdrawn, and erase what is past its retention; finish what was cut short, at once and each hour.

    :param pause: seconds between two looks.
    """
    clock, loop = SystemClock(), asyncio.get_running_loop()
    started, finished, begun = clock.now(), -inf, -inf
    while True:
        kept, now = await asyncio.to_thread(erase.receipts, live.bus), loop.time()
        unfinished = [receipt for receipt in kept if not receipt.is_complete]
        last = erase.followed(kept)
        try:
            if unfinished and now - finished >= _AGAIN:
                with erasure.only_one(settings):
                    finished = now
                    for receipt in unfinished:
                        await _finish(settings, live, index, receipt, clock)
            elif now - begun >= _AGAIN and night_is_due(clock.now(), last, started, settings.keep.erase_hour):
                with erasure.only_one(settings):
                    begun = now
                    await look_for_old(settings, live, index, last, clock)
        except FjarilError as error:
            # another process erases, or the log cannot be written: the pipeline goes on, and a later look tries again
            log.warning("retention", error=str(error))
        await asyncio.sleep(pause)


async def look_for_old(settings: Settings, live: Live, index: Index, since: datetime | None, clock: Clock) -> None:
    """Follow what sources have withdrawn ``since``; then, where that is on, erase what is past its retention, some at a time.

    The last receipt says that nothing more is, at the time of the beginning: what is withdrawn meanwhile is the next night's.
    """
    started = clock.now()
    for receipt in await asyncio.to_thread(erasure.follow, settings, live.bus, since, started):
        await _finish(settings, live, index, receipt, clock)
    while settings.keep.erase_nightly and (items := await asyncio.to_thread(erasure.due, settings, live.bus, clock.now())):
        receipt = await asyncio.to_thread(
            erasure.begin, settings, live.bus, index, items, who=erase.SYSTEM, purpose=erase.PURPOSE, now=clock.now()
        )
        if not await _finish(settings, live, index, receipt, clock):
            return
    purpose = erase.PURPOSE if settings.keep.erase_nightly else erase.WITHDRAWN
    await asyncio.to_thread(erasure.begin, settings, live.bus, index, {}, who=erase.SYSTEM, purpose=purpose, now=started)


async def _finish(settings: Settings, live: Live, index: Index, receipt: Receipt, clock: Clock) -> bool:
    """Finish an erasure once the stages have taken its withdrawals, or have had time to; whether nothing is left.

    What goes wrong with it holds up no other: it stays unfinished, and is tried again within the hour.
    """
    try:
        wanted = await asyncio.to_thread(erase.documents_of, live.bus, receipt)
        await _taken(settings, live, index, list(wanted))
        done = await asyncio.to_thread(erasure.finish, settings, live.bus, index, receipt, wanted, clock.now(), rewritten=False)
    except FjarilError as error:  # another process exports, or a disk is full
        live.check()
        log.warning("erased", at=receipt.at.isoformat(), who=receipt.who, error=str(error))
        return False
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
        while before and not any((await asyncio.to_thread(live.bus.lag, before[0], app.READS[before[0]])).values()):
            del before[0]
        if not before and not await asyncio.to_thread(is_found):
            return
        await asyncio.sleep(_LOOK_AT_STAGES)
