"""Counting of names: in which notices each stands, and what places those were about."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from enrich.learn.examples import Example
from enrich.learned.file import Count, LearnedName
from enrich.learned.names import proper_names

#: Days after which a notice counts half. A year made the municipality right for .6 % fewer of all, ten years for as many.
HALF_LIFE = 1_500.0
#: Notices that a name needs, and the share of one municipality or county in them below which it says nothing of where: names of
#: smaller shares made half a percent fewer right at the same precision.
_LEAST_NOTICES = 2
_LEAST_MUNICIPALITY, _LEAST_COUNTY = 0.5, 0.6
_EXAMPLES = 3
_LOWER = re.compile(r"(?<![^\W_])[a-zåäöé]{3,}(?![^\W_])")
_SECONDS = 86_400.0


class _Tally(Struct):
    """What is counted of one name."""

    first: datetime
    last: datetime
    #: Code → [notices, weight at the beginning of counting].
    counts: dict[str, list[float]]
    examples: list[str]


class Table(NamedTuple):
    """Names and what is usual, as they were at one time."""

    names: tuple[LearnedName, ...]
    usual: dict[str, float]


class NameCounter:
    """Counts the names of examples, which come in order of time."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}
        self._usual: Counter[str] = Counter()
        self._common: Counter[str] = Counter()
        self._begin: datetime | None = None

    def add(self, example: Example) -> None:
        """Count one more."""
        text, place = example.frame.text, example.place
        self._common.update(set(_LOWER.findall(text)))
        if not place:
            return
        self._begin = self._begin or example.published
        weight = 2 ** (self._days(example.published) / HALF_LIFE)
        self._usual[place] += weight  # type: ignore[assignment]  # a Counter of floats
        for name in proper_names(text):
            tally = self._tallies.get(name)
            if tally is None:
                tally = self._tallies[name] = _Tally(example.published, example.published, {}, [])
            count = tally.counts.setdefault(place, [0, 0.0])
            count[0] += 1
            count[1] += weight
            tally.last = example.published
            tally.examples = [*tally.examples[1 - _EXAMPLES :], example.id]

    def table(self, now: datetime) -> Table:
        """The names that say something of where, by name, with their weights at ``now``."""
        aged = 2 ** (-self._days(now) / HALF_LIFE)
        names = (self._name(name, tally, aged) for name, tally in sorted(self._tallies.items()))
        return Table(tuple(name for name in names if name is not None), {code: w * aged for code, w in self._usual.items()})

    def _name(self, name: str, tally: _Tally, aged: float) -> LearnedName | None:
        total = sum(count[0] for count in tally.counts.values())
        if total < _LEAST_NOTICES:
            return None
        ordered = sorted(tally.counts.items(), key=lambda item: (-item[1][0], item[0]))
        counts = tuple(Count(code, int(notices), round(weight * aged, 3)) for code, (notices, weight) in ordered)
        learned = LearnedName(
            name=name,
            counts=counts,
            common=self._common.get(name.lower(), 0),
            first=tally.first,
            last=tally.last,
            examples=tuple(tally.examples),
        )
        for length, least in ((4, _LEAST_MUNICIPALITY), (2, _LEAST_COUNTY)):
            support = learned.support(length)
            if support >= _LEAST_NOTICES and learned.best(length)[1] >= least * support:
                return learned
        return None

    def _days(self, moment: datetime) -> float:
        return (moment - self._begin).total_seconds() / _SECONDS if self._begin else 0.0
