"""Erasure on request, over a replayed fortnight: nothing is left, and it does not come back."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline import app, erase
from pipeline.export import write
from pipeline.live import running
from pipeline.model import Document, ItemState, RawItem, decode, encode
from pipeline.ports import Record
from pipeline.settings import Settings
from tests.e2e.commands import FJARIL, fjaril, fjaril_json

STAGES = ("enrich", "relate", "spread", "index")


@pytest.fixture
def data(replayed, tmp_path) -> Path:
    """A copy of the replayed directory, without what was done there."""
    return Path(shutil.copytree(replayed, tmp_path / "data", ignore=shutil.ignore_patterns("access")))


def settings(data: Path) -> Settings:
    return Settings(data_dir=data)


def documents(data: Path) -> list[Document]:
    """All that search finds."""
    with closing(app.open_index(settings(data))) as index:
        return list(app.every_document(index))


def alone(all_of: list[Document]) -> tuple[Document, bytes]:
    """A document of one version and a passage of 40 characters that no other one has."""
    for document in all_of:
        passage = document.text[20:60]
        if document.revision == 1 and len(passage) == 40 and sum(passage in other.text for other in all_of) == 1:
            return document, passage.encode()
    raise AssertionError("each document's words stand in another one, too")


def files_with(data: Path, words: bytes) -> list[str]:
    return [str(path.relative_to(data)) for path in data.rglob("*") if path.is_file() and words in path.read_bytes()]


def run_stages(data: Path) -> None:
    """Let the stages take what waits."""
    with running(settings(data), STAGES) as live:
        while any(live.lag().values()):
            live.check()


def test_nothing_of_a_document_is_left(data):
    """Its words are in no file, search does not find it, its state is a tombstone; the receipt says so, the log names who and why, the books balance."""
    document, passage = alone(documents(data))
    assert files_with(data, passage)
    receipt = fjaril_json("erase", document.id, "--purpose", "begäran från den berörde", data=data)
    assert files_with(data, passage) == []
    assert (receipt["searchable_before"], receipt["searchable_after"]) == (1, 0)
    assert sum(receipt["before"].values()) > 0
    assert sum(receipt["after"].values()) == 0
    assert document.id not in {one.id for one in documents(data)}
    assert document.text[:20] not in json.dumps(receipt, ensure_ascii=False)
    (line,) = fjaril_json("audit", "list", data=data)
    assert (line["action"], line["subject"], line["purpose"]) == ("erase", document.id, "begäran från den berörde")
    assert fjaril_json("doctor", data=data)["balanced"]
    with closing(app.open_bus(settings(data))) as bus:
        assert set(erase.erased(bus)) == {document.id}
        item = next(decode(record.value, ItemState) for record in bus.read("items") if record.key == document.id)
        assert (item.native_id, item.author) == ("", "")


def test_it_does_not_come_back(data):
    """What the source gives anew of it, edited, is never found, and is emptied at the next look; a withdrawal by the source changes nothing."""
    document, _ = alone(documents(data))
    fjaril("erase", document.id, data=data)
    with closing(app.open_bus(settings(data))) as bus:
        now = datetime.now(UTC)
        entry = {"title": "Åter", "text": "Den raderade texten kommer åter i ny lydelse.", "published": document.published.isoformat()}
        back = RawItem(
            document=document.id, source=document.provenance.source, native_id="x", revision=2, fetched_url="http://replay/x", fetched=now,
            format="entry", body=json.dumps(entry),
        )  # fmt: skip
        gone = replace(back, revision=3, body="", withdrawn=True)
        bus.publish([Record(topic="raw", key=one.document, value=encode(one), timestamp=now, shard=one.source) for one in (back, gone)])
    run_stages(data)
    assert document.id not in {one.id for one in documents(data)}
    with closing(app.open_bus(settings(data))) as bus, closing(app.open_index(settings(data))) as index:
        later = datetime.now(UTC) + timedelta(seconds=1)
        assert any(record.key == document.id and b"lydelse" in record.value for record in bus.read("raw"))
        assert erase.again(bus, index, None, later) == 1
        assert erase.again(bus, index, None, later) == 0
        for topic in erase.TOPICS:
            assert not [record for record in bus.read(topic) if b"lydelse" in record.value]


def test_again_waits_for_the_withdrawal(data):
    """As long as the stages have not taken it, nothing is emptied: a withdrawal that is emptied before it is read would never be made."""
    document, _ = alone(documents(data))
    now = datetime.now(UTC)
    with closing(app.open_bus(settings(data))) as bus, closing(app.open_index(settings(data))) as index:
        erase.request(bus, erase.wanted(bus, [document.id], None), erase.Receipt(at=now, who="prov", purpose=""))
        assert erase.again(bus, index, None, now + timedelta(seconds=1)) == 0
        assert not erase.is_gone(index, document.id)
    run_stages(data)
    assert document.id not in {one.id for one in documents(data)}


def test_all_of_a_source_leaves_its_exports_too(data):
    """Days that counted it are exported anew, once, without it; other sources stay; the second time there is nothing left to erase."""
    day = date(2026, 3, 8)
    fjaril("export", "--date", str(day), data=data)
    before = (data / "export" / str(day) / "quality.csv").read_text(encoding="utf-8")
    assert "demo-flode-torget" in before
    others = {one.id for one in documents(data) if one.provenance.source != "demo-flode-torget"}
    receipt = fjaril_json("erase", "--source", "demo-flode-torget", data=data)
    assert len(receipt["documents"]) > 20
    assert receipt["exports"] == [str(day)]
    after = (data / "export" / str(day) / "quality.csv").read_text(encoding="utf-8")
    assert "demo-flode-torget" not in after
    assert {one.id for one in documents(data)} == others
    assert write.days(data / "export") == [day]
    assert fjaril_json("doctor", data=data)["balanced"]
    again = fjaril_json("erase", *receipt["documents"][:2], data=data)
    assert (again["searchable_before"], sum(again["before"].values())) == (0, 0)
    assert fjaril_json("doctor", data=data)["balanced"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing is named"),
        (("0" * 32,), "no such document was collected"),
        (("--source", "ingen"), "there are demo-flode-anslag"),
    ],
)
def test_what_is_not_there_is_named(replayed, arguments, said):
    """And how to go on; nothing is erased."""
    done = fjaril("erase", *arguments, data=replayed, code=2)
    assert said in done.stderr


def test_beside_a_pipeline_that_runs(data):
    """It does the work, and once it has stopped the words are in no file; the receipt says what it will do later."""
    document, passage = alone(documents(data))
    (data / "sources.yaml").write_text(
        json.dumps({"sources": [{"id": "ingen", "kind": "feed", "url": "http://127.0.0.1:9/x", "name": "x", "purpose": "prov"}]}),
        encoding="utf-8",
    )
    config = {
        "sources": str(data / "sources.yaml"),
        "http": {"private_addresses": True},
        "console": {"address": ""},
        "export": {"nightly": False},
    }
    (data / "fjaril.yaml").write_text(json.dumps(config), encoding="utf-8")
    with subprocess.Popen([FJARIL, "--data", data, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as service:
        try:
            assert any("archive_expired" in line for line in service.stderr)  # it collects
            receipt = fjaril_json("erase", document.id, data=data)
            service.send_signal(signal.SIGTERM)
            service.stderr.read()
            assert service.wait(30) == 0
        finally:
            service.kill()
    assert (receipt["searchable_before"], receipt["searchable_after"], receipt["rewritten"]) == (1, 0, False)
    assert sum(receipt["after"].values()) == 0
    assert files_with(data, passage) == []
    assert fjaril_json("doctor", data=data)["balanced"]
