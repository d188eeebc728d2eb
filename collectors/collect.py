"""The collector: visits a source, and publishes what is new together with what it now knows, in one step.

Items, ledger, validators and counters advance in one call of :meth:`pipeline.ports.Bus.publish`, so a kill at any moment
loses nothing and doubles nothing: either the whole answer counts, or the next visit sees it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from collectors import states
from collectors.changes import Changes
from collectors.engine import Engine
from collectors.failures import Failure
from collectors.items import Kind
from collectors.ledger import Ledger
from collectors.politeness import host_of
from collectors.registry import kinds
from collectors.sandbox import Sandbox
from collectors.shortened import Shortened
from collectors.validators import freshness
from collectors.visit import Visit, Visitor
from collectors.waiting import Hints, wait_of
from pipeline.model import Health, Source, SourceState, encode
from pipeline.ports import Bus, Clock, Record


class Collector:
    """One for a process, opened with ``async with``; every source may be collected at the same time as others.

    :param engine: open.
    :param bus: with the topics ``raw``, ``items``, ``sources`` and ``dead``.
    :param clock: what times are read from and politeness goes by.
    """

    def __init__(self, engine: Engine, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._sandbox = Sandbox()
        self._kinds: Mapping[str, Kind] = kinds(self._sandbox)
        self._visitor = Visitor(engine, clock, self._kinds)
        self._shortened = Shortened(engine, self._visitor.gate, self._visitor.robots, engine.http.shorteners)
        self._ledger = Ledger()
        self._hints: dict[str, Hints] = {}
        #: Sources whose address, where it differs from the configured one, was learnt from the server by this process.
        self._followed: set[str] = set()

    async def __aenter__(self) -> Self:
        self.restore()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._sandbox.close()

    def restore(self) -> None:
        """Fold what is known from the bus; done when opened.

        :raises BusError: if it cannot be read.
        """
        self._ledger.restore(self._bus)
        for url, called in self._ledger.last_calls():
            self._visitor.gate.remember(host_of(url), called)

    def state(self, source_id: str) -> SourceState | None:
        """What is known of a source, None before its first visit."""
        return self._ledger.sources.get(source_id)

    async def collect(self, source: Source) -> SourceState:
        """Visit the source once, publish what is new, and give its state. Whatever it answers, nothing is raised for it.

        A source that is gone is not asked again, as long as its address is the one that is gone.

        :raises BusError: if the bus could not take it; then nothing of the visit counts.
        """
        state = self._ledger.sources.get(source.id)
        if state is not None and state.health is Health.GONE and state.url == source.url:
            return state
        url, state = self._where(source, state)
        try:
            visit = await self._visitor.visit(source, url, state)
        except Failure as failure:
            now = self._clock.now()
            return self._publish(states.failed(source, state or states.blank(source, now), failure, now))
        return await self._apply(source, visit, state)

    def _where(self, source: Source, state: SourceState | None) -> tuple[str, SourceState | None]:
        """The address to ask. A state with another one than configured is either of a source that moved, or older than a
        change of the configuration: the first visit of a process asks the configured address, which tells the two apart.
        """
        if state is None or state.url == source.url:
            return source.url, state
        if source.id in self._followed:
            return state.url, state
        return source.url, states.moved_back(state, source)

    async def _apply(self, source: Source, visit: Visit, before: SourceState | None) -> SourceState:
        now = self._clock.now()
        if visit.moved:
            self._followed.add(source.id)
        state = before or states.blank(source, now)
        if visit.parsed is None:
            return self._publish(states.not_modified(state, visit, self._wait(source, visit), now))
        self._hints[source.id] = Hints.of(visit.parsed)
        changes = Changes(source, visit.answer, self._kinds[source.kind].format, now)
        changes.compare(visit.parsed, self._ledger)
        changes.redirect(await self._shortened.targets(raw.body for raw in changes.raws))
        new_state = states.modified(
            state, visit, visit.parsed, new=changes.published, unchanged=changes.unchanged, wait=self._wait(source, visit), now=now
        )
        return self._publish(new_state, changes)

    def _publish(self, state: SourceState, changes: Changes | None = None) -> SourceState:
        """The ledger in memory follows only when the bus has taken everything."""
        records = changes.records if changes else []
        self._bus.publish([*records, Record(topic="sources", key=state.source, value=encode(state), timestamp=state.checked)])
        self._ledger.sources[state.source] = state
        if changes:
            for key, item in changes.states.items():
                self._ledger.note(key, item)
        return state

    def _wait(self, source: Source, visit: Visit) -> float:
        now = self._clock.now()
        return wait_of(self._hints.get(source.id, Hints()), freshness(visit.answer.headers, now), source.interval, now)
