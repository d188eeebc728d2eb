"""Three processes of one stage as one group: one is killed in mid-batch, another begins, the servers are killed and restarted."""

from __future__ import annotations

import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import pipeline.settings
from pipeline import app
from pipeline.app import every_document
from pipeline.doctor import examine
from pipeline.model import Health, RawItem, Reliability, SourceState, document_id, encode
from pipeline.ports import Bus, Record
from tests.e2e.commands import FJARIL, fjaril
from tests.real_servers import servers

#: More than three processes take in the time in which two servers are killed and one process begins.
ITEMS, SOURCES = 4_000, 8
#: Recent: what is old and was read is removed when a process begins.
NOON = datetime.now(UTC) - timedelta(days=1)


def items() -> Iterator[Record]:
    """Invented messages of invented sources, as collectors publish them; the sources' own records say how many they were."""
    for n in range(ITEMS):
        source, when = f"s{n % SOURCES}", NOON + timedelta(seconds=n)
        body = {
            "title": f"Brand i bil {n}",
            "text": f"En bil brinner på Storgatan {n} i Trollhättan. Räddningstjänst är på plats.",
            "published": when,
        }
        key = document_id(source, str(n))
        item = RawItem(
            document=key, source=source, native_id=str(n), revision=1, fetched_url=f"http://{source}.example/", fetched=when, format="entry",
            body=msgspec.json.encode(body).decode(), reliability=Reliability.C,
        )  # fmt: skip
        yield Record(topic="raw", key=key, shard=source, timestamp=when, value=encode(item))
    for n in range(SOURCES):
        state = SourceState(source=f"s{n}", url=f"http://s{n}.example/", checked=NOON, health=Health.CHANGED, fetched=ITEMS // SOURCES)
        yield Record(topic="sources", key=state.source, timestamp=NOON, value=encode(state))


@pytest.fixture
def folder(directory) -> Path:
    made: Path = directory("scale")
    prefix = "t" + uuid.uuid4().hex[:12]
    lines = (
        f"bus: kafka://{servers().kafka}/{prefix}",
        f"index: {servers().elasticsearch}/{prefix}",
        "runner: {batch: 100}",
        "kafka: {session: 6, transaction: 10}",  # what a killed process had goes on sooner
    )
    (made / "fjaril.yaml").write_text("\n".join(lines), encoding="utf-8")
    fjaril("setup", data=made)
    return made


def run(folder: Path, *stages: str) -> subprocess.Popen[bytes]:
    """``fjaril run STAGE…``, its log beside the data."""
    with (folder / "run.log").open("ab") as log:
        return subprocess.Popen([FJARIL, "--data", folder, "run", *stages], stdout=log, stderr=log)


@pytest.fixture
def processes() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Those of this test, by the stages that they run and a number; none outlives it."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    yield started
    for process in started.values():
        process.kill()
        process.wait()


def wait_for(bus: Bus, group: str, topic: str, most: int, processes: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    """Until so few records wait. A process that has stopped, since a server did, is started again, as a supervisor would."""
    deadline = time.monotonic() + 240
    while (waiting := bus.lag(group, [topic])[topic]) > most:
        assert time.monotonic() < deadline, f"{waiting} wait before {group}"
        for name in [name for name, process in processes.items() if process.poll() is not None]:
            processes[name] = run(folder, *name.split()[0].split("+"))
        time.sleep(0.1)


def test_nothing_is_lost_and_nothing_doubled(folder, processes):
    """Whatever is killed: each item becomes one document, is found once, and the books balance."""
    settings = pipeline.settings.load(data=folder)
    bus = app.open_bus(settings)
    records = list(items())
    for start in range(0, len(records), 1_000):
        bus.publish(records[start : start + 1_000])
    processes |= {f"enrich {n}": run(folder, "enrich") for n in range(3)} | {"relate+index": run(folder, "relate", "index")}
    wait_for(bus, "enrich", "raw", ITEMS - 500, processes, folder)
    killed = processes.pop("enrich 0")
    killed.kill()  # the batch that it has goes to another
    killed.wait()
    processes["enrich 3"] = run(folder, "enrich")
    wait_for(bus, "enrich", "raw", ITEMS - 1_500, processes, folder)
    for name in ("kafka", "elasticsearch"):
        servers().end(name, signal.SIGKILL)
    servers().restart("kafka", "elasticsearch")
    for group, topic in (("enrich", "raw"), ("relate", "documents"), ("index", "related")):
        wait_for(bus, group, topic, 0, processes, folder)
    index = app.open_index(settings)
    deadline = time.monotonic() + 60  # what a transaction wrote is seen a moment after its offsets are
    while examine(bus, index).documents < ITEMS and time.monotonic() < deadline:
        time.sleep(0.5)
    for process in processes.values():
        process.terminate()
    assert {process.wait(60) for process in processes.values()} == {0}
    keys = sorted(record.key for record in bus.read("documents"))
    assert keys == sorted({record.key for record in records if record.topic == "raw"})
    assert sorted(document.id for document in every_document(index)) == keys
    report = examine(bus, index)
    assert (report.documents, report.duplicates, report.dead, report.problems) == (ITEMS, 0, 0, [])
    index.close()
    bus.close()
