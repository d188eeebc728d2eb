"""What is past its retention is erased by itself, over a replayed fortnight; what was cut short is finished; it is said where it is off or late."""

from __future__ import annotations

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

import pipeline.settings
from collectors.archive import FILE_NAME, Archive, Archived
from collectors.items import Item
from pipeline import app, erase, erasure
from pipeline.erase import Receipt
from pipeline.errors import UsageError
from pipeline.model import Document, ItemState, Source, decode
from pipeline.settings import Keep, Settings, limited, load_sources, unstated
from tests.e2e.commands import FJARIL, fjaril, fjaril_json

DAY = date(2026, 3, 8)
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
    """Somebody looked then, and nothing was past its retention."""
    with closing(app.open_bus(settings(data))) as bus:
        erase.keep(bus, Receipt(at=at, who="prov", purpose="", is_complete=True))


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
    assert unstated(load_sources(data / "sources.yaml"), settings(data).keep) == ("anslga*",)
    assert "keep.purposes.anslga*" in fjaril("sources", "list", data=data).stderr
    (problem,) = fjaril_json("doctor", data=data)["problems"]
    assert problem.startswith("keep.purposes.anslga*: no source")


def test_the_limit_in_force_is_shown(data):
    """The list of sources shows what holds, not what the file says."""
    shown = {row["id"]: row["retention_days"] for row in fjaril_json("sources", "list", data=data) if row["kind"]}
    assert shown == {KEPT: 100_000, ENDED: 5, LIMITED: 9}


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


# --- by itself


def test_the_service_erases_by_itself(data, tmp_path):
    """After a missed night at once: documents, exports and archive; logged as the machine's, with a receipt; the books balance; then not again."""
    fjaril("export", "--date", str(DAY), data=data)
    before = documents(data)
    others = {name: found for name, found in before.items() if name not in {ENDED, LIMITED}}
    last_looked(data, datetime.now(UTC) - timedelta(days=3))
    with service(data, tmp_path / "log"):
        _, done, nothing = until(data, 3, tmp_path / "log")
        time.sleep(1)
        assert len(receipts(data)) == 3
    assert (done.who, done.sources, done.exports) == ("system:gallring", (LIMITED, ENDED), (DAY,))
    assert done.searchable_before == len(before[ENDED]) + len(before[LIMITED]) > 100
    assert (done.searchable_after, sum(done.after.values()), nothing.sources) == (0, 0, ())
    assert {name: {one.id for one in found} for name, found in documents(data).items()} == {
        name: {one.id for one in found} for name, found in others.items()
    }
    quality = (data / "export" / str(DAY) / "quality.csv").read_text(encoding="utf-8")
    assert KEPT in quality
    assert ENDED not in quality
    lines = [line for line in fjaril_json("audit", "list", data=data) if line["action"] == "erase"]
    assert [(line["who"], line["subject"].split(":")[0]) for line in lines] == [("system:gallring", ENDED), ("system:gallring", LIMITED)]
    report = fjaril_json("doctor", data=data)
    assert (report["balanced"], report["problems"]) == (True, [])
    listed = fjaril_json("erase", "--receipts", data=data)
    assert [len(one["documents"]) for one in listed] == [0, len(erased_by(data, done)), 0]
    assert fjaril_json("erase", "--past-retention", data=data)["documents"] == []


def erased_by(data: Path, receipt: Receipt) -> dict[str, str]:
    with closing(app.open_bus(settings(data))) as bus:
        return erase.documents_of(bus, receipt)


def test_what_was_cut_short_is_finished(data, tmp_path):
    """Killed once the withdrawals were published: the next start takes it from there, exports included, whoever began it."""
    fjaril("export", "--date", str(DAY), data=data)
    with closing(app.open_bus(settings(data))) as bus, closing(app.open_index(settings(data))) as index:
        items = erase.wanted(bus, (), ENDED)
        begun = erasure.begin(settings(data), bus, index, items, who=erasure.SYSTEM, purpose="prov", now=datetime.now(UTC))
    assert not begun.is_complete
    configure(data, erase_nightly=False)
    with service(data, tmp_path / "log"):
        (done,) = until(data, 1, tmp_path / "log")
    assert (done.at, done.exports, done.before) == (begun.at, (DAY,), begun.before)
    assert ENDED not in documents(data)
    assert ENDED not in (data / "export" / str(DAY) / "quality.csv").read_text(encoding="utf-8")
    assert fjaril_json("doctor", data=data)["balanced"]


def test_one_at_a_time(data):
    """While another process erases in the directory none begins."""
    with erasure.only_one(settings(data)):
        done = fjaril("erase", "--past-retention", data=data, code=2)
        assert "another fjaril erases" in done.stderr
    with pytest.raises(UsageError), erasure.only_one(settings(data)), erasure.only_one(settings(data)):
        pass
    assert receipts(data) == []


def test_it_is_said_where_it_is_off_or_late(data):
    """Late where the last look is days ago; off where the settings say so, which is no fault; cut short where it never finished."""
    assert fjaril_json("doctor", data=data)["retention"] == "erased each night at 2:00 UTC; last never"
    now = datetime.now(UTC)
    last_looked(data, now - timedelta(days=3))
    (problem,) = fjaril_json("doctor", data=data)["problems"]
    assert f"last looked for {now - timedelta(days=3):%Y-%m-%d}" in problem
    configure(data, erase_nightly=False)
    report = fjaril_json("doctor", data=data)
    assert (report["retention"].split(";")[0], report["problems"]) == ("erased on command only", [])
    with closing(app.open_bus(settings(data))) as bus:
        erase.keep(bus, Receipt(at=now - timedelta(hours=5), who="prov", purpose="", sources=("x",)))
    (problem,) = fjaril_json("doctor", data=data)["problems"]
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
