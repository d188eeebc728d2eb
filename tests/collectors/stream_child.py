"""Listens to a stream into a bus and an archive until killed: ``python -m tests.collectors.stream_child FOLDER URL``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from collectors.archive import FILE_NAME, Archive
from collectors.collect import Collector
from collectors.engine import Engine, run
from collectors.kinds import jetstream
from collectors.streams import Streams
from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.clock import SystemClock
from pipeline.model import Source, SourceState
from pipeline.settings import Settings
from tests.collectors.world import PRIVATE, http


async def _ready() -> None:
    return


def _told(_source: Source, state: SourceState) -> None:
    sys.stdout.write(f"{state.fetched}\n")
    sys.stdout.flush()


async def listen(folder: Path, url: str) -> None:
    """For ever."""
    jetstream.SECONDS, jetstream.MESSAGES = 0.02, 7
    source = Source(id="bsky", kind="jetstream", url=url, name="Test", purpose="tests of crashes", options={"languages": ["sv"]})
    bus, clock = SqliteBus(folder / "bus.db", topics(Settings())), SystemClock()
    async with Engine(http(), clock) as engine:
        with Archive(folder / FILE_NAME, 30) as archive:
            async with Collector(engine, bus, clock, PRIVATE, archive) as collector, Streams(collector, [source], clock, _ready, _told):
                await asyncio.Event().wait()


if __name__ == "__main__":
    run(listen(Path(sys.argv[1]), sys.argv[2]))
