"""Order and pages of what is found: total, so that a document is on exactly one page.

Newest: by time of publication, then id. Relevance: by score, then newest. Where nothing gives a score, relevance is newest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct
from tantivy import FieldType, Occur, Query

from pipeline.errors import QueryError
from pipeline.index.cursor import OTHER_QUESTION, check_size, question, read, write
from pipeline.index.engine import Engine
from pipeline.index.translate import Translated
from pipeline.ports import Search

#: Number → (published in microseconds, id), for those that are stored.
Order = Callable[[Sequence[int]], Mapping[int, tuple[int, str]]]


class Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where the next page begins: after the document of this time and id, or after ``skip`` hits."""

    #: Of the question that it belongs to.
    question: str
    skip: Annotated[int, Meta(ge=0, le=2**40)] = 0
    #: Hits with a better score than the first that could be on the page.
    begin: Annotated[int, Meta(ge=0, le=2**40)] = 0
    published: Annotated[int, Meta(ge=-(2**62), le=2**62)] | None = None
    id: str = ""


class Found(Struct, frozen=True):
    """A page of numbers, with scores."""

    hits: tuple[tuple[int, float], ...]
    total: int
    after: str | None


def page(search: Search, asked: Translated, engine: Engine, order: Order) -> Found:
    """The page that ``search`` asks for.

    :raises QueryError: if its size is out of bounds, or ``after`` was not given for this question.
    """
    check_size(search)
    cursor = _read(search)
    by_score = search.order == "relevance" and asked.terms
    return (_relevant if by_score else _newest)(_Asked(search, asked.query, engine, order, cursor))


class _Asked(NamedTuple):
    search: Search
    query: Query
    engine: Engine
    order: Order
    cursor: Cursor


def _newest(asked: _Asked) -> Found:
    """Documents of one instant come from the engine in any order: all of them are read, and sorted by id."""
    cursor, size, rest, seen = asked.cursor, asked.search.size, asked.query, 0
    if cursor.published is not None:
        rest = _and(rest, Query.range_query(asked.engine.schema, "published", FieldType.Integer, upper_bound=cursor.published))
        same = _and(asked.query, Query.term_query(asked.engine.schema, "published", cursor.published))
        seen = asked.engine.count(same)
    hits, total = _complete(asked._replace(query=rest), size + seen + 1, "published")
    if cursor.published is not None:
        total = asked.engine.count(asked.query)
    places = asked.order([number for _, number in hits])
    ranked = sorted((-published, key, number) for number, (published, key) in places.items())
    if cursor.published is not None:
        ranked = [entry for entry in ranked if entry[:2] > (-cursor.published, cursor.id)]
    chosen = ranked[:size]
    more = len(ranked) > size
    after = _write(asked.search, Cursor("", published=-chosen[-1][0], id=chosen[-1][1])) if more else None
    return Found(tuple((number, 0.0) for _, _, number in chosen), total, after)


def _relevant(asked: _Asked) -> Found:
    """Only documents with the score of one on this page are compared further, wherever the engine has put them."""
    size, begin, before = asked.search.size, asked.cursor.begin, asked.cursor.skip - asked.cursor.begin
    hits, total = _complete(asked, before + size, None, begin)
    places = asked.order([number for _, number in hits])
    ranked = sorted((-score, -places[number][0], places[number][1], number) for score, number in hits if number in places)
    chosen = ranked[before : before + size]
    end = asked.cursor.skip + size
    after = _write(asked.search, Cursor("", skip=end, begin=begin + _first_alike(hits, before + size))) if end < total else None
    return Found(tuple((number, -score) for score, _, _, number in chosen), total, after)


def _first_alike(hits: list[tuple[Any, int]], end: int) -> int:
    """Position of the first hit that equals the one before ``end``, if one after it does, too; else ``end``."""
    if len(hits) <= end:
        return end
    return next(i for i, (key, _) in enumerate(hits) if key == hits[end - 1][0])


def _complete(asked: _Asked, wanted: int, by: str | None, offset: int = 0) -> tuple[list[tuple[Any, int]], int]:
    """The best ``wanted`` hits after ``offset`` and all that equal the last of them, as (key, number); and how many there are in all."""
    searcher = asked.engine.searcher
    limit, left = wanted + 1, searcher.num_docs - offset
    if left <= 0:
        return [], asked.engine.count(asked.query)
    while True:
        limit = min(limit, left)  # the engine makes room for as many
        found = searcher.search(asked.query, limit=limit, count=True, order_by_field=by, offset=offset)
        hits, left = found.hits, found.count - offset  # type: ignore[attr-defined]  # its stub forgets count
        if len(hits) < limit or limit >= left or hits[-1][0] != hits[wanted - 1][0]:
            break
        limit *= 4
    last = hits[wanted - 1][0] if len(hits) >= wanted else None
    cut = next((i for i in range(wanted, len(hits)) if hits[i][0] != last), len(hits))
    numbers = searcher.fast_field_values("number", [address for _, address in hits[:cut]])
    return [(key, int(number or 0)) for (key, _), number in zip(hits[:cut], numbers, strict=True)], found.count  # type: ignore[attr-defined]


def _and(query: Query, other: Query) -> Query:
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, other)])


def _write(search: Search, cursor: Cursor) -> str:
    return write(msgspec.structs.replace(cursor, question=question(search)))


def _read(search: Search) -> Cursor:
    if search.after is None:
        return Cursor("")
    cursor = read(search.after, Cursor)
    if cursor.question != question(search) or cursor.begin > cursor.skip:
        raise QueryError(OTHER_QUESTION)
    return cursor
