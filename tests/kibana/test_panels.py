"""Every panel's search on the real server, after a replay of the invented fortnight: it finds what the bus and the documents say.

The searches are read from the objects (:mod:`tests.kibana.asked`); what they should find is counted without Elasticsearch's help.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import vl_convert
from elasticsearch import Elasticsearch
from msgspec.structs import replace

import enrich.gazetteer
import pipeline.settings
from enrich.spread.model import WITHDRAWN, Finding
from pipeline import app
from pipeline.health import is_silent
from pipeline.index import keys
from pipeline.model import Document, PlaceRole, SourceState, Story, decode, encode
from pipeline.ports import Bus, Record
from tests.e2e.commands import fjaril, fjaril_json
from tests.kibana.asked import Window, asked, choices
from tests.kibana.world import Object, objects, specification
from tests.real_servers import servers

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC))
#: Objects that ask the server; the tests below name each.
ASKING = {name for name, one in objects().items() if one["type"] in {"lens", "search", "map", "visualization"}}


class World:
    """The replayed fortnight: on the bus, and in Elasticsearch as the objects find it."""

    def __init__(self, data: Path, prefix: str) -> None:
        self.objects = objects(prefix)
        self.client = Elasticsearch(servers().elasticsearch)
        settings = pipeline.settings.load(data=data)
        self.gazetteer = enrich.gazetteer.load(settings.cache)
        index = app.open_index(settings)
        self.documents = list(app.every_document(index))
        index.close()
        bus = app.open_bus(settings)
        self.findings = [one for one in _last(bus, "findings", Finding) if not one.is_withdrawn]
        self.withdrawn = [one for one in _last(bus, "findings", Finding) if one.is_withdrawn]
        self.stories = [one for one in _last(bus, "stories", Story) if one.coverage >= 2]
        self.sources = _last(bus, "sources", SourceState)
        bus.close()

    def ask(self, name: str, number: int = 0, window: Window = WINDOW) -> Any:
        """The answer to a search of an object."""
        search = asked(self.objects[name], self.objects, window)[number]
        return self.client.search(index=search.index, body=search.body).body

    def called(self, code: str) -> str:
        place = self.gazetteer.describe(code)
        return place.name if place else code


def _last(bus: Bus, topic: str, kind: type[Any]) -> list[Any]:
    return list({record.key: decode(record.value, kind) for record in bus.read(topic)}.values())


def _say_and_withdraw(settings: pipeline.settings.Settings) -> None:
    """A finding that no longer holds beside the demo's, which all do; on the bus, and from there in the table."""
    with closing(app.open_bus(settings)) as bus, closing(app.open_index(settings)) as index:
        said = _last(bus, "findings", Finding)[0]
        end = replace(said.history[-1], version=said.version + 1, reason=WITHDRAWN)
        gone = replace(said, id="0123456789abcdef", version=said.version + 1, history=(*said.history, end))
        bus.publish([Record(topic="findings", key=gone.id, timestamp=end.at, value=encode(gone))])
        for worker in app.workers(settings, bus, index, ("index",)):
            while worker.step():
                pass
            worker.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("kibana")
    prefix = "t" + uuid.uuid4().hex[:12]
    (data / "fjaril.yaml").write_text(f"index: {servers().elasticsearch}/{prefix}\n", encoding="utf-8")
    fjaril("setup", data=data)
    assert fjaril_json("demo", data=data)["balanced"]
    _say_and_withdraw(pipeline.settings.load(data=data))
    made = World(data, prefix)
    yield made
    for index in made.client.indices.get(index=f"{prefix}-*"):
        made.client.indices.delete(index=index)
    made.client.close()


def buckets(found: Any) -> dict[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in found["aggregations"]["by"]["buckets"]}


def sources(found: Any) -> list[Object]:
    return [hit["_source"] for hit in found["hits"]["hits"]]


