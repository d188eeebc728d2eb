"""The query string, as people write it in Kibana: words, "phrases", field:value, AND, OR, NOT, + and -, brackets, * and ?.

AND binds tighter than OR; between two words without a sign stands OR, as in Elasticsearch.
"""

from __future__ import annotations

import re

from pipeline.alerts.anchors import Query, all_of, any_of, asking, none_of
from pipeline.alerts.fields import values
from pipeline.alerts.text import contains, phrase
from pipeline.errors import QueryError

_TOKEN = re.compile(r'\s*(?:(?P<sign>[()+!-])|(?P<name>[^\W\d][\w.]*):|"(?P<phrase>[^"]*)"|(?P<word>[^\s()"]+))')
_AND, _OR, _NOT = {"AND", "&&"}, {"OR", "||"}, {"NOT", "!", "-"}


def parse(text: str, where: str) -> Query:
    """The query, to be asked of documents.

    :raises QueryError: naming ``where``, the character, what was found and what is right.
    """
    reader = _Reader(text, where)
    found = reader.either()
    if not reader.at_end:
        raise reader.wrong("expected the end, or AND, OR, NOT before it")
    return found


class _Reader:
    """Reads by recursive descent: either → both → one → word."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where
        self._tokens: list[tuple[int, str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise QueryError(f'{where}: character {at + 1}: found {text[at:].strip()[:20]!r}; a " must be closed')
            kind = str(match.lastgroup)
            self._tokens.append((match.start(kind), kind, match[kind]))
            at = match.end()
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self._next >= len(self._tokens)

    def wrong(self, expected: str) -> QueryError:
        at, found = (len(self._text), "the end") if self.at_end else (self._tokens[self._next][0], repr(self._tokens[self._next][2]))
        return QueryError(f"{self._where}: character {at + 1}: found {found}; {expected}")

    def _is(self, *words: str) -> bool:
        return not self.at_end and self._tokens[self._next][1] in {"word", "sign"} and self._tokens[self._next][2] in words

    def either(self) -> Query:
        tests: list[Query] = []
        needed: list[Query] = []
        while True:
            must = self._is("+")
            self._next += must
            (needed if must else tests).append(self.both())
            if self._is(*_OR):
                self._next += 1
            elif self.at_end or self._is(")"):
                break
        if needed:  # as in Elasticsearch: what is needed decides, the others only rank
            return all_of(needed)
        return any_of(tests)

    def both(self) -> Query:
        tests = [self.one()]
        while self._is(*_AND) or self._is(*_NOT):
            self._next += self._is(*_AND)
            tests.append(self.one())
        return all_of(tests)

    def one(self) -> Query:
        if self._is(*_NOT):
            self._next += 1
            return none_of(self.one())
        if self._is("("):
            self._next += 1
            inside = self.either()
            if not self._is(")"):
                raise self.wrong("expected ) for the ( before it")
            self._next += 1
            return inside
        if self.at_end or self._tokens[self._next][1] == "sign" or self._is(*_AND, *_OR):
            raise self.wrong('expected a word, a "phrase" or field:value')
        return self._named()

    def _named(self) -> Query:
        field = ""
        if self._tokens[self._next][1] == "name":
            field = self._tokens[self._next][2]
            self._next += 1
            if self._is("("):
                raise self.wrong(f"expected one value after {field}:")
        if self.at_end or self._tokens[self._next][1] not in {"word", "phrase"}:
            raise self.wrong(f"expected a value after {field}:")
        _, kind, said = self._tokens[self._next]
        self._next += 1
        if field == "_exists_":
            return asking(lambda document: bool(values(document, said)))
        return phrase(said, field) if kind == "phrase" else contains(said, field)
