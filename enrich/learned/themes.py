"""Themes by a linear model that was learned from official notices, together with the lexicon's.

Where the model's best theme belongs to a main theme in which it was better than the lexicon on notices held back, the model decides; else the lexicon.
What the text denies or practises stays the lexicon's.
"""

from __future__ import annotations

from math import exp

import msgspec
import numpy as np

from enrich.cues import Shader
from enrich.learned.file import LearnedThemes, Scoring
from enrich.learned.wording import Matrix, Wording, words_of
from enrich.text import Frame, lower
from enrich.themes import MOST, MOST_EVIDENCE
from pipeline.model import Theme

#: Score that the best theme needs, and any other.
_LEAST, _BESIDE = 0.15, 0.3
#: Score from which a theme counts that the lexicon counts lower, as for being denied.
_IN_SPITE = 0.5
#: Value of the next best theme where there is only one.
NO_RIVAL = -1.0
#: Themes that are given a score.
_JUDGED = 4
#: A shade this deep over this much of a text says that it tells of nothing that happened.
_DEEP, _WIDE = 0.1, 0.5
#: Reason of a theme that was learned.
LEARNED = "Lärt av källors notiser."


class ThemeJudge:
    """Weighs the wording of a text with what the lexicon found."""

    def __init__(self, learned: LearnedThemes, wording: Wording) -> None:
        used = {theme.id for theme in learned.main if theme.used}
        self._ids = learned.themes
        self._used = frozenset(theme for theme in learned.themes if main(theme) in used)
        self._scoring, self._wording = learned.scoring, wording
        self._shader = Shader()

    def themes(self, framed: Frame, lexical: tuple[Theme, ...]) -> tuple[Theme, ...]:
        """The themes of a document, best first."""
        if not framed.text or any(theme.score == 1.0 for theme in lexical) or self._tells_of_nothing(framed, lexical):
            return lexical
        words = words_of(framed, lexical)
        rows = self._wording.rows(words)
        values = self._wording.values(words, rows)
        if self._ids[int(values.argmax())] not in self._used:
            return lexical
        lowered = {theme.id for theme in lexical if theme.reason}
        found: list[Theme] = []
        for number, score in scores(self._scoring, values):
            theme_id = self._ids[number]
            if theme_id in self._used and (theme_id not in lowered or score >= _IN_SPITE) and score >= (_BESIDE if found else _LEAST):
                found.append(self._theme(framed, rows, number, score))
        learned, top = {theme.id for theme in found}, found[0].score if found else 1.0
        beside = [theme for theme in lexical if theme.id not in learned and (theme.reason or theme.id not in self._used)]
        found += [msgspec.structs.replace(theme, score=min(theme.score, top)) for theme in beside]
        return tuple(sorted(found, key=lambda theme: -theme.score)[:MOST])

    def _theme(self, framed: Frame, rows: list[int], number: int, score: float) -> Theme:
        """The theme with the words that speak most for it, as the text has them."""
        text = lower(framed.text)
        starts = [(_find(text, word), len(word)) for word in self._wording.tellers(rows, number, MOST_EVIDENCE)]
        evidence = tuple(framed.text[start : start + length] for start, length in starts if start >= 0)
        return Theme(id=self._ids[number], score=round(min(score, 0.99), 3), evidence=evidence, reason=LEARNED)

    def _tells_of_nothing(self, framed: Frame, lexical: tuple[Theme, ...]) -> bool:
        """Whether the text is an exercise, a film, a match or a memory: the lexicon's judgement stands."""
        if lexical and not any(theme.reason for theme in lexical):
            return False
        return any(
            shade.factor < _DEEP and shade.end - shade.start > _WIDE * len(framed.text)
            for shade in self._shader.shades(lower(framed.text), framed.body)
        )


def main(theme: str) -> str:
    """The main theme of an id: ``fire`` of ``fire.vehicle``."""
    return theme.partition(".")[0]


def scores(scoring: Scoring, values: Matrix) -> list[tuple[int, float]]:
    """(number, probability) of the themes of highest value, best first.

    A probability is a logistic regression on the theme's value and its lead over the next, or what it lacks to the best.
    """
    order = [int(number) for number in np.argsort(-values, kind="stable")[:_JUDGED]]
    ranked = [float(values[number]) for number in order]
    found = []
    for place, (number, value) in enumerate(zip(order, ranked, strict=True)):
        rival = ranked[0] if place else ranked[1] if len(ranked) > 1 else NO_RIVAL
        raised = scoring.value * value + scoring.lead * (value - rival) + scoring.constant
        found.append((number, 1 / (1 + exp(-max(-30.0, min(30.0, raised))))))
    return found


def _find(text: str, word: str) -> int:
    """Where a word or pair first stands as such; -1 if its words are not next to each other."""
    start = text.find(word)
    while start >= 0 and (text[start - 1 : start].isalnum() or text[start + len(word) : start + len(word) + 1].isalnum()):
        start = text.find(word, start + 1)
    return start
