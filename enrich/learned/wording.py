"""A text as numbers: which words and pairs of words it has, and which themes the lexicon found in it, each with learned weights.

The value of a text for a theme is the sum of the weights of what it has, over the root of its number of different words: a linear model
over word 1- and 2-grams, where the words of the lead count a second time under names of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from enrich.text import Frame, lower
from pipeline.model import Theme

Matrix = npt.NDArray[np.float32]
#: Characters that are read, and those of the lead.
READ = 3_000
LEAD = 110
_WORD = re.compile(r"[^\W_]+")
_DIGITS = str.maketrans("123456789", "000000000")
#: Mark the lead's words, join a pair, and mark the lexicon's best theme and its others, in the names of features.
LEAD_MARK, PAIR, BEST, OTHER = "^", " ", "=", "+"


class Words(NamedTuple):
    """What a text has."""

    #: In order, in lower case, with every digit as 0.
    words: list[str]
    #: How many of them stand in the lead.
    lead: int
    #: Themes of the lexicon, each with its mark.
    lexical: list[str]
    #: Number of different words; at least 1.
    distinct: int

    def features(self) -> Iterator[str]:
        """The names of its features, each once."""
        yield from dict.fromkeys(self.words)
        yield from [LEAD_MARK + word for word in dict.fromkeys(self.words[: self.lead])]
        yield from dict.fromkeys(map(PAIR.join, zip(self.words, self.words[1:], strict=False)))
        yield from self.lexical


def words_of(framed: Frame, lexical: Sequence[Theme]) -> Words:
    """The words of a document, title and text, and the themes that the lexicon gives it."""
    lowered = lower(framed.text[:READ])
    found = [word if word.isalpha() else word.translate(_DIGITS) for word in _WORD.findall(lowered)]
    lead = len(_WORD.findall(lowered[: framed.body + LEAD]))
    themes = [(OTHER if place else BEST) + theme.id for place, theme in enumerate(lexical)]
    return Words(found, lead, themes, max(1, len(set(found))))


class Wording:
    """The weights of features.

    :param features: names of features, one for each row of ``weights``.
    :param weights: features × themes.
    """

    def __init__(self, features: Sequence[str], weights: Matrix) -> None:
        self._rows = {feature: number for number, feature in enumerate(features)}
        self._features, self._weights = features, weights

    def rows(self, text: Words) -> list[int]:
        """The rows of what the text has."""
        known = self._rows
        return [known[feature] for feature in text.features() if feature in known]

    def values(self, text: Words, rows: list[int]) -> Matrix:
        """One value for each theme."""
        values: Matrix = self._weights[rows].sum(axis=0) / np.float32(sqrt(text.distinct))
        return values

    def tellers(self, rows: list[int], theme: int, most: int) -> list[str]:
        """The words and pairs that add most to a theme."""
        shares = self._weights[rows, theme]
        best = [self._features[rows[n]] for n in np.argsort(-shares, kind="stable")[: 3 * most] if shares[n] > 0]
        words = [feature.removeprefix(LEAD_MARK) for feature in best if not feature.startswith((BEST, OTHER))]
        return list(dict.fromkeys(words))[:most]
