"""Words of a document, by their stems: ``brand`` is found in ``bränderna`` no more than the Swedish stemmer says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import translate
from functools import lru_cache

import Stemmer

from pipeline.alerts.fields import Document, values

#: Fields that a word without a field is looked for in.
TEXTS = ("title", "text", "summary")
_WORD = re.compile(r"\w+(?:[-'’]\w+)*")
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


@lru_cache(maxsize=10_000)
def _wildcard(word: str) -> re.Pattern[str]:
    return re.compile(translate(word.casefold()))


def contains(document: Document, word: str, field: str = "") -> bool:
    """Whether a field, or the text without one, has the word; ``*`` and ``?`` stand for letters."""
    if "*" in word or "?" in word:
        pattern = _wildcard(word)
        return any(pattern.fullmatch(one) for text in _texts(document, field) for one in (*_words(text), text.casefold()))
    return phrase(document, word, field)


def phrase(document: Document, words: str, field: str = "") -> bool:
    """Whether the words stand there one after the other, by their stems; or are the whole value of a field."""
    wanted = tuple(stem(word) for word in _WORD.findall(words))
    for text in _texts(document, field):
        there = _stems(text)
        if text.casefold() == words.casefold() or (
            wanted and any(there[n : n + len(wanted)] == wanted for n in range(len(there) - len(wanted) + 1))
        ):
            return True
    return False


def _texts(document: Document, field: str) -> Iterator[str]:
    for name in (field,) if field else TEXTS:
        for one in values(document, name):
            yield str(one)
