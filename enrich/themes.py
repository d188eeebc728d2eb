"""Themes: terms of the lexicon in the text, weighed and summed; the source's own category comes first.

Terms that the text denies, practises, invents, plays or remembers count little (:mod:`enrich.cues`). A score is the share of police
notices of that weight and lead whose best theme is right (:func:`_score`).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log, log1p
from typing import NamedTuple

import ahocorasick_rs
from spacy.language import Language
from spacy.tokens import Doc

from enrich import attributes
from enrich.cues import Shade, Shader
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
#: Weight that a theme needs: less is one weak word.
_LEAST = 0.785
#: Weight that it needs beside a better one: a single common word, as "meter", is not a second subject.
_BESIDE = 3.05
#: Themes of which a denial or a look back is a part: ``död, inget misstänkt brott``.
_UNSHADED = frozenset({"rescue.death", "notice.information"})
_NO_SHADE = Shade(0, 0, 1.0, "")
#: Characters that are read: a text says what it is about long before, and the time is then bounded.
_READ = 20_000
_CEILING = 0.99
#: Weight from which more makes nothing surer, and that of what speaks for another theme where no word does.
_ENOUGH, _UNSEEN = 40.0, 1.5


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


class Evidence(NamedTuple):
    """A term that was found: characters [start, end) of the frame's text, what it added to its theme, and what speaks against it."""

    start: int
    end: int
    weight: float
    against: str = ""


#: The same while it is counted: a bare tuple is made much faster.
_Counted = tuple[int, int, float, str]


class Judged(NamedTuple):
    """A theme that the text speaks for, and whether enough for it to be one of the document's."""

    theme: Theme
    evidence: tuple[Evidence, ...]
    kept: bool


#: The same while it is judged: the fields of :class:`Judged`.
_Judged = tuple[Theme, list[_Counted], bool]


