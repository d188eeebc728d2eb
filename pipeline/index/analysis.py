"""How text becomes terms: words in lower case, by their Swedish stem.

There are no stop words: "vara" is a town as well as a verb, "Å" a village, and a phrase needs every position.
The stemmer (Snowball) takes endings off, nothing more: *bilar*, *bilen* and *bil* meet, *bilbränder* and *bilbrand* do not.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import tantivy

#: Name under which the analyzer is registered; it changes with what it does, for stored terms depend on it.
ANALYZER = "swedish_1"
#: Length of a highlighted passage, in characters.
PASSAGE = 240
#: How far into a text a passage is looked for, in characters: bounds the time that one hit takes.
SEARCHED = 50_000


class _Span(NamedTuple):
    start: int
    end: int
    term: str


def analyzer() -> tantivy.TextAnalyzer:
    """A new analyzer: words, lower case, Swedish stems."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    return builder.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.stemmer("swedish")).build()


def composed(text: str) -> str:
    """The text with composed letters, as questions have them."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class Highlighter:
    """Marks what a question's terms match, in one text after another.

    :param terms: as the analyzer gives them.
    :param by: that analyzer.
    """

    def __init__(self, terms: AbstractSet[str], by: tantivy.TextAnalyzer) -> None:
        self._terms, self._analyzer = terms, by
        # A stem is how its word begins, so only words that begin as a term does need to be analysed.
        beginnings = "|".join(map(re.escape, sorted(terms)))
        self._candidates = re.compile(rf"(?<![^\W_])(?:{beginnings})[^\W_]*", re.IGNORECASE) if terms else None
        self._known: dict[str, str | None] = {}

    def passage(self, text: str) -> str:
        """The passage of ``text`` with most of the terms, as HTML: escaped, what matched in ``<mark>``.

        Without a match it is the beginning of the text. An ellipsis stands where something is left out.
        """
        text = composed(text)
        spans = self._matches(text)
        start, end = _passage(text, spans)
        parts, at = ["…" if start else ""], start
        for span in spans:
            if span.start >= start and span.end <= end:
                parts += [html.escape(text[at : span.start]), "<mark>", html.escape(text[span.start : span.end]), "</mark>"]
                at = span.end
        return "".join([*parts, html.escape(text[at:end]), "…" if end < len(text) else ""])

    def _matches(self, text: str) -> list[_Span]:
        if self._candidates is None:
            return []
        words = self._candidates.finditer(text, 0, SEARCHED)
        return [_Span(word.start(), word.end(), term) for word in words if (term := self._term(word[0])) is not None]

    def _term(self, word: str) -> str | None:
        if word not in self._known:
            term = next(iter(self._analyzer.analyze(word)), "")
            self._known[word] = term if term in self._terms else None
        return self._known[word]


def _passage(text: str, spans: list[_Span]) -> tuple[int, int]:
    """[start, end) of the passage: the window that holds most different terms, the first of several."""
    if len(text) <= PASSAGE or not spans:
        return 0, _word_end(text, PASSAGE)
    best, most = spans[0], 0
    for i, first in enumerate(spans):
        held = set()
        for span in spans[i : i + PASSAGE]:
            if span.end > first.start + PASSAGE * 3 // 4:
                break
            held.add(span.term)
        if len(held) > most:
            best, most = first, len(held)
    start = _word_start(text, max(0, best.start - PASSAGE // 4))
    return start, max(_word_end(text, start + PASSAGE), best.end)


def _word_start(text: str, at: int) -> int:
    space = text.find(" ", at, at + PASSAGE // 4) if at else -1
    return space + 1 if space >= 0 else at


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    space = text.rfind(" ", at - PASSAGE // 4, at)
    return space if space > 0 else at
