"""What a stem weighs: more the oftener a document has it, less the more documents of the window have it (TF-IDF)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log, sqrt

#: Stem → weight: whole numbers, since their sums know no order; the length of a vector is about this.
LENGTH = 1000
#: The heaviest stems of a document that are kept.
_KEPT = 12
#: Documents that are taken to have come before, without any of the stems: tempers the weights of the first.
_BEFORE = 1300
#: Power of the inverse document frequency. Measured with the sizes above: docs/stories.md.
_POWER = 0.75


class Weights:
    """Counts the documents of the window by stem; gives the vector of a document as of now."""

    def __init__(self) -> None:
        self._documents = 0
        self._having: dict[str, int] = {}

    def add(self, stems: Iterable[str]) -> None:
        """A document with these different stems comes in."""
        self._documents += 1
        having = self._having
        for stem in stems:
            having[stem] = having.get(stem, 0) + 1

    def drop(self, stems: Iterable[str]) -> None:
        """A document that came in with them goes."""
        self._documents -= 1
        having = self._having
        for stem in stems:
            if having[stem] == 1:
                del having[stem]
            else:
                having[stem] -= 1

    def vector(self, counts: Mapping[str, int]) -> dict[str, int]:
        """The heaviest stems with their weights, of length about :data:`LENGTH`; each of them was added."""
        most = log(self._documents + _BEFORE + 1)
        having = self._having
        weights = sorted([(-(1 + log(count)) * (most - log(having[stem])) ** _POWER, stem) for stem, count in counts.items()])[:_KEPT]
        scale = -LENGTH / (sqrt(sum([weight * weight for weight, _ in weights])) or 1)
        return {stem: round(weight * scale) for weight, stem in weights}