class Classifier:
    """Finds the themes of a text."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._themes = lexicon.themes
        self._families = _families(lexicon.themes)
        self._types = lexicon.of_type()
        self._names, self._patterns = _compile(lexicon.themes)
        self._automaton = ahocorasick_rs.AhoCorasick(self._names, implementation=ahocorasick_rs.Implementation.DFA)
        self._shader = Shader()
        self._unshaded = frozenset(number for number, theme in enumerate(lexicon.themes) if theme.id in _UNSHADED)

    @property
    def names(self) -> dict[str, str]:
        """Id → name in Swedish."""
        return {theme.id: theme.sv for theme in self._themes}

    def classify(self, framed: Frame) -> tuple[Theme, ...]:
        """The themes of a document, best first."""
        return tuple([theme for theme, _, _ in self._judge(framed, dropped=False)])

    def judge(self, framed: Frame) -> list[Judged]:
        """The themes of a document, best first, and those that were dropped."""
        return [Judged(theme, tuple([Evidence(*e) for e in counted]), kept) for theme, counted, kept in self._judge(framed, dropped=True)]

    def _judge(self, framed: Frame, *, dropped: bool) -> list[_Judged]:
        if framed.category.startswith(_SUMMARY_TYPE) or f", {_SUMMARY_TYPE}" in framed.text[: framed.body]:
            return [_by_source(SUMMARY, framed.category or _SUMMARY_TYPE)]
        stated = self._types.get(framed.category.casefold().strip()) if framed.category else None
        found = self._found(framed, dropped=dropped)
        if stated is None or (stated.catch_all and any(kept for _, _, kept in found)):
            return found
        beside = [(theme, counted, kept and _sum(counted) >= _BESIDE) for theme, counted, kept in found if theme.id != stated.id]
        return [_by_source(stated.id, framed.category), *(judged for judged in beside if judged[2] or dropped)][:MOST]

    def _found(self, framed: Frame, *, dropped: bool) -> list[_Judged]:
        lowered = lower(framed.text[:_READ])
        hits = self._hits(lowered)
        if not hits:
            return []
        evidence = self._weigh(framed, hits, self._shader.shades(lowered, framed.body))
        weights = {number: _sum(counted) for number, counted in evidence.items()}
        kin: dict[int, float] = {}
        for number, weight in weights.items():
            family = self._families[number]
            kin[family] = kin.get(family, 0.0) + weight
        ranked = sorted([(w + _KIN * (kin[self._families[n]] - w), -n) for n, w in weights.items()], reverse=True)[:MOST]
        judged: list[_Judged] = []
        score = 1.0
        for place, (weight, minus) in enumerate(ranked):
            kept = _is_kept(place, weight, evidence[-minus])
            if kept or dropped:
                score = min(score, self._score(ranked, place))
                counted = evidence[-minus]
                judged.append((self._theme(framed, -minus, score, counted), counted, kept))
        return judged

    def _score(self, ranked: list[tuple[float, int]], place: int) -> float:
        """How sure a theme is without those before it: they may be the text's subjects too."""
        weight, minus = ranked[place]
        family = self._families[-minus]
        return _score(weight, next((other for other, n in ranked[place + 1 :] if self._families[-n] != family), 0.0))

    def _theme(self, framed: Frame, number: int, score: float, evidence: list[_Counted]) -> Theme:
        words = tuple(dict.fromkeys([framed.text[e[0] : e[1]] for e in evidence[:MOST_EVIDENCE]]))
        against = "; ".join(dict.fromkeys([e[3] for e in evidence if e[3]]))
        return Theme(id=self._themes[number].id, score=score, evidence=words, reason=f"Räknas lägre: {against}." if against else "")

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

    def _weigh(self, framed: Frame, hits: list[_Hit], shades: list[Shade]) -> dict[int, list[_Counted]]:
        """The evidence of each theme by number; a word that comes again counts once, where it counts most."""
        spans = [(start, end, excludes) for start, end, _, excludes in hits if excludes]
        text, lead, unshaded = framed.text, framed.body + _LEAD, self._unshaded
        evidence: dict[int, list[_Counted]] = {}
        seen: set[tuple[int, str]] = set()
        if shades:
            shaded = sorted([(_shade(start, shades), start, end, counts) for start, end, counts, _ in hits], key=lambda hit: -hit[0].factor)
        else:
            shaded = [(_NO_SHADE, start, end, counts) for start, end, counts, _ in hits]
        for shade, start, end, counts in shaded:
            word = text[start:end]
            factor = _LEAD_FACTOR if start < lead else 1.0
            for number, weight in counts:
                mark = (number, word)
                if mark in seen or (spans and _excluded(number, start, end, spans)):
                    continue
                seen.add(mark)
                if shade is _NO_SHADE or number in unshaded:
                    counted = (start, end, weight * factor, "")
                else:
                    counted = (start, end, weight * factor * shade.factor, shade.reason)
                if number in evidence:
                    evidence[number].append(counted)
                else:
                    evidence[number] = [counted]
        return evidence


def _by_source(theme: str, category: str) -> _Judged:
    return Theme(id=theme, score=1.0, evidence=(category,)), [], True


def _shade(start: int, shades: list[Shade]) -> Shade:
    """The deepest shade in which a term begins."""
    deepest = _NO_SHADE
    for shade in shades:
        if shade.start <= start < shade.end and shade.factor < deepest.factor:
            deepest = shade
    return deepest


def _sum(evidence: list[_Counted]) -> float:
    return sum([weight for _, _, weight, _ in evidence])


def _is_kept(place: int, weight: float, evidence: list[_Counted]) -> bool:
    """Whether the theme at this place, 0 the best, is one of the document's. Relatives lend nothing to one that is only denied."""
    if weight < (_BESIDE if place else _LEAST):
        return False
    return not evidence[0][3] or _sum(evidence) >= _LEAST  # what is told comes first


def _score(weight: float, rival: float) -> float:
    """How often the best theme is right: a logistic regression on its weight and that of the best of another family.

    Fitted on the older three quarters of the police notices; ``tests/eval/test_tags.py`` prints how well it holds on the newest.
    """
    weight, rival = min(weight, _ENOUGH), min(max(rival, _UNSEEN), weight)
    raised = 0.15 + 0.639 * log(weight) - 0.806 * log1p(rival) + 2.454 * (weight - rival) / weight
    return round(min(_CEILING, 1 / (1 + exp(-raised))), 3)


def _excluded(number: int, start: int, end: int, spans: list[tuple[int, int, frozenset[int]]]) -> bool:
    for s, e, numbers in spans:  # noqa: SIM110  (any() over a generator takes three times as long, for each term of each text)
        if s <= start and end <= e and number in numbers:
            return True
    return False


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
