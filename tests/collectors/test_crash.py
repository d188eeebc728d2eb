from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from pipeline.bus.sqlite import SqliteBus
from pipeline.model import DeadLetter, RawItem, SourceState, decode
from tests.collectors.crash_child import TOPICS

ANSWERS, KILLS = 60, 6


def _collect(path: Path, kill_after: int | None = None, delay: float = 0.0) -> bool:
    """Run a collecting process; kill it ``delay`` seconds after it has reported so many visits. Whether it came to its end."""
    command = [sys.executable, "-m", "tests.collectors.crash_child", str(path), str(ANSWERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        if kill_after is not None:
            for _ in range(kill_after):
                child.stdout.readline()
            try:
                child.wait(delay)
            except subprocess.TimeoutExpired:
                child.kill()
        child.communicate(timeout=60)
        return child.returncode == 0


def _content(path: Path) -> tuple[list[tuple[str, int, str]], list[bytes], SourceState]:
    bus = SqliteBus(path, TOPICS)
    raw = [decode(record.value, RawItem) for record in bus.read("raw")]
    dead = [decode(record.value, DeadLetter).original for record in bus.read("dead")]
    (state,) = [decode(record.value, SourceState) for record in bus.read("sources")]
    bus.close()
    return [(item.native_id, item.revision, item.body) for item in raw], dead, state


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """A collector killed again and again leaves the same items, dead letters and counters as one that ran through."""
    chance = random.Random(7)
    assert _collect(tmp_path / "whole.db")
    for _ in range(KILLS):
        _collect(tmp_path / "killed.db", chance.randint(1, 8), chance.random() * 0.02)
    assert _collect(tmp_path / "killed.db")
    whole, killed = _content(tmp_path / "whole.db"), _content(tmp_path / "killed.db")
    assert whole[:2] == killed[:2]
    for raw, dead, state in (whole, killed):
        assert state.fetched == len(raw) + state.unchanged + len(dead) == ANSWERS * 61
    assert whole[2].unchanged == killed[2].unchanged