def most(counts: Counter[str], size: int) -> dict[str, int]:
    """The most frequent; among equals at the border any may stand."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:size])


def days(found: Any) -> Counter[tuple[str, str]]:
    """(value, day) → count of a chart over time."""
    return Counter({
        (outer["key"], inner["key_as_string"][:10]): inner["doc_count"]
        for outer in found["aggregations"]["by"]["buckets"] for inner in outer["by"]["buckets"] if inner["doc_count"]
    })  # fmt: skip


def happened(document: Document) -> set[str]:
    return {keys.area(place.code) for place in keys.places(document) if place.role is PlaceRole.HAPPENED}


# --- figures -----------------------------------------------------------------------------------------------------------


def figures(world: World) -> dict[str, int]:
    """What each figure should be."""
    return {
        "antal-dokument": len(world.documents), "antal-handelser": len(world.stories), "antal-fynd": len(world.findings),
        "antal-kallor": len({document.provenance.source for document in world.documents}),
    }  # fmt: skip


FIGURES = ("antal-dokument", "antal-handelser", "antal-fynd", "antal-kallor")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_right(world, name):
    """Documents, stories of two documents or more, findings that hold, and sources that were heard: none of them is nothing."""
    found = world.ask(name)
    number = found["aggregations"]["different"]["value"] if "aggregations" in found else found["hits"]["total"]["value"]
    assert number == figures(world)[name] > 0


def test_the_time_of_the_dashboard_holds(world):
    """A day counts the documents of the day."""
    day = Window(datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
    expected = sum(day.since <= document.published <= day.until for document in world.documents)
    assert world.ask("antal-dokument", window=day)["hits"]["total"]["value"] == expected > 0


# --- charts ------------------------------------------------------------------------------------------------------------

CHARTS: dict[str, Callable[[World], Counter[tuple[str, str]]]] = {
    "teman-over-tid": lambda world: Counter((d.primary_theme, f"{d.published:%Y-%m-%d}") for d in world.documents),
    "platser-over-tid": lambda world: Counter(
        (world.called(area), f"{d.published:%Y-%m-%d}") for d in world.documents for area in happened(d)
    ),
    "fynd-over-tid": lambda world: Counter((f.kind, f"{max(f.times):%Y-%m-%d}") for f in world.findings),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_counts_by_day(world, name):
    """Each value that is shown has its number of each day, and no value that is left out has more than one that is shown."""
    expected = CHARTS[name](world)
    shown = days(world.ask(name))
    values = {value for value, _ in shown}
    assert shown == Counter({key: n for key, n in expected.items() if key[0] in values}) != Counter()
    totals: Counter[str] = Counter()
    for (value, _), number in expected.items():
        totals[value] += number
    assert sorted(totals[value] for value in values) == sorted(most(totals, len(values)).values())


RANKINGS = {"fran": "from_", "till": "to"}


@pytest.mark.parametrize("name", RANKINGS)
def test_a_ranking_counts_findings(world, name):
    """A finding counts once for each place that its edges begin, or end, at."""
    expected: Counter[str] = Counter()
    for finding in world.findings:
        at = dict(zip(finding.events, finding.places, strict=True))
        expected.update({world.called(at[getattr(edge, RANKINGS[name])]) for edge in finding.edges})
    assert buckets(world.ask(name)) == most(expected, 10) != {}


# --- tables ------------------------------------------------------------------------------------------------------------

SESSIONS = ("senaste-dokument", "senaste-handelser", "fynd", "tysta-kallor")


def test_the_newest_documents_come_first(world):
    """With their titles."""
    found = sources(world.ask("senaste-dokument"))
    newest = sorted(world.documents, key=lambda d: d.published, reverse=True)
    assert [one["@timestamp"][:19] for one in found] == [f"{d.published:%Y-%m-%dT%H:%M:%S}" for d in newest[: len(found)]]
    assert {one["title"] for one in found} <= {d.title for d in world.documents}


def test_the_newest_stories_come_first(world):
    """Those of two documents or more, each with its sentence."""
    found = sources(world.ask("senaste-handelser"))
    assert {one["event"]["id"]: one["coverage"] for one in found} == {story.id: story.coverage for story in world.stories}
    times = [one["@timestamp"] for one in found]
    assert times == sorted(times, reverse=True)
    assert any("i Trollhättan: " in one["message"] for one in found)


def test_findings_that_hold_are_told(world):
    """The demo's fires from place to place; what was withdrawn is left out, though it stands in the table."""
    found = sources(world.ask("fynd"))
    assert {one["event"]["id"] for one in found} == {finding.id for finding in world.findings}
    assert any(one["message"].startswith("Fordonsbrand: Trollhättan → ") for one in found)
    (gone,) = world.withdrawn
    assert world.client.exists(index=world.objects["findings"]["attributes"]["title"], id=gone.id)


