"""What is past its retention is erased by itself, over a replayed fortnight; what was cut short is finished; it is said where it is off or late."""

from __future__ import annotations

import asyncio
import base64
import csv
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

import pipeline.settings
from collectors.archive import FILE_NAME, Archive, Archived
from collectors.changes import Changes
from collectors.items import Bad, Item, Origin, Parsed
from collectors.ledger import Ledger
from collectors.registry import kinds
from enrich.spread.model import Occurrence
from pipeline import app, erase, erasure, nightly
from pipeline.cli.books import examined
from pipeline.clock import SystemClock
from pipeline.console.room import opened
from pipeline.doctor import Report
from pipeline.erase import Receipt
from pipeline.errors import UsageError
from pipeline.live import running
from pipeline.model import Document, ItemState, RawItem, Source, SourceState, decode, encode
from pipeline.ports import Record
from pipeline.settings import Keep, Settings, limited, load_sources, unstated
from pipeline.situation.period import day_of
from tests.e2e.commands import FJARIL, fjaril, fjaril_json

DAY = date(2026, 3, 8)
STAGES = ("enrich", "relate", "spread", "index")
#: Sources of the fortnight: one that may be kept for years, one whose own terms end it, one whose purpose does.
KEPT, ENDED, LIMITED = "demo-flode-torget", "demo-polisen", "demo-flode-anslag"


@pytest.fixture
def data(replayed, tmp_path) -> Path:
    """A copy of the replayed directory with an export, whose sources are named, and limited; nothing is fetched."""
    data = Path(shutil.copytree(replayed, tmp_path / "data", ignore=shutil.ignore_patterns("access")))
    blank = {"kind": "feed", "url": "http://127.0.0.1:9/x", "name": "x", "retention_days": 100_000, "enabled": False}
    listed = [
        blank | {"id": KEPT, "purpose": "Vad som händer på torget"},
        blank | {"id": ENDED, "purpose": "Vad som händer på vägarna", "retention_days": 5},
        blank | {"id": LIMITED, "purpose": "Anslag, som bakgrund"},
    ]
    (data / "sources.yaml").write_text(json.dumps({"sources": listed}), encoding="utf-8")
    configure(data)
    return data


def configure(data: Path, **keep: object) -> None:
    """Settings with a limit on what is collected as background."""
    config = {
        "sources": str(data / "sources.yaml"), "console": {"address": ""}, "export": {"nightly": False},
        "keep": {"purposes": {"anslag*": 9}} | keep,
    }  # fmt: skip
    (data / "fjaril.yaml").write_text(json.dumps(config), encoding="utf-8")


def settings(data: Path) -> Settings:
    return pipeline.settings.load(data=data)


def documents(data: Path) -> dict[str, list[Document]]:
    """Source → what search finds of it."""
    found: dict[str, list[Document]] = {}
    with closing(app.open_index(settings(data))) as index:
        for document in app.every_document(index):
            found.setdefault(document.provenance.source, []).append(document)
    return found


@contextmanager
def service(data: Path, log: Path) -> Iterator[None]:
    """``fjaril run`` without collecting, for the time of the block; it ends well."""
    with log.open("wb") as file:
        run = subprocess.Popen(
            [FJARIL, "--data", data, "run", "enrich", "relate", "spread", "index"], stdout=subprocess.DEVNULL, stderr=file
        )
    try:
        yield
        assert run.poll() is None, log.read_text("utf-8")
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 0, log.read_text("utf-8")
    finally:
        run.kill()
        run.wait()


def receipts(data: Path) -> list[Receipt]:
    with closing(app.open_bus(settings(data))) as bus:
        return erase.receipts(bus)


def until(data: Path, number: int, log: Path) -> list[Receipt]:
    """The receipts once there are so many, all complete."""
    limit = time.monotonic() + 120
    while len(found := receipts(data)) < number or not all(one.is_complete for one in found):
        assert time.monotonic() < limit, log.read_text("utf-8")
        time.sleep(0.2)
    return found


def last_looked(data: Path, at: datetime) -> None:
    """The pipeline looked then, and nothing was past its retention."""
    with closing(app.open_bus(settings(data))) as bus:
        erase.keep(bus, Receipt(at=at, who=erase.SYSTEM.name, purpose=erase.PURPOSE, is_complete=True))


def export(data: Path) -> None:
    with closing(app.open_bus(settings(data))) as bus:
        app.export(settings(data), bus, DAY)


def doctor(data: Path) -> Report:
    """What `fjaril doctor` finds."""
    with closing(app.open_bus(settings(data))) as bus, closing(app.open_index(settings(data))) as index:
        return examined(settings(data), bus, index)


