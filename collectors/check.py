"""Asking every source once, without publishing anything: what ``fjaril sources check`` shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from collectors import states
from collectors.engine import Engine
from collectors.failures import Failure, Unreachable
from collectors.items import Parsed, Stream
from collectors.people import Private
from collectors.registry import kinds, streams
from collectors.sandbox import Sandbox
from collectors.visit import Visitor
from pipeline.model import Source, SourceState
from pipeline.ports import Clock

#: Seconds for which a stream is listened to.
LISTEN = 10.0


async def check(
    sources: Sequence[Source], engine: Engine, clock: Clock, private: Private | None = None, at_once: int = 8
) -> AsyncGenerator[tuple[Source, SourceState], None]:
    """Each source with the state that one visit gives it, as they come in; disabled ones too.

    :param engine: open.
    :param private: what posts of people and some interfaces need.
    :param at_once: how many sources are asked at the same time; one host still gets one call at a time.
    """
    places = asyncio.Semaphore(at_once)
    async with Sandbox() as sandbox:
        visitor = Visitor(engine, clock, kinds(sandbox, private))
        heard = streams(engine.http, private)

        async def one(source: Source) -> tuple[Source, SourceState]:
            async with places:
                listened = heard.get(source.kind)
                return source, await (_listen(listened, source, clock) if listened else _check(visitor, source, clock))

        tasks = [asyncio.create_task(one(source)) for source in sources]
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _check(visitor: Visitor, source: Source, clock: Clock) -> SourceState:
    state = states.blank(source, clock.now())
    try:
        visit = await visitor.visit(source, source.url, None)
    except Failure as failure:
        return states.failed(source, state, failure, clock.now())
    if visit.parsed is None:  # an answer of 304 to a question that was not conditional
        return states.not_modified(state, visit, 0.0, clock.now())
    return states.modified(state, visit, visit.parsed, new=len(visit.parsed.items), unchanged=0, wait=0.0, now=clock.now())


async def _listen(stream: Stream, source: Source, clock: Clock) -> SourceState:
    """What some seconds of a stream give; that it gives nothing wanted in them is no fault."""
    state = states.blank(source, clock.now())
    try:
        async with aclosing(stream.listen(source, "", lambda _: False)) as batches, asyncio.timeout(LISTEN):
            async for parsed in batches:
                return states.received(state, parsed, len(parsed.items), 0, clock.now())
    except Failure as failure:
        return states.failed(source, state, failure, clock.now())
    except TimeoutError:
        return states.received(state, Parsed(problems=(f"connected; nothing wanted came within {LISTEN:g} seconds",)), 0, 0, clock.now())
    return states.failed(source, state, Unreachable("the server has ended the stream"), clock.now())
