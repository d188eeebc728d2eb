"""The contract of the port Bus, over every adapter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import BusCorruptError, BusError, StaleBatchError, UnknownTopicError
from pipeline.ports import Bus, Record, Topic
from tests.contract.bus_adapters import ADAPTERS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS = (
    Topic(name="in", partitions=3, retention=timedelta(days=2)),
    Topic(name="out", partitions=2, retention=timedelta(days=2)),
    Topic(name="last", compacted=True),
    Topic(name="awaited", partitions=2, retention=timedelta(days=2), consumers=("one", "two")),
)


@pytest.fixture(params=sorted(ADAPTERS))
def reopen(request: pytest.FixtureRequest, tmp_path) -> Iterator[Callable[[], Bus]]:
    """Opens the same bus each time it is called."""
    opened: list[Bus] = []

    def open_again() -> Bus:
        opened.append(ADAPTERS[request.param].open(tmp_path, TOPICS))
        return opened[-1]

    yield open_again
    for bus in opened:
        bus.close()


@pytest.fixture
def bus(reopen) -> Bus:
    return reopen()


def record(n: int, topic: str = "in", *, key: str | None = None, shard: str | None = None, hours: float = 0) -> Record:
    return Record(topic=topic, key=key or f"k{n}", value=f"v{n}".encode(), timestamp=NOON + timedelta(hours=hours), shard=shard)


def values(batch) -> list[bytes]:
    return [r.value for r in batch.records]


def drain(bus: Bus, group: str, topics=("in",), size: int = 500) -> list[bytes]:
    taken: list[bytes] = []
    while (batch := bus.poll(group, topics, size)).records:
        taken += values(batch)
        bus.commit(batch)
    return taken


def test_what_is_published_is_read_whole(bus):
    """A record comes back with topic, key, value, timestamp to the microsecond and shard as it was published."""
    sent = Record(topic="in", key="nyckel å", value=b"\x00\xff\n", timestamp=NOON.replace(microsecond=123456), shard="delen")
    bus.publish([sent])
    (got,) = bus.poll("g", ["in"]).records
    assert (got.topic, got.key, got.value, got.timestamp, got.shard) == (sent.topic, sent.key, sent.value, sent.timestamp, sent.shard)


def test_order_within_a_shard(bus):
    """Records of one shard stand in one partition and are read in the order in which they were published."""
    bus.publish([record(n, shard=f"s{n % 5}") for n in range(200)])
    seen: dict[str, list] = {}
    for got in bus.poll("g", ["in"], 500).records:
        seen.setdefault(got.shard, []).append(got)
    for name, records in seen.items():
        assert len({r.partition for r in records}) == 1
        assert [r.value for r in records] == [f"v{n}".encode() for n in range(200) if f"s{n % 5}" == name]


def test_uncommitted_is_given_again(bus):
    """Until it is committed a batch is given again, to the same consumer and after a restart."""
    bus.publish([record(n) for n in range(5)])
    first = bus.poll("g", ["in"], 3)
    assert values(bus.poll("g", ["in"], 3)) == values(first)
    bus.commit(first)
    assert not set(values(bus.poll("g", ["in"]))) & set(values(first))


def test_restart_goes_on_after_the_last_commit(reopen):
    """After reopening, a group goes on just after what it had committed, and records are still there."""
    bus = reopen()
    bus.publish([record(n, shard="s") for n in range(10)])
    bus.commit(bus.poll("g", ["in"], 4))
    bus.close()
    assert drain(reopen(), "g") == [f"v{n}".encode() for n in range(4, 10)]


def test_groups_do_not_disturb_each_other(bus):
    """Every group gets every record, at its own pace."""
    bus.publish([record(n, shard="s") for n in range(6)])
    assert len(drain(bus, "a")) == 6
    assert len(drain(bus, "b", size=2)) == 6


def test_a_group_may_read_several_topics(bus):
    """A batch may hold records of some of them only; each topic's records are given once."""
    bus.publish([record(1), record(2)])
    assert len(drain(bus, "g", ("in", "awaited"))) == 2
    bus.publish([record(3, "awaited"), record(4)])
    assert sorted(drain(bus, "g", ("in", "awaited"))) == [b"v3", b"v4"]


