"""Collects made-up answers over a real bus until told or killed: ``python -m tests.collectors.crash_child BUS ANSWERS``."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from collectors.collect import Collector
from collectors.engine import Engine, run
from pipeline.bus.sqlite import SqliteBus
from pipeline.clock import VirtualClock
from pipeline.model import Source
from pipeline.ports import Topic
from tests.collectors.server import Reply, Server
from tests.collectors.world import START, event, events, http

TOPICS = (
    Topic(name="raw", partitions=4),
    Topic(name="items", compacted=True),
    Topic(name="sources", compacted=True),
    Topic(name="dead"),
)


def answer(number: int) -> bytes:
    """The answer of the ``number``-th poll: a window of 60 events that moves, with edits and a bad record now and then."""
    records: list[Any] = [event(number * 2 + n, summary=f"läge {(number + n) // 9}") for n in range(60)]
    return events(*records, {"id": number // 5})


async def collect(path: Path, answers: int) -> None:
    """Go on where the bus says that the last process stopped: each visit has published one state."""
    bus, clock = SqliteBus(path, TOPICS), VirtualClock(START)
    async with Server() as server, Engine(http(), clock) as engine, Collector(engine, bus, clock) as collector:
        source = Source(id="polisen", kind="polisen", url=server.url("/api"), name="Test", purpose="tests of crashes")
        for number in range(bus.count("sources"), answers):
            clock.advance_to(START + timedelta(minutes=number))
            server.routes["/api"] = Reply(200, answer(number))
            await collector.collect(source)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
    bus.close()


if __name__ == "__main__":
    run(collect(Path(sys.argv[1]), int(sys.argv[2])))
