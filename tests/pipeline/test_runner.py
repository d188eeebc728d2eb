"""The runner over the real bus and index: no record stops it, a failing store does, and nothing is lost or doubled either way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.dead import dead_record
from pipeline.errors import BusError, PoisonError, SearchIndexError
from pipeline.index.embedded import EmbeddedIndex
from pipeline.live import Live, running
from pipeline.model import DeadLetter, Document, Provenance, Reliability, decode, encode
from pipeline.observe import Progress
from pipeline.ports import Delivered, Reading, Record
from pipeline.runner import IndexWorker, Runner, StageWorker
from pipeline.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROVENANCE = Provenance(source="one", native_id="1", fetched_url="https://example.org", status=200, reliability=Reliability.B, area="SE")


def raw(*values: bytes) -> list[Record]:
    return [Record(topic="raw", key=f"k{n}", value=value, timestamp=NOON, shard="one") for n, value in enumerate(values)]


def related(id_: str, revision: int = 1, text: str = "Brand på torget.", *, withdrawn: bool = False) -> Record:
    made = Document(
        id=id_, revision=revision, content_hash="0", text="" if withdrawn else text, published=NOON,
        fetched=NOON + timedelta(minutes=revision), provenance=PROVENANCE, withdrawn=withdrawn,
    )  # fmt: skip
    return Record(topic="related", key=id_, value=encode(made), timestamp=made.fetched)


class Shout:
    """A stage without state that cannot read some records."""

    name, inputs = "shout", ("raw",)

    def __init__(self, error: Callable[[], Exception] = lambda: RuntimeError("cannot be read")) -> None:
        self._error = error
        self.batches: list[int] = []

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        self.batches.append(len(records))
        if any(record.value.startswith(b"bad") for record in records):
            raise self._error()
        return [Record(topic="documents", key=r.key, value=r.value.upper(), timestamp=r.timestamp) for r in records]


class Tally(Shout):
    """A stage with state: numbers the records, and has counted the bad one before it finds that it is bad."""

    name = "tally"

    def __init__(self) -> None:
        super().__init__()
        self.count = self.restored = 0

    def restore(self, read: Reading) -> None:
        self.restored += 1
        self.count = max((int(record.value) for record in read("documents")), default=0)

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        outputs = []
        for record in records:
            self.count += 1
            if record.value.startswith(b"bad"):
                raise ValueError("found bad")
            outputs.append(Record(topic="documents", key=record.key, value=str(self.count).encode(), timestamp=record.timestamp))
        return outputs


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[dict[str, Any]]]:
    """What is logged, kept instead of rendered."""
    with capture_logs() as kept:
        yield kept


@pytest.fixture
def bus(tmp_path) -> Iterator[SqliteBus]:
    made = SqliteBus(tmp_path / "bus.db", topics(Settings(partitions=2)))
    yield made
    made.close()


@pytest.fixture
def open_index(tmp_path) -> Iterator[Callable[[], EmbeddedIndex]]:
    """Opens the same index each time it is called."""
    with contextlib.ExitStack() as stack:

        def open_again() -> EmbeddedIndex:
            index = EmbeddedIndex(tmp_path / "index")
            stack.callback(index.close)
            return index

        yield open_again


def worker(stage: Shout, bus: SqliteBus, size: int = 500) -> StageWorker:
    return StageWorker(stage, bus, size)


def drain(*workers: StageWorker) -> None:
    while sum(w.step() for w in workers):
        pass


def values(bus: SqliteBus, topic: str = "documents") -> list[bytes]:
    return [record.value for record in bus.read(topic)]


def letters(bus: SqliteBus) -> list[DeadLetter]:
    return [decode(record.value, DeadLetter) for record in bus.read("dead")]


@pytest.mark.parametrize("error", [lambda: RuntimeError("cannot be read"), lambda: PoisonError("cannot be read")], ids=["any", "poison"])
def test_one_bad_record_of_a_batch_dies_alone(bus, error):
    """The others of its batch go on, in their order; its letter has the stage, the reason and the bytes as they came."""
    bus.publish(raw(b"one", b"bad \xff\x00", b"two", b"three"))
    stage = Shout(error)
    drain(worker(stage, bus))
    assert values(bus) == [b"ONE", b"TWO", b"THREE"]
    assert stage.batches == [4, 1, 1, 1, 1]
    (letter,) = letters(bus)
    assert (letter.stage, letter.topic, letter.key, letter.shard, letter.original) == ("shout", "raw", "k1", "one", b"bad \xff\x00")
    assert letter.reason.endswith("Error: cannot be read")
    assert letter.died == NOON
    assert bus.lag("shout", ["raw"]) == {"raw": 0}


def test_an_error_of_the_bus_is_no_records_fault(bus):
    """What stops the pipeline is raised; nothing is dead, and the same batch comes again."""
    bus.publish(raw(b"one", b"bad"))
    with pytest.raises(BusError, match="disk"):
        worker(Shout(lambda: BusError("the disk is full")), bus).step()
    assert letters(bus) == []
    assert bus.lag("shout", ["raw"]) == {"raw": 2}


@pytest.mark.parametrize("size", [1, 2, 5, 500])
def test_a_stage_with_state_forgets_what_failed(bus, size):
    """What a stage noted of a record that then failed is undone: the numbers are without gap, however the batches fall."""
    bus.publish(raw(b"a", b"bad", b"b", b"c", b"bad", b"bad", b"d"))
    drain(worker(Tally(), bus, size))
    assert values(bus) == [b"1", b"2", b"3", b"4"]
    assert len(letters(bus)) == 3


def test_state_is_restored_once_not_at_every_batch(bus):
    """A stage that works alone is restored when it begins, and never again without a reason."""
    bus.publish(raw(*[b"x"] * 10))
    stage = Tally()
    drain(worker(stage, bus, 3))
    assert stage.restored == 1
    restarted = Tally()
    bus.publish(raw(b"y"))
    drain(worker(restarted, bus))
    assert values(bus)[-1] == b"11"


def test_a_second_consumer_doubles_nothing(bus):
    """Of two processes with the same batch the slower one's outputs never are; both go on with the state of the bus."""
    one, two = worker(Tally(), bus, 2), worker(Tally(), bus, 2)
    bus.publish(raw(b"a", b"b", b"c", b"d", b"e"))

    class Overtaken(Tally):
        def process(self, records: Sequence[Delivered]) -> list[Record]:
            if self.batches == []:
                self.batches.append(len(records))
                one.step()  # while this one works, the other takes the same batch and commits it
            return super().process(records)

    slow = worker(Overtaken(), bus, 2)
    assert slow.step() == 2
    assert values(bus) == [b"1", b"2"]
    drain(slow, two, one)
    assert values(bus) == [b"1", b"2", b"3", b"4", b"5"]


