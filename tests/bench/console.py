"""The console's pages over many documents: how long an answer takes, and how much of it is work."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from enrich.spread.model import Occurrence
from pipeline import app, recording
from pipeline.model import Health, SourceState, Story, decode, encode, fingerprint
from pipeline.ports import Bus, Record
from pipeline.replay import Speed, play
from pipeline.service import in_loop
from pipeline.settings import Settings
from tests.bench import texts
from tests.bench.pipeline import EVERYTHING, KINDS, Watch, record

#: Documents in the index, and requests of each page.
COUNT, REQUESTS = 100_000, 60
#: Who look live meanwhile, and seconds from news to news.
VIEWERS, NEWS = 200, 5
_WORDS = ("brand", "bil", "rån", "misshandel", "olycka", "polis", "stöld", "trafik", "kvinna", "skadegörelse", "narkotika", "vapen")
_AREAS = ("0180", "1480", "1280", "0380", "0580", "2480", "1880", "0780", "14", "12", "01", "2180")
#: A page that waits until all is read.
_WAITS = "/kommun/0180"
T = TypeVar("T")
_TICK = os.sysconf("SC_CLK_TCK")


def make(folder: Path, count: int) -> None:
    """The data directory, made beside its place and moved there when it is whole: one that stands there is."""
    made = folder.with_name(folder.name + ".making")
    shutil.rmtree(made, ignore_errors=True)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("documents", total=count)
        fill(made, min(count, COUNT), lambda number: bar.advance(task, number))
        if count > COUNT:
            multiply(made, count // COUNT, lambda number: bar.advance(task, number))
    made.rename(folder)


def fill(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """A data directory with so many of the recorded notices, through the whole pipeline."""
    source, _ = KINDS["json"]
    settings, file = Settings(data_dir=folder, analysis=EVERYTHING), folder / "recording.jsonl"
    folder.mkdir(parents=True)
    record("json", count, file)
    in_loop(play(settings, (source,), recording.read(file, source.id), Speed(), _Answers(done), night=False))
    file.unlink()


class _Answers(Watch):
    """Tells how far a replay is."""

    def __init__(self, done: Callable[[int], None]) -> None:
        self._done = done

    def advance(self, moment: object, *, skipped: bool = False) -> None:
        self._done(texts.PAGE)


def multiply(folder: Path, times: int, done: Callable[[int], None]) -> None:
    """The documents, stories and events so many times, each time some minutes later and under other ids: ten years of notices in one."""
    settings = Settings(data_dir=folder)
    bus, index = app.open_bus(settings), app.open_index(settings)
    documents = list(app.every_document(index))
    stories = [decode(record.value, Story) for record in bus.read("stories")]
    events = [decode(record.value, Occurrence) for record in bus.read("events")]
    for number in range(1, times):
        later, mark = timedelta(minutes=7 * number), f"{number:x}"

        def other(id_: str, mark: str = mark) -> str:
            return fingerprint(mark, id_)[: len(id_)]

        for some in batched(documents, 2_000):
            index.upsert([replace(one, id=other(one.id), published=one.published + later, story=other(one.story)) for one in some])
            done(len(some))
        index.flush()
        copies = (
            replace(one, id=other(one.id), documents={other(d): n for d, n in one.documents.items()}, last=one.last + later, into=None)
            for one in stories
        )
        for some in batched(copies, 2_000):
            bus.publish([Record(topic="stories", key=one.id, value=encode(one), timestamp=one.last) for one in some])
        happened = (
            replace(one, event=replace(one.event, id=other(one.event.id), time=one.event.time + later)) for one in events if one.sightings
        )
        for some in batched(happened, 2_000):
            bus.publish([Record(topic="events", key=one.event.id, value=encode(one), timestamp=one.event.time) for one in some])
    index.close()
    bus.close()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of so many of them, the last with what is left."""
    iterator = iter(items)
    while found := list(islice(iterator, size)):
        yield found


class Measured(NamedTuple):
    """Of a page in milliseconds: median and 95th percentile of the time to an answer, and CPU of the console for one."""

    median: float
    p95: float
    cpu: float


