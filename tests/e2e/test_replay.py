"""``fjaril replay`` of real recorded polls ends with exactly what the recordings hold."""

from __future__ import annotations

import csv
import json
import lzma
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import pipeline.settings
from pipeline import app
from pipeline.app import every_document
from pipeline.model import Document
from tests.e2e.commands import fjaril, fjaril_json

FILES = ("polls_long_2025-01.jsonl.xz", "polls.jsonl.xz")


@dataclass
class Held:
    """What a recording holds, read from it without the pipeline."""

    events: dict[str, dict] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    seen: int = 0

    @property
    def edits(self) -> int:
        return sum(self.revisions.values()) - len(self.events)


def held(file: Path) -> Held:
    """Read the polls one by one; an event whose fields differ from the poll before is a revision of it."""
    result, before = Held(), None
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            body = json.loads(line)["body"]
            if not body.strip() or body == before:
                continue
            before = body
            for event in json.loads(body):
                result.seen += 1
                key = str(event["id"])
                if result.events.get(key) != event:
                    result.revisions[key] = result.revisions.get(key, 0) + 1
                    result.events[key] = event
    return result


class Codes:
    """Official codes by name, from the reference table."""

    def __init__(self, table: Path) -> None:
        with table.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        self.municipality = {row["municipality_name"].casefold(): row["municipality_code"] for row in rows}
        self.county = {row["county_name"].casefold(): row["county_code"] for row in rows}

    def expected(self, event: dict) -> str:
        """The municipality that the location names, else the one that the title names if it lies in that county, else the county."""
        location = event["location"]["name"].casefold()
        if location in self.municipality:
            return self.municipality[location]
        county = self.county[location]
        town = self.municipality.get(event["name"].rsplit(",", 1)[-1].strip().casefold(), "")
        return town if town.startswith(county) else county


def documents(folder: Path) -> list[Document]:
    index = app.open_index(pipeline.settings.load(data=folder))
    try:
        return list(every_document(index))
    finally:
        index.close()


@pytest.fixture(scope="module", params=FILES)
def replayed(request, shared_data, tmp_path_factory):
    """A recording, what it holds, and the data directory that a replay of it left."""
    file = shared_data / "polisen" / request.param
    folder = tmp_path_factory.mktemp("replay")
    fjaril("replay", file, data=folder)
    return file, held(file), folder


def test_exactly_the_documents_and_revisions_of_the_file(replayed):
    """Every event of the recording is one document, with as many revisions as it had versions, and no other is there."""
    _, expected, folder = replayed
    found = {d.provenance.native_id: d.revision for d in documents(folder)}
    assert found == expected.revisions


def test_each_in_its_place(replayed, shared_data):
    """Each document has happened in the municipality or county that title and location of its last version say."""
    _, expected, folder = replayed
    codes = Codes(shared_data / "geo" / "admin_areas.csv")
    wrong = {}
    for document in documents(folder):
        event = expected.events[document.provenance.native_id]
        best = next((p.code for p in document.places if p.role == "happened"), None)
        if best != codes.expected(event):
            wrong[document.provenance.native_id] = (best, codes.expected(event))
    assert wrong == {}


def test_last_version_is_shown(replayed):
    """Title and text of each document are those of its last version."""
    _, expected, folder = replayed
    for document in documents(folder):
        event = expected.events[document.provenance.native_id]
        assert document.title == event["name"].strip()
        assert document.category == event["type"].strip()


def test_books_balance_and_twice_is_once(replayed):
    """The books count what the file holds, and replaying it again adds nothing."""
    file, expected, folder = replayed
    report = fjaril_json("doctor", data=folder)
    assert (report["documents"], report["revisions"], report["dead"]) == (len(expected.events), expected.edits, 0)
    assert report["fetched"] == expected.seen == report["documents"] + report["revisions"] + report["duplicates"]
    assert report["balanced"]
    fjaril("replay", file, data=folder)
    assert fjaril_json("doctor", data=folder) == report
