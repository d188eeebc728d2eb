"""The same recording through SQLite and tantivy, and through Kafka and Elasticsearch: what comes out is the same."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from elasticsearch import Elasticsearch

import pipeline.settings
from pipeline import app, scenario
from pipeline.app import every_document
from pipeline.console.room import opened as opened_room
from pipeline.model import Document
from pipeline.ports import TABLES, Filters, Hit, Index, Search
from tests.console.serving import served
from tests.e2e.commands import fjaril, fjaril_json
from tests.real_servers import servers

#: Of the demo's invented police messages.
POLLS = 120
QUERIES = (
    "brand",
    "bilbrand",
    "trafikolycka",
    "polis",
    "misshandel -natt",
    '"på plats"',
    "place:14 brand",
    "theme:fire",
    "rån butik",
    "stöld",
)


@pytest.fixture(scope="module")
def both(directory: Callable[[str], Path], tmp_path_factory) -> tuple[Path, Path]:
    """Two data directories that the same recorded polls went through: without servers, and on them."""
    local, served = directory("local"), directory("served")
    prefix = "t" + uuid.uuid4().hex[:12]
    where = {"bus": f"kafka://{servers().kafka}/{prefix}", "index": f"{servers().elasticsearch}/{prefix}"}
    (served / "fjaril.yaml").write_text("".join(f"{name}: {url}\n" for name, url in where.items()), encoding="utf-8")
    assert "new" in fjaril("setup", "--dry-run", data=served).stdout
    assert fjaril_json("setup", data=served)["changes"]
    assert fjaril_json("setup", data=served)["changes"] == []
    polls = [answer for answer in scenario.answers() if answer.source == "demo-polisen"][:POLLS]
    file = tmp_path_factory.mktemp("recording") / "polls.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode({"polled_at": poll.at, "body": poll.body.decode()}) + b"\n" for poll in polls))
    for folder in (local, served):
        fjaril("replay", file, data=folder)
    return local, served


@pytest.fixture(scope="module")
def indexes(both: tuple[Path, Path]) -> Iterator[tuple[Index, Index]]:
    opened = [app.open_index(pipeline.settings.load(data=folder)) for folder in both]
    yield opened[0], opened[1]
    for index in opened:
        index.close()


def told(document: Document) -> dict[str, object]:
    """What a document says; which copy of a text was first, and to which story it went, is decided by the order in which partitions are read."""
    return json.loads(json.dumps({"id": document.id, "revision": document.revision, "title": document.title, "text": document.text,
            "places": [(p.code, p.role, p.start) for p in document.places], "themes": [(t.id, t.score) for t in document.themes],
            "incidents": len(document.incidents), "published": document.published.isoformat()}))  # fmt: skip


def test_the_books_balance_and_are_the_same(both):
    """Fetched, documents, revisions, withdrawals, duplicates and dead; nothing waits."""
    reports = [fjaril_json("doctor", data=folder) for folder in both]
    for report, folder in zip(reports, both, strict=True):
        on = app.stages(pipeline.settings.load(data=folder))  # nobody reads for alerts where there are no rules
        report["lag"] = {stage: waiting for stage, waiting in report["lag"].items() if stage in on}
    names = ("fetched", "documents", "revisions", "tombstones", "duplicates", "dead", "lag", "searchable", "balanced")
    assert [reports[0][name] for name in names] == [reports[1][name] for name in names]
    assert (reports[1]["balanced"], reports[1]["problems"]) == (True, [])
    assert reports[1]["index"].startswith("Elasticsearch 9")


def test_the_documents_are_the_same(indexes):
    """Each with its revision, its text, its places and its themes."""
    local, served = ({d.id: told(d) for d in every_document(index)} for index in indexes)
    assert len(local) > 50
    assert local == served


def test_the_counts_are_the_same(indexes):
    """By day, municipality and theme."""
    local, served = (index.trend(Filters(), "day", ("place", "theme")) for index in indexes)
    assert len(local) > 20
    assert local == served


def test_the_tables_have_what_the_topics_have(both):
    """Every finding, story and source stands once in Elasticsearch, in its last version."""
    settings = pipeline.settings.load(data=both[1])
    bus = app.open_bus(settings)
    client = Elasticsearch(servers().elasticsearch)
    prefix = settings.index.rsplit("/", 1)[1]
    for table in TABLES:
        last = {record.key: record.offset + 1 for record in bus.read(table)}
        hits = client.search(index=f"{prefix}-{table}", size=1000, version=True)["hits"]["hits"]
        assert {hit["_id"]: hit["_version"] for hit in hits} == last
        assert last or table == "findings"
    client.close()
    bus.close()


@pytest.mark.parametrize("query", QUERIES)
def test_the_results_are_the_same(indexes, query):
    """The same documents are found, and the facets count the same.

    By relevance the first ten are the same as far as their scores tell them apart: both servers weigh by BM25 and go by the same terms,
    but Elasticsearch keeps a month's deleted documents in its statistics and rounds lengths of empty titles otherwise. So nine of ten.
    """
    local, served = (index.search(Search(text=query, size=1000, order="newest", facets=("place", "theme"))) for index in indexes)
    assert [hit.document.id for hit in local.hits] == [hit.document.id for hit in served.hits]
    assert (local.total, local.facets) == (served.total, served.facets)
    best = [index.search(Search(text=query, size=10)).hits for index in indexes]
    scores = {hit.document.id: round(hit.score, 1) for hit in index_scores(indexes[0], query)}
    tops = [Counter(scores[hit.document.id] for hit in hits) for hits in best]
    assert (tops[0] & tops[1]).total() >= 0.9 * len(best[0])


def index_scores(index: Index, query: str) -> Iterator[Hit]:
    """Every hit by relevance."""
    yield from index.search(Search(text=query, size=1000)).hits


def test_an_export_is_the_same(both, tmp_path):
    """What happened on a day and what each source gave, byte for byte: both fold the same from the topics."""
    made = []
    for number, folder in enumerate(both):
        fjaril("export", "--date", "2026-03-03", "-o", tmp_path / str(number), data=folder)
        made.append({name: (tmp_path / str(number) / "2026-03-03" / name).read_bytes() for name in ("trend.csv", "quality.csv")})
    assert made[0] == made[1]
    assert made[0]["trend.csv"].count(b"\r\n") > 5


def test_the_console_shows_the_same(both: tuple[Path, Path]) -> None:
    """Pages over Kafka and Elasticsearch say what they say over SQLite and tantivy: the same counts, areas, days and documents."""

    def told(folder: Path) -> dict[str, object]:
        with opened_room(pipeline.settings.load(data=folder)) as room, served(room) as client:
            for page in ("/", "/sok?q=brand", "/spridning", "/kallor", "/larm", "/kommun/1480"):
                assert client.get(page).status_code == 200, page
            at = every_document(room.index)
            newest = next(at).published
            now = client.get("/api/v1/now", params={"period": "7d", "at": newest.isoformat()}).json()
            found = client.get("/api/v1/documents", params={"q": "brand", "size": 100}).json()
            exported = client.get("/api/v1/documents.ndjson", params={"purpose": "prov"}).content.splitlines()
            return {
                "counts": (now["count"], now["total"], found["total"], len(exported)),
                "areas": now["areas"],
                "documents": {hit["id"]: hit["places"] for hit in found["hits"]},
                "over time": [bar["count"] for bar in client.get("/api/v1/documents/over-time", params={"q": "brand"}).json()["bars"]],
                "sources": [source["id"] for source in client.get("/api/v1/sources").json()["sources"]],
            }

    local, on_servers = told(both[0]), told(both[1])
    assert local["counts"][2] > 5  # type: ignore[index]
    assert local == on_servers


def test_an_erased_document_leaves_both(both):
    """The receipt says that nothing is left, the books balance, and the others are there as before; last, since it changes both."""
    settings = [pipeline.settings.load(data=folder) for folder in both]
    ids = []
    for one in settings:
        index = app.open_index(one)
        ids.append({document.id for document in every_document(index)})
        index.close()
    gone = min(ids[0])
    for folder, one, before in zip(both, settings, ids, strict=True):
        receipt = fjaril_json("erase", gone, "--purpose", "prov", data=folder)
        assert (receipt["searchable_before"], receipt["searchable_after"]) == (1, 0)
        assert sum(receipt["before"].values()) > 0
        assert sum(receipt["after"].values()) == 0
        index = app.open_index(one)
        assert {document.id for document in every_document(index)} == before - {gone}
        index.close()
        assert fjaril_json("doctor", data=folder)["balanced"]