def measure(folder: Path) -> tuple[dict[str, Measured], float]:
    """What each page takes, and the most memory that the console had by then, in megabytes."""
    found = {}
    with _ready(folder) as (pid, client):
        for name, path in _pages(client, random.Random(7)).items():
            client.get(path())  # what is loaded at the first is loaded once a start
            began = _cpu(pid)
            times = sorted(_timed(client, path()) for _ in range(REQUESTS))
            found[name] = Measured(times[len(times) // 2], times[int(0.95 * len(times))], 1000 * (_cpu(pid) - began) / REQUESTS)
        return found, _megabytes(pid)


def measure_watched(folder: Path) -> dict[str, float]:
    """Page → 95th percentile while many look live: one page after the other, so that news falls on all of them alike."""
    with _ready(folder) as (_, client), _looking(folder, str(client.base_url)):
        pages = _pages(client, random.Random(7))
        times: dict[str, list[float]] = {name: [] for name in pages}
        for _ in range(REQUESTS):
            for name, path in pages.items():
                times[name].append(_timed(client, path()))
    return {name: sorted(taken)[int(0.95 * REQUESTS)] for name, taken in times.items()}


def _timed(client: httpx.Client, path: str) -> float:
    """Milliseconds until the answer."""
    start = time.perf_counter()
    answer = client.get(path)
    taken = 1000 * (time.perf_counter() - start)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text[:300]}")
    return taken


def _pages(client: httpx.Client, rng: random.Random) -> dict[str, Callable[[], str]]:
    """Addresses as people ask for them: other words and areas each time."""
    last = datetime.fromisoformat(client.get("/api/v1/now").json()["at"])
    hits = [hit for word in _WORDS for hit in client.get(f"/api/v1/documents?q={word}").json()["hits"]]
    stories = sorted({hit["story"] for hit in hits if hit["story"]})
    findings = [one["id"] for one in client.get("/api/v1/findings?size=200").json()["findings"]]
    pages: dict[str, Callable[[], str]] = {
        "Läget nu": lambda: f"/?period={rng.choice(('6h', '24h', '7d'))}",
        "Läget nu, as it was": lambda: (
            f"/?period={rng.choice(('6h', '24h', '7d'))}&at={(last - timedelta(hours=rng.randrange(5000))):%Y-%m-%dT%H:%M}"
        ),
        "Sök, a word": lambda: f"/sok?q={rng.choice(_WORDS)}",
        "Sök, words and place": lambda: f"/sok?q={rng.choice(_WORDS)}+{rng.choice(_WORDS)}&place={rng.choice(_AREAS)}",
        "Sök, newest": lambda: f"/sok?place={rng.choice(_AREAS)}",
        "Sök, time brush": lambda: f"/sok/tid?q={rng.choice(_WORDS)}",
        "Spridning": lambda: "/spridning",
        "Kommun": lambda: f"/kommun/{rng.choice(_AREAS)}",
        "Larm": lambda: "/larm",
        "Källor": lambda: "/kallor",
        "Regler": lambda: "/regler",
        "Logg": lambda: "/logg",
    }
    if stories:
        pages["Händelse"] = lambda: f"/handelse/{rng.choice(stories)}"
    if findings:
        pages["Spridning, a finding"] = lambda: f"/spridning/{rng.choice(findings)}"
    return pages


@contextmanager
def _served(folder: Path) -> Iterator[tuple[int, httpx.Client]]:
    """``fjaril console`` in a process of its own."""
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "--data", str(folder), "console", "--address", "127.0.0.1:0"]
    own = os.environ | {"FJARIL_CONSOLE__RATE": "1000000"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own) as process:
        try:
            assert process.stdout is not None
            url = next(found[1] for line in process.stdout if (found := re.search(r"Console: (http://\S+)", line)))
            with httpx.Client(base_url=url, timeout=60) as client:
                yield process.pid, client
        finally:
            process.terminate()


@contextmanager
def _ready(folder: Path) -> Iterator[tuple[int, httpx.Client]]:
    """The same, once it has read and counted what it does once a start."""
    with _served(folder) as (pid, client):
        client.get(_WAITS)
        yield pid, client


def _cpu(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _megabytes(pid: int) -> float:
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


async def _look(url: str, ready: asyncio.Barrier, *, once: bool) -> None:
    """Look live: load Läget nu anew at each news, or at the first."""
    kept = httpx.Limits(keepalive_expiry=2)  # the console closes connections after 5 s; a browser asks again where one just was
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=kept) as client, client.stream("GET", "/live") as news:
        lines = news.aiter_lines()
        await anext(lines)
        await ready.wait()
        async for line in lines:
            if line.startswith("event: changed"):
                answer = await client.get("/")
                if answer.status_code != 200:
                    raise SystemExit(f"a viewer: {answer.status_code}")
                if once:
                    return


