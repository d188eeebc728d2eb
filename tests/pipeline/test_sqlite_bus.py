"""What only the bus on SQLite does: nothing erased is left in its files, whoever reads meanwhile."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.bus.sqlite import SqliteBus
from pipeline.ports import Record, Topic
from pipeline.sqlite import connect

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS = (Topic(name="in", partitions=2, retention=timedelta(days=2)), Topic(name="last", compacted=True))


def record(n: int, value: bytes, topic: str = "in") -> Record:
    return Record(topic=topic, key=f"k{n}", value=value, timestamp=NOON + timedelta(seconds=n))


def files_with(folder: Path, word: bytes) -> list[str]:
    return [path.name for path in folder.iterdir() if word in path.read_bytes()]


def test_an_erasure_beside_a_reader_does_not_wait(tmp_path):
    """Nobody waits for the reader; what its log still holds is gone with the next expiry, in another process, too."""
    bus = SqliteBus(tmp_path / "bus.db", TOPICS)
    bus.publish([record(n, b"hemlighet") for n in range(10)])
    reader = connect(tmp_path / "bus.db", readonly=True)
    reader.execute("BEGIN; SELECT * FROM records").fetchall()
    began = time.monotonic()
    bus.erase(["in"], {f"k{n}": NOON + timedelta(days=1) for n in range(10)})
    bus.expire(NOON)
    assert time.monotonic() - began < 1
    assert {record.value for record in bus.read("in")} == {b""}
    assert files_with(tmp_path, b"hemlighet")  # or there would be nothing to make good
    reader.execute("COMMIT")
    reader.close()
    other = SqliteBus(tmp_path / "bus.db", TOPICS)
    other.expire(NOON)
    assert files_with(tmp_path, b"hemlighet") == []
    other.close()
    bus.close()


def test_erased_bytes_are_in_no_file_while_the_bus_is_open(tmp_path):
    """Among hundreds of records of many sizes, and compacted ones that push pages about, no trace of an erased value is left."""
    bus, rng = SqliteBus(tmp_path / "bus.db", TOPICS), random.Random(5)
    for n in range(600):
        secret = b"hemlighet " * rng.choice((1, 3, 40, 900)) if n % 3 == 0 else b"annat " * rng.choice((1, 5, 60))
        bus.publish([record(n, secret), record(n % 17, "tillfälligt ".encode() * rng.randrange(1, 200), "last")])
    assert files_with(tmp_path, b"hemlighet")
    for n in range(17):
        bus.publish([record(n, b"slutligt", "last")])
    bus.erase(["in"], {f"k{n}": NOON + timedelta(days=1) for n in range(0, 600, 3)})
    bus.expire(NOON)
    assert files_with(tmp_path, b"hemlighet") == files_with(tmp_path, "tillfälligt".encode()) == []
    assert files_with(tmp_path, b"annat")
    assert files_with(tmp_path, b"slutligt")
    bus.verify()
    bus.close()
