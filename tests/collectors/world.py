"""A server, an engine, a bus and a clock, for tests that collect for real over loopback."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from collectors.archive import Archive
from collectors.collect import Collector
from collectors.engine import Engine, run
from collectors.people import Private
from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.clock import VirtualClock
from pipeline.model import DeadLetter, Entry, RawItem, Source, SourceState, decode
from pipeline.ports import Delivered, Record
from pipeline.settings import Http, Settings
from tests.collectors.server import Server

#: Invented.
PRIVATE = Private(key=b"an invented key", secrets={"trafikverket": "invented-key", "mastodon": "invented-token"})
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def http(**changes: Any) -> Http:
    return Http(**{"private_addresses": True, "contact": "test@example.org", "host_delay": 0.0, "timeout": 5.0, **changes})


T = TypeVar("T")


class OwnBus(SqliteBus):
    """The bus in a directory of its own that goes when it is closed, with what tests of collecting look at."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.topics = topics(Settings())
        super().__init__(Path(self._folder.name) / "bus.db", self.topics)
        self.publications = 0

    def publish(self, records: Sequence[Record]) -> None:
        super().publish(records)
        self.publications += 1

    def records(self) -> list[Delivered]:
        return [record for topic in self.topics for record in self.read(topic.name)]

    def raw(self) -> list[RawItem]:
        return [decode(record.value, RawItem) for record in self.read("raw")]

    def dead(self) -> list[DeadLetter]:
        return [decode(record.value, DeadLetter) for record in self.read("dead")]

    def entries(self) -> list[Entry]:
        """What was published in format ``entry``, withdrawals left out."""
        return [msgspec.json.decode(raw.body, type=Entry) for raw in self.raw() if raw.format == "entry" and not raw.withdrawn]

    def states(self) -> list[SourceState]:
        return [decode(record.value, SourceState) for record in self.read("sources")]

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


class World:
    def __init__(self, server: Server, engine: Engine, bus: OwnBus, clock: VirtualClock, collector: Collector) -> None:
        self.server, self.engine, self.bus, self.clock, self.collector = server, engine, bus, clock, collector

    def source(self, kind: str = "feed", path: str = "/feed", **changes: Any) -> Source:
        values = {"id": kind, "kind": kind, "url": self.server.url(path), "name": "Test", "purpose": "tests of collecting"}
        return Source(**{**values, **changes})

    def balance(self, source_id: str) -> None:
        """The books: everything fetched is published, unchanged or dead."""
        (state,) = (state for state in self.bus.states() if state.source == source_id)
        raw = sum(item.source == source_id for item in self.bus.raw())
        dead = sum(letter.source == source_id for letter in self.bus.dead())
        assert state.fetched == raw + state.unchanged + dead


def in_world(main: Callable[[World], Awaitable[T]], **changes: Any) -> T:
    """What ``main`` gives in a world of its own."""

    async def wrapped() -> T:
        async with world(**changes) as w:
            return await main(w)

    return run(wrapped())


@asynccontextmanager
async def world(
    bus: OwnBus | None = None, server: Server | None = None, archive: Archive | None = None, **changes: Any
) -> AsyncIterator[World]:
    """Over a bus of its own, unless one is given that outlives it."""
    clock, settings = VirtualClock(START), http(**changes)
    with nullcontext(bus) if bus else closing(OwnBus()) as used:
        async with (
            server or Server() as running,
            Engine(settings, clock) as engine,
            Collector(engine, used, clock, PRIVATE, archive) as collector,
        ):
            yield World(running, engine, used, clock, collector)


def event(number: int, **changes: Any) -> dict[str, Any]:
    """A police event as the API serves them, with invented content."""
    return {
        "id": number,
        "datetime": "2026-03-01 9:05:00 +01:00",
        "name": f"01 mars 08.{number % 60:02d}, Trafikolycka, Påhittade kommunen",
        "summary": f"Två påhittade bilar i kollision, nummer {number}.",
        "url": f"/aktuellt/handelser/2026/mars/1/{number}",
        "type": "Trafikolycka",
        "location": {"name": "Påhittade kommunen", "gps": "59.0,18.0"},
        **changes,
    }


def events(*records: Any) -> bytes:
    return json.dumps(records, ensure_ascii=False).encode()


def rss(*items: str, channel: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Påhittad</title>'
        f"<link>https://example.org/</link>{channel}{''.join(items)}</channel></rss>"
    ).encode()


def item(number: int, text: str = "Något påhittat", **fields: str) -> str:
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return (
        f"<item><guid isPermaLink='false'>n{number}</guid><title>Nyhet {number}</title><description>{text}</description>"
        f"<link>/nyhet/{number}</link>{extra}</item>"
    )