def test_the_sources_that_fell_silent_are_told(world):
    """Those that fail, and those that gave nothing new for three days; the longest silent first."""
    moment = max(state.checked for state in world.sources)
    found = sources(world.ask("tysta-kallor", window=Window(WINDOW.since, moment)))
    expected = {
        s.source for s in world.sources if s.health.is_failure or s.changed is None or is_silent(s, moment)
    }  # fmt: skip
    assert 0 < len(expected) < len(world.sources)
    assert {one["event"]["provider"] for one in found} == expected
    changed = [one["changed"] for one in found if one["changed"]]
    assert changed == sorted(changed)


# --- maps --------------------------------------------------------------------------------------------------------------

MAPS = ("karta", "dokumentkarta", "spridningskarta")


def inside(point: tuple[float, float]) -> bool:
    latitude, longitude = point
    return 55 <= latitude <= 69.5 and 10 <= longitude <= 25


def test_the_map_counts_documents_by_tile(world):
    """Far off tiles with counts, near by every document that says where; both of the same documents."""
    tiles = world.ask("karta", 0)["aggregations"]["tiles"]["buckets"]
    points = world.ask("karta", 1)["hits"]
    placed = [d for d in world.documents if any(map(inside, keys.points(d)))]
    assert points["total"]["value"] == len(placed) > 0
    assert sum(tile["doc_count"] for tile in tiles) >= len(placed)
    assert points["hits"][0]["_source"].keys() == {"title", "event", "@timestamp"}


def drawn(world: World, name: str, found: Any, **signals: object) -> str:
    """The picture that Vega makes of an answer: SVG, without a network."""
    spec = specification(world.objects[name])
    (data,) = [one for one in spec["data"] if "url" in one]
    del data["url"]
    rows = found
    for part in data.pop("format")["property"].split("."):
        rows = rows[part]
    data["values"] = rows
    for signal in spec.get("signals", ()):
        signal["value"] = signals.get(signal["name"], signal["value"])
    return vl_convert.vega_to_svg(spec | {"width": 900, "height": 800}, allowed_base_urls=[])


def texts(picture: str) -> list[str]:
    return [part.split("<")[0] for part in picture.split(">") if part.split("<")[0].strip()]


def test_the_map_of_documents_is_drawn(world):
    """A circle for each tile in the country, with numbers in the largest; the tile with the most documents has its count."""
    found = world.ask("dokumentkarta")
    tiles = found["aggregations"]["rutor"]["buckets"]
    assert sum(tile["doc_count"] for tile in tiles) >= sum(bool(keys.points(d)) for d in world.documents) > 0
    picture = drawn(world, "dokumentkarta", found)
    assert str(max(tile["doc_count"] for tile in tiles)) in texts(picture)
    assert picture.count('aria-roledescription="symbol"') + picture.count("<path") > len(tiles) / 2