def run(bus: SqliteBus, index: EmbeddedIndex, until: Callable[[], bool], *, documents: int = 500) -> Runner:
    """A runner of the index alone, stopped once ``until`` holds."""
    runner = Runner(bus, [IndexWorker(index, bus, documents, 0.05)], Progress())
    runner.start()
    limit = time.monotonic() + 10
    while not until() and runner.failure is None and time.monotonic() < limit:
        time.sleep(0.01)
    return runner


def test_a_failing_index_stops_the_runner_and_loses_nothing(bus, open_index):
    """The index cannot be written, as another process has it: the runner stops with that error, and after a restart all is there."""
    bus.publish([related("a"), related("b")])
    blocker, index = open_index(), open_index()
    blocker.upsert([decode(related("z").value, Document)])
    runner = run(bus, index, lambda: False)
    with pytest.raises(SearchIndexError, match="another process writes"):
        runner.stop()
    assert runner.lag() == {"index": 2}
    blocker.close()
    index.close()
    index = open_index()
    run(bus, index, lambda: index.count() == 3).stop()
    assert index.count() == 3
    assert bus.lag("index", ["related"]) == {"related": 0}


def test_a_removed_index_is_filled_again_from_the_bus(bus, open_index, tmp_path):
    """The remedy that ``fjaril doctor`` names: remove the index, run again."""
    bus.publish([related(str(n)) for n in range(7)])
    index = open_index()
    run(bus, index, lambda: index.count() == 7).stop()
    index.close()
    (tmp_path / "index").rename(tmp_path / "gone")
    index = open_index()
    assert index.count() == 0
    run(bus, index, lambda: index.count() == 7, documents=3).stop()
    assert index.count() == 7


