"""SIGKILL at seeded moments of a replay: the same index and bus in the end as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import time
from pathlib import Path

import msgspec
import pytest

import pipeline.app
from pipeline import scenario
from pipeline.app import every_document
from pipeline.doctor import examine, facts
from pipeline.ports import Filters
from tests.crash.replayer import replay, settings_of, warm

#: Kills in all; of them several fall into each replay.
KILLS = 2_000 if os.environ.get("TESTS_LONG") else 100
#: Answers of the recording: enough for a few seconds.
ANSWERS = 40
#: In one replay; with more of them it might never come to its end.
MANY = 12
SEED = 20260302


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """The invented police answers of the demo as a recording."""
    file = tmp_path_factory.mktemp("recording") / "polls.jsonl"
    answers = [a for a in scenario.answers() if a.source == "demo-polisen"][:ANSWERS]
    lines = [msgspec.json.encode({"polled_at": a.at, "body": a.body.decode()}) for a in answers]
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Starts processes that have everything imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.replayer", "scrapy.crawler", "spacy.lang.sv", "pipeline.index.embedded"])
    return context


def contents(folder: Path) -> dict[str, object]:
    """Everything that counts: records topic by topic in their order, documents, counts by hour, and the books."""
    settings = settings_of(folder)
    bus, index = pipeline.app.open_bus(settings), pipeline.app.open_index(settings)
    try:
        found: dict[str, object] = {
            topic.name: [(r.partition, r.key, r.value, r.timestamp) for r in bus.read(topic.name)]
            for topic in pipeline.app.topics(settings)
        }
        found["documents"] = sorted(every_document(index), key=lambda d: d.id)
        found["trend"] = index.trend(Filters(), "hour", ("place", "theme"))
        report = facts(examine(bus, index))
        assert report["balanced"]
        assert report["problems"] == []
        return found | {"report": report, "count": index.count()}
    finally:
        index.close()
        bus.close()


def run_once(processes, folder: Path, cache: Path, file: Path, kill_after: float | None) -> bool:
    """Run a replay; whether it was killed before its end."""
    process = processes.Process(target=replay, args=(folder, cache, file))
    process.start()
    process.join(kill_after if kill_after is not None else 120)
    killed = process.is_alive()
    if killed:
        process.kill()
        process.join(10)
    code = process.exitcode
    process.close()
    assert code in ({0, -9} if killed else {0})
    return code == -9


def test_killed_at_any_moment_the_result_is_the_same(recorded, processes, tmp_path):
    """However often a replay is killed and started again, nothing acknowledged is lost and nothing stands there twice."""
    cache = tmp_path / "cache"
    warm(cache)
    undisturbed = tmp_path / "undisturbed"
    began = time.monotonic()
    assert not run_once(processes, undisturbed, cache, recorded, None)
    span = time.monotonic() - began  # of a machine whose load may change: it follows what the kills hit
    expected = contents(undisturbed)
    assert expected["count"] > 40
    rng, kills, rounds = random.Random(SEED), 0, 0
    while kills < KILLS:
        folder = tmp_path / f"round{rounds}"
        rounds += 1
        before = kills
        while run_once(processes, folder, cache, recorded, rng.uniform(0.05, span / 2)):
            kills += 1
            span *= 1.0 if kills - before < MANY else 1.3
        span *= 1.0 if kills > before else 0.7
        found = contents(folder)
        differing = [name for name in expected if found[name] != expected[name]]
        assert differing == [], f"after {kills} kills, in round {rounds}"
        shutil.rmtree(folder)
    print(f"{kills} kills in {rounds} replays of {span:.1f} s")
