"""A day of many sources in minutes: ``python -m tests.collectors.simulation SOURCES HOSTS HOURS`` prints what came of it as JSON.

Everything is real but the time: the collector, its engine, sandbox and bus, and HTTP over loopback, to a server of many hosts on which
sources behave as they do in life. The clock goes on to the next moment at which something is due whenever nothing is under way.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any, TypeVar

import msgspec

from collectors.collect import Collector
from collectors.engine import Engine, run
from collectors.schedule import delay_after
from pipeline.model import Health, RawItem, Source, decode
from tests.collectors.server import Asked, Reply, Server
from tests.collectors.world import OwnBus, http, item, rss
from tests.memory import peak

T = TypeVar("T")
START = datetime(2026, 3, 2, tzinfo=UTC)
#: Seconds between two calls to one host.
DELAY = 2.0
#: Bytes of an answer that are taken.
MAX_BYTES = 100_000
#: A tenth of the hosts is down from the first hour to the second, when the day is long enough.
OUTAGE = (timedelta(hours=1), timedelta(hours=2))
#: Behaviour → how many in a hundred sources have it.
MIX = {
    "healthy": 68,
    "quiet": 8,
    "slow": 2,
    "busy": 4,
    "failing": 4,
    "moved": 4,
    "winding": 2,
    "broken": 3,
    "page": 2,
    "gone": 2,
    "huge": 1,
}


class EventClock:
    """Time that goes on to the next sleeper's moment when nothing real is under way."""

    def __init__(self) -> None:
        self._now, self._sleepers, self._numbers = START, list[tuple[datetime, int, asyncio.Future[None]]](), count()
        self.under_way = 0

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._numbers), waiting))
        await waiting

    def real(self, call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        """The call, during which time stands still."""

        async def counted(*args: Any, **kwargs: Any) -> T:
            self.under_way += 1
            try:
                return await call(*args, **kwargs)
            finally:
                self.under_way -= 1

        return counted

    async def drive(self, until: datetime) -> None:
        while True:
            idle = 0
            while idle < 4:  # as many turns as it takes from an answer to the next sleep
                await asyncio.sleep(0 if not self.under_way else 0.0005)
                idle = 0 if self.under_way else idle + 1
            if not self._sleepers or self._sleepers[0][0] > until:
                self._now = until
                return
            self._now, _, waiting = heapq.heappop(self._sleepers)
            if not waiting.done():
                waiting.set_result(None)


class Publisher:
    """One source as its server has it: what it has published by now, and how it answers."""

    def __init__(self, number: int, behaviour: str, path: str, made: random.Random) -> None:
        self.number, self.behaviour, self.path, self._made = number, behaviour, path, made
        self.published = list[tuple[datetime, int]]()
        pause = 1e9 if behaviour == "quiet" else made.choice((600, 3600, 6 * 3600))
        at = START - timedelta(seconds=10 * min(pause, 3600))
        while at < START + timedelta(days=2):
            self.published.append((at, len(self.published)))
            at += timedelta(seconds=made.expovariate(1 / pause) if pause < 1e9 else 1e8)
        self.held: datetime | None = None
        self._known: tuple[int, bytes] = (-1, b"")

    def feed(self, now: datetime) -> tuple[int, bytes]:
        shown = [number for at, number in self.published if at <= now][-20:]
        last = shown[-1] if shown else 0
        if self._known[0] != last:
            times = 1 if self.behaviour == "slow" else 30
            self._known = last, rss(*(item(number, f"Text {self.number}-{number} " * times) for number in reversed(shown)))
        return self._known

    def answer(self, now: datetime, headers: dict[str, str]) -> Reply:  # noqa: PLR0911  (one a behaviour)
        last, body = self.feed(now)
        since = now - START
        if self.behaviour == "busy" and self._made.random() < 0.2:
            self.held = now + timedelta(seconds=1800)
            return Reply(429, b"", {"Retry-After": "1800"})
        if self.behaviour == "failing" and int(since.total_seconds() // 1800) % 2:
            return Reply(503 if self.number % 2 else 500)
        if self.behaviour == "gone" and since > timedelta(minutes=40):
            return Reply(410)
        if self.behaviour == "broken":
            return Reply(200, body[: len(body) // 2] if self.number % 2 else b"\x00\xff" * 500)
        if self.behaviour == "page":
            return Reply(200, b"<!DOCTYPE html><html><body>Vi bygger om</body></html>")
        if self.behaviour == "huge":
            return Reply(200, rss(item(1, "x" * 2 * MAX_BYTES)))
        if headers.get("if-none-match") == f'"{last}"':
            return Reply(304, b"", {"ETag": f'"{last}"'})
        return Reply(200, body, {"ETag": f'"{last}"'}, drip=0.00001 if self.behaviour == "slow" else 0.0)


class Internet:
    """Many hosts on loopback, each a server of some of the sources."""

    def __init__(self, clock: EventClock, sources: int, hosts: int) -> None:
        made = random.Random(20260302)
        behaviours = [behaviour for behaviour, share in MIX.items() for _ in range(share)]
        self.clock = clock
        self.servers = [Server(f"127.0.{1 + number // 200}.{1 + number % 200}") for number in range(hosts)]
        # hosts have sources of several sorts
        self.publishers = [
            Publisher(n, behaviours[(n * 37 + n // hosts * 11) % len(behaviours)], f"/feed/{n}", made) for n in range(sources)
        ]
        self.calls: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self.violations: list[str] = []
        self.down = {server.host for server in self.servers[: max(1, hosts // 10)]}
        for publisher in self.publishers:
            server = self.server_of(publisher)
            server.routes[publisher.path] = self._route(server, publisher)
            if publisher.behaviour == "moved":
                server.routes[f"/old/{publisher.number}"] = self._moved(server, publisher, 301)
            if publisher.behaviour == "winding":
                server.routes[f"/old/{publisher.number}"] = self._moved(server, publisher, 302)
        for server in self.servers:
            server.routes["/robots.txt"] = self._robots(server)

    def server_of(self, publisher: Publisher) -> Server:
        return self.servers[publisher.number % len(self.servers)]

    def source(self, publisher: Publisher) -> Source:
        path = f"/old/{publisher.number}" if publisher.behaviour in {"moved", "winding"} else publisher.path
        return Source(
            id=f"s{publisher.number}",
            kind="feed",
            url=self.server_of(publisher).url(path),
            name="S",
            purpose="tests",
            interval=900,
            slowest=1800,
        )

    def is_out(self, host: str) -> bool:
        return host in self.down and OUTAGE[0] <= self.clock.now() - START < OUTAGE[1]

    def _note(self, server: Server, path: str) -> None:
        self.calls[server.host].append((self.clock.now(), path))

    def _route(self, server: Server, publisher: Publisher) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            now = self.clock.now()
            self._note(server, asked.path)
            if publisher.held and now < publisher.held:
                self.violations.append(f"{asked.path} was called at {now} though it asked for peace until {publisher.held}")
            return Reply(cut=True) if self.is_out(server.host) else publisher.answer(now, asked.headers)

        return answer

    def _moved(self, server: Server, publisher: Publisher, status: int) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            self._note(server, asked.path)
            return Reply(cut=True) if self.is_out(server.host) else Reply(status, b"", {"Location": publisher.path})

        return answer

    def _robots(self, server: Server) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            self._note(server, asked.path)
            return Reply(404)

        return answer


async def simulate(sources: int, hosts: int, hours: float) -> dict[str, Any]:
    """What came of so many hours."""
    clock, bus = EventClock(), OwnBus()
    internet = Internet(clock, sources, hosts)
    for server in internet.servers:
        await server.__aenter__()
    lateness: dict[str, float] = {}
    visits: Counter[str] = Counter()
    settings = http(host_delay=DELAY, timeout=5.0, max_bytes=MAX_BYTES)
    async with Engine(settings, clock) as engine, Collector(engine, bus, clock) as collector:
        engine.fetch = clock.real(engine.fetch)  # type: ignore[method-assign, assignment]
        collector._sandbox.parse = clock.real(collector._sandbox.parse)  # type: ignore[method-assign, assignment]
        made = random.Random(1)

        async def follow(source: Source) -> None:
            await clock.sleep(made.random() * 20)
            while True:
                due = clock.now()
                state = await collector.collect(source)
                visits[source.id] += 1
                if state.health is Health.GONE:
                    return
                lateness[source.id] = max(lateness.get(source.id, 0.0), (clock.now() - due).total_seconds())
                await clock.sleep(delay_after(source, state) * (1 + made.uniform(-0.05, 0.05)))

        chosen = {publisher.number: internet.source(publisher) for publisher in internet.publishers}
        tasks = [asyncio.create_task(follow(source)) for source in chosen.values()]
        began, cpu = time.monotonic(), time.process_time()
        await clock.drive(START + timedelta(hours=hours))
        real, cpu = time.monotonic() - began, time.process_time() - cpu
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for server in internet.servers:
        await server.__aexit__(None, None, None)
    report = _report(internet, bus, clock, lateness, visits)
    bus.close()
    return report | {"seconds": round(real, 1), "cpu_seconds": round(cpu, 1), "memory": peak()}


def _report(internet: Internet, bus: OwnBus, clock: EventClock, lateness: dict[str, float], visits: Counter[str]) -> dict[str, Any]:
    got: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in bus.read("raw"):
        raw = decode(record.value, RawItem)
        got[raw.source][raw.native_id] += 1
    states = {state.source: state for state in bus.states()}
    steady = {"healthy", "quiet", "slow", "moved", "winding", "busy", "failing"}
    # a host that asks for peace asks it for all its feeds
    busy = {internet.server_of(publisher).host for publisher in internet.publishers if publisher.behaviour == "busy"}
    held = internet.down | busy
    missing = doubled = 0
    for publisher in internet.publishers:
        if publisher.behaviour not in steady:
            continue
        state = states[f"s{publisher.number}"]
        window = [number for at, number in publisher.published if state.changed and at <= state.changed][-20:]
        missing += sum(f"n{number}" not in got[state.source] for number in window)
        doubled += sum(times > 1 for times in got[state.source].values())
    spacing = min((after - before).total_seconds() for calls in internet.calls.values() for (before, _), (after, _) in pairwise(calls))
    minutes: Counter[tuple[str, int]] = Counter()
    for host, calls in internet.calls.items():
        for at, _ in calls:
            minutes[host, int((at - START).total_seconds() // 60)] += 1
    after = int(OUTAGE[1].total_seconds() // 60)
    of_host = {f"s{publisher.number}": internet.server_of(publisher).host for publisher in internet.publishers}
    behaviour = {f"s{publisher.number}": publisher.behaviour for publisher in internet.publishers}
    return {
        "visits": sum(visits.values()),
        "calls": sum(map(len, internet.calls.values())),
        "least_spacing": spacing,
        "violations": internet.violations[:5],
        "items": sum(map(len, got.values())),
        "missing": missing,
        "doubled": doubled,
        "conditions": Counter(f"{behaviour[source]} {state.health}" for source, state in states.items()),
        "lateness": max(late for source, late in lateness.items() if behaviour[source] == "healthy" and of_host[source] not in held),
        "healthy_visits": min(
            (number for source, number in visits.items() if behaviour[source] in {"healthy", "quiet"} and of_host[source] not in held),
            default=0,
        ),
        "storm": max((minutes[host, after + minute] for host in internet.down for minute in range(60)), default=0),
        "most_a_minute": max(minutes.values()),
        "caught_up": all(
            (states[source].changed or START) > START + OUTAGE[1] or not _news_after(internet, source)
            for source, host in of_host.items()
            if host in internet.down and behaviour[source] == "healthy" and host not in busy
        )
        if clock.now() > START + OUTAGE[1] + timedelta(hours=2)
        else None,
    }


def _news_after(internet: Internet, source: str) -> bool:
    publisher = internet.publishers[int(source[1:])]
    return any(START + OUTAGE[1] < at < internet.clock.now() - timedelta(minutes=40) for at, _ in publisher.published)


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.format(msgspec.json.encode(run(simulate(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))) + b"\n"
    )
