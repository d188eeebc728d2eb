"""Words of a document, by their stems: ``bilar`` is found where ``bilen`` stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import translate
from functools import lru_cache

import Stemmer

from pipeline.alerts.anchors import BEGINNING, PATTERN, WORD, Query, Texts, any_token, asking
from pipeline.alerts.fields import TEXTS, Document, values

_WORD = re.compile(r"\w+(?:[-'’]\w+)*")
#: What a word that begins so begins with; it is a word itself.
_OPEN_END = re.compile(rf"({_WORD.pattern})\*")
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


def _pieces(document: Document) -> list[str]:
    """Words have no white space in them, so the pieces have the same words as the text."""
    found = [said for name in TEXTS if (said := document.get(name)) is not None]
    if all(type(said) is str for said in found):
        return "\n".join(found).casefold().split()
    return "\n".join(_texts(document, "")).casefold().split()


def _words_of(piece: str) -> Iterator[tuple[str, str]]:
    return ((word, stem(word)) for word in _WORD.findall(piece))


#: How title and text of a document are taken apart.
WORDS = Texts(_pieces, _words_of)


def contains(word: str, field: str = "") -> Query:
    """Asks whether a field, or the text without one, has the word; ``*`` and ``?`` stand for letters."""
    if "*" not in word and "?" not in word:
        return phrase(word, field)
    pattern = re.compile(translate(word.casefold()))
    beginning = _OPEN_END.fullmatch(word.casefold())

    whole = not _is_text(field)  # of a text its words alone, as where it is searched

    def test(document: Document) -> bool:
        return any(
            pattern.fullmatch(one) for text in _texts(document, field) for one in (*_words(text), *([text.casefold()] if whole else []))
        )

    if whole:
        return asking(test)
    tokens = [(PATTERN, word.casefold()) if beginning is None else (BEGINNING, beginning[1])]
    return asking(test, tokens) if field else any_token(test, tokens)


def phrase(said: str, field: str = "") -> Query:
    """Asks whether the words stand there one after the other, by their stems; or are the whole value of a field."""
    wanted, whole = tuple(stem(word) for word in _WORD.findall(said)), said.casefold()

    def test(document: Document) -> bool:
        return any(text.casefold() == whole or _stands(wanted, _stems(text)) for text in _texts(document, field))

    if not wanted or not _is_text(field):
        return asking(test)
    clauses = [[(WORD, one)] for one in dict.fromkeys(wanted)]
    return asking(test, *clauses) if field or len(wanted) > 1 else any_token(test, clauses[0])


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
