"""The file that Kibana imports, line by line: what its importer checks, and what it does not."""

from __future__ import annotations

import json
import re
from itertools import combinations, pairwise
from typing import Any

import pytest

from index_config import templates
from index_config.kibana.dashboard import WIDTH
from tests.kibana.asked import views
from tests.kibana.world import PREFIX, file, lines, objects, specification
from tests.pipeline.test_elastic_index import mapped

#: Newest layout of each type that Kibana 9 knows: an object above it is refused.
NEWEST = {"index-pattern": "8.0.0", "search": "10.11.0", "visualization": "8.5.0", "map": "8.4.0", "lens": "10.1.0", "dashboard": "10.3.0"}
ALL = sorted(objects())


def of(kind: str) -> list[str]:
    return [name for name in ALL if objects()[name]["type"] == kind]


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def test_the_file_ends_with_a_summary_that_is_right():
    """As many objects as lines before it, none left out; a newline ends each line; far below what Kibana takes."""
    *rest, summary = lines()
    assert summary == {
        "exportedCount": len(rest), "missingRefCount": 0, "missingReferences": [], "excludedObjectsCount": 0, "excludedObjects": [],
    }  # fmt: skip
    assert file().endswith(b"}\n")
    assert len(file()) < 300_000


def test_the_file_is_the_same_each_time():
    """Nothing of it is made up on the way: no random id, no time."""
    before = file()
    file.cache_clear()
    assert file() == before


def test_ids_are_unique_and_begin_with_the_prefix():
    """Two prefixes can be shown side by side; Kibana refuses a file that has one twice."""
    ids = [(one["type"], one["id"]) for one in lines()[:-1]]
    assert len(set(ids)) == len(ids) == 23
    assert all(re.fullmatch(rf"{PREFIX}-[a-z-]+", id_) for _, id_ in ids)


@pytest.mark.parametrize("name", ALL)
def test_a_line_has_what_the_importer_reads(name):
    """Its parts and no others; a title; a layout that Kibana upgrades rather than refuses; nobody changes what the next import replaces."""
    one = objects()[name]
    assert one.keys() == {"id", "type", "attributes", "references", "managed", "coreMigrationVersion", "typeMigrationVersion"}
    assert numbers(one["typeMigrationVersion"]) <= numbers(NEWEST[one["type"]])
    assert (one["coreMigrationVersion"], one["managed"]) == ("8.8.0", True)
    assert one["attributes"]["title"]


