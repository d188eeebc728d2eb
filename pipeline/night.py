"""The nightly look at all events; in a process of its own, so that the pipeline feels neither its memory nor its work."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing, suppress
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection

from pipeline import app
from pipeline.errors import NightError
from pipeline.model import decode, encode
from pipeline.ports import Bus, Record
from pipeline.settings import Settings

#: How much the pipeline goes first.
_NICE = 5


async def look_again(settings: Settings, bus: Bus, at: datetime) -> None:
    """Look again at all events that are kept, and tell the stage ``spread`` what came of it. Takes seconds to minutes.

    Only this process tells: one that outlives it, since it was killed, has no say.

    :raises NightError: if the process died.
    """
    context = get_context("spawn")
    answer, told = context.Pipe(duplex=False)
    process = context.Process(target=_look, args=(settings, at, told), name="night", daemon=True)
    process.start()
    told.close()
    try:
        found = await asyncio.to_thread(answer.recv_bytes)
    except EOFError as error:
        process.join()
        raise NightError(process.exitcode) from error
    finally:
        process.kill()  # it has nothing more to do
        process.join()
    await asyncio.to_thread(tell_night, bus, at, found)


def _look(settings: Settings, at: datetime, told: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the pipeline, which ends this
    os.nice(_NICE)
    with closing(app.open_bus(settings)) as bus:
        found = look(settings, bus, at)
    with suppress(BrokenPipeError):  # the pipeline was killed
        told.send_bytes(found)


def look(settings: Settings, bus: Bus, at: datetime) -> bytes:
    """Look again at all events that are kept, in this process.

    :returns: what :func:`tell_night` tells.
    """
    from enrich.spread.model import Occurrence
    from enrich.spread.nightly import run

    last = {record.key: decode(record.value, Occurrence) for record in bus.read("events")}
    return encode(run((one.event for one in last.values() if not one.is_withdrawn), at, app.geography(settings)))


def tell_night(bus: Bus, at: datetime, found: bytes) -> None:
    """Tell the stage ``spread`` what came of a night."""
    bus.publish([Record(topic="nights", key="night", timestamp=at, value=found)])


def last_night(bus: Bus) -> datetime | None:
    """When all events were last looked at again; None if they never were."""
    return max((record.timestamp for record in bus.read("nights")), default=None)
