"""The stage: fetched items become documents, tombstones or dead letters. All items are invented."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from enrich.readers import polisen_place, polisen_time
from enrich.stage import Enrich
from pipeline.errors import PoisonError
from pipeline.model import DeadLetter, Document, Entry, PlaceRole, RawItem, decode, document_id, encode
from pipeline.ports import Delivered

FETCHED = datetime(2026, 5, 2, 8, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parents[1] / "golden" / "enrich"


@pytest.fixture(scope="module")
def stage(nlp, gazetteer) -> Enrich:
    return Enrich(nlp, gazetteer)


def delivered(value: bytes, key: str = "k") -> Delivered:
    return Delivered(topic="raw", key=key, value=value, timestamp=FETCHED, shard="s", partition=0, offset=1)


def item(body: str, form: str = "entry", **values) -> RawItem:
    return RawItem(
        **{
            "document": document_id("src", "1"),
            "source": "src",
            "native_id": "1",
            "revision": 1,
            "fetched_url": "https://a.example/feed",
            "fetched": FETCHED,
            "format": form,
            "body": body,
        }
        | values
    )


def event(**values) -> str:
    return json.dumps(
        {
            "id": 1,
            "datetime": "2026-05-02 9:48:12 +02:00",
            "name": "02 maj 09.40, Mord/dråp, försök, Lund",
            "summary": "En man greps.",
            "url": "/aktuellt/1/",
            "type": "Mord/dråp, försök",
            "location": {"name": "Skåne län", "gps": "55.9,13.5"},
        }
        | values
    )


def run(stage, raw: RawItem) -> Document:
    (record,) = stage.process([delivered(encode(raw))])
    assert record.topic == "documents", record.value
    return decode(record.value, Document)


@pytest.mark.parametrize("case", sorted(path.stem.removesuffix(".raw") for path in GOLDEN.glob("*.raw.json")))
def test_golden(stage, case):
    """Each item beside the document that it becomes."""
    raw = msgspec.json.decode((GOLDEN / f"{case}.raw.json").read_bytes(), type=RawItem)
    expected = json.loads((GOLDEN / f"{case}.document.json").read_text(encoding="utf-8"))
    assert json.loads(encode(run(stage, raw))) == expected


def test_a_police_notice_becomes_a_document(stage):
    """Title, text, time, address, category, place and theme come from the API's fields."""
    document = run(stage, item(event(), "polisen"))
    assert document.title == "02 maj 09.40, Mord/dråp, försök, Lund"
    assert document.text == "En man greps."
    assert document.published == datetime(2026, 5, 2, 7, 48, 12, tzinfo=UTC)
    assert document.url == "https://polisen.se/aktuellt/1/"
    assert document.category == "Mord/dråp, försök"
    assert (document.places[0].code, document.places[0].field, document.places[0].score) == ("1281", "source", 1.0)
    assert (document.primary_theme, document.themes[0].score) == ("violence.homicide", 1.0)


@pytest.mark.parametrize(
    ("title", "location", "code"),
    [
        ("2 maj 09.40, Brand, Lund", "Lund", "1281"),
        ("2 maj 09.40, Brand, Lund", "Skåne län", "1281"),
        ("2 maj 09.40, Brand, Lund", "Stockholms län", "01"),
        ("2 maj 09.40, Brand, Skåne län", "Skåne län", "12"),
        ("2 maj 09.40, Brand, Upplands väsby", "Stockholms län", "0114"),
        ("2 maj 09.40, Brand, Lund", "", "1281"),
        ("2 maj 09.40, Brand", "", None),
    ],
)
def test_the_place_of_a_notice(gazetteer, title, location, code):
    """The location's municipality, else the title's in the location's county, else the county."""
    place = polisen_place(title, location, gazetteer)
    assert (place and place.code) == code


def test_the_unpadded_hour_is_read():
    """The API writes 9:48, and a summer time zone."""
    assert polisen_time("2026-08-22 9:48:12 +02:00") == datetime(2026, 8, 22, 7, 48, 12, tzinfo=UTC)
    for wrong in ("2026-08-22", "2026-13-22 9:48:12 +02:00", "yesterday"):
        with pytest.raises(PoisonError, match="datetime: found"):
            polisen_time(wrong)


