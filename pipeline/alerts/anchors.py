"""Queries that know what a document must have: of a thousand rules only those are asked that could hold of it.

The rules are indexed, not the documents. A token is a value of a field, the stem of a word, or the beginning of one. A query may hold in
several ways. Each is a number of clauses, of each of which a document must have a token, tokens that it must not have, and what these leave
open; mostly that is nothing. Which clauses of which ways a token fulfils stands in whole numbers, a bit a way, so that a document costs a
few operations on these for each of its tokens, however many the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, TypeAlias

from pipeline.alerts.fields import Document, reader

Test: TypeAlias = Callable[[Document], bool]
#: (field, value); for words, beginnings of words and patterns with * and ? the field is one of these.
Token: TypeAlias = tuple[str, Any]
WORD, BEGINNING, PATTERN = "(word)", "(beginning)", "(pattern)"
_OF_WORDS = frozenset({WORD, BEGINNING, PATTERN})
#: Fields whose values are dotted paths from the general to the particular.
HIERARCHIES = ("themes.id", "theme")
#: Clauses of a way that have bits; further ones are looked at one by one. The slot behind them is for what must not be there.
_CLAUSES = 3
#: Most ways of a query; what would have more is asked as it stands.
_WAYS = 16
#: Pieces of text of which it is remembered what they have; then all are forgotten.
_PIECES = 300_000


class Facts(NamedTuple):
    """A document, and those of its tokens that any query asks for."""

    document: Document
    tokens: frozenset[Token]


Check: TypeAlias = Callable[[Facts], bool]


class Way(NamedTuple):
    """How a query may hold."""

    #: Not without a token of each.
    clauses: tuple[frozenset[Token], ...] = ()
    #: Not with one of them.
    without: frozenset[Token] = frozenset()
    #: What these leave open.
    checks: tuple[Check, ...] = ()
    #: Tokens that the checks ask for.
    asked: frozenset[Token] = frozenset()

    @property
    def is_clause(self) -> bool:
        """Whether it asks for one of some tokens and nothing else."""
        return len(self.clauses) == 1 and not self.without and not self.checks

    @property
    def tokens(self) -> frozenset[Token]:
        """All that it asks for."""
        return self.asked.union(self.without, *self.clauses)

    def holds(self, facts: Facts) -> bool:
        """Whether it does."""
        return (
            not any(clause.isdisjoint(facts.tokens) for clause in self.clauses)
            and self.without.isdisjoint(facts.tokens)
            and all(check(facts) for check in self.checks)
        )

    def and_(self, other: Way) -> Way:
        """Both."""
        return Way(
            self.clauses + other.clauses, self.without | other.without, self.checks + other.checks, self.asked | other.asked
        )  # fmt: skip


class Query(NamedTuple):
    """What is asked of a document."""

    test: Test
    #: It holds where one of them does.
    ways: tuple[Way, ...]

    def __call__(self, document: Document) -> bool:
        """Whether it holds."""
        return self.test(document)


def asking(test: Test, *clauses: Iterable[Token]) -> Query:
    """Has to be asked; it cannot hold of a document without a token of each clause."""
    return Query(test, (Way(tuple(map(frozenset, clauses)), checks=(lambda facts: test(facts.document),)),))


def comparable(one: Any) -> Any:
    """A value as it can be looked up."""
    return one if isinstance(one, str | int | float | bool | None) else repr(one)


def token(field: str, one: Any) -> Token:
    """A value of a field."""
    return field, comparable(one)


def any_token(test: Test, tokens: Iterable[Token]) -> Query:
    """Holds of a document that has one of the tokens, and of no other.

    :param test: says the same without knowing tokens.
    """
    return Query(test, (Way((frozenset(tokens),)),))


def all_of(queries: Sequence[Query]) -> Query:
    """Asks what each of them asks."""
    if len(queries) == 1:
        return queries[0]
    tests = [query.test for query in queries]
    ways: tuple[Way, ...] = (Way(),)
    for query in sorted(queries, key=lambda query: len(query.ways)):
        if len(ways) * len(query.ways) > _WAYS:
            ways = tuple(way.and_(_one_of(query.ways)) for way in ways)
        else:
            ways = tuple(way.and_(other) for way in ways for other in query.ways)
    return Query(lambda document: all(test(document) for test in tests), ways)


def any_of(queries: Sequence[Query]) -> Query:
    """Asks what any of them asks."""
    if len(queries) == 1:
        return queries[0]
    tests = [query.test for query in queries]
    ways = [way for query in queries for way in query.ways]
    plain = frozenset().union(*(way.clauses[0] for way in ways if way.is_clause))
    ways = [*([Way((plain,))] if plain else []), *(way for way in ways if not way.is_clause)]
    return Query(lambda document: any(test(document) for test in tests), tuple(ways) if len(ways) <= _WAYS else (_one_of(ways),))


def none_of(query: Query) -> Query:
    """Holds where it does not."""
    way = query.ways[0] if len(query.ways) == 1 else _one_of(query.ways)
    if way.is_clause:
        return Query(lambda document: not query.test(document), (Way(without=way.clauses[0]),))
    return Query(lambda document: not query.test(document), (Way(checks=(lambda facts: not way.holds(facts),), asked=way.tokens),))


def _one_of(ways: Sequence[Way]) -> Way:
    """One way for all: of each its most telling clause is needed, and the rest is asked."""
    if len(ways) == 1:
        return ways[0]
    telling = [min(way.clauses, key=len) for way in ways if way.clauses]
    clauses = (frozenset().union(*telling),) if ways and len(telling) == len(ways) else ()
    asked = frozenset().union(*(way.tokens for way in ways))
    return Way(clauses, checks=(lambda facts: any(way.holds(facts) for way in ways),), asked=asked)


#: A token with what it fulfils: (slot, bits of the ways).
_Bits: TypeAlias = tuple[tuple[int, int], ...]
_Entry: TypeAlias = tuple[tuple[Token, ...], _Bits]


class Texts(NamedTuple):
    """How documents are taken apart: what the words of a document are has to be the same here and in the queries."""

    #: The texts of a document, in lower case and cut at white space, no word across two pieces.
    pieces: Callable[[Document], list[str]]
    #: The words of a piece and their stems.
    words: Callable[[str], Iterable[tuple[str, str]]]


class Anchors:
    """Queries by what they need."""

    def __init__(self, queries: Sequence[Query], texts: Texts) -> None:
        self._texts = texts
        #: Each way with the number of its query.
        ways = [(number, way) for number, query in enumerate(queries) for way in query.ways]
        self._queries = [number for number, _ in ways]
        self._checks = [(*(_has(clause) for clause in _ordered(way)[_CLAUSES:]), *way.checks) for _, way in ways]
        self._open = sum(1 << place for place, checks in enumerate(self._checks) if checks)
        bits: dict[Token, list[int]] = {one: [0] * (_CLAUSES + 1) for _, way in ways for one in way.tokens}
        #: Of each slot the ways that ask nothing there.
        self._free = [0] * (_CLAUSES + 1)
        for place, (_, way) in enumerate(ways):
            clauses = _ordered(way)[:_CLAUSES]
            for slot, clause in enumerate(clauses):
                for one in clause:
                    bits[one][slot] |= 1 << place
            for slot in range(len(clauses), _CLAUSES):
                self._free[slot] |= 1 << place
            for one in way.without:
                bits[one][_CLAUSES] |= 1 << place
        self._entries = {one: _entry([(one, slots)]) for one, slots in bits.items()}
        fields = dict.fromkeys(field for field, _ in bits if field not in _OF_WORDS)
        self._fields = [(reader(field), _Values(field, self._entries)) for field in fields]
        self._lengths = sorted({len(one) for field, one in bits if field == BEGINNING})
        self._has_words = any(field in _OF_WORDS for field, _ in bits)
        self._patterns = [((field, one), re.compile(translate(one))) for field, one in bits if field == PATTERN]
        #: Pieces of text that have a token, and those that have none.
        self._telling: dict[str, _Entry] = {}
        self._dull: set[str] = set()

    def holding(self, document: Document) -> list[int]:
        """The numbers of the queries that hold, in order."""
        there = self._there(document)
        slots = self._free.copy()
        for _, bits in there:
            for slot, mask in bits:
                slots[slot] |= mask
        first, *others, without = slots
        possible = first & ~without
        for more in others:
            possible &= more
        if not possible:
            return []
        places = list(_numbers(possible))
        if possible & self._open:
            facts = Facts(document, frozenset(one for tokens, _ in there for one in tokens))
            places = [place for place in places if all(check(facts) for check in self._checks[place])]
        return list(dict.fromkeys(self._queries[place] for place in places))

    def _there(self, document: Document) -> list[_Entry]:
        found: list[_Entry] = []
        for read, known in self._fields:
            for one in read(document):
                found += known[one if type(one) is str else comparable(one)]
        if self._has_words:
            telling = self._telling
            for piece in set(self._texts.pieces(document)).difference(self._dull):
                entry = telling.get(piece)
                if entry is None:
                    entry = self._learn(piece)
                    if entry is None:
                        continue
                found.append(entry)
        return found

    def _learn(self, piece: str) -> _Entry | None:
        """What a piece of text has that was not seen before."""
        if len(self._dull) + len(self._telling) > _PIECES:
            self._dull.clear()
            self._telling.clear()
        tokens: dict[Token, None] = {}
        for word, stem in self._texts.words(piece):
            tokens[WORD, stem] = None
            tokens |= {(BEGINNING, word[:length]): None for length in self._lengths if length <= len(word)}
            tokens |= {one: None for one, pattern in self._patterns if pattern.fullmatch(word)}
        known = [self._entries[one] for one in tokens if one in self._entries]
        if not known:
            self._dull.add(piece)
            return None
        self._telling[piece] = entry = _joined(known)
        return entry


class _Values(dict[Any, tuple[_Entry, ...]]):
    """Value of a field → what it has; filled as values come."""

    def __init__(self, field: str, entries: dict[Token, _Entry]) -> None:
        super().__init__()
        self._field, self._known = field, entries

    def __missing__(self, one: Any) -> tuple[_Entry, ...]:
        if len(self) > _PIECES:
            self.clear()
        self[one] = found = tuple(self._known[self._field, name] for name in _above(self._field, one) if (self._field, name) in self._known)
        return found


def _entry(tokens: Sequence[tuple[Token, Sequence[int]]]) -> _Entry:
    masks = [reduce(or_, some) for some in zip(*(slots for _, slots in tokens), strict=True)]
    return tuple(one for one, _ in tokens), tuple((slot, mask) for slot, mask in enumerate(masks) if mask)


def _joined(entries: Sequence[_Entry]) -> _Entry:
    if len(entries) == 1:
        return entries[0]
    slots = [0] * (_CLAUSES + 1)
    for _, bits in entries:
        for slot, mask in bits:
            slots[slot] |= mask
    return tuple(one for tokens, _ in entries for one in tokens), tuple((slot, mask) for slot, mask in enumerate(slots) if mask)


def _ordered(way: Way) -> list[frozenset[Token]]:
    return sorted(way.clauses, key=len)


def _has(clause: frozenset[Token]) -> Check:
    return lambda facts: not clause.isdisjoint(facts.tokens)


def _numbers(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _above(field: str, one: Any) -> Iterator[Any]:
    yield one
    if field in HIERARCHIES:
        parts = str(one).split(".")
        for length in range(1, len(parts)):
            yield ".".join(parts[:length])
