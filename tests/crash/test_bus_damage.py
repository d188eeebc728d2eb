"""Torn writes, flipped bits and full disks: detected and said, never passed over in silence."""

from __future__ import annotations

import os
import random
import shutil
from datetime import UTC, datetime, timedelta

import apsw
import pytest

from pipeline.bus.sqlite import SqliteBus
from pipeline.errors import BusCorruptError, BusError
from pipeline.ports import Record, Topic

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS = (Topic(name="in"),)


def records(numbers: range) -> list[Record]:
    return [Record(topic="in", key=f"k{n}", value=f"value {n} ".encode() * 20, timestamp=NOON + timedelta(seconds=n)) for n in numbers]


def values(bus: SqliteBus) -> list[bytes]:
    return [record.value for record in bus.read("in")]


@pytest.fixture
def torn(tmp_path):
    """A bus killed with two batches in its log: the folder, and the size of the log after the first."""
    folder = tmp_path / "live"
    folder.mkdir()
    bus = SqliteBus(folder / "bus.db", TOPICS)
    bus.publish(records(range(5)))
    first = (folder / "bus.db-wal").stat().st_size
    bus.publish(records(range(5, 10)))
    killed = tmp_path / "killed"
    shutil.copytree(folder, killed)
    bus.close()
    return killed, first


def test_log_cut_at_every_byte_of_the_last_batch(torn, tmp_path):
    """However much of the last batch reached the disk, the bus opens with all of it or none, and the first batch whole."""
    killed, first = torn
    whole = (killed / "bus.db-wal").read_bytes()
    expected = [r.value for r in records(range(10))]
    copy = tmp_path / "copy"
    copy.mkdir()
    step = 1 if os.environ.get("TESTS_LONG") else 97
    for size in sorted({*range(first, len(whole) + 1, step), *range(first, first + 60), *range(len(whole) - 60, len(whole) + 1)}):
        shutil.copy(killed / "bus.db", copy / "bus.db")
        (copy / "bus.db-shm").unlink(missing_ok=True)
        (copy / "bus.db-wal").write_bytes(whole[:size])
        bus = SqliteBus(copy / "bus.db", TOPICS)
        found = values(bus)
        bus.close()
        assert found == (expected if size == len(whole) else expected[:5]), size


def test_flipped_bits_in_the_file_are_detected(tmp_path):
    """A bit flipped in the file is found when it is read or verified, or it stood where nothing is stored."""
    path = tmp_path / "bus.db"
    bus = SqliteBus(path, TOPICS)
    bus.publish(records(range(40)))
    expected = values(bus)
    bus.close()
    whole = path.read_bytes()
    rng, detected = random.Random(7), 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        try:
            bus = SqliteBus(path, TOPICS)
        except BusError:
            detected += 1
            continue
        try:
            bus.verify()
            found = values(bus)
        except BusError:
            detected += 1
        else:
            assert found == expected
        finally:
            bus.close()
    assert detected > 30  # most of a small file is room for more


def test_a_changed_value_is_named(tmp_path):
    """A record that does not match its checksum stops reading with its key, and does not go on past it."""
    path = tmp_path / "bus.db"
    SqliteBus(path, TOPICS).close()
    bus = SqliteBus(path, TOPICS)
    bus.publish(records(range(3)))
    bus.close()
    db = apsw.Connection(str(path))
    db.execute("UPDATE records SET value = x'00' WHERE key = 'k1'")
    db.close()
    bus = SqliteBus(path, TOPICS)
    with pytest.raises(BusCorruptError, match="k1"):
        bus.poll("g", ["in"])
    bus.close()


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path):
    """When the file cannot grow, the publish that fails has no effect and says so; what came before stays."""
    bus = SqliteBus(tmp_path / "bus.db", TOPICS)
    bus.publish(records(range(5)))
    bus._db.pragma("max_page_count", bus._db.pragma("page_count") + 2)
    with pytest.raises(BusError, match="full"):
        bus.publish(records(range(5, 2000)))
    assert len(values(bus)) == 5
    bus._db.pragma("max_page_count", 10_000)
    bus.publish(records(range(5, 7)))
    assert len(values(bus)) == 7
    bus.close()


def test_a_file_that_is_no_database_is_refused(tmp_path):
    """Something else at the bus's path is left as it is, with an error that names it."""
    path = tmp_path / "bus.db"
    path.write_bytes(b"these are notes, not a database\n" * 100)
    with pytest.raises(BusError, match=r"bus\.db"):
        SqliteBus(path, TOPICS)
    assert path.read_bytes().startswith(b"these are notes")


def test_another_number_of_partitions_is_refused(tmp_path):
    """Changing the number of partitions of an existing file is refused, naming both numbers."""
    SqliteBus(tmp_path / "bus.db", TOPICS).close()
    with pytest.raises(BusError, match="has 1 partitions, the settings say 2"):
        SqliteBus(tmp_path / "bus.db", (Topic(name="in", partitions=2),))
