"""The collector: visits a source, and publishes what is new together with what it now knows, in one step.

Items, ledger, validators and counters advance in one call of :meth:`pipeline.ports.Bus.publish`, so a kill at any moment
loses nothing and doubles nothing: either the whole answer counts, or the next visit sees it again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from collectors import states
from collectors.archive import Archive, Archived
from collectors.changes import Changes
from collectors.engine import Answer, Engine
from collectors.failures import Failure
from collectors.items import Item, Kind, Origin, Parsed, Plain, Stream
from collectors.ledger import Ledger
from collectors.people import Private
from collectors.politeness import Gate, host_of
from collectors.registry import kinds, streams
from collectors.rereading import forget
from collectors.sandbox import Sandbox
from collectors.shortened import Shortened
from collectors.validators import freshness
from collectors.visit import Further, Visit, Visitor, fetched_of
from collectors.waiting import Hints, wait_of
from pipeline.errors import FjarilError
from pipeline.model import Health, Source, SourceState, document_id, encode
from pipeline.ports import Bus, Clock, Record

#: Header fields that parsers read.
_READ = frozenset({"content-type", "content-language", "link", "date", "x-robots-tag"})


class Collector:
    """One for a process, opened with ``async with``; every source may be collected at the same time as others.

    :param engine: open.
    :param bus: with the topics ``raw``, ``items``, ``sources`` and ``dead``.
    :param clock: what times are read from and politeness goes by.
    :param private: what posts of people and some interfaces need.
    :param archive: where answers are kept; without it none are.
    """

    def __init__(self, engine: Engine, bus: Bus, clock: Clock, private: Private | None = None, archive: Archive | None = None) -> None:
        self._bus, self._clock, self._archive = bus, clock, archive
        self._sandbox = Sandbox()
        self._kinds: Mapping[str, Kind] = kinds(self._sandbox, private)
        self.streams: Mapping[str, Stream] = streams(engine.http, private)
        self._visitor = Visitor(engine, clock, self._kinds)
        self._shortened = Shortened(engine, self._visitor.gate, self._visitor.robots, engine.http.shorteners)
        self._ledger = Ledger()
        self._hints: dict[str, Hints] = {}
        #: Sources whose address, where it differs from the configured one, was learnt from the server by this process.
        self._followed: set[str] = set()
        #: What comes of a source by itself does not come between a visit and its publication.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

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
        if self._archive:
            for state in self._ledger.sources.values():
                self._archive.forget_after(state.source, state.archived)

    @property
    def gate(self) -> Gate:
        """Through which every call goes."""
        return self._visitor.gate

    def state(self, source_id: str) -> SourceState | None:
        """What is known of a source, None before its first visit."""
        return self._ledger.sources.get(source_id)

    async def collect(self, source: Source) -> SourceState:
        """Visit the source once, publish what is new, and give its state. Whatever it answers, nothing is raised for it.

        A source that is gone is not asked again, as long as its address is the one that is gone.

        :raises BusError: if the bus could not take it; then nothing of the visit counts.
        """
        async with self._locks[source.id]:
            return await self._collect(source)

    async def take(self, source: Source, parsed: Parsed) -> SourceState:
        """Publish what is new of what a stream gave, together with the cursor to go on from.

        :raises BusError: as of :meth:`collect`.
        """
        async with self._locks[source.id]:
            return await self._receive(source, self.streams[source.kind], parsed, (), Origin(source.url))

    async def deliver(self, source: Source, answer: Answer) -> SourceState:
        """Publish what is new of an answer that was pushed. One that cannot be read is a failure of the source.

        :raises BusError: as of :meth:`collect`.
        """
        async with self._locks[source.id]:
            kind = self._kinds[source.kind]
            further = Further(self._visitor, source, kind, self._ledger, "")
            try:
                parsed = await kind.parse(fetched_of(answer), source, further)
            except Failure as failure:
                return self.fail(source, failure)
            return await self._receive(source, kind, parsed, (answer, *further.answers), Origin(source.url))

    def fail(self, source: Source, failure: Failure) -> SourceState:
        """Note that a source gave nothing, and why."""
        return self._failed(source, self.state(source.id), failure)

    def _failed(self, source: Source, before: SourceState | None, failure: Failure) -> SourceState:
        now = self._clock.now()
        return self._publish(source, states.failed(source, before or states.blank(source, now), failure, now))

    async def forget(self, wanted: Mapping[str, str]) -> int:
        """Take the text of documents (id → source) out of the archive; returns out of how many answers."""
        return await forget(self._archive, wanted, self._kinds) if self._archive else 0

    def knows(self, source: Source, native_id: str) -> bool:
        """Whether the item was stored and is not withdrawn."""
        known = self._ledger.get(document_id(source.id, native_id))
        return known is not None and not known.withdrawn

    async def _collect(self, source: Source) -> SourceState:
        state = self._ledger.sources.get(source.id)
        if state is not None and state.health is Health.GONE and state.url == source.url:
            return state
        url, state = self._where(source, state)
        try:
            visit = await self._visitor.visit(source, url, state, self._ledger)
        except Failure as failure:
            return self._failed(source, state, failure)
        return await self._apply(source, visit, state)

    def _where(self, source: Source, state: SourceState | None) -> tuple[str, SourceState | None]:
        """The address to ask. A state with another one than configured is either of a source that moved, or older than a
        change of the configuration: the first visit of a process asks the configured address, which tells the two apart.
        """
        if state is None:
            return source.url, None
        if state.url == source.url:
            return source.url, replace(state, moved=False) if state.moved else state
        if source.id in self._followed:
            return state.url, state
        return source.url, states.moved_back(state, source)

    async def _apply(self, source: Source, visit: Visit, before: SourceState | None) -> SourceState:
        now = self._clock.now()
        if visit.moved:
            self._followed.add(source.id)
        state = before or states.blank(source, now)
        parsed = visit.parsed
        if parsed is None:
            return self._publish(source, states.not_modified(state, visit, self._wait(source, visit), now))
        self._hints[source.id] = Hints.of(parsed)
        origin = Origin(visit.answer.url, visit.answer.status)
        changes, number = await self._find(source, self._kinds[source.kind], parsed, origin, (visit.answer, *visit.further), now)
        after = states.modified(
            state,
            visit,
            parsed,
            new=changes.published,
            unchanged=changes.unchanged,
            wait=self._wait(source, visit),
            now=now,
            noticed=changes.noticed,
        )
        return self._publish(source, replace(after, archived=number or after.archived), changes)

    async def _receive(
        self, source: Source, kind: Kind | Stream, parsed: Parsed, answers: tuple[Answer, ...], origin: Origin
    ) -> SourceState:
        now = self._clock.now()
        state = self._ledger.sources.get(source.id) or states.blank(source, now)
        changes, number = await self._find(source, kind, parsed, origin, answers, now)
        after = states.received(state, parsed, changes.published, changes.unchanged, now, changes.noticed)
        return self._publish(source, replace(after, archived=number or after.archived), changes)

    async def _find(
        self, source: Source, kind: Kind | Stream, parsed: Parsed, origin: Origin, answers: tuple[Answer, ...], now: datetime
    ) -> tuple[Changes, int]:
        """What is new, and its number in the archive, 0 if it is not there."""
        changes = Changes(source, kind, origin, now)
        changes.compare(parsed, self._ledger)
        targets = await self._shortened.targets(raw.body for raw in changes.raws)
        changes.redirect(targets)
        if self._archive is None or not changes.raws:
            return changes, 0
        known = self._ledger.sources.get(source.id)
        kept = _kept(answers, kind, source)
        archived = Archived(
            source=source,
            at=now,
            cursor=known.cursor if known else "",
            answers=kept,
            published={raw.document: raw.revision for raw in changes.raws if not raw.withdrawn},
            withdrawn={raw.document: raw.revision for raw in changes.raws if raw.withdrawn},
            redirects=targets,
            items=None if kept else _published(source, parsed, changes),
            url=origin.url,
            status=origin.status,
        )
        # before it is published: a kill in between leaves nothing that was to go
        await forget(self._archive, dict.fromkeys(archived.withdrawn, source.id), self._kinds)
        held = [document_id(source.id, item.native_id) for item in parsed.items] if kept else archived.published
        return changes, self._archive.add(archived, held)

    def _publish(self, source: Source, after: SourceState, changes: Changes | None = None) -> SourceState:
        """The ledger in memory follows only when the bus has taken everything."""
        state = replace(after, reliability=source.reliability)
        records = changes.records if changes else []
        try:
            self._bus.publish([*records, Record(topic="sources", key=state.source, value=encode(state), timestamp=state.checked)])
        except FjarilError:
            if self._archive:
                before = self._ledger.sources.get(state.source)
                self._archive.forget_after(state.source, before.archived if before else 0)
            raise
        self._ledger.sources[state.source] = state
        if changes:
            for key, item in changes.states.items():
                self._ledger.note(key, item)
        return state

    def _wait(self, source: Source, visit: Visit) -> float:
        now = self._clock.now()
        return wait_of(self._hints.get(source.id, Hints()), freshness(visit.answer.headers, now), source.interval, now)


def _kept(answers: tuple[Answer, ...], kind: Kind | Stream, source: Source) -> tuple[Answer, ...]:
    """With those header fields that reading them again takes; none where they name people."""
    found = []
    for answer in answers:
        body = kind.kept(answer.body, source) if isinstance(kind, Plain) else None
        if body is None:
            return ()
        found.append(replace(answer, body=body, headers={name: value for name, value in answer.headers.items() if name in _READ}))
    return tuple(found)


def _published(source: Source, parsed: Parsed, changes: Changes) -> tuple[Item, ...]:
    wanted = {raw.document for raw in changes.raws}
    return tuple(replace(item, author="") for item in parsed.items if document_id(source.id, item.native_id) in wanted)
