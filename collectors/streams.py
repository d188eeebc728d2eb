"""Sources that are listened to: one task each beside the schedule, which connects again for as long as it runs.

What is stored and the cursor to go on from are one publication: after a break, or a kill, the stream goes on where it was stored to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Protocol, Self

import structlog

from collectors.failures import Failure, Gone, Malformed, Unreachable
from collectors.items import Parsed, Stream
from collectors.registry import STREAMS
from pipeline.errors import FjarilError
from pipeline.model import Source, SourceState
from pipeline.ports import Clock

#: Seconds before a broken stream is connected to again: doubled at each failure in a row, up to the most.
FIRST, MOST = 1.0, 600.0
#: How long a connection has to last for its end not to count as one of a row.
LASTING = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


class Takes(Protocol):
    """What streams need of :class:`collectors.collect.Collector`."""

    @property
    def streams(self) -> Mapping[str, Stream]:
        """Kinds by name."""

    async def take(self, source: Source, parsed: Parsed) -> SourceState:
        """Publish."""

    def fail(self, source: Source, failure: Failure) -> SourceState:
        """Note a failure."""

    def state(self, source_id: str) -> SourceState | None:
        """What is known."""

    def knows(self, source: Source, native_id: str) -> bool:
        """Whether an item stands."""


class Streams:
    """Listens to those of the sources that are streams, until it is left; opened with ``async with``.

    :param ready: awaited before anything is stored: how the runner holds collecting back while later stages lag. The server, or the
        stream's own memory, keeps what comes meanwhile.
    :param visited: told the state after each publication.
    """

    def __init__(
        self,
        collector: Takes,
        sources: Sequence[Source],
        clock: Clock,
        ready: Callable[[], Awaitable[None]],
        visited: Callable[[Source, SourceState], None],
    ) -> None:
        self._collector, self._clock, self._ready, self._visited = collector, clock, ready, visited
        self._sources = [source for source in sources if source.enabled and source.kind in STREAMS]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._follow(source)) for source in self._sources]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, source: Source) -> None:
        while True:
            began = self._clock.now()
            try:
                await self._listen(source)
                raise Unreachable("the server has ended the stream")  # noqa: TRY301  (one of the ways in which it breaks)
            except Failure as failure:
                state = self._failed(source, failure)
            except FjarilError as error:
                _log.error("source_not_stored", source=source.id, error=str(error))
                state = None
            except Exception as error:  # noqa: BLE001  (logged, and a state: no source may take the others with it)
                _log.exception("source_not_read", source=source.id, url=source.url)
                state = self._failed(source, Malformed(f"reading it failed, which the log explains: {type(error).__name__}: {error}"[:300]))
            if isinstance(state, SourceState) and state.health == Gone.health:
                return
            # one that lasted did not fail to connect, however little came
            row = 0 if self._clock.now() - began >= LASTING or state is None else state.failures - 1
            await self._clock.sleep(max(min(FIRST * 2 ** min(row, 20), MOST), state.wait if state else 0.0))

    def _failed(self, source: Source, failure: Failure) -> SourceState | None:
        try:
            state = self._collector.fail(source, failure)
        except FjarilError as error:
            _log.error("source_not_stored", source=source.id, error=str(error))
            return None
        self._visited(source, state)
        return state

    async def _listen(self, source: Source) -> None:
        known = self._collector.state(source.id)
        kind = self._collector.streams[source.kind]
        heard = kind.listen(source, known.cursor if known else "", partial(self._collector.knows, source))
        async with aclosing(heard) as batches:
            async for parsed in batches:
                await self._ready()
                self._visited(source, await self._collector.take(source, parsed))
