"""How names are to be weighed: each notice is judged by what was known before it, and its own place says what was right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from enrich.gazetteer import Gazetteer
from enrich.learn.examples import Read
from enrich.learn.logistic import fit
from enrich.learn.names import NameCounter, Table
from enrich.learned.file import Figures, Judge, LearnedPlaces
from enrich.learned.names import proper_names
from enrich.learned.places import FEATURES, GIVES_WAY, Evidence, PlaceJudge, is_open, probability
from pipeline.model import Place, PlaceRole

#: Share of the notices that are only counted.
_COUNTED = 0.4
#: Parts of the rest, which are weighed, each by the names of all before it.
BLOCKS = 6
#: Parts of them that are held back: the newest.
_HELD_BACK = 2
#: Share right of the answered, at municipalities and counties, that a threshold must give on the notices that it is chosen on, and what is tried.
_TARGET = {4: 0.978, 2: 0.986}
_THRESHOLDS = tuple(n / 100 for n in range(60, 99, 2))
_NOTHING = Judge(weights=(0.0,) * len(FEATURES), threshold=2.0)


class _Case(NamedTuple):
    """A notice with what speaks for each area, at one length of codes."""

    gold: str
    #: What the gazetteer answers; empty if nothing.
    given: str
    rows: dict[str, list[float]]


class Weighed(NamedTuple):
    """What came of it."""

    places: LearnedPlaces
    before: dict[str, Figures]
    after: dict[str, Figures]


def weigh(examples: Sequence[Read], now: datetime, gazetteer: Gazetteer, tell: Callable[[float], None]) -> Weighed:
    """Names as they are ``now``, how to weigh them, and how right that was on the newest notices.

    :param examples: oldest first.
    :param tell: is told how much is done, from 0 to 1.
    """
    begin = int(len(examples) * _COUNTED)
    counter = NameCounter()
    for read in examples[:begin]:
        counter.add(read.example)
    edges = [begin + (len(examples) - begin) * n // BLOCKS for n in range(BLOCKS + 1)]
    tables: list[tuple[Table, Sequence[Read]]] = []
    cases: dict[int, list[list[_Case]]] = {4: [], 2: []}
    for number, (first, end) in enumerate(pairwise(edges)):
        tell(number / BLOCKS)
        block = examples[first:end]
        table = counter.table(block[0].example.published)
        tables.append((table, block))
        for length, found in cases.items():
            evidence = Evidence(table.names, table.usual, length)
            found.append([_case(evidence, read, length) for read in block if len(read.example.place) >= length])
        for read in block:
            counter.add(read.example)
    judges = {length: _judge([case for block in found[:-_HELD_BACK] for case in block], length) for length, found in cases.items()}
    held = tables[-_HELD_BACK:]
    before, after = _figures(held, judges, gazetteer)
    final = counter.table(now)
    return Weighed(LearnedPlaces(names=final.names, usual=final.usual, municipality=judges[4], county=judges[2]), before, after)


def _case(evidence: Evidence, read: Read, length: int) -> _Case:
    framed = read.example.frame
    if not is_open(read.places):
        return _Case(read.example.place[:length], answer(read.places)[:length], {})
    seen = evidence.seen(framed.text, proper_names(framed.text))
    return _Case(read.example.place[:length], answer(read.places)[:length], evidence.features(seen, read.places))


def _judge(cases: Sequence[_Case], length: int) -> Judge:
    """The weights, and the threshold at which most are right while of the answered enough are."""
    rows = [(row, float(code == case.gold)) for case in cases for code, row in case.rows.items()]
    right = sum(right for _, right in rows)
    if not right:
        return _NOTHING
    weights = fit([row for row, _ in rows], [right for _, right in rows])
    judged = [(case, {code: probability(weights, row) for code, row in case.rows.items()}) for case in cases]
    counts = []
    for threshold in _THRESHOLDS:
        said = [(_said(case.given, probabilities, threshold), case.gold) for case, probabilities in judged]
        answered = [(code, gold) for code, gold in said if len(code) == length]
        good = sum(code == gold for code, gold in answered)
        counts.append((good >= _TARGET[length] * len(answered), good, threshold))
    enough, _, threshold = max(counts)
    return Judge(weights=weights, threshold=threshold if enough else _THRESHOLDS[-1])


def _said(given: str, probabilities: dict[str, float], threshold: float) -> str:
    """The answer of :class:`PlaceJudge` at a threshold."""
    if not probabilities:
        return given
    best = max(probabilities, key=lambda code: (probabilities[code], code))
    if probabilities[best] >= threshold:
        return best
    return given if probabilities.get(given, 1.0) >= GIVES_WAY else ""


def _figures(
    held: Sequence[tuple[Table, Sequence[Read]]], judges: dict[int, Judge], gazetteer: Gazetteer
) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """How right the gazetteer was on the notices held back, and the gazetteer with the names that were known before each."""
    without, with_names = [], []
    for table, block in held:
        learned = LearnedPlaces(names=table.names, usual=table.usual, municipality=judges[4], county=judges[2])
        judge = PlaceJudge(learned, gazetteer)
        for read in block:
            without.append((read.example.place, answer(read.places)))
            with_names.append((read.example.place, answer(judge.places(read.example.frame, read.places))))
    return _rates(without), _rates(with_names)


def _rates(pairs: Sequence[tuple[str, str]]) -> dict[str, Figures]:
    rates = {}
    for name, length in (("municipality", 4), ("county", 2)):
        asked = [(gold[:length], code[:length]) for gold, code in pairs if len(gold) >= length]
        answered = [(gold, code) for gold, code in asked if len(code) == length]
        right = sum(gold == code for gold, code in answered)
        rates[name] = Figures(
            notices=len(asked), of_answered=round(right / max(1, len(answered)), 4), of_all=round(right / max(1, len(asked)), 4)
        )
    return rates


def answer(places: Sequence[Place]) -> str:
    """Code of the municipality where it happened, by the best place that has one, else of the county; empty if none in Sweden."""
    happened = [place for place in places if place.role is PlaceRole.HAPPENED and place.county]
    return next((place.municipality for place in happened if place.municipality), happened[0].county if happened else None) or ""