# --- limits


def source(purpose: str, days: int = 365) -> Source:
    return Source(id="x", kind="feed", url="https://x.example/", name="x", purpose=purpose, retention_days=days)


@pytest.mark.parametrize(
    ("own", "purposes", "days"),
    [
        (365, {}, 365),
        (365, {"Vad som diskuteras om en ort": 30}, 30),
        (365, {"vad som DISKUTERAS*": 30}, 30),
        (365, {"*diskuteras*": 30, "*": 90}, 30),
        (10, {"*": 30}, 10),
        (365, {"Vad som diskuteras": 30, "*.*": 3, "[Vv]ad*": 4}, 365),
    ],
)
def test_the_shorter_limit_holds(own, purposes, days):
    """A source's own and all of its purpose's; * stands for anything, nothing else does, capitals are none."""
    (found,) = limited([source("Vad som diskuteras om en ort", own)], Keep(purposes=purposes))
    assert found.retention_days == days


def test_a_purpose_that_nobody_states_is_told(data):
    """A slip in it would keep what it was to limit: the list of sources and the doctor name it, in one line."""
    configure(data, purposes={"anslag*": 9, "anslga*": 9})
    last_looked(data, datetime.now(UTC))
    assert unstated(load_sources(data / "sources.yaml"), settings(data).keep) == ("anslga*",)
    assert "keep.purposes.anslga*" in fjaril("sources", "list", data=data).stderr
    (problem,) = doctor(data).problems
    assert problem.startswith("keep.purposes.anslga*: no source")


def test_the_limit_in_force_is_shown(data):
    """The list of sources shows what holds, not what the file says; so does the console."""
    shown = {row["id"]: row["retention_days"] for row in fjaril_json("sources", "list", data=data) if row["kind"]}
    assert shown == {KEPT: 100_000, ENDED: 5, LIMITED: 9}
    with opened(settings(data)) as room:
        assert {id_: source.retention_days for id_, source in room.sources.items()} == shown


def test_what_is_past_its_retention(data):
    """What its source last gave longer ago than may be: all of it, and nothing else; what was erased or withdrawn is not named again."""
    now = datetime(2026, 3, 15, tzinfo=UTC)
    with closing(app.open_bus(settings(data))) as bus:
        items = {record.key: decode(record.value, ItemState) for record in bus.read("items") if record.value}
        sources = pipeline.settings.sources_of(settings(data))
        found = erase.past_retention(bus, sources, now)
        days = {ENDED: 5, LIMITED: 9}
        assert found == {
            id_: item
            for id_, item in items.items()
            if item.source in days and item.seen < now - timedelta(days=days[item.source]) and not item.withdrawn
        }
        assert {item.source for item in found.values()} == {ENDED, LIMITED}
        assert len(found) < sum(item.source in days for item in items.values())
        erase.request(bus, found, Receipt(at=now, who="prov", purpose=""))
        assert erase.past_retention(bus, sources, now) == {}


def unread(data: Path, id_of: str, body: bytes) -> str:
    """The source gives what cannot be read, as its collector notes it; returns its key."""
    of = next(one for one in load_sources(data / "sources.yaml") if one.id == id_of)
    changes = Changes(of, kinds(None)["feed"], Origin(url=of.url), datetime(2026, 3, 2, tzinfo=UTC))
    changes.compare(Parsed(bad=(Bad("prov", body),)), Ledger())
    with closing(app.open_bus(settings(data))) as bus:
        visited = next(decode(record.value, SourceState) for record in bus.read("sources") if record.key == id_of)
        fetched = encode(replace(visited, fetched=visited.fetched + 1))
        bus.publish([*changes.records, Record(topic="sources", key=id_of, value=fetched, timestamp=datetime.now(UTC))])
    (key,) = changes.states
    return key


def test_what_never_was_a_document_is_none_when_erased(data):
    """What could not be read leaves with the documents of its source, and its words the files; it is counted beside them, and only once."""
    given = b"Ord som inte gick att avkoda."
    key, words = unread(data, ENDED, given), base64.b64encode(given)  # as letters hold it
    assert any(words in path.read_bytes() for path in data.rglob("*") if path.is_file())
    number = len(documents(data)[ENDED])
    receipt = fjaril_json("erase", "--source", ENDED, data=data)
    assert (receipt["letters"], receipt["is_complete"], key in receipt["documents"]) == (1, True, False)
    assert receipt["number"] == len(receipt["documents"]) >= number
    assert not any(words in path.read_bytes() for path in data.rglob("*") if path.is_file())
    with closing(app.open_bus(settings(data))) as bus:
        assert key not in erase.erased(bus)
        assert key not in {record.key for record in bus.read("raw")}
        assert key not in erase.withdrawn(bus, None)
        assert key not in erase.past_retention(bus, pipeline.settings.sources_of(settings(data)), datetime.now(UTC))
        ledger = Ledger()
        ledger.restore(bus)
    assert ledger.get(key) is not None  # it is not kept among the dead again
    assert doctor(data).balanced


