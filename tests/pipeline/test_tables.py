"""Tables beside the documents: what they show of a record, versions, replays, kills. Against the real server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

import enrich.gazetteer
import enrich.lexicon
from enrich.spread.model import Edge, Finding, Grade, Parts, Version
from enrich.views.common import Names
from enrich.views.findings import FindingView, finding_view
from enrich.views.sources import SourceView, source_view
from enrich.views.stories import StoryView, story_view
from index_config import templates
from pipeline import app
from pipeline.bus.sqlite import SqliteBus
from pipeline.errors import SearchIndexError
from pipeline.index.elastic.connection import Address, Connection
from pipeline.index.elastic.index import ElasticIndex
from pipeline.index.elastic.setup import install
from pipeline.index.embedded import EmbeddedIndex
from pipeline.model import Health, SourceState, Story, encode
from pipeline.ports import TABLES, Record, Row, TabledIndex, Topic
from pipeline.settings import Elastic, Settings
from pipeline.tables import TablesWorker
from tests.pipeline.test_elastic_index import fields, mapped
from tests.real_servers import servers

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
VIEWS = {"findings": FindingView, "stories": StoryView, "sources": SourceView}


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> Names:
    return Names(enrich.gazetteer.load(tmp_path_factory.mktemp("gazetteer")), enrich.lexicon.load(None))


@pytest.fixture
def index() -> Iterator[ElasticIndex]:
    url = f"{servers().elasticsearch}/t{uuid.uuid4().hex[:12]}"
    connection = Connection(Address.parse(url), Elastic())
    prefix = connection.address.prefix
    install(connection, templates.components(prefix, swedish=False), templates.indices(prefix), dry_run=False)
    opened = ElasticIndex(url)
    yield opened
    opened.close()
    for name in (prefix + "-revisions", *(f"{prefix}-{table}" for table in TABLES)):
        connection.client.options(ignore_status=404).indices.delete(index=name)
    connection.client.close()


@pytest.fixture
def bus(tmp_path) -> Iterator[SqliteBus]:
    opened = SqliteBus(
        tmp_path / "bus.db", (Topic(name="findings"), Topic(name="stories", compacted=True), Topic(name="sources", compacted=True))
    )
    yield opened
    opened.close()


def finding(version: int = 1, *places: str, reason: str = "found") -> Finding:
    """From Trollhättan on, an hour to each place."""
    codes = places or ("1488", "1487")
    history = tuple(
        Version(version=n, at=NOON + timedelta(hours=n), score=4.0, places=2, expected_per_year=0.5, reason=reason)
        for n in range(1, version + 1)
    )
    parts = Parts(timing=1.0, link=2.0, prior=1.0, burst=0.0)
    return Finding(
        id="f", theme="fire.vehicle", root="e0", places=codes, events=tuple(f"e{n}" for n in range(len(codes))),
        times=tuple(NOON + timedelta(hours=n) for n in range(len(codes))), score=4.0, expected_per_year=0.5, q=0.01, grade=Grade.LINKED,
        edges=tuple(Edge(from_=f"e{n - 1}", to=f"e{n}", lag_hours=1.0, score=4.0, parts=parts, via=("url",)) for n in range(1, len(codes))),
        version=version, history=history,
    )  # fmt: skip


def story(**given: Any) -> Story:
    return Story(id="s", **{"documents": {"a": 1, "b": 2}, "first": NOON, "last": NOON + timedelta(hours=2), "places": {"1488": 2},
                            "themes": {"fire.vehicle": 2}, "originals": {"paper": 1}} | given)  # fmt: skip


def source(**given: Any) -> SourceState:
    return SourceState(**{"source": "paper", "url": "https://paper.example/feed", "checked": NOON, "health": Health.CHANGED} | given)


def records(*given: Finding | Story | SourceState) -> list[Record]:
    made = {Finding: ("findings", "id"), Story: ("stories", "id"), SourceState: ("sources", "source")}
    return [
        Record(topic=topic, key=getattr(one, key), timestamp=NOON, value=encode(one)) for one in given for topic, key in [made[type(one)]]
    ]


def worker(index: ElasticIndex, bus: SqliteBus, names: Names) -> TablesWorker:
    from pipeline.model import decode

    views = {
        "findings": lambda data: finding_view(decode(data, Finding), names),
        "stories": lambda data: story_view(decode(data, Story), names),
        "sources": lambda data: source_view(decode(data, SourceState)),
    }
    return TablesWorker(index.tables, bus, views, 100, 0.0)


def table(index: ElasticIndex, name: str) -> dict[str, Any]:
    """Id → what the server has."""
    index.tables.flush()
    found = index._client.search(index=f"{index._address.prefix}-{name}", size=100)["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in found}


# --- what is stored ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
def test_a_mapping_has_exactly_the_fields_that_are_stored(name):
    """A field that one of them lacks would be refused by the server, or never filled."""
    assert mapped(templates.read(f"{name}-mappings")["template"]["mappings"]["properties"]) == fields(VIEWS[name])


def test_a_finding_says_where_its_arrows_begin_and_end_and_when(names):
    """Each edge has both positions (longitude first) and times; the sentence has Swedish names."""
    shown = finding_view(finding(), names)
    (edge,) = shown.edges
    assert (edge.from_.name, edge.from_.time, edge.to.name, edge.to.time) == ("Trollhättan", NOON, "Vänersborg", NOON + timedelta(hours=1))
    assert [int(degrees) for degrees in edge.to.location] == [12, 58]
    assert shown.message == "Fordonsbrand: Trollhättan → Vänersborg inom 1 h (spridning med länkar)"
    assert (shown.place.area_name, shown.theme.within) == (["Trollhättan", "Vänersborg"], ["fire.vehicle", "fire"])


def test_a_story_holds_no_words_of_its_documents(names):
    """Only counts, places, themes and sources: a withdrawal has nothing to erase here."""
    shown = story_view(story(), names)
    assert shown.message == "Fordonsbrand i Trollhättan: 2 dokument, 1 källa"
    assert {"a", "b"}.isdisjoint(msgspec.json.decode(msgspec.json.encode(shown)).keys())


# --- the worker --------------------------------------------------------------------------------------------------------


def test_an_index_that_nobody_looks_into_has_no_tables(tmp_path, index):
    """The embedded one: then nothing reads these topics, and no gazetteer is loaded for it."""
    embedded = EmbeddedIndex(tmp_path / "index")
    assert (isinstance(embedded, TabledIndex), isinstance(index, TabledIndex)) == (False, True)
    settings = Settings(data_dir=tmp_path)
    own = app.open_bus(settings)
    assert [made.name for made in app.workers(settings, own, embedded, ("index",))] == ["index"]
    assert [made.name for made in app.workers(settings, own, index, ("index",))] == ["index", "tables"]
    assert set(app.views(settings)) == set(TABLES)
    own.close()
    embedded.close()


def test_records_become_rows(index, bus, names):
    """The last of each key; nothing waits afterwards."""
    bus.publish(records(finding(), story(), source(), finding(2, "1488", "1487", "1485"), source(health=Health.UNREACHABLE)))
    run = worker(index, bus, names)
    assert run.step() > 0
    assert (table(index, "findings")["f"]["reach"], table(index, "sources")["paper"]["failing"]) == (3, True)
    assert table(index, "stories")["s"]["coverage"] == 2
    assert sum(bus.lag("tables", TABLES).values()) == 0


def test_an_older_record_never_overwrites_a_newer_one(index, bus, names):
    """A process that stalled between reading and writing finds the newer row there."""
    bus.publish(records(finding(1)))
    old = bus.poll("stalled", ("findings",)).records
    bus.publish(records(finding(2, "1488", "1487", "1485")))
    worker(index, bus, names).close()
    late = [Row(table="findings", id=record.key, version=record.offset + 1, fields=finding_view(finding(1), names)) for record in old]
    assert index.tables.keep(late) == {}
    assert table(index, "findings")["f"]["version"] == 2


def test_a_kill_before_the_group_advances_is_made_good(index, bus, names, monkeypatch):
    """What was written comes again and changes nothing."""
    bus.publish(records(finding(1), finding(2, "1488", "1487", "1485"), story()))
    with monkeypatch.context() as killed:
        killed.setattr(bus, "commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            worker(index, bus, names).step()
    before = (table(index, "findings"), table(index, "stories"))
    assert (before[0]["f"]["version"], sum(bus.lag("tables", TABLES).values())) == (2, 3)
    worker(index, bus, names).close()
    assert ((table(index, "findings"), table(index, "stories")), sum(bus.lag("tables", TABLES).values())) == (before, 0)


def test_a_table_that_was_removed_is_filled_again(index, bus, names):
    """From what the bus keeps; the others stay as they are."""
    bus.publish(records(finding(), story()))
    worker(index, bus, names).close()
    index._client.indices.delete(index=f"{index._address.prefix}-stories")
    again = ElasticIndex(index._address.url)
    worker(again, bus, names).close()
    assert (table(again, "stories").keys(), table(again, "findings").keys()) == ({"s"}, {"f"})
    again.close()


def test_a_withdrawn_finding_stays_and_says_so(index, bus, names):
    """A rule that reads the table can tell of it; dashboards leave it out."""
    bus.publish(records(finding(1), finding(2, reason="withdrawn")))
    worker(index, bus, names).close()
    assert table(index, "findings")["f"]["withdrawn"] is True


def test_a_record_that_cannot_be_shown_stops_nothing(index, bus, names):
    """One that is no finding, and one without times: the others are written."""
    broken = Record(topic="findings", key="broken", timestamp=NOON, value=b"{}")
    timeless = Record(
        topic="findings", key="timeless", timestamp=NOON, value=encode(msgspec.structs.replace(finding(), id="timeless", times=()))
    )
    bus.publish([broken, timeless, *records(finding())])
    worker(index, bus, names).close()
    assert (table(index, "findings").keys(), sum(bus.lag("tables", TABLES).values())) == ({"f"}, 0)


def test_a_missing_template_is_named(index):
    """An index whose tables have none would guess their fields."""
    index._client.indices.delete_index_template(name=f"{index._address.prefix}-stories")
    with pytest.raises(SearchIndexError, match="-stories is missing: run `fjaril setup`"):
        ElasticIndex(index._address.url)