def test_outputs_and_offsets_move_together(bus):
    """A commit publishes its outputs and advances the group; a stale one does neither."""
    bus.publish([record(n, shard="s") for n in range(4)])
    first, same = bus.poll("g", ["in"], 2), bus.poll("g", ["in"], 2)
    bus.commit(first, [record(10, "out")])
    with pytest.raises(StaleBatchError):
        bus.commit(same, [record(11, "out")])
    assert drain(bus, "reader", ("out",)) == [b"v10"]
    assert values(bus.poll("g", ["in"])) == [b"v2", b"v3"]


def test_a_publish_that_fails_publishes_nothing(bus):
    """One record for an unknown topic refuses the whole call, and the error names the topic."""
    with pytest.raises(UnknownTopicError, match="nowhere"):
        bus.publish([record(1), record(2, "nowhere")])
    assert bus.poll("g", ["in"]).records == ()
    assert bus.count("in") == 0


def test_an_empty_value_is_refused(bus):
    """It would read as erased: nothing of the call is published, and what is there can still be read."""
    bus.publish([record(1)])
    empty = Record(topic="out", key="empty", value=b"", timestamp=NOON)
    with pytest.raises(BusError, match="key empty: found an empty value"):
        bus.publish([record(2), empty])
    with pytest.raises(BusError, match="key empty: found an empty value"):
        bus.commit(bus.poll("g", ["in"]), [record(3, "out"), empty])
    assert [r.value for r in bus.read("in")] == values(bus.poll("g", ["in"])) == [b"v1"]
    assert list(bus.read("out")) == []


def test_a_key_that_is_no_text_is_refused(bus):
    """The caller is told so, not that the bus is damaged; nothing of the call is published."""
    with pytest.raises(BusError, match="valid Unicode") as refused:
        bus.publish([record(1), record(2, key="\ud800")])
    assert not isinstance(refused.value, BusCorruptError)
    assert list(bus.read("in")) == []


def test_a_commit_that_fails_moves_nothing(bus):
    """Outputs for an unknown topic leave the group where it was."""
    bus.publish([record(1)])
    with pytest.raises(UnknownTopicError):
        bus.commit(bus.poll("g", ["in"]), [record(2, "out"), record(3, "nowhere")])
    assert values(bus.poll("g", ["in"])) == [b"v1"]
    assert bus.count("out") == 0


def test_seek_by_time(bus):
    """A group goes back or forward to the first record at or after a time; past the last it waits for new ones."""
    bus.publish([record(n, shard=f"s{n}", hours=n) for n in range(10)])
    drain(bus, "g")
    bus.seek("g", "in", NOON + timedelta(hours=7))
    assert sorted(drain(bus, "g")) == [b"v7", b"v8", b"v9"]
    bus.seek("g", "in", NOON - timedelta(days=1))
    assert len(drain(bus, "g", size=3)) == 10
    bus.seek("g", "in", NOON + timedelta(days=9))
    bus.publish([record(99)])
    assert drain(bus, "g") == [b"v99"]


def test_lag_counts_what_waits(bus):
    """Lag is the number of records not committed, per topic."""
    bus.publish([record(n, shard=f"s{n}") for n in range(7)] + [record(n, "out") for n in range(2)])
    bus.commit(bus.poll("g", ["in"], 3))
    assert bus.lag("g", ["in", "out"]) == {"in": 4, "out": 2}


def test_poll_waits_for_a_record(bus):
    """A poll with a time-out returns when a record comes, or empty-handed after the time-out."""
    assert bus.poll("g", ["in"], timeout=0.05).records == ()
    timer = threading.Timer(0.1, lambda: bus.publish([record(1)]))
    timer.start()
    assert values(bus.poll("g", ["in"], timeout=10)) == [b"v1"]
    timer.join()


