"""The same on Kafka and Elasticsearch: what is past its retention leaves both by itself, through the same ports."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import pipeline.settings
from enrich.spread.model import Occurrence
from pipeline import app, doctor, erase
from pipeline.app import every_document
from pipeline.erase import Receipt
from pipeline.model import Health, ItemState, RawItem, Reliability, SourceState, decode, document_id, encode
from pipeline.ports import Record
from tests.e2e.commands import FJARIL, fjaril
from tests.real_servers import servers

#: Sources → days ago that they gave their documents; both may be kept for thirty.
SOURCES, ITEMS = {"gammal": 40, "ny": 2}, 15
NOW = datetime.now(UTC)


@pytest.fixture
def data(tmp_path) -> Path:
    """A data directory over the servers."""
    prefix = "g" + uuid.uuid4().hex[:12]
    blank = {"kind": "feed", "url": "http://127.0.0.1:9/x", "name": "x", "purpose": "prov", "enabled": False}
    (tmp_path / "sources.yaml").write_text(json.dumps({"sources": [blank | {"id": id_} for id_ in SOURCES]}), encoding="utf-8")
    config = {
        "bus": f"kafka://{servers().kafka}/{prefix}", "index": f"{servers().elasticsearch}/{prefix}", "sources": str(tmp_path / "sources.yaml"),
        "console": {"address": ""}, "export": {"nightly": False}, "keep": {"purposes": {"prov": 30}},
    }  # fmt: skip
    (tmp_path / "fjaril.yaml").write_text(json.dumps(config), encoding="utf-8")
    fjaril("setup", data=tmp_path)
    return tmp_path


def collected() -> Iterator[Record]:
    """Invented messages as collectors publish them."""
    for source, ago in SOURCES.items():
        for number in range(ITEMS):
            key, when = document_id(source, str(number)), NOW - timedelta(days=ago, minutes=number)
            body = {"title": f"Brand i bil {number}", "text": f"En bil brinner i Trollhättan, säger {source}.", "published": when}
            raw = RawItem(
                document=key, source=source, native_id=str(number), revision=1, fetched_url="http://s/x", fetched=when, format="entry",
                body=msgspec.json.encode(body).decode(), reliability=Reliability.B,
            )  # fmt: skip
            yield Record(topic="raw", key=key, value=encode(raw), timestamp=when, shard=source)
            state = ItemState(source=source, content_hash="x", revision=1, seen=when)
            yield Record(topic="items", key=key, value=encode(state), timestamp=when)
        state = SourceState(source=source, url="http://s/x", checked=NOW, health=Health.CHANGED, fetched=ITEMS)
        yield Record(topic="sources", key=source, value=encode(state), timestamp=NOW)


def test_what_is_past_its_retention_leaves_the_servers(data):
    """After a missed night: search finds the young ones alone, no topic holds a word of the old ones, no event counts them, the books balance."""
    settings = pipeline.settings.load(data=data)
    with closing(app.open_bus(settings)) as bus:
        bus.publish(list(collected()))
        erase.keep(bus, Receipt(at=NOW - timedelta(days=3), who=erase.SYSTEM.name, purpose="", is_complete=True))
        with (data / "log").open("wb") as log:
            command = [FJARIL, "--data", data, "run", "enrich", "relate", "spread", "index"]
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        try:
            limit = time.monotonic() + 180
            while len(found := erase.receipts(bus)) < 3 or not all(one.is_complete for one in found):
                assert run.poll() is None, (data / "log").read_text("utf-8")
                assert time.monotonic() < limit, (data / "log").read_text("utf-8")
                time.sleep(0.5)
            run.send_signal(signal.SIGTERM)
            assert run.wait(60) == 0
        finally:
            run.kill()
            run.wait()
        _, nothing, done = found
        assert (nothing.sources, nothing.is_complete) == ((), True)
        assert (done.number, done.sources, done.searchable_after) == (ITEMS, ("gammal",), 0)
        assert set(erase.documents_of(bus, done)) == {document_id("gammal", str(number)) for number in range(ITEMS)}
        for topic in erase.TOPICS:
            assert not [record for record in bus.read(topic) if "säger gammal".encode() in record.value]
        last = {record.key: decode(record.value, Occurrence) for record in bus.read("events")}
        assert {one.source for occurrence in last.values() for one in occurrence.sightings} == {"ny"}
        with closing(app.open_index(settings)) as index:
            assert {one.provenance.source for one in every_document(index)} == {"ny"}
            assert doctor.examine(bus, index).balanced
