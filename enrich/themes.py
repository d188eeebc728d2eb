"""Themes: terms of the lexicon in the text, weighed and summed; the source's own category comes first."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp
from typing import NamedTuple

import ahocorasick_rs
from spacy.language import Language
from spacy.tokens import Doc

from enrich import attributes
from enrich.lexicon import WEIGHTS, Lexicon, LexiconTheme
from enrich.text import Frame, lower
from pipeline.errors import FjarilError
from pipeline.model import Theme

#: Most themes and words of evidence kept of a document.
MOST = 6
MOST_EVIDENCE = 5
#: Theme of a text that sums up many incidents; it has no other.
SUMMARY = "summary"
_SUMMARY_TYPE = "Sammanfattning"
#: Characters of the beginning, where a text says what it is about: terms there count more.
_LEAD = 110
_LEAD_FACTOR = 2.0
#: Share of a theme's weight that its relatives (same first segment) lend it.
_KIN = 0.3
_LEAST = 0.3
#: Score that a theme needs beside a better one: a single common word, as "meter", is not a second subject.
_BESIDE = 0.75
#: Characters that are read: a text says what it is about long before, and the time is then bounded.
_READ = 20_000
_CEILING = 0.99


#: (number of the theme, weight) of each theme that has a term.
_Counts = tuple[tuple[int, float], ...]


class _Pattern(NamedTuple):
    """A term: where it counts, and whether the word may go on at either end. A tuple, since unpacking one is fastest."""

    counts: _Counts
    #: Numbers of the themes whose terms do not count inside it.
    excludes: frozenset[int]
    open_start: bool
    open_end: bool


#: (start, end, counts, excludes) of a term found.
_Hit = tuple[int, int, _Counts, frozenset[int]]


class Classifier:
    """Finds the themes of a text."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._themes = lexicon.themes
        self._families = _families(lexicon.themes)
        self._types = lexicon.of_type()
        self._names, self._patterns = _compile(lexicon.themes)
        self._automaton = ahocorasick_rs.AhoCorasick(self._names)

    def classify(self, framed: Frame) -> tuple[Theme, ...]:
        """The themes of a document, best first."""
        if framed.category.startswith(_SUMMARY_TYPE) or f", {_SUMMARY_TYPE}" in framed.text[: framed.body]:
            return (Theme(id=SUMMARY, score=1.0, evidence=(framed.category or _SUMMARY_TYPE,)),)
        stated = self._types.get(framed.category.casefold().strip()) if framed.category else None
        found = self._found(framed)
        if stated is None or (stated.catch_all and found):
            return found
        own = Theme(id=stated.id, score=1.0, evidence=(framed.category,))
        return (own, *(theme for theme in found if theme.id != stated.id and theme.score >= _BESIDE))[:MOST]

    def _found(self, framed: Frame) -> tuple[Theme, ...]:
        hits = self._hits(lower(framed.text[:_READ]))
        if not hits:
            return ()
        weights, evidence = self._weigh(framed, hits)
        kin: dict[int, float] = {}
        for number, weight in weights.items():
            family = self._families[number]
            kin[family] = kin.get(family, 0.0) + weight
        ranked = sorted(((w + _KIN * (kin[self._families[n]] - w), -n) for n, w in weights.items()), reverse=True)
        return tuple(
            Theme(id=self._themes[-minus].id, score=score, evidence=tuple(evidence[-minus][:MOST_EVIDENCE]))
            for place, (weight, minus) in enumerate(ranked[:MOST])
            if (score := round(min(_CEILING, 1 - exp(-weight / 2.2)), 3)) >= (_BESIDE if place else _LEAST)
        )

    def _hits(self, lowered: str) -> list[_Hit]:
        """Each term that stands where it may."""
        hits = []
        last = len(lowered) - 1
        patterns = self._patterns
        for number, start, end in self._automaton.find_matches_as_indexes(lowered, overlapping=True):
            counts, excludes, open_start, open_end = patterns[number]
            if start and not open_start and lowered[start - 1].isalnum():
                continue
            if end <= last and not open_end and lowered[end].isalnum():
                continue
            hits.append((start, end, counts, excludes))
        return hits

    @staticmethod
    def _weigh(framed: Frame, hits: list[_Hit]) -> tuple[dict[int, float], dict[int, list[str]]]:
        """Weight and evidence of each theme by number; a word that comes again counts once."""
        spans = [(start, end, excludes) for start, end, _, excludes in hits if excludes]
        lead = framed.body + _LEAD
        weights: dict[int, float] = {}
        evidence: dict[int, list[str]] = {}
        for start, end, counts, _ in hits:
            word = framed.text[start:end]
            factor = _LEAD_FACTOR if start < lead else 1.0
            for number, weight in counts:
                if spans and _excluded(number, start, end, spans):
                    continue
                if number not in evidence:
                    evidence[number] = [word]
                    weights[number] = weight * factor
                elif word not in (words := evidence[number]):
                    words.append(word)
                    weights[number] += weight * factor
        return weights, evidence


def _excluded(number: int, start: int, end: int, spans: list[tuple[int, int, frozenset[int]]]) -> bool:
    return any(s <= start and end <= e and number in numbers for s, e, numbers in spans)


def _families(themes: Iterable[LexiconTheme]) -> list[int]:
    """For each theme the number of its family: themes with the same first segment."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(theme.id.split(".")[0], len(numbers)) for theme in themes]


def _compile(themes: tuple[LexiconTheme, ...]) -> tuple[list[str], list[_Pattern]]:
    """Strings of the automaton and, in the same order, what each means."""
    counts: dict[str, list[tuple[int, float]]] = {}
    excludes: dict[str, set[int]] = {}
    for number, theme in enumerate(themes):
        for name, weight in WEIGHTS.items():
            for term in getattr(theme, name):
                counts.setdefault(lower(term), []).append((number, weight))
        for term in theme.exclude:
            excludes.setdefault(lower(term), set()).add(number)
    terms = list(dict.fromkeys((*counts, *excludes)))
    patterns = [
        _Pattern(
            counts=tuple(counts.get(t, ())), excludes=frozenset(excludes.get(t, ())), open_start=t.startswith("*"), open_end=t.endswith("*")
        )
        for t in terms
    ]
    return [term.strip("*") for term in terms], patterns


@Language.factory("fjaril_themes", assigns=["doc._.themes"])
class ThemesComponent(attributes.Component):
    """Sets ``doc._.themes``."""

    def __init__(self, nlp: Language, name: str) -> None:
        self.name, self.vocab = name, nlp.vocab
        self.classifier: Classifier | None = None

    def use(self, lexicon: Lexicon) -> None:
        """Find the themes of this lexicon."""
        self.classifier = Classifier(lexicon)

    def __call__(self, doc: Doc) -> Doc:
        """The document, with its themes set.

        :raises FjarilError: if no lexicon was given.
        """
        if self.classifier is None:
            raise FjarilError(f"component {self.name}: it has no lexicon; build the pipeline with enrich.nlp.build")
        attributes.THEMES.set(doc, self.classifier.classify(attributes.framed(doc)))
        return doc
