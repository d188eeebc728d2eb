"""What Kibana asks Elasticsearch for an object, read from the object alone, as Kibana's importer and charts read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from tests.kibana.world import Object, specification

Query = dict[str, Any]


class Window(Struct, frozen=True):
    """The time that a dashboard is set to; what is ``now`` in a query is its end."""

    since: datetime
    until: datetime

    def of(self, field: str) -> list[Query]:
        """As a filter; none for a data view without time."""
        return [{"range": {field: {"gte": self.since.isoformat(), "lte": self.until.isoformat()}}}] if field else []

    def moved(self, query: str) -> str:
        """A query in which it is now."""
        return query.replace("TO now]", f'TO "{self.until:%Y-%m-%dT%H:%M:%SZ}"]')


class Asked(Struct, frozen=True):
    """One search."""

    index: str
    body: Query


def views(one: Object, objects: Mapping[str, Object]) -> list[Object]:
    """The data views that it refers to."""
    by_id = {other["id"]: other for other in objects.values() if other["type"] == "index-pattern"}
    return [by_id[reference["id"]] for reference in one["references"] if reference["type"] == "index-pattern"]


def asked(one: Object, objects: Mapping[str, Object], window: Window) -> list[Asked]:
    """Its searches."""
    (view, *_) = views(one, objects)
    index, field = view["attributes"]["title"], view["attributes"].get("timeFieldName", "")
    when = window.of(field)
    given = one["attributes"]
    if one["type"] == "lens":
        return [Asked(index, _counted(given["state"], when, window))]
    if one["type"] == "search":
        source = json.loads(given["kibanaSavedObjectMeta"]["searchSourceJSON"])
        sort = [{name: {"order": order}} for name, order in given["sort"]]
        return [Asked(index, {"query": _query(source["query"], when, window), "sort": sort, "size": 500})]
    if one["type"] == "map":
        return [Asked(index, _layer(layer, when)) for layer in json.loads(given["layerListJSON"])]
    assert one["type"] == "visualization"
    return [_of_vega(data["url"], when) for data in specification(one)["data"] if "url" in data]


def choices(dashboard: Object, objects: Mapping[str, Object], window: Window) -> Iterator[tuple[str, Asked]]:
    """(title, search) of each list to choose from."""
    panels = json.loads(dashboard["attributes"]["controlGroupInput"]["panelsJSON"])
    by_id = {other["id"]: other for other in objects.values()}
    for key, panel in panels.items():
        (to,) = [r["id"] for r in dashboard["references"] if r["name"] == f"controlGroup_{key}:optionsListDataView"]
        view = by_id[to]["attributes"]
        body = {
            "size": 0,
            "query": {"bool": {"filter": window.of(view["timeFieldName"])}},
            "aggs": {"values": {"terms": {"field": panel["explicitInput"]["fieldName"], "size": 500}}},
        }
        yield panel["explicitInput"]["title"], Asked(view["title"], body)


def _query(given: Mapping[str, str], when: list[Query], window: Window) -> Query:
    assert given["language"] == "lucene"
    words = [{"query_string": {"query": window.moved(given["query"]), "analyze_wildcard": True}}] if given["query"] else []
    return {"bool": {"filter": [*words, *when]}}


def _counted(state: Object, when: list[Query], window: Window) -> Query:
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    columns = [layer["columns"][key] for key in layer["columnOrder"]]
    body: Query = {"size": 0, "track_total_hits": True, "query": _query(state["query"], when, window)}
    inner = body
    for column in columns:
        if column["isBucketed"]:
            inner["aggs"] = {"by": _buckets(column)}
            inner = inner["aggs"]["by"]
        elif column["operationType"] == "unique_count":
            inner["aggs"] = {"different": {"cardinality": {"field": column["sourceField"]}}}
        else:
            assert (column["operationType"], column["sourceField"]) == ("count", "___records___")
    return body


def _buckets(column: Object) -> Query:
    if column["operationType"] == "date_histogram":
        return {"date_histogram": {"field": column["sourceField"], "calendar_interval": "day", "min_doc_count": 0}}
    assert column["operationType"] == "terms"
    assert column["params"]["orderBy"]["type"] == "column"
    return {
        "terms": {"field": column["sourceField"], "size": column["params"]["size"], "order": {"_count": column["params"]["orderDirection"]}}
    }


def _layer(layer: Object, when: list[Query]) -> Query:
    source = layer["sourceDescriptor"]
    box = {"top_left": {"lat": 69.5, "lon": 10}, "bottom_right": {"lat": 55, "lon": 25}}
    query = {"bool": {"filter": [*when, {"geo_bounding_box": {source["geoField"]: box}}]}}
    if source["type"] == "ES_SEARCH":
        return {"query": query, "size": 10_000, "_source": source["tooltipProperties"]}
    assert (source["type"], source["metrics"]) == ("ES_GEO_GRID", [{"type": "count"}])
    return {
        "size": 0, "query": query, "aggs": {"tiles": {"geotile_grid": {"field": source["geoField"], "precision": 7, "size": 10_000}}}
    }  # fmt: skip


def _of_vega(url: Object, when: list[Query]) -> Asked:
    """What Kibana makes of its own words in a specification."""
    body = dict(url["body"])
    if url.get("%context%"):
        assert "query" not in body
        body["query"] = {"bool": {"filter": [{"range": {url["%timefield%"]: when[0]["range"]["@timestamp"]}}]}}
    else:
        body["query"] = _replaced(body["query"], when)
    return Asked(url["index"], body)


def _replaced(value: Any, when: list[Query]) -> Any:
    if value == {"%timefilter%": True}:
        return when[0]["range"]["@timestamp"]
    if isinstance(value, dict):
        return {key: _replaced(part, when) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, when) for part in value if not str(part).startswith("%dashboard_context-")]
    return value