def test_stopping_writes_what_waits(bus, open_index):
    """A small batch that waits for more is written when the runner stops, not left for the next start."""
    index = open_index()
    runner = Runner(bus, [IndexWorker(index, bus, 500, 3600)])
    runner.start()
    bus.publish([related("a")])
    time.sleep(0.1)
    bus.publish([related("b")])
    runner.stop()
    assert index.count() == 2


def test_a_withdrawn_document_is_erased_everywhere(bus, open_index, tmp_path):
    """After their tombstones the texts are in no topic, no answer and, after the next expiry, no file, while all are open.

    They are of many sizes and stand among others, and compacted records that come and go have moved them from page to page.
    """
    said = "hemligheten på Storgatan "
    for n in range(200):
        text = said * (1, 2, 20, 300)[n // 2 % 4] if n % 2 else "annat " * (n % 90)
        bus.publish([Record(topic="raw", key=f"d{n}", value=text.encode() + b".", timestamp=NOON), related(f"d{n}", text=text)])
        bus.publish([Record(topic="items", key=f"i{n % 13}", value=b"x" * (n * 37 % 2500 + 1), timestamp=NOON)])
    bus.publish([dead_record("enrich", "unreadable", next(r for r in bus.read("raw") if r.key == "d1"))])
    index = open_index()
    run(bus, index, lambda: index.count() == 200).stop()
    bus.publish([related(f"d{n}", 2, withdrawn=True) for n in range(1, 200, 2)])
    run(bus, index, lambda: index.count() == 100).stop()
    bus.expire(NOON)
    assert said.encode() not in b"".join(value for topic in ("raw", "related", "dead") for value in values(bus, topic))
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [path for path, content in files.items() if b"hemlighet" in content] == []
    assert any(b"annat" in content for content in files.values())


def test_what_the_index_cannot_read_dies_there(bus, open_index):
    """A record on ``related`` that is no document goes to ``dead``; the documents around it can be found."""
    bus.publish([related("a"), Record(topic="related", key="b", value=b"{damaged", timestamp=NOON), related("c")])
    index = open_index()
    run(bus, index, lambda: index.count() == 2).stop()
    assert index.count() == 2
    assert [(letter.stage, letter.original) for letter in letters(bus)] == [("index", b"{damaged")]


def test_one_failing_worker_stops_the_others(bus, open_index):
    """When a worker has failed the others finish their batch and stop; the first error is the one that is told."""
    blocker, index = open_index(), open_index()
    blocker.upsert([decode(related("z").value, Document)])
    bus.publish([related("a"), *raw(b"one")])
    runner = Runner(bus, [worker(Shout(), bus), IndexWorker(index, bus, 500, 0.05)])
    runner.start()
    runner._thread.join(10)
    assert not runner._thread.is_alive()
    with pytest.raises(SearchIndexError):
        runner.stop()
    blocker.close()
    assert values(bus) == [b"ONE"]


def live(bus: SqliteBus, runner: Runner) -> Live:
    return Live(Settings(runner={"max_lag": 100}), bus, None, runner, Progress(), None)


def test_collectors_wait_while_a_stage_lags(bus):
    """``Live.ready`` returns only once no stage has more waiting than ``runner.max_lag``."""
    stage = worker(Shout(), bus, 60)
    pipeline = live(bus, Runner(bus, [stage]))
    bus.publish(raw(*[b"x"] * 201))

    async def scenario() -> list[bool]:
        waiting, done = asyncio.create_task(pipeline.ready()), []
        for _ in range(3):
            await asyncio.sleep(0.1)
            done.append(waiting.done())
            await asyncio.to_thread(stage.step)
        await asyncio.wait_for(waiting, 5)
        return done

    assert asyncio.run(scenario()) == [False, False, True]
    assert pipeline.lag() == {"shout": 21}


def test_collectors_do_not_wait_for_a_stage_that_has_stopped(bus):
    """A stage that failed will never catch up: waiting for it ends with its error."""
    bus.publish(raw(b"bad", *[b"x"] * 200))
    runner = Runner(bus, [worker(Shout(lambda: BusError("the disk is full")), bus, 500)])
    runner.start()
    with pytest.raises(BusError, match="disk"):
        asyncio.run(live(bus, runner).ready())
    with pytest.raises(BusError, match="disk"):
        runner.stop()


def test_the_observer_is_told_what_was_taken(bus):
    """Records are counted for each worker, empty polls are not."""
    progress = Progress()
    runner = Runner(bus, [worker(Shout(), bus, 2)], progress)
    bus.publish(raw(b"a", b"b", b"c"))
    runner.start()
    while any(runner.lag().values()):
        time.sleep(0.01)
    runner.stop()
    assert progress.records == {"shout": 3}


def test_one_process_alone_collects_and_a_taken_port_is_named(tmp_path):
    """A second collector in a data directory, and a port for metrics that is in use, are refused in words; stages are shared."""
    settings = Settings(data_dir=tmp_path, metrics_port=free_port())
    with running(settings, ("collect",)):
        with running(settings.model_copy(update={"metrics_port": None}), ("relate",)):
            pass
        with pytest.raises(Exception, match="another fjaril collects"), running(settings, ("collect",)):
            pass
        with pytest.raises(Exception, match=f"metrics_port: port {settings.metrics_port}"), running(settings, ("relate",)):
            pass


def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def test_expiry_and_erasure_beside_working_stages(bus):
    """What a service does now and then in a thread of its own harms no stage at work, and says how much it removed itself."""

    class Enrich(Shout):
        name = "enrich"  # the consumer that the records of ``raw`` wait for

    runner = Runner(bus, [worker(Enrich(), bus, 1)])
    old = [Record(topic="raw", key=f"old{n}", value=b"x", timestamp=NOON - timedelta(days=60)) for n in range(300)]
    bus.publish(old[:1])
    runner.start()
    removed = 0
    for n in range(1, 300):
        bus.publish([old[n], *raw(b"x")])
        removed += bus.expire(NOON)
        bus.erase(("raw", "documents"), {f"k{n}": NOON})
    runner.stop()
    rest = worker(Enrich(), bus)
    while rest.step():  # what waits is not removed
        pass
    assert removed + bus.expire(NOON) >= len(old)
    assert {record.key for record in bus.read("raw")} == {"k0"}
    assert runner.failure is None


def test_logs_of_libraries_are_json_lines_too(capsys):
    """Whatever is logged, by ours or by a library's logger, comes out as one JSON object a line, with level and UTC time."""
    import logging

    import structlog

    from pipeline.observe import configure_logs

    before = logging.getLogger().handlers[:]
    try:
        configure_logs()
        structlog.get_logger().info("ours", place="Örebro")
        logging.getLogger("library").warning("theirs %s", "å")
        try:
            int("bad")
        except ValueError:
            logging.getLogger("library").exception("failed")
    finally:
        logging.captureWarnings(capture=False)
        logging.basicConfig(handlers=before, force=True)
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [("ours", "info"), ("theirs å", "warning"), ("failed", "error")]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "invalid literal for int() with base 10: 'bad'" in lines[2]["exception"]


def test_processes_that_begin_at_once_share_a_bus(tmp_path):
    """Commands started at the same moment in an empty data directory all open the bus, while others write to it already."""
    import subprocess
    import sys

    script = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.ports import Record
from pipeline.settings import Settings
folder, topics = Path(sys.argv[1]), topics(Settings())
(folder / sys.argv[2]).touch()
while len(list(folder.glob("ready-*"))) < 3: time.sleep(0.001)
began = time.time() + 0.1
for n in range(10):
    while time.time() < began + n * 0.05: pass
    for _ in range(10):
        bus = SqliteBus(folder / str(n) / "bus.db", topics)
        bus.publish([Record(topic="raw", key="a", value=b"x", timestamp=datetime.now(UTC))])
        bus.close()
"""
    processes = [subprocess.Popen([sys.executable, "-c", script, tmp_path, f"ready-{n}"]) for n in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for n in range(10):
        bus = SqliteBus(tmp_path / str(n) / "bus.db", topics(Settings()))
        assert bus.count("raw") == 30
        bus.close()
