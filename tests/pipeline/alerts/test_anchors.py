"""Rules are found by what they need, and none is missed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.anchors import Anchors
from pipeline.alerts.query import every
from pipeline.alerts.text import WORDS

_WORDS = ["bil", "bilar", "brand", "branden", "stöld", "moped", "E4:an", "i", "Påhittad stad"]
_themes = st.sampled_from(["fire", "fire.vehicle", "theft", "theft.vehicle"])
_codes = st.sampled_from(["14", "1480", "1480:hisingen", "0180", "NO"])
_leaf = st.one_of(
    st.builds(lambda one: {"term": {"themes.id": one}}, _themes),
    st.builds(lambda some: {"terms": {"places.code": some}}, st.lists(_codes, max_size=3)),
    st.builds(lambda one: {"term": {"places.county": one}}, st.sampled_from(["14", "01"])),
    st.builds(lambda one: {"term": {"places.region": one}}, st.sampled_from(["väst", "nord"])),
    st.builds(lambda one: {"query_string": f'"{one}"'}, st.sampled_from(_WORDS)),
    st.builds(lambda one: {"query_string": f"*{one[1:4]}* AND NOT title:?{one[1:]}"}, st.sampled_from(["bilar", "brand", "e4:an"])),
    st.builds(lambda one: {"query_string": f"title:{one} OR (bil AND mop*) OR source:b?l"}, st.sampled_from(_WORDS[:6])),
    st.builds(lambda one, two: {"match_phrase": {"text": f"{one} {two}"}}, st.sampled_from(_WORDS), st.sampled_from(_WORDS)),
    st.builds(lambda one: {"query_string": f"{one[:3]}* OR moped"}, st.sampled_from(["bilar", "brand", "stöld"])),
    st.builds(lambda one, two: {"query_string": f"{one} AND NOT {two}"}, st.sampled_from(_WORDS[:6]), st.sampled_from(_WORDS[:6])),
    st.builds(lambda some: {"match": {"text": " ".join(some)}}, st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3)),
    st.just({"exists": {"field": "places.code"}}),
    st.just({"range": {"score": {"gte": 1}}}),
)
_query = st.recursive(
    _leaf,
    lambda inner: st.builds(
        lambda must, should, without: {"bool": {"must": must, "should": should, "must_not": without}},
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=1),
    ),
    max_leaves=5,
)
_document = st.fixed_dictionaries(
    {"text": st.lists(st.sampled_from(_WORDS), max_size=5).map(" ".join)},
    optional={
        "title": st.sampled_from(_WORDS),
        "source": st.sampled_from(["bil", "bål", "e4"]),
        "themes": st.lists(_themes.map(lambda one: {"id": one}), max_size=2),
        "places": st.lists(_codes.map(lambda one: {"code": one}), max_size=2),
        "score": st.integers(0, 2),
    },
)


@settings(deadline=None, max_examples=300)
@given(queries=st.lists(st.lists(_query, max_size=2), max_size=6), documents=st.lists(_document, max_size=4))
def test_the_same_rules_hold_as_when_each_is_asked(queries, documents):
    """What is looked up by its tokens is what holds, for any queries and documents."""
    compiled = [every(some) for some in queries]
    anchors = Anchors(compiled, WORDS)
    for document in documents:
        assert anchors.holding(document) == [number for number, query in enumerate(compiled) if query(document)]
