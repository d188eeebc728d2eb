"""Asking every source once, without publishing anything: what ``fjaril sources check`` shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from collectors import states
from collectors.engine import Engine
from collectors.failures import Failure
from collectors.registry import kinds
from collectors.sandbox import Sandbox
from collectors.visit import Visitor
from pipeline.model import Source, SourceState
from pipeline.ports import Clock


async def check(
    sources: Sequence[Source], engine: Engine, clock: Clock, at_once: int = 8
) -> AsyncGenerator[tuple[Source, SourceState], None]:
    """Each source with the state that one visit gives it, as they come in; disabled ones too.

    :param engine: open.
    :param at_once: how many sources are asked at the same time; one host still gets one call at a time.
    """
    places = asyncio.Semaphore(at_once)
    async with Sandbox() as sandbox:
        visitor = Visitor(engine, clock, kinds(sandbox))

        async def one(source: Source) -> tuple[Source, SourceState]:
            async with places:
                return source, await _check(visitor, source, clock)

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