def test_compaction_keeps_the_last_of_each_key(bus):
    """A compacted topic gives the last value of each key, in order of publication, and counts what it holds."""
    bus.publish([record(n, "last", key=f"k{n % 3}") for n in range(8)])
    bus.publish([record(8, "last", key="k2")])
    assert [(r.key, r.value) for r in bus.read("last")] == [("k0", b"v6"), ("k1", b"v7"), ("k2", b"v8")]
    assert 3 <= bus.count("last") <= 9


def test_read_needs_no_group(bus):
    """Reading a topic disturbs no group, and can begin at a time."""
    bus.publish([record(n, shard="s", hours=n) for n in range(5)])
    assert [r.value for r in bus.read("in", NOON + timedelta(hours=3))] == [b"v3", b"v4"]
    assert len(drain(bus, "g")) == 5


def test_what_came_since_is_followed(bus):
    """Following a topic from the last offsets that were seen gives what came since, and nothing again; a group is not disturbed."""
    seen: dict[int, int] = {}

    def since() -> list[bytes]:
        found = list(bus.follow("in", seen))
        seen.update({record.partition: record.offset for record in found})
        return sorted(record.value for record in found)

    assert since() == []
    bus.publish([record(n, shard=f"s{n}") for n in range(5)])
    assert since() == [f"v{n}".encode() for n in range(5)]
    bus.publish([record(7, shard="s1"), record(8, "out")])
    assert since() == [b"v7"]
    assert since() == []
    assert len(drain(bus, "g")) == 6


def test_erased_bytes_are_gone_up_to_a_time(bus):
    """Erasing a key empties its records before the moment, in the topics named and nowhere else; later ones stay."""
    bus.publish(
        [record(1, key="a"), record(2, key="b"), record(3, key="a", hours=1), record(4, key="a", hours=2), record(5, "out", key="a")]
    )
    bus.erase(["in"], {"a": NOON + timedelta(hours=1)})
    assert sorted((r.key, r.value) for r in bus.read("in")) == [("a", b""), ("a", b"v3"), ("a", b"v4"), ("b", b"v2")]
    assert [r.value for r in bus.read("out")] == [b"v5"]


def test_retention(bus):
    """What is older than its topic's retention is removed; compacted topics, groups and counts stay."""
    bus.publish([record(n, shard="s", hours=n) for n in range(48)] + [record(100, "last")])
    drain(bus, "g")
    assert bus.expire(NOON + timedelta(days=3)) == 24
    assert len(drain(bus, "new")) == 24
    assert len(list(bus.read("last"))) == 1
    assert bus.count("in") == 48


def test_what_a_consumer_has_yet_to_read_does_not_expire(bus):
    """A record stays until each of its topic's consumers has committed it, those that have not begun included; no other group counts."""
    bus.publish([record(n, "awaited", shard=f"s{n}", hours=n) for n in range(10)])
    later = NOON + timedelta(days=9)
    drain(bus, "one", ("awaited",))
    drain(bus, "other", ("awaited",))
    assert bus.expire(later) == 0
    bus.commit(bus.poll("two", ["awaited"], 4))
    assert bus.expire(later) == 4
    assert drain(bus, "two", ("awaited",)) == [f"v{n}".encode() for n in range(4, 10)]
    bus.poll("another", ["awaited"])
    assert bus.expire(later) == 6


def test_many_threads_publish(bus):
    """Publishing from several threads loses nothing and keeps each thread's order."""
    threads = [
        threading.Thread(target=lambda t=t: [bus.publish([record(t * 100 + n, shard=f"t{t}")]) for n in range(25)]) for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = drain(bus, "g")
    for t in range(4):
        assert [v for v in got if v in {f"v{t * 100 + n}".encode() for n in range(25)}] == [f"v{t * 100 + n}".encode() for n in range(25)]


def test_a_sound_bus_verifies(bus):
    """Verifying a bus that nothing has happened to says nothing, also after erasure and retention."""
    bus.publish([record(n, key=f"k{n % 2}", hours=n) for n in range(60)])
    bus.erase(["in"], {"k1": NOON + timedelta(hours=59)})
    bus.expire(NOON + timedelta(days=3))
    bus.verify()
    assert len(list(bus.read("in"))) == 36
