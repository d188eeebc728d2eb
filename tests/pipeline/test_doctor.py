"""``fjaril doctor`` and ``fjaril dead``: the books balance at every moment, and what is off is said in a sentence."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import pipeline.cli
from enrich.relate import Relate
from pipeline import app, doctor
from pipeline.dead import dead_record
from pipeline.errors import UsageError
from pipeline.model import (
    DeadLetter,
    Document,
    Health,
    IndexBooks,
    ItemState,
    Provenance,
    RawItem,
    Reliability,
    SourceState,
    decode,
    encode,
)
from pipeline.ports import Delivered, Record
from pipeline.runner import IndexWorker, StageWorker
from pipeline.settings import Settings
from tests.contract import test_index as tested

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Enrich:
    """Makes documents of items without tagging them; bodies that begin with ``bad`` it cannot read while it is ``strict``."""

    name, inputs = "enrich", ("raw",)

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        return [self._made(record) for record in records if record.value]

    def _made(self, record: Delivered) -> Record:
        raw = decode(record.value, RawItem)
        if self._strict and raw.body.startswith("bad"):
            return dead_record(self.name, "found bad, expected good", record, raw.source)
        made = Document(
            id=raw.document, revision=raw.revision, content_hash="0", text=raw.body, published=raw.fetched, fetched=raw.fetched,
            withdrawn=raw.withdrawn,
            provenance=Provenance(source="one", native_id="1", fetched_url="", status=200, reliability=Reliability.B, area="SE"),
        )  # fmt: skip
        return Record(topic="documents", key=made.id, value=encode(made), timestamp=record.timestamp)


class Installation:
    """A data directory with a bus, an index, and a collector that knows what it has given."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)
        self.bus, self.index = app.open_bus(self.settings), app.open_index(self.settings)
        self.fetched = self.unchanged = 0

    def collect(self, *items: tuple[str, int, str | None], unchanged: int = 0, dead: int = 0, fetched: int | None = None) -> None:
        """One answer: (document, revision, body) of each new item, None for a withdrawn one."""
        self.fetched += len(items) + unchanged + dead if fetched is None else fetched
        self.unchanged += unchanged
        records = []
        for document, revision, body in items:
            withdrawn = body is None
            raw = RawItem(
                document=document, source="one", native_id=document, revision=revision, fetched_url="", fetched=NOON, format="entry",
                body=body or "", withdrawn=withdrawn,
            )  # fmt: skip
            item = ItemState(source="one", content_hash="0", revision=revision, seen=NOON, withdrawn=withdrawn)
            records += [
                Record(topic="raw", key=document, shard="one", value=encode(raw), timestamp=NOON + timedelta(seconds=revision)),
                Record(topic="items", key=document, value=encode(item), timestamp=NOON),
            ]
        for n in range(dead):
            letter = DeadLetter(stage="collect", reason="not an event", died=NOON, key=str(n), source="one", original=b"{}")
            records.append(Record(topic="dead", key=str(n), value=encode(letter), timestamp=NOON))
        state = SourceState(source="one", url="", checked=NOON, health=Health.CHANGED, fetched=self.fetched, unchanged=self.unchanged)
        self.bus.publish([*records, Record(topic="sources", key="one", value=encode(state), timestamp=NOON)])

    def run(self, *, strict: bool = True, index: bool = True, size: int = 500) -> None:
        """Let the stages take all there is."""
        workers = [StageWorker(stage, self.bus, size) for stage in (Enrich(strict=strict), Relate())]
        for worker in workers:
            while worker.step():
                pass
        if index:
            IndexWorker(self.index, self.bus, 500, 0.01).close()

    def report(self) -> doctor.Report:
        report = doctor.examine(self.bus, self.index)
        json.dumps(doctor.facts(report))
        return report

    def close(self) -> None:
        self.index.close()
        self.bus.close()


