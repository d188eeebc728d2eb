"""How text becomes terms: words in lower case, by their Swedish stem.

There are no stop words: "vara" is a town as well as a verb, "Å" a village, and a phrase needs every position.
The stemmer (Snowball) takes endings off, nothing more: *bilar*, *bilen* and *bil* meet, *bilbränder* and *bilbrand* do not.
"""

from __future__ import annotations

import html
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


def highlight(text: str, terms: AbstractSet[str], by: tantivy.TextAnalyzer) -> str:
    """The passage of ``text`` with most of ``terms``, as HTML: escaped, what matched in ``<mark>``.

    Without a match it is the beginning of the text. An ellipsis stands where something is left out.
    """
    text = composed(text)
    spans = _matches(text[:SEARCHED], terms, by) if terms else []
    start, end = _passage(text, spans)
    parts, at = ["…" if start else ""], start
    for span in spans:
        if span.start >= start and span.end <= end:
            parts += [html.escape(text[at : span.start]), "<mark>", html.escape(text[span.start : span.end]), "</mark>"]
            at = span.end
    return "".join([*parts, html.escape(text[at:end]), "…" if end < len(text) else ""])


def _matches(text: str, terms: AbstractSet[str], by: tantivy.TextAnalyzer) -> list[_Span]:
    tokens = by.pre_tokenize(text).tokens
    return [_Span(token.char_offset_from, token.char_offset_to, token.text) for token in tokens if token.text in terms]


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