def test_what_sources_have_withdrawn_is_followed_once(data):
    """Since the last look; again where the source gave it again and withdrew it once more."""
    id_ = min(one.id for one in documents(data)[KEPT])
    past = datetime.now(UTC) - timedelta(minutes=1)
    with closing(app.open_bus(settings(data))) as bus:
        for _ in range(2):
            withdraw(data, id_)
            (receipt,) = erasure.follow(settings(data), bus, past, datetime.now(UTC))
            assert (receipt.withdrawn, receipt.is_complete) == ({id_: KEPT}, False)
            assert erasure.follow(settings(data), bus, past, datetime.now(UTC)) == []
        withdraw(data, id_)
        assert erasure.follow(settings(data), bus, datetime.now(UTC) + timedelta(days=1), datetime.now(UTC)) == []
        assert [erase.documents_of(bus, one) for one in erase.receipts(bus)] == [{id_: KEPT}] * 2


# --- by itself


def told_on(data: Path, day: date) -> dict[str, set[str]]:
    """Source → documents that tell on the day of what happened."""
    found: dict[str, set[str]] = {}
    with closing(app.open_bus(settings(data))) as bus:
        last = {record.key: decode(record.value, Occurrence) for record in bus.read("events")}
    for sighting in (one for occurrence in last.values() for one in occurrence.sightings):
        if day_of(sighting.time) == day:
            found.setdefault(sighting.source, set()).add(sighting.document)
    return found


def counted(data: Path) -> dict[str, int]:
    """Source → documents of the day that the export counts."""
    lines = csv.DictReader((data / "export" / str(DAY) / "quality.csv").read_text(encoding="utf-8").splitlines())
    return {row["source"]: int(row["documents"]) for row in lines}


def withdraw(data: Path, id_: str) -> None:
    """As its source does."""
    now = datetime.now(UTC)
    with closing(app.open_bus(settings(data))) as bus:
        item = next(decode(record.value, ItemState) for record in bus.read("items") if record.key == id_)
        gone = RawItem(
            document=id_, source=item.source, native_id="x", revision=item.revision + 1, fetched_url="http://replay/x", fetched=now,
            format="entry", body="", withdrawn=True,
        )  # fmt: skip
        state = replace(item, revision=item.revision + 1, seen=now, withdrawn=True)
        visited = next(decode(record.value, SourceState) for record in bus.read("sources") if record.key == item.source)
        fetched = replace(visited, fetched=visited.fetched + 1)
        bus.publish(
            [
                Record(topic="raw", key=id_, value=encode(gone), timestamp=now, shard=item.source),
                Record(topic="items", key=id_, value=encode(state), timestamp=now),
                Record(topic="sources", key=item.source, value=encode(fetched), timestamp=now),
            ]
        )


def test_the_service_erases_by_itself(data, tmp_path):
    """After a missed night at once: documents, old events, exports; logged as the machine's, with a receipt; the books balance; then not again.

    What a source has withdrawn since leaves the exports, too.
    """
    export(data)
    before, told = documents(data), told_on(data, DAY)
    assert counted(data)[KEPT] == len(told[KEPT]) > 1
    withdrawn = min(told[KEPT])
    last_looked(data, datetime.now(UTC) - timedelta(days=3))
    withdraw(data, withdrawn)
    with service(data, tmp_path / "log"):
        _, nothing, followed, done = until(data, 4, tmp_path / "log")
    assert (followed.withdrawn, followed.exports) == ({withdrawn: KEPT}, (DAY,))
    assert (done.who, done.sources, done.exports) == ("system:gallring", (LIMITED, ENDED), (DAY,))
    assert done.searchable_before == len(before[ENDED]) + len(before[LIMITED]) > 100
    assert (done.searchable_after, sum(done.after.values()), nothing.sources) == (0, 0, ())
    left = {one.id for found in before.values() for one in found if one.provenance.source not in {ENDED, LIMITED}} - {withdrawn}
    assert {one.id for found in documents(data).values() for one in found} == left
    now = told_on(data, DAY)
    assert not now.keys() & {ENDED, LIMITED}
    assert now[KEPT] == told[KEPT] - {withdrawn}
    assert {source: number for source, number in counted(data).items() if number} == {source: len(ids) for source, ids in now.items()}
    with closing(app.open_access(settings(data))) as access:
        lines = access.audit.latest(10)
    assert {(line.who, line.action) for line in lines} == {("system:gallring", "erase")}
    assert [line.subject.split(":")[0] for line in lines] == [ENDED, LIMITED, KEPT]
    report = doctor(data)
    assert (report.balanced, report.complete, report.problems) == (True, True, [])
    listed = fjaril_json("erase", "--receipts", data=data)
    assert [(one["number"], len(one["documents"])) for one in listed] == [(done.number, done.number), (1, 1), (0, 0), (0, 0)]


