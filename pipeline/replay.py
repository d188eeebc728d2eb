"""Replays: recorded answers are served over HTTP on loopback, and the real collectors fetch them under a virtual clock."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Any, Protocol, Self

import msgspec

from collectors.collect import Collector
from collectors.engine import Answer as FetchAnswer
from collectors.engine import Engine
from pipeline import app
from pipeline.clock import VirtualClock
from pipeline.errors import UsageError
from pipeline.live import Live, running
from pipeline.model import Reliability, Source
from pipeline.night import last_night, look_again
from pipeline.ports import Clock
from pipeline.recording import Answer
from pipeline.settings import Http, Settings

#: What a replay's sources see instead of the settings: only this machine is called, and the recording sets the pace.
REPLAY_HTTP = Http(contact="replay@localhost", host_delay=0, private_addresses=True)

#: Where a replay's sources are.
BASE = "http://replay"
#: The source whose polls ``fjaril replay`` plays.
POLISEN = Source(
    id="polisen",
    kind="polisen",
    url=f"{BASE}/polisen",
    name="Polisen, händelser",
    owner="Polismyndigheten",
    purpose="lägesbild och tidig varning för länens vakthavande",
    reliability=Reliability.A,
    interval=300,
)


class Speed(msgspec.Struct, frozen=True):
    """How many times faster than life; None as fast as the machine can."""

    factor: float | None = None

    @classmethod
    def parse(cls, text: str) -> Speed:
        """``max``, or a number with or without an x behind it.

        :raises UsageError: if it is neither.
        """
        if text == "max":
            return cls()
        try:
            factor = float(text.removesuffix("x"))
        except ValueError:
            factor = 0.0
        if factor <= 0:
            raise UsageError(f"--speed: found {text!r}; expected max, or a number such as 60x")
        return cls(factor)


class Server:
    """Serves, at ``/SOURCE``, the answer that each source gives at the moment."""

    def __init__(self) -> None:
        self._current: dict[str, Answer] = {}
        self._port: Any = None

    def __enter__(self) -> Self:
        from twisted.internet import reactor
        from twisted.web.resource import Resource
        from twisted.web.server import Site

        network: Any = reactor
        answer = self._answer

        class _Everything(Resource):
            isLeaf = True  # noqa: N815  (Twisted's name)

            def render_GET(self, request: Any) -> bytes:  # noqa: N802  (Twisted's name)
                return answer(request)

        self._port = network.listenTCP(0, Site(_Everything()), interface="127.0.0.1")  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *_: object) -> None:
        self._port.stopListening()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port.getHost().port}"

    def show(self, answer: Answer) -> None:
        """From now on the answer's source gives this."""
        self._current[answer.source] = answer

    def _answer(self, request: Any) -> bytes:
        answer = self._current.get(request.path.decode().strip("/"))
        if answer is None:  # robots.txt among others
            request.setResponseCode(404)
            return b""
        request.setResponseCode(answer.status)
        request.setHeader("Content-Type", answer.content_type)
        return answer.body


class ReplayEngine(Engine):
    """Fetches ``http://replay/SOURCE`` from the server, so that neither items nor states name a port of today."""

    def __init__(self, server: Server, clock: Clock) -> None:
        super().__init__(REPLAY_HTTP, clock)
        self._server = server

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: bytes = b"") -> FetchAnswer:
        """The server's answer, under the address that was asked for."""
        answer = await super().fetch(url.replace(BASE, self._server.url, 1), headers, method, body)
        return msgspec.structs.replace(answer, url=url)


class Watcher(Protocol):
    """Is told how a replay goes."""

    def watch(self, live: Live) -> None:
        """The pipeline that runs."""

    def advance(self, moment: datetime, *, skipped: bool = False) -> None:
        """An answer of this moment was collected, or had been collected before."""


async def play(
    settings: Settings, sources: Sequence[Source], answers: Iterable[Answer], speed: Speed, watcher: Watcher, *, night: bool = True
) -> None:
    """Serve the answers one after the other, collect each with its source's collector, and process what comes.

    What the bus already holds is passed over, so an interrupted replay goes on where it was, and one played twice adds
    nothing. The fetches wait while the stages lag behind.

    :param sources: the sources of the answers; each is fetched at ``http://replay/ID``.
    :param answers: in the order of time.
    :param night: in the end look again at all events, as a nightly run does.
    """
    pending = iter(answers)
    first = next(pending, None)
    if first is None:
        raise UsageError("there is no answer to replay")
    last = first.at
    clock, pace = VirtualClock(first.at), _Pace(speed, first.at)
    stages = app.stages(settings)
    with _long_turns(), running(settings, stages) as live, Server() as server:
        watcher.watch(live)
        served = {source.id: msgspec.structs.replace(source, url=f"{BASE}/{source.id}") for source in sources}
        async with ReplayEngine(server, clock) as engine, Collector(engine, live.bus, clock) as collector:
            for answer in chain((first,), pending):
                known = collector.state(answer.source)
                done = known is not None and known.checked >= answer.at
                if not done:
                    await pace.wait(answer.at)
                    await live.ready()
                    clock.advance_to(answer.at)
                    server.show(answer)
                    await collector.collect(served[answer.source])
                watcher.advance(answer.at, skipped=done)
                last = answer.at
        await live.drained()
        if night and "spread" in stages and (last_night(live.bus) or first.at) < last:
            await look_again(settings, live.bus, last)
            await live.drained()


@contextmanager
def _long_turns() -> Iterator[None]:
    """Let a thread go on for longer before another has its turn: nobody waits for an answer here, and each change costs (3 % in all)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.02)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Pace:
    """Lets recorded time go by ``speed`` times as fast as real time."""

    def __init__(self, speed: Speed, start: datetime) -> None:
        self._factor, self._start, self._began = speed.factor, start, time.monotonic()

    async def wait(self, moment: datetime) -> None:
        """Return when ``moment`` has come."""
        if self._factor is not None:
            await asyncio.sleep((moment - self._start).total_seconds() / self._factor - (time.monotonic() - self._began))