def test_the_map_of_spread_draws_the_way_that_it_went(world):
    """Every place of the finding with its time, an arrow for each edge; half way through the time only what had happened."""
    found = world.ask("spridningskarta")
    (finding,) = world.findings
    assert [one["stops"][0]["name"] for one in sources(found)] == [world.called(finding.places[0])]
    picture = drawn(world, "spridningskarta", found)
    named = {text.split("  ")[0] for text in texts(picture) if "  " in text}
    assert named == {world.called(code) for code in finding.places}
    assert curves(picture) == len(finding.edges)
    halfway = finding.times[0] + (max(finding.times) - min(finding.times)) / 2
    early = drawn(world, "spridningskarta", found, andel=50)
    until = {event for event, time in zip(finding.events, finding.times, strict=True) if time <= halfway}
    assert curves(early) == sum(edge.to in until for edge in finding.edges) < len(finding.edges)


def curves(picture: str) -> int:
    """Quadratic curves of a picture: arrows."""
    return sum("Q" in part.split('"')[0] for part in picture.split(' d="')[1:])


@pytest.mark.parametrize(("name", "said"), [("dokumentkarta", "Inga dokument"), ("spridningskarta", "Inga fynd")])
def test_a_map_of_nothing_says_so(world, name, said):
    """An empty map could also be a broken one."""
    empty = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    assert any(text.startswith(said) for text in texts(drawn(world, name, world.ask(name, window=empty))))


# --- choices -----------------------------------------------------------------------------------------------------------


def test_a_municipality_can_be_chosen_by_name(world):
    """Every municipality or county that a document names is in the list, and choosing one leaves what concerns it, in every index."""
    found = {title: buckets_of(world, search) for title, search in choices(world.objects["en-kommun"], world.objects, WINDOW)}
    assert found["Kommun"] == Counter(
        name for d in world.documents for name in {world.called(keys.area(place.code)) for place in keys.places(d)}
    )
    assert found["Tema"] == Counter(d.primary_theme for d in world.documents)
    chosen = {"term": {"place.area_name": "Trollhättan"}}
    for name, expected in (
        ("senaste-handelser", sum("1488" in map(keys.area, story.places) for story in world.stories)),
        ("fynd", sum("1488" in finding.places for finding in world.findings)),
    ):
        search = asked(world.objects[name], world.objects, WINDOW)[0]
        search.body["query"]["bool"]["filter"].append(chosen)
        assert world.client.search(index=search.index, body=search.body)["hits"]["total"]["value"] == expected > 0


def buckets_of(world: World, search: Any) -> Counter[str]:
    found = world.client.search(index=search.index, body=search.body)
    return Counter({bucket["key"]: bucket["doc_count"] for bucket in found["aggregations"]["values"]["buckets"]})


def test_every_object_that_asks_is_tested():
    """One that is added is to be added here."""
    assert {*FIGURES, *CHARTS, *RANKINGS, *SESSIONS, *MAPS} == ASKING


# --- rules -------------------------------------------------------------------------------------------------------------


def test_the_rules_of_the_docs_find_the_finding(world):
    """The filters that docs/kibana.md gives ElastAlert2 and Kibana, over the time in which the finding was first said."""
    text = (Path(__file__).parent.parent.parent / "docs" / "kibana.md").read_text(encoding="utf-8")
    prefix = world.objects["findings"]["attributes"]["title"]
    (finding,) = [one for one in world.findings if one.kind == "spread" and one.grade == "linked"]
    said = finding.history[0].at
    when = {"range": {"event.created": {"gt": (said - timedelta(minutes=5)).isoformat(), "lte": (said + timedelta(minutes=5)).isoformat()}}}
    import yaml

    rule = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    kibana = json.loads(json.loads(text.split("```json\n")[1].split("```")[0])["params"]["esQuery"])
    assert (rule["index"], rule["timestamp_field"]) == ("fjaril-findings", "event.created")
    for filters in (rule["filter"], [kibana["query"]]):
        found = world.client.search(index=prefix, query={"bool": {"filter": [*filters, when]}})
        assert [hit["_id"] for hit in found["hits"]["hits"]] == [finding.id]