def _tell(bus: Bus) -> None:
    """A source was asked: there is news."""
    state = SourceState(source="bench", url="http://bench.example", checked=datetime.now(UTC), health=Health.CHANGED)
    bus.publish([Record(topic="sources", key="bench", value=encode(state), timestamp=state.checked)])


async def _look_on(folder: Path, url: str, ready: Event) -> None:
    began = asyncio.Barrier(VIEWERS + 1)
    tasks = [asyncio.create_task(_look(url, began, once=False)) for _ in range(VIEWERS)]
    await began.wait()
    ready.set()
    bus = app.open_bus(Settings(data_dir=folder))
    while True:
        _tell(bus)
        for task in (await asyncio.wait(tasks, timeout=NEWS, return_when=asyncio.FIRST_COMPLETED))[0]:
            task.result()


def _look_in_process(folder: Path, url: str, ready: Event) -> None:
    asyncio.run(_look_on(folder, url, ready))


@contextmanager
def _looking(folder: Path, url: str) -> Iterator[None]:
    """Many look live, in a process of their own, and there is news every :data:`NEWS` seconds."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_look_in_process, args=(folder, url, ready))
    process.start()
    try:
        if not ready.wait(120):
            raise SystemExit("the viewers did not begin")
        yield
        if not process.is_alive():
            raise SystemExit("the viewers ended")
    finally:
        process.terminate()
        process.join()


def start(folder: Path) -> tuple[float, float]:
    """Seconds from the start of the console until it answers, and until it has read and counted all that it keeps."""
    began = time.perf_counter()
    with _served(folder) as (_, client):
        client.get("/halsa")
        answers = time.perf_counter() - began
        client.get(_WAITS)
        return answers, time.perf_counter() - began


def viewers(folder: Path) -> tuple[float, float]:
    """Seconds from news on the bus until the last of those who look live has the new page, and of the console's CPU for it."""
    with _served(folder) as (pid, client):
        client.get("/")

        async def all_of_them() -> tuple[float, float]:
            ready = asyncio.Barrier(VIEWERS + 1)
            tasks = [asyncio.create_task(_look(str(client.base_url), ready, once=True)) for _ in range(VIEWERS)]
            await ready.wait()
            began, cpu = time.perf_counter(), _cpu(pid)
            bus = app.open_bus(Settings(data_dir=folder))
            _tell(bus)
            bus.close()
            await asyncio.gather(*tasks)
            return time.perf_counter() - began, _cpu(pid) - cpu

        return asyncio.run(all_of_them())


def report(count: int, kept: Path | None) -> list[str]:
    """All figures as lines.

    :param kept: a directory that the data is in, or is made in and stays; without one it is made anew.
    """
    with tempfile.TemporaryDirectory() as own:
        folder = kept or Path(own) / "data"
        if not (folder / "bus.db").exists():
            make(folder, count)
        index = app.open_index(Settings(data_dir=folder))
        documents = index.count()
        index.close()
        load = os.getloadavg()[0]
        answers, ready = start(folder)
        alone, memory = measure(folder)
        watched = measure_watched(folder)
        waited, worked = viewers(folder)
    lines = [f"{documents:,} documents; {REQUESTS} requests a page, one after the other, on a machine that had load {load:.1f} before"]
    lines += [
        f"{name:24} median {one.median:6.1f} ms   p95 {one.p95:6.1f} ms   CPU {one.cpu:6.1f} ms   "
        f"with {VIEWERS} who look live p95 {watched[name]:6.1f} ms"
        for name, one in alone.items()
    ]
    lines.append(
        f"{f'{VIEWERS} who look live':24} the last has the news after {waited:.1f} s, of which the console looks once a second; "
        f"CPU {worked:.1f} s. There was news every {NEWS} s"
    )
    lines.append(f"{'start':24} answers after {answers:.1f} s, situation pictures after {ready:.1f} s")
    return [*lines, f"{'memory, at the most':24} {memory:6.0f} MB"]
