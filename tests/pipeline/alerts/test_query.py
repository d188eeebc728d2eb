"""What a filter lets through."""

from __future__ import annotations

import pytest

from pipeline.alerts.query import compile_query, every
from pipeline.errors import QueryError

DOCUMENT = {
    "id": "a",
    "title": "Bilbrand i Påhittad stad",
    "text": "Tre bilar brann på en parkering under natten. Ingen person skadades.",
    "source": "prov",
    "published": "2026-03-01T12:00:00Z",
    "themes": ({"id": "fire.vehicle", "score": 0.9},),
    "places": [{"code": "1480:hisingen", "role": "happened", "score": 0.8, "latitude": 57.7, "longitude": 11.9}],
}


@pytest.mark.parametrize(
    "query",
    [
        {"term": {"themes.id": "fire"}},
        {"term": {"themes.id": {"value": "fire.vehicle"}}},
        {"terms": {"places.county": ["14", "22"]}},
        {"term": {"places.municipality": "1480"}},
        {"terms": {"places.region": ["nord", "väst"]}},
        {"range": {"places.score": {"gte": 0.8, "lt": 0.9}}},
        {"range": {"published": {"gte": "2026-03-01T00:00:00Z"}}},
        {"exists": {"field": "places.code"}},
        {"prefix": {"places.code": "1480"}},
        {"wildcard": {"source": "pr*"}},
        {"regexp": {"source": "p.ov"}},
        {"ids": {"values": ["a", "b"]}},
        {"match": {"text": "bil lastbil"}},
        {"match_phrase": {"text": "en parkering"}},
        {"match_all": {}},
        {"query": {"query_string": {"query": "bil* AND NOT moped"}}},
        {"query_string": "(moped OR bilar) AND title:bilbrand"},
        {"query_string": '"under natten" -gräsbrand'},
        {"query_string": "gräsbrand bilar"},
        {"query_string": "_exists_:places.code"},
        {"query_string": "+bilar båtar"},
        {"bool": {"must": [{"term": {"source": "prov"}}], "must_not": [{"term": {"source": "annan"}}]}},
        {"bool": {"should": [{"term": {"source": "annan"}}, {"term": {"source": "prov"}}]}},
        {"distance": {"km": 10, "latitude": 57.7, "longitude": 12.0}},
    ],
    ids=str,
)
def test_it_holds_and_its_denial_does_not(query):
    """Each form is understood, and ``must_not`` of it is the opposite."""
    assert compile_query(query, "filter[0]")(DOCUMENT)
    assert not compile_query({"bool": {"must_not": [query]}}, "filter[0]")(DOCUMENT)
    assert not every([query])({"id": "b"}) or query == {"match_all": {}} or "ids" in query


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"trem": {"a": 1}}, r"filter\[0\]\.trem: no such query"),
        ({"term": {}}, r"filter\[0\]\.term: found {}"),
        ({"terms": {"a": "b"}}, "expected a list"),
        ({"range": {"a": {"above": 1}}}, "expected bounds"),
        ({"regexp": {"a": "("}}, "no pattern"),
        ({"query_string": "bil AND"}, "character 8: found the end"),
        ({"query_string": "(bil"}, r"expected \)"),
        ({"query_string": 'bil "brand'}, "must be closed"),
        ({"query_string": "title:"}, "expected a value after title:"),
        ({"bool": {"most": []}}, "expected must"),
        ({"distance": {"km": 3}}, "expected {km"),
        ("brand", "expected one query"),
    ],
    ids=str,
)
def test_what_cannot_be_understood_is_named(query, said):
    """With its place in the rule, what was found and what would be right."""
    with pytest.raises(QueryError, match=said):
        every([query])