@pytest.mark.parametrize(("ahead", "believed"), [(timedelta(days=1), True), (timedelta(days=1, seconds=1), False), (None, False)])
def test_nothing_is_published_in_the_future(stage, ahead, believed):
    """A day is the slip of a clock or a zone; what is dated further ahead, of whatever kind, was published when it was fetched."""
    said = FETCHED + ahead if ahead else datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    notice = item(event(datetime=f"{said:%Y-%m-%d %H:%M:%S} +00:00"), "polisen")
    for raw in (
        notice,
        item(encode_entry(Entry(title="Varning", published=said))),
        item(encode_entry(Entry(title="Varning", updated=said))),
    ):
        document = run(stage, raw)
        assert document.published == (said if believed else FETCHED)
        assert document.fetched == FETCHED


def test_an_entry_becomes_a_document(stage):
    """A feed's entry keeps its text, its spans refer to it, and its links to people are left out."""
    entry = Entry(
        title="Storbrand  i\nLund",
        text=" Ring anna@exempel.example.\n\nBranden  i Upplands\nVäsby är släckt.",
        links=("mailto:a@b.example", "https://a.example/1"),
    )
    document = run(stage, item(encode_entry(entry)))
    spans = {(p.field, getattr(document, p.field)[p.start : p.end]) for p in document.places}
    assert spans == {("title", "Lund"), ("text", "Upplands\nVäsby")}
    assert "[e-post]" in document.text
    assert [(r.kind, document.text[r.start : r.end]) for r in document.redactions] == [("email", "[e-post]")]
    assert document.links == ("https://a.example/1",)
    assert document.published == FETCHED
    assert document.primary_theme.startswith("fire.")


def encode_entry(entry: Entry) -> str:
    return msgspec.json.encode(entry).decode()


def test_without_a_place_it_is_reported_from_the_sources_area(stage):
    """The source's area is where it is reported from, not where it happened."""
    document = run(stage, item(encode_entry(Entry(title="Rån", text="En butik rånades.")), area="1281"))
    assert [(p.code, p.role) for p in document.places] == [("1281", PlaceRole.REPORTED)]


def test_the_sources_own_id_is_redacted(stage):
    """A guid that is somebody's address is stored with a marker; the document's id is still made of the guid as it was given."""
    guid = "anna@exempel.example"
    document = run(stage, item(encode_entry(Entry(title="Rån")), native_id=guid, document=document_id("src", guid)))
    assert (document.provenance.native_id, document.id) == ("[e-post]", document_id("src", guid))


def test_a_withdrawn_item_becomes_a_tombstone(stage):
    """Nothing of its content remains."""
    document = run(stage, item("", withdrawn=True, revision=3))
    assert document.withdrawn
    assert (document.title, document.text, document.places, document.themes, document.revision) == ("", "", (), (), 3)


@pytest.mark.parametrize(
    "value",
    [
        b"\xff\x00 no JSON",
        b'{"type":"document"}',
        encode(item("{}", "unknown")),
        encode(item("no JSON")),
        encode(item('{"id":1}', "polisen")),
        encode(item(event(datetime="?"), "polisen")),
    ],
)
def test_what_cannot_be_read_goes_to_dead(stage, value):
    """With stage, reason and the original bytes; the rest of the batch goes on, in order."""
    good = encode(item(encode_entry(Entry(title="Rån", text="I Lund."))))
    before, dead, after = stage.process([delivered(good), delivered(value, "bad"), delivered(good)])
    assert (before.topic, dead.topic, after.topic) == ("documents", "dead", "documents")
    letter = decode(dead.value, DeadLetter)
    assert (letter.stage, letter.original, letter.topic, letter.key, letter.died) == ("enrich", value, "raw", "bad", FETCHED)
    assert "found" in letter.reason


def test_the_same_input_gives_the_same_output(stage):
    """Alone or in a batch, now or later."""
    one = delivered(encode(item(event(), "polisen")))
    two = delivered(encode(item(encode_entry(Entry(title="Brand i Lund", text="Släckt.")))))
    assert stage.process([one, two]) == stage.process([one]) + stage.process([two])


def test_the_content_hash_goes_by_content(stage):
    """Another fetch of the same is the same; another summary or location is not."""
    first = run(stage, item(event(), "polisen")).content_hash
    assert run(stage, item(event(), "polisen", fetched=datetime(2027, 1, 1, tzinfo=UTC), revision=2)).content_hash == first
    assert run(stage, item(event(summary="En kvinna greps."), "polisen")).content_hash != first
    assert run(stage, item(event(location={"name": "Lund", "gps": ""}), "polisen")).content_hash != first


def test_importing_the_package_imports_no_spacy():
    """The command line's help must not wait for spaCy."""
    code = "import sys, enrich, enrich.gazetteer, enrich.lexicon; sys.exit('spacy' in sys.modules or 'shapely' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