@pytest.fixture
def here(tmp_path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data")
    yield made
    made.close()


def fjaril(here: Installation, *arguments: str) -> None:
    pipeline.cli.app(["--data", str(here.settings.data_dir), *arguments], standalone_mode=False)


def test_an_empty_installation_is_in_order(here):
    """Nothing fetched, nothing wrong."""
    assert (here.report().fetched, here.report().problems) == (0, [])


def test_an_index_that_forgets_may_find_less(here):
    """Where old documents leave the index, fewer than came are no fault; more than came are one."""
    here.collect(("a", 1, "text"), ("b", 1, "text"))
    here.run()
    assert here.index.expire(NOON + timedelta(days=31)) == 2
    assert not here.report().complete
    report = doctor.examine(here.bus, here.index, expires=True)
    assert (report.complete, report.searchable, report.problems) == (True, 0, [])
    here.index.upsert([tested.document(key) for key in "xyz"])
    here.index.flush()
    assert not doctor.examine(here.bus, here.index, expires=True).complete


def test_the_books_balance_wherever_a_record_is(here):
    """Fetched is what was indexed, duplicate, dead, or waits: before the stages, between them, and after."""
    here.collect(("a", 1, "text"), ("b", 1, "bad"), ("c", 1, "text"), unchanged=3, dead=1)
    here.collect(("a", 2, "ny text"), ("c", 2, None), unchanged=2)
    report = here.report()
    assert (report.balanced, report.lag["enrich"]) == (True, 5)
    here.run(index=False)
    report = here.report()
    waiting = {
        "enrich": 0,
        "relate": 0,
        "spread": 4,
        "alerts": 6,
        "deliver": 0,
        "index": 4,
    }  # alerts read the two states of the source, too
    assert (report.balanced, report.complete, report.lag) == (True, True, waiting)
    here.run()
    report = here.report()
    assert report.balanced
    assert (report.fetched, report.documents, report.revisions, report.tombstones) == (11, 2, 1, 1)
    assert (report.duplicates, report.dead, report.searchable, report.searchable_expected) == (5, 2, 1, 1)
    assert report.problems == ["records that could not be processed: 2; see `fjaril dead list`"]


def test_a_document_published_anew_after_its_withdrawal_is_expected(here):
    """Search should find what is there now, whatever was withdrawn before."""
    here.collect(("a", 1, "text"))
    here.collect(("a", 2, None))
    here.run()
    assert here.report().searchable == here.report().searchable_expected == 0
    here.collect(("a", 3, "text"))
    here.run()
    assert here.report().searchable == here.report().searchable_expected == 1
    assert here.report().problems == []


def test_an_item_that_nobody_accounts_for_is_said(here):
    """The books do not balance: both numbers, and what to do."""
    here.collect(("a", 1, "text"), fetched=3)
    here.run()
    assert here.report().problems == ["3 items were fetched and 1 are accounted for: restore the bus from a copy"]


def test_a_removed_index_is_said_and_filled_again(here):
    """Search finds less than it should; the remedy that is named works."""
    here.collect(("a", 1, "text"), ("b", 1, "text"))
    here.run()
    here.index.close()
    shutil.rmtree(here.settings.index_path)
    here.index = app.open_index(here.settings)
    assert here.report().problems == ["search finds 0 documents instead of 2: remove the index, then run again"]
    assert here.report().balanced
    here.run()
    assert here.report().problems == []


def test_what_dies_before_the_index_is_counted_once(here):
    """A record that the index could not read was counted by relate already; dead or retried, the books balance."""
    here.collect(("a", 1, "text"), ("b", 1, "text"))
    here.run(index=False)
    (first, _) = here.bus.read("related")
    broken = Delivered(topic="related", key="a", value=first.value, timestamp=NOON, shard=None, partition=0, offset=0)
    batch = here.bus.poll("index", ("related",), 1)
    books = Record(topic="index_books", key="0", value=encode(IndexBooks(partition=0, dead=1)), timestamp=NOON)
    here.bus.commit(batch, [dead_record("index", "found damaged, expected a document", broken), books])
    here.run()
    report = here.report()
    assert (report.balanced, report.complete, report.dead, report.dead_unindexed) == (True, True, 1, 1)
    fjaril(here, "dead", "retry")
    here.run()
    assert here.report().problems == []
    assert here.index.count() == 2


def test_a_letter_that_is_no_longer_kept_stays_counted(here):
    """The index's letters are counted where they die: erased with their document, or expired, they leave no gap in the books."""
    here.collect(("a", 1, "text"), ("b", 1, "text"), ("c", 1, "bad"))
    here.run(index=False)
    newer = Record(topic="related", key="a", value=b'{"type":"document","v":9}', timestamp=NOON)
    here.bus.publish([newer])
    here.run()
    assert (here.report().dead, here.report().dead_unindexed, here.report().dead_kept) == (2, 1, 2)
    here.bus.erase(("dead",), {"a": NOON + timedelta(days=1)})
    assert (here.report().dead, here.report().dead_unindexed, here.report().dead_kept) == (2, 1, 1)
    assert here.report().balanced
    here.bus.expire(datetime.now(UTC) + timedelta(days=4000))
    assert (here.report().balanced, here.report().complete, here.report().problems) == (True, True, [])


def test_a_first_version_that_died_is_not_missed_when_its_document_is_withdrawn(here):
    """Search is not expected to have lost what it never had."""
    here.collect(("a", 1, "bad"), ("b", 1, "text"))
    here.run()
    here.collect(("a", 2, None))
    here.run()
    assert (here.report().searchable, here.report().searchable_expected, here.report().complete) == (1, 1, True)


def test_the_books_balance_while_the_pipeline_runs(here):
    """Looked at again and again while records move, the books never seem off."""
    enough = threading.Event()

    def work() -> None:
        for n in range(2_000):
            here.collect(*((f"{n}-{i}", 1, "bad" if i % 3 == 0 else "text") for i in range(6)), unchanged=1)
            here.run(index=False, size=2)
            if enough.is_set():
                return

    thread = threading.Thread(target=work)
    thread.start()
    bus = app.open_bus(here.settings)  # of another process, as the command's is
    reports = [doctor.examine(bus, here.index).balanced for _ in range(8)]
    enough.set()
    thread.join()
    bus.close()
    assert all(reports)


def test_a_retried_record_is_processed_again(here, capsys):
    """List, show, retry: the record goes back with its bytes, is taken, and leaves the list; the books balance all the time."""
    here.collect(("a", 1, "bad text"), ("b", 1, "bad too"), ("c", 1, "text"))
    here.run()
    fjaril(here, "dead", "list", "--json")
    listed = json.loads(capsys.readouterr().out)
    assert [(letter["stage"], letter["source"], letter["key"]) for letter in listed] == [("enrich", "one", "a"), ("enrich", "one", "b")]
    first, second = (letter["number"] for letter in listed)
    fjaril(here, "dead", "show", str(first))
    shown = capsys.readouterr().out
    assert "reason: found bad, expected good" in shown
    assert '"body":"bad text"' in shown

    fjaril(here, "dead", "retry", str(first))
    assert "1 records wait for another try" in capsys.readouterr().out
    assert here.report().balanced
    here.run(strict=False)
    assert (here.report().balanced, here.report().documents, here.report().dead) == (True, 2, 1)
    assert here.index.get("a").text == "bad text"

    fjaril(here, "dead", "retry")
    here.run()  # and dies again
    assert (here.report().balanced, here.report().dead) == (True, 1)
    fjaril(here, "dead", "list", "--json")
    (again,) = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (again["key"], again["number"] != second) == ("b", True)


def test_a_retried_record_is_not_past_its_time(here):
    """A letter may be older than records of its topic are kept; the record is kept anew."""
    here.collect(("a", 1, "bad text"))
    here.run()
    fjaril(here, "dead", "retry")
    here.bus.expire(datetime.now(UTC))
    here.run(strict=False)
    assert (here.report().documents, here.report().balanced) == (1, True)


def test_without_numbers_what_can_be_retried_is(here, capsys):
    """Records that never reached the bus, or whose document was withdrawn since, stay, each with the reason; named, they are refused."""
    here.collect(("a", 1, "bad"), ("b", 1, "text"), ("b", 2, "bad"), dead=1)
    here.run()
    here.collect(("b", 3, None))
    here.run()
    fjaril(here, "dead", "retry")
    told = capsys.readouterr()
    assert told.out == "1 records wait for another try; `fjaril run` takes them\n"
    reasons = [line.split(" ", 2)[2] for line in sorted(told.err.splitlines())]
    assert sorted(reason.split(";")[0] for reason in reasons) == ["never reached the bus", "was withdrawn by its source since"]
    here.run(strict=False)
    assert (here.report().balanced, here.report().dead, here.index.count()) == (True, 2, 1)
    number = told.err.split()[1]
    with pytest.raises(UsageError, match=f"record {number} "):
        fjaril(here, "dead", "retry", number)
    with pytest.raises(UsageError, match="there is no record 999"):
        fjaril(here, "dead", "show", "999")
