"""Words of a document, by their stems: ``bilar`` is found where ``bilen`` stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import translate
from functools import lru_cache

import Stemmer

from pipeline.alerts.anchors import BEGINNING, WORD, Query
from pipeline.alerts.fields import TEXTS, Document, values

_WORD = re.compile(r"\w+(?:[-'’]\w+)*")
_OPEN_END = re.compile(r"(\w+)\*")
_stemmer = Stemmer.Stemmer("swedish")


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The stem of a word in any case."""
    return str(_stemmer.stemWord(word.casefold()))


@lru_cache(maxsize=64)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


@lru_cache(maxsize=64)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(map(stem, _words(text)))


def words(document: Document) -> Iterator[tuple[str, str]]:
    """The words of title and text in lower case, each with its stem."""
    for text in _texts(document, ""):
        yield from zip(_words(text), _stems(text), strict=True)


def contains(word: str, field: str = "") -> Query:
    """Asks whether a field, or the text without one, has the word; ``*`` and ``?`` stand for letters."""
    if "*" not in word and "?" not in word:
        return phrase(word, field)
    pattern = re.compile(translate(word.casefold()))
    beginning = _OPEN_END.fullmatch(word.casefold())
    needs = frozenset({(BEGINNING, beginning[1])}) if beginning and _is_text(field) else None

    def test(document: Document) -> bool:
        return any(pattern.fullmatch(one) for text in _texts(document, field) for one in (*_words(text), text.casefold()))

    return Query(test, needs)


def phrase(said: str, field: str = "") -> Query:
    """Asks whether the words stand there one after the other, by their stems; or are the whole value of a field."""
    wanted, whole = tuple(stem(word) for word in _WORD.findall(said)), said.casefold()
    needs = frozenset({(WORD, max(wanted, key=len))}) if wanted and _is_text(field) else None

    def test(document: Document) -> bool:
        return any(text.casefold() == whole or _stands(wanted, _stems(text)) for text in _texts(document, field))

    return Query(test, needs)


def _stands(wanted: tuple[str, ...], there: tuple[str, ...]) -> bool:
    if len(wanted) == 1:
        return wanted[0] in there
    return bool(wanted) and any(there[n : n + len(wanted)] == wanted for n in range(len(there) - len(wanted) + 1))


def _is_text(field: str) -> bool:
    return not field or field in TEXTS


def _texts(document: Document, field: str) -> Iterator[str]:
    for name in (field,) if field else TEXTS:
        for one in values(document, name):
            yield str(one)
