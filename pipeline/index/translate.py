"""Turns a question into a query of tantivy, object by object; what a user typed is only ever a term."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tantivy
from msgspec import Struct
from tantivy import FieldType, Occur, Query

from pipeline.errors import QueryError
from pipeline.index.engine import POINTS, Engine
from pipeline.index.keys import microseconds
from pipeline.index.question import Clause, parse, together
from pipeline.ports import Filters

#: How much more a word counts in the title than in the text: a title is a tenth as long and says what it is about.
TITLE_BOOST = 2.0
#: Field of a question → field of the schema.
_FIELDS = {"place": "within", "theme": "about", "source": "source", "lang": "language", "story": "story"}


class Translated(Struct, frozen=True):
    """A question as tantivy takes it."""

    query: Query
    #: Terms that a document must have, to be highlighted; empty if nothing ranks one document above another.
    terms: frozenset[str]


def translate(text: str, filters: Filters, further: Sequence[int], engine: Engine) -> Translated:
    """The query for what ``text`` and ``filters`` ask.

    :param further: numbers of documents inside the box by points that have no field.
    :raises QueryError: if they cannot be understood.
    """
    clauses = parse(text)
    words = _Words(engine.schema, engine.analyzer)
    parts = [part for clause in clauses if not clause.field and (part := words.part(clause)) is not None]
    if clauses and not parts and not any(clause.field for clause in clauses):
        at, found = clauses[0].position, clauses[0].values[0]
        raise QueryError(f"character {at}: found {found!r}; a word has a letter or a digit", "word", position=at, found=found)
    parts += _fields(engine.schema, clauses)
    parts += [(Occur.Must, _silent(query)) for query in _filters(engine.schema, filters, further)]
    parts += [(Occur.Must, _silent(Query.term_set_query(engine.schema, "told", told))) for told in together(clauses, filters)]
    if not any(occur == Occur.Must for occur, _ in parts):
        parts.append((Occur.Must, _silent(Query.all_query())))
    return Translated(Query.boolean_query(parts), frozenset(words.wanted))


class _Words:
    """Words and phrases as queries, collecting the terms to highlight."""

    def __init__(self, schema: tantivy.Schema, analyzer: tantivy.TextAnalyzer) -> None:
        self._schema, self._analyzer = schema, analyzer
        self.wanted: set[str] = set()

    def part(self, clause: Clause) -> tuple[Occur, Query] | None:
        """The clause as part of a query; None for signs without a letter, as "&" between two words."""
        terms = self._analyzer.analyze(clause.values[0])
        if not terms:
            return None
        if not clause.without:
            self.wanted.update(terms)
        title = Query.boost_query(self._query("title", terms), TITLE_BOOST)
        either = Query.boolean_query([(Occur.Should, title), (Occur.Should, self._query("text", terms))])
        return (Occur.MustNot if clause.without else Occur.Must), either

    def _query(self, field: str, terms: list[str]) -> Query:
        if len(terms) == 1:
            return Query.term_query(self._schema, field, terms[0])
        return Query.phrase_query(self._schema, field, list(terms))


def _fields(schema: tantivy.Schema, clauses: Sequence[Clause]) -> list[tuple[Occur, Query]]:
    """One part for each field: of several values any will do, as in filters; with a minus none may be there."""
    parts = []
    for name, field in _FIELDS.items():
        for without, occur in ((False, Occur.Must), (True, Occur.MustNot)):
            values = [value for c in clauses if c.field == name and c.without is without for value in c.values]
            if values:
                parts.append((occur, _silent(Query.term_set_query(schema, field, values))))
    return parts


def _filters(schema: tantivy.Schema, filters: Filters, further: Sequence[int]) -> Iterable[Query]:
    named = {"within": filters.places, "about": filters.themes, "source": filters.sources, "language": filters.languages}
    for field, values in named.items():
        if values:
            yield Query.term_set_query(schema, field, values)
    if filters.since is not None:
        yield Query.range_query(schema, "published", FieldType.Integer, lower_bound=microseconds(filters.since))
    if filters.until is not None:
        yield Query.range_query(schema, "published", FieldType.Integer, upper_bound=microseconds(filters.until), include_upper=False)
    if not filters.copies:
        yield Query.term_query(schema, "copy", field_value=False)
    if filters.box is not None:
        yield _inside(schema, filters.box, further)


def _inside(schema: tantivy.Schema, box: tuple[float, float, float, float], further: Sequence[int]) -> Query:
    """Some point lies in the box, by latitude and longitude of the same point."""
    west, south, east, north = box
    spans = [(west, 180.0), (-180.0, east)] if west > east else [(west, east)]
    ways = [
        Query.boolean_query(
            [(Occur.Must, _span(schema, f"latitude_{i}", south, north)), (Occur.Must, _span(schema, f"longitude_{i}", *span))]
        )
        for i in range(POINTS)
        for span in spans
    ]
    if further:
        ways.append(Query.term_set_query(schema, "number", further))
    return Query.boolean_query([(Occur.Should, way) for way in ways])


def _span(schema: tantivy.Schema, field: str, low: float, high: float) -> Query:
    return Query.range_query(schema, field, FieldType.Float, lower_bound=low, upper_bound=high)


def _silent(query: Query) -> Query:
    """The query without a say in the score."""
    return Query.const_score_query(query, 0.0)
