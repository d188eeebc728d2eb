"""Queries that know what a document must have: of a thousand rules only those are asked that could hold of it.

The rules are indexed, not the documents: a token is a value of a field, the stem of a word, or the beginning of one. A query that
cannot hold without one of its tokens is looked up by them; one that needs none is asked of every document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from pipeline.alerts.fields import Document, values

Test: TypeAlias = Callable[[Document], bool]
#: (field, value); for words and beginnings of words the field is one of the two below.
Token: TypeAlias = tuple[str, Any]
WORD, BEGINNING = "(word)", "(beginning)"
#: Fields whose values are dotted paths from the general to the particular.
HIERARCHIES = ("themes.id", "theme")


class Query(NamedTuple):
    """What is asked of a document."""

    test: Test
    #: Without one of them it cannot hold; None: nothing is needed.
    needs: frozenset[Token] | None = None

    def __call__(self, document: Document) -> bool:
        """Whether it holds."""
        return self.test(document)


def comparable(one: Any) -> Any:
    """A value as it can be looked up."""
    return one if isinstance(one, str | int | float | bool | None) else repr(one)


def token(field: str, one: Any) -> Token:
    """A value of a field."""
    return field, comparable(one)


def all_of(queries: Sequence[Query]) -> Query:
    """Needs what the most telling of them needs."""
    if len(queries) == 1:
        return queries[0]
    tests = [query.test for query in queries]
    needs = min((query.needs for query in queries if query.needs is not None), key=len, default=None)
    return Query(lambda document: all(test(document) for test in tests), needs)


def any_of(queries: Sequence[Query]) -> Query:
    """Needs what any of them needs."""
    if len(queries) == 1:
        return queries[0]
    tests = [query.test for query in queries]
    needs = [query.needs for query in queries]
    either = None if None in needs else frozenset().union(*(one for one in needs if one is not None))
    return Query(lambda document: any(test(document) for test in tests), either)


def none_of(query: Query) -> Query:
    """Holds where it does not."""
    return Query(lambda document: not query.test(document))


class Anchors:
    """Queries by what they need.

    :param words: the words of a document and their stems.
    """

    def __init__(self, queries: Sequence[Query], words: Callable[[Document], Iterable[tuple[str, str]]]) -> None:
        self._queries, self._words = queries, words
        self._having: dict[str, dict[Any, list[int]]] = {}
        self._always: list[int] = []
        for number, query in enumerate(queries):
            if query.needs is None:
                self._always.append(number)
            for field, one in query.needs or ():
                self._having.setdefault(field, {}).setdefault(one, []).append(number)
        self._lengths = sorted({len(one) for one in self._having.get(BEGINNING, ())})

    def holding(self, document: Document) -> list[int]:
        """The numbers of the queries that hold, in order."""
        possible = set(self._always)
        for found in self._found(document):
            possible.update(found)
        return [number for number in sorted(possible) if self._queries[number].test(document)]

    def _found(self, document: Document) -> Iterator[list[int]]:
        for field, having in self._having.items():
            if field not in {WORD, BEGINNING}:
                names = {name for one in values(document, field) for name in _above(field, one)}
                yield from (having[name] for name in names if name in having)
        words, beginnings = self._having.get(WORD, {}), self._having.get(BEGINNING, {})
        if words or beginnings:
            for word, stem in self._words(document):
                if stem in words:
                    yield words[stem]
                yield from (beginnings[word[:length]] for length in self._lengths if word[:length] in beginnings)


def _above(field: str, one: Any) -> Iterator[Any]:
    yield comparable(one)
    if field in HIERARCHIES:
        parts = str(one).split(".")
        for length in range(1, len(parts)):
            yield ".".join(parts[:length])
