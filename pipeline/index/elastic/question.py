"""Turns a question into a query of Elasticsearch; what a user typed is only ever a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import tantivy
from msgspec import Struct

from pipeline.errors import QueryError
from pipeline.index.elastic.entry import findable
from pipeline.index.question import Clause, parse, together
from pipeline.index.translate import TITLE_BOOST
from pipeline.ports import Filters

#: Field of a question → field of an entry.
_FIELDS = {"place": "place.within", "theme": "theme.within", "source": "event.provider", "lang": "language", "story": "story"}
#: Most values of one ``terms`` query (``index.max_terms_count``).
_MOST = 65_536
Query = dict[str, Any]


class Asked(Struct, frozen=True):
    """A question as Elasticsearch takes it."""

    query: Query
    #: Terms that a document must have, to be highlighted; empty if nothing ranks one document above another.
    terms: frozenset[str]


def translate(text: str, filters: Filters, analyzer: tantivy.TextAnalyzer) -> Asked:
    """The query for what ``text`` and ``filters`` ask.

    :raises QueryError: if they cannot be understood.
    """
    clauses = parse(text)
    words = [(clause, terms) for clause in clauses if not clause.field and (terms := analyzer.analyze(clause.values[0]))]
    if clauses and not words and not any(clause.field for clause in clauses):
        at, found = clauses[0].position, clauses[0].values[0]
        raise QueryError(f"character {at}: found {found!r}; a word has a letter or a digit", "word", position=at, found=found)
    query = {
        "must": [_either(terms) for clause, terms in words if not clause.without],
        "must_not": [_either(terms) for clause, terms in words if clause.without] + list(_fields(clauses, without=True)),
        "filter": [*_fields(clauses, without=False), *_filters(filters), *(_any_of("told", told) for told in together(clauses, filters))],
    }
    return Asked({"bool": query}, frozenset(term for clause, terms in words if not clause.without for term in terms))


def _either(terms: Sequence[str]) -> Query:
    """The words in their order, in the title or in the text."""
    phrase = " ".join(terms)
    title = {"match_phrase": {"terms.title": {"query": phrase, "boost": TITLE_BOOST}}}
    return {"bool": {"should": [title, {"match_phrase": {"terms.text": {"query": phrase}}}], "minimum_should_match": 1}}


def _fields(clauses: Sequence[Clause], *, without: bool) -> Iterable[Query]:
    for name, field in _FIELDS.items():
        if values := [value for c in clauses if c.field == name and c.without is without for value in c.values]:
            yield _any_of(field, values)


def _filters(filters: Filters) -> Iterable[Query]:
    named = {"place": filters.places, "theme": filters.themes, "source": filters.sources, "lang": filters.languages}
    for name, values in named.items():
        if values:
            yield _any_of(_FIELDS[name], values)
    if filters.since is not None or filters.until is not None:
        yield between(filters.since, filters.until)
    if not filters.copies:
        yield {"term": {"is_copy": False}}
    if filters.box is not None:
        west, south, east, north = filters.box
        corners = {"top_left": {"lat": north, "lon": west}, "bottom_right": {"lat": south, "lon": east}}
        yield {"geo_bounding_box": {"place.location": corners}}


def between(since: datetime | None, until: datetime | None) -> Query:
    """[since, until) of the time of publication."""
    bounds = {name: findable(moment).isoformat() for name, moment in (("gte", since), ("lt", until)) if moment is not None}
    return {"range": {"@timestamp": bounds}}


def _any_of(field: str, values: Sequence[str]) -> Query:
    parts = [{"terms": {field: list(values[start : start + _MOST])}} for start in range(0, len(values), _MOST)]
    return parts[0] if len(parts) == 1 else {"bool": {"should": parts, "minimum_should_match": 1}}