def test_not_again_the_same_night(data, monkeypatch):
    """Whoever starts after a look erases nothing before the next night, however often it looks at the clock; after a missed one it does."""
    looks = 0

    def read(bus):
        nonlocal looks
        looks += 1
        return before(bus)

    before = erase.receipts
    monkeypatch.setattr(erase, "receipts", read)
    configure(data, erase_nightly=False)  # the other half of the night is quick

    async def look_thrice() -> None:
        nonlocal looks
        looks = 0
        with running(settings(data), STAGES) as live:
            look = asyncio.create_task(nightly.retention(settings(data), live, live.index, pause=0.01))
            while looks < 3:
                await asyncio.wait([look], timeout=0.01)
                assert not look.done()
            look.cancel()

    for days, more in ((3, 1), (0, 0)):
        last_looked(data, datetime.now(UTC) - timedelta(days=days))
        found = len(receipts(data))
        asyncio.run(look_thrice())
        assert len(receipts(data)) == found + more


def test_what_is_withdrawn_during_a_look_is_followed_by_the_next(data, monkeypatch):
    """Between the look and its receipt a source withdraws a document: the receipt is of before, the next night follows it, exports included.

    Also where what is past its retention is erased on command only, and whatever a command that found nothing to erase has noted meanwhile.
    """
    configure(data, erase_nightly=False)
    export(data)
    told = told_on(data, DAY)
    id_ = min(told[KEPT])
    last_looked(data, datetime.now(UTC) - timedelta(days=1))
    chosen, real = settings(data), erasure.follow

    def follow(*arguments):
        begun = real(*arguments)
        withdraw(data, id_)
        return begun

    async def look() -> None:
        with running(chosen, STAGES) as live:
            await nightly.look_for_old(chosen, live, live.index, erase.followed(receipts(data)), SystemClock())

    with monkeypatch.context() as patched:
        patched.setattr(erasure, "follow", follow)
        asyncio.run(look())
    _, first = receipts(data)
    with closing(app.open_bus(chosen)) as bus:
        item = [decode(record.value, ItemState) for record in bus.read("items") if record.key == id_][-1]
        assert (first.sources, item.withdrawn) == ((), True)
        assert first.at < item.seen
        erase.keep(bus, Receipt(at=datetime.now(UTC) + timedelta(days=3), who="local:prov", purpose="", is_complete=True))
    asyncio.run(look())
    (done,) = (one for one in receipts(data) if one.withdrawn)
    assert (done.withdrawn, done.is_complete, done.exports) == ({id_: KEPT}, True, (DAY,))
    assert counted(data)[KEPT] == len(told[KEPT]) - 1
    assert erase.looked([first]) is None  # nobody has looked for what is past its retention


def test_the_command_follows_withdrawals_too(data):
    """What a source has withdrawn leaves the exports, with a receipt of its own, also where nothing is past its retention."""
    export(data)
    fjaril("erase", "--past-retention", data=data)
    id_ = min(told_on(data, DAY)[KEPT])
    withdraw(data, id_)
    done = fjaril("erase", "--past-retention", data=data)
    assert done.stdout.splitlines()[0].endswith("have withdrawn them: 1")
    assert "nothing is past its retention" in done.stdout
    before, followed = (one for one in receipts(data) if one.withdrawn)
    assert id_ not in before.withdrawn  # one that the replay withdrew, by the first command
    assert (followed.withdrawn, followed.is_complete, followed.exports) == ({id_: KEPT}, True, (DAY,))


