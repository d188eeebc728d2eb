"""Learning of themes: weights from older notices, scores from newer ones, and the newest say in which main themes that beats the lexicon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from enrich.learn import logistic
from enrich.learn.examples import Read
from enrich.learn.wording import STEPS, Fitted, fit
from enrich.learned.file import Figures, LearnedTheme, LearnedThemes, Scoring
from enrich.learned.themes import NO_RIVAL, ThemeJudge, main
from enrich.learned.wording import Wording, Words, words_of
from pipeline.model import Theme

#: Shares of the notices that weights and then scores are learned from; the rest is held back.
_WEIGHTS, _SCORES = 0.7, 0.8
#: Notices that a main theme needs, and those of them held back.
_LEAST, _LEAST_HELD_BACK = 50, 10
#: Score of the lexicon from which a notice is no example against a theme: its category names one subject of several.
_SURE = 0.9


class Weighed(NamedTuple):
    """What came of it: the best theme of notices held back, by the lexicon and by what was learned."""

    themes: LearnedThemes
    before: Figures
    after: Figures


def weigh(examples: Sequence[Read], tell: Callable[[float], None]) -> Weighed:
    """Themes as they are to be judged, and how right that was on the newest notices.

    :param examples: notices with a theme, oldest first.
    :param tell: is told how much is done, from 0 to 1.
    """
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        tell(min(1.0, steps / (2 * STEPS)))

    words = [words_of(read.example.frame, read.themes) for read in examples]
    first, second = (int(len(examples) * share) for share in (_WEIGHTS, _SCORES))
    fitted = _fit(examples[:first], words[:first], step)
    scoring = _scoring(fitted, examples[first:second], words[first:second])
    held = examples[second:]
    gold = [read.example.theme for read in held]
    lexical = [_best(read.themes) for read in held]
    every = _pack(fitted, scoring, tuple(_used(theme) for theme in sorted(set(map(main, fitted.themes)))))
    answers = _answers(every, fitted, held)
    counts, before, after = Counter(main(read.example.theme) for read in examples), _f1(gold, lexical), _f1(gold, answers)
    held_back = Counter(map(main, gold))
    chosen = tuple(
        LearnedTheme(
            id=theme,
            examples=count,
            held_back=held_back[theme],
            lexicon_f1=round(before.get(theme, 0.0), 4),
            learned_f1=round(after.get(theme, 0.0), 4),
            used=count >= _LEAST and held_back[theme] >= _LEAST_HELD_BACK and after[theme] > before[theme],
        )
        for theme, count in sorted(counts.items())
    )
    used = msgspec.structs.replace(every, main=chosen)
    figures = _figures(gold, lexical), _figures(gold, _answers(used, fitted, held))
    return Weighed(_pack(_fit(examples, words, step), scoring, chosen), *figures)


def _fit(examples: Sequence[Read], words: Sequence[Words], step: Callable[[], None]) -> Fitted:
    sure = [frozenset(theme.id for theme in read.themes if theme.score >= _SURE) for read in examples]
    return fit(words, [read.example.theme for read in examples], sure, step)


def _used(theme: str) -> LearnedTheme:
    """As it is while it is tried."""
    return LearnedTheme(id=theme, examples=0, held_back=0, used=True, lexicon_f1=0.0, learned_f1=0.0)


def _scoring(fitted: Fitted, examples: Sequence[Read], words: Sequence[Words]) -> Scoring:
    """How values become probabilities, by the best two themes of each notice: the second is mostly no subject of it."""
    wording = Wording(fitted.features, fitted.weights)
    rows, right = [], []
    for read, text in zip(examples, words, strict=True):
        values = wording.values(text, wording.rows(text))
        order = np.argsort(-values, kind="stable")[:2]
        best, rival = float(values[order[0]]), float(values[order[1]]) if len(order) > 1 else NO_RIVAL
        rows += [(best, best - rival, 1.0), (rival, rival - best, 1.0)][: len(order)]
        right += [float(fitted.themes[number] == read.example.theme) for number in order]
    value, lead, constant = logistic.fit(rows, right)
    return Scoring(value=value, lead=lead, constant=constant)


def _answers(themes: LearnedThemes, fitted: Fitted, examples: Sequence[Read]) -> list[str]:
    judge = ThemeJudge(themes, Wording(fitted.features, fitted.weights))
    return [_best(judge.themes(read.example.frame, read.themes)) for read in examples]


def _best(themes: Sequence[Theme]) -> str:
    return themes[0].id if themes else ""


def _f1(gold: Sequence[str], answers: Sequence[str]) -> dict[str, float]:
    """Of each main theme that some notice has."""
    pairs = [(main(g), main(a)) for g, a in zip(gold, answers, strict=True)]
    wanted, given = Counter(g for g, _ in pairs), Counter(a for _, a in pairs)
    right = Counter(g for g, a in pairs if g == a)
    return {theme: 2 * right[theme] / (wanted[theme] + given[theme]) for theme in wanted}


def _figures(gold: Sequence[str], answers: Sequence[str]) -> Figures:
    right, answered = sum(map(str.__eq__, gold, answers)), sum(map(bool, answers))
    return Figures(notices=len(gold), of_answered=round(right / max(1, answered), 4), of_all=round(right / max(1, len(gold)), 4))


def _pack(fitted: Fitted, scoring: Scoring, chosen: tuple[LearnedTheme, ...]) -> LearnedThemes:
    """The weights as bytes, one scale for each theme."""
    scales = np.maximum(np.abs(fitted.weights).max(axis=0), 1e-6) / 127
    return LearnedThemes(
        main=chosen,
        themes=tuple(fitted.themes),
        scoring=scoring,
        features=tuple(fitted.features),
        weights=np.rint(fitted.weights / scales).astype(np.int8).tobytes(),
        scales=tuple(float(scale) for scale in scales),
    )