@pytest.mark.parametrize("name", ALL)
def test_what_an_object_refers_to_stands_before_it(name):
    """Kibana itself looks only at two types of references."""
    order = [(one["type"], one["id"]) for one in lines()[:-1]]
    one = objects()[name]
    for reference in one["references"]:
        assert reference.keys() == {"id", "name", "type"}
        assert order.index((reference["type"], reference["id"])) < order.index((one["type"], one["id"]))
    names = [reference["name"] for reference in one["references"]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", of("dashboard"))
def test_panels_stand_beside_each_other_and_are_there(name):
    """Within the columns, none over another, no gap above; each refers to the object of its type; nothing but them is referred to."""
    one = objects()[name]
    panels = json.loads(one["attributes"]["panelsJSON"])
    references = {reference["name"]: reference for reference in one["references"]}
    for panel in panels:
        key, place = panel["panelIndex"], panel["gridData"]
        assert (place["i"], panel["panelRefName"]) == (key, f"panel_{key}")
        assert references.pop(f"{key}:panel_{key}")["type"] == panel["type"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= WIDTH
    places = [panel["gridData"] for panel in panels]
    for a, b in combinations(places, 2):
        assert a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    taken = {(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])}
    assert all(y == 0 or (x, y - 1) in taken for x, y in taken)
    controls = json.loads(one["attributes"].get("controlGroupInput", {"panelsJSON": "{}"})["panelsJSON"])
    assert references.keys() == {f"controlGroup_{key}:optionsListDataView" for key in controls}
    assert one["attributes"]["timeFrom"].startswith("now-")


@pytest.mark.parametrize("name", of("lens"))
def test_a_charts_columns_are_those_it_draws(name):
    """Buckets first; each column that is drawn is counted, and the other way round; a layer without its data view would silently go."""
    one = objects()[name]
    state = one["attributes"]["state"]
    ((layer_id, layer),) = state["datasourceStates"]["formBased"]["layers"].items()
    assert [reference["name"] for reference in one["references"]] == [f"indexpattern-datasource-layer-{layer_id}"]
    assert set(layer["columnOrder"]) == set(layer["columns"])
    bucketed = [layer["columns"][key]["isBucketed"] for key in layer["columnOrder"]]
    assert all(before >= after for before, after in pairwise(bucketed))
    drawn = json.dumps(state["visualization"])
    assert {key for key in layer["columns"] if f'"{key}"' in drawn} == set(layer["columns"])
    assert f'"layerId": "{layer_id}"' in drawn


@pytest.mark.parametrize("name", [*of("visualization"), *of("search")])
def test_what_is_searched_names_its_data_view(name):
    """By the name of a reference."""
    one = objects()[name]
    source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert [reference["name"] for reference in one["references"]] == [source["indexRefName"]]


def test_a_map_names_the_data_view_of_each_layer():
    """By its number; Kibana does not open a map that lacks one."""
    (name,) = of("map")
    one = objects()[name]
    layers = json.loads(one["attributes"]["layerListJSON"])
    named = [layer["sourceDescriptor"]["indexPatternRefName"] for layer in layers]
    assert named == [f"layer_{n}_source_index_pattern" for n in range(len(layers))] == [r["name"] for r in one["references"]]


@pytest.mark.parametrize("name", of("visualization"))
def test_vega_asks_nobody_but_the_server(name):
    """No address of elsewhere but the name of the schema, which is never fetched; nothing is left to fill in."""
    written = json.dumps(specification(objects()[name]))
    assert re.findall(r"https?://[^\"]*", written) == ["https://vega.github.io/schema/vega/v5.json"]
    assert "{index}" not in written
    assert "{sverige}" not in written
    assert len(written) < 60_000


def fields_named(value: Any, keys: tuple[str, ...]) -> set[str]:
    """Values of these keys, at any depth."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, part in value.items():
            if key in keys:
                found |= {part} if isinstance(part, str) else set(part)
            else:
                found |= fields_named(part, keys)
    elif isinstance(value, list):
        for part in value:
            found |= fields_named(part, keys)
    return found


def named_fields(one: dict[str, Any]) -> set[str]:
    """Every field of the index that an object names."""
    given = one["attributes"]
    queries = json.dumps(given)
    found = set(re.findall(r"\b([a-z_.]+):(?=true|false|\[)", queries)) | set(re.findall(r"_exists_:([a-z_.]+)", queries))
    if one["type"] == "lens":
        found |= fields_named(given["state"]["datasourceStates"], ("sourceField",))
    elif one["type"] == "search":
        found |= {*given["columns"], *(field for field, _ in given["sort"])}
    elif one["type"] == "map":
        found |= fields_named(json.loads(given["layerListJSON"]), ("geoField", "tooltipProperties"))
    elif one["type"] == "visualization":
        urls = [data["url"] for data in specification(one)["data"] if "url" in data]
        found |= fields_named(urls, ("field", "_source", "%timefield%"))
        found |= {key for url in urls for sort in url["body"].get("sort", []) for key in sort}
    elif one["type"] == "index-pattern":
        found |= {*json.loads(given["fieldAttrs"]), *json.loads(given["fieldFormatMap"]), given.get("timeFieldName", "@timestamp")}
    return found - {"___records___"}


@pytest.mark.parametrize("name", [name for name in ALL if objects()[name]["type"] != "dashboard"])
def test_every_field_that_is_named_is_in_the_index(name):
    """A field that is not there shows nothing, and nobody is told."""
    one = objects()[name]
    for view in [one] if one["type"] == "index-pattern" else views(one, objects()):
        table = view["attributes"]["title"].removeprefix(f"{PREFIX}-")
        known = mapped(templates.read(f"{table}-mappings")["template"]["mappings"]["properties"])
        whole = {field.rsplit(".", depth)[0] for field in known for depth in range(field.count(".") + 1)}
        assert named_fields(one) <= whole


def test_a_choice_holds_for_every_panel():
    """Kibana puts the same filter to every index: the fields that are chosen by are in each that the dashboard shows."""
    one = objects()["en-kommun"]
    chosen = {c["explicitInput"]["fieldName"] for c in json.loads(one["attributes"]["controlGroupInput"]["panelsJSON"]).values()}
    assert chosen == {"place.area_name", "theme.primary"}
    for table in ("documents", "stories", "findings"):
        assert chosen <= mapped(templates.read(f"{table}-mappings")["template"]["mappings"]["properties"])