def test_one_that_cannot_be_finished_holds_up_no_other(data, monkeypatch):
    """Two that were cut short, the first cannot be finished: the second is, at the same look, and the first stays to be tried again."""
    configure(data, erase_nightly=False)
    with closing(app.open_bus(settings(data))) as bus, closing(app.open_index(settings(data))) as index:
        first, second = (
            erasure.begin(
                settings(data), bus, index, erase.wanted(bus, (), source), who=erase.SYSTEM, purpose="prov", now=datetime.now(UTC)
            )
            for source in (ENDED, LIMITED)
        )
    last_looked(data, datetime.now(UTC))
    real = erasure.finish

    def finish(settings, bus, index, receipt, *arguments, **more):
        if receipt.at == first.at:
            raise UsageError("another fjaril exports")
        return real(settings, bus, index, receipt, *arguments, **more)

    monkeypatch.setattr(erasure, "finish", finish)

    async def look() -> None:
        with running(settings(data), STAGES) as live:
            task = asyncio.create_task(nightly.retention(settings(data), live, live.index, pause=0.1))
            async with asyncio.timeout(120):
                while not next(one for one in receipts(data) if one.at == second.at).is_complete:
                    await asyncio.wait([task], timeout=0.1)
                    assert not task.done()
            task.cancel()

    asyncio.run(look())
    assert [one.is_complete for one in receipts(data)] == [False, True, True]


def test_what_was_cut_short_is_finished(data, tmp_path):
    """Killed once the withdrawals were published: the next start takes it from there, exports included, whoever began it."""
    export(data)
    with closing(app.open_bus(settings(data))) as bus, closing(app.open_index(settings(data))) as index:
        items = erase.wanted(bus, (), ENDED)
        begun = erasure.begin(settings(data), bus, index, items, who=erase.SYSTEM, purpose="prov", now=datetime.now(UTC))
    assert not begun.is_complete
    configure(data, erase_nightly=False)
    with service(data, tmp_path / "log"):
        (done,) = until(data, 1, tmp_path / "log")
    assert (done.at, done.exports, done.before) == (begun.at, (DAY,), begun.before)
    assert ENDED not in documents(data)
    assert ENDED not in (data / "export" / str(DAY) / "quality.csv").read_text(encoding="utf-8")
    assert doctor(data).balanced


def test_one_at_a_time(data):
    """While another process erases in the directory none begins."""
    with erasure.only_one(settings(data)):
        with pytest.raises(UsageError, match="another fjaril erases"), erasure.only_one(settings(data)):
            pass
        done = fjaril("erase", "--past-retention", data=data, code=2)
    assert "another fjaril erases" in done.stderr
    assert receipts(data) == []


def test_it_is_said_where_it_is_off_or_late(data):
    """Late where the last look is days ago, or none ever was and something has waited for days; off where the settings say so, which is no
    fault; cut short where it never finished.
    """
    now, report = datetime.now(UTC), doctor(data)
    with closing(app.open_bus(settings(data))) as bus:
        waits = len(erase.past_retention(bus, pipeline.settings.sources_of(settings(data)), now))
    assert report.retention == "erased each night at 2:00 UTC; last never"
    (problem,) = report.problems
    assert problem.startswith(f"{waits} items are past their retention")
    last_looked(data, now - timedelta(days=3))
    (problem,) = doctor(data).problems
    assert f"last looked for {now - timedelta(days=3):%Y-%m-%d}" in problem
    configure(data, erase_nightly=False)
    report = doctor(data)
    assert (report.retention.split(";")[0], report.problems) == ("erased on command only", [])
    with closing(app.open_bus(settings(data))) as bus:
        erase.keep(bus, Receipt(at=now - timedelta(hours=5), who="prov", purpose="", sources=("x",)))
    (problem,) = doctor(data).problems
    assert "has not finished" in problem


# --- the archive


def test_an_archive_of_before_is_reached(data):
    """Where answers are kept no more an old one still is: what is erased leaves it and its file, what is past its time, too."""
    document = documents(data)[KEPT][0]
    words = "Ord som bara stod i svaret från då."
    of = next(one for one in load_sources(data / "sources.yaml") if one.id == KEPT)
    now = datetime.now(UTC)
    held = Archived(source=of, at=now, published={document.id: 1}, items=(Item("a", json.dumps({"text": words}), "x"),))
    gone = Archived(source=of, at=now - timedelta(days=40), published={"f" * 32: 1}, items=(Item("b", "{}", "y"),))
    with Archive(data / FILE_NAME, 30) as archive:
        archive.add(held, [document.id])
        archive.add(gone, ["f" * 32])
    configure(data, answers=0)
    receipt = fjaril_json("erase", document.id, data=data)
    assert receipt["answers"] == 1
    with Archive(data / FILE_NAME, 0) as archive:
        assert [one.published for one in archive.read()] == [{}, gone.published]
    assert app.expire_answers(settings(data), now) == 1
