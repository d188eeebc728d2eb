"""Places by names that were learned from official notices, weighed together with those of the gazetteer.

Each municipality (and each county) that a name speaks for is judged by the same features; a logistic regression makes a probability of
them. A name speaks by how many of the notices that hold it were about the area. A municipality that the text names itself stays
(:func:`is_open`); a smaller place of the gazetteer is only mentioned where what was learned speaks against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log, log1p
from operator import mul
from typing import NamedTuple

import msgspec

from enrich.gazetteer import Gazetteer
from enrich.learned.file import LearnedName, LearnedPlaces
from enrich.learned.names import proper_names
from enrich.names import words
from enrich.text import Frame
from pipeline.model import Place, PlaceKind, PlaceRole

#: Areas that one name speaks for.
_MOST_AREAS = 8
#: Notices that stand for what is usual where a name was seen seldom.
_PRIOR = 1.0
_NB_PRIOR = 2.0
#: How much of what several names say together is new.
_NB_SHARE = 0.6
_LEAST_SHARE = 0.03
#: Logarithm of the share of all evidence below which an area is not judged.
_LEAST_EVIDENCE = -3.5
#: Probability below which a part of a municipality that the gazetteer gives is only mentioned.
GIVES_WAY = 0.7
_DOUBT = "Det som lärts talar emot."
_AT = words(
    "i I på På vid Vid längs Längs utanför Utanför nära utmed Utmed centrala norra södra östra västra stadsdelen området korsningen"
)
_TOWARDS = words("mot Mot till från Från mellan Mellan och riktning")

#: What an area is judged by, in the order of the weights.
FEATURES = (
    "gazetteer: score",
    "gazetteer: happened there",
    "gazetteer: surely there",
    "gazetteer: only mentioned",
    "gazetteer: best score elsewhere",
    "gazetteer: its county is named",
    "gazetteer: another county is named",
    "name: some name speaks for it",
    "name: share (log-odds)",
    "name: share, where above nine in ten",
    "name: notices (log)",
    "name: few notices",
    "name: share times notices",
    "name: how common a word",
    "name: a common word",
    "name: share times how common",
    "name: after a word of place",
    "name: after a word of direction",
    "name: how late in the text",
    "name: in the lead",
    "name: several words",
    "second name: some",
    "second name: share (log-odds)",
    "all names: logarithm of its part",
    "all names: logarithm of the part of others",
    "all names: lead over the next",
    "all names: its part, where the gazetteer agrees",
    "elsewhere: best share (log-odds)",
    "elsewhere: a share above nine in ten",
    "usual: how many notices (log)",
    "how many areas (log)",
    "constant",
)
#: What stands for a name where none speaks: it would be late in the text.
_NO_NAME = [0.0] * 11 + [4.0] + [0.0] * 4


class Share(NamedTuple):
    """What one name says of one area."""

    share: float
    weight: float
    #: Log of how much likelier the area is with the name than without, beyond what the name says of areas not listed.
    raised: float


class Known(NamedTuple):
    """A learned name, ready to use at one length of codes."""

    name: LearnedName
    shares: dict[str, Share]
    commonness: float
    several: bool


class Seen(NamedTuple):
    """A learned name in a text."""

    known: Known
    start: int
    end: int
    #: 1 after a word of place, -1 after one of direction, else 0.
    clue: int


class Judged(NamedTuple):
    """An area with its probability, and the names that speak for it, best first."""

    code: str
    probability: float
    names: list[tuple[float, Seen]]


class Evidence:
    """Finds and weighs what speaks for each area, at one length of codes."""

    def __init__(self, names: Sequence[LearnedName], usual: dict[str, float], length: int) -> None:
        self.length = length
        self._usual: dict[str, float] = {}
        for code, weight in usual.items():
            if len(code) >= length:
                self._usual[code[:length]] = self._usual.get(code[:length], 0.0) + weight
        self._total = sum(self._usual.values()) or 1.0
        self.known = {name.name: known for name in names if (known := self._known(name)) is not None}

    def _known(self, name: LearnedName) -> Known | None:
        sums: dict[str, float] = {}
        for count in name.counts:
            if len(count.code) >= self.length:
                code = count.code[: self.length]
                sums[code] = sums.get(code, 0.0) + count.weight
        total = sum(sums.values())
        if total <= 0:
            return None
        shares = {}
        for code, weight in sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:_MOST_AREAS]:
            usual = self.usual(code)
            share = (weight + _PRIOR * usual) / (total + _PRIOR)
            if share >= _LEAST_SHARE:
                shares[code] = Share(share, weight, log((weight + _NB_PRIOR * usual) / (_NB_PRIOR * usual)))
        if not shares:
            return None
        commonness = max(-4.0, min(4.0, log1p(name.common) - log1p(total)))
        return Known(name, shares, commonness, " " in name.name)

    def usual(self, code: str) -> float:
        """Share of all notices that are about an area."""
        return (self._usual.get(code, 0.0) + 0.5) / (self._total + 100)

    def seen(self, text: str, found: dict[str, tuple[int, int]]) -> list[Seen]:
        """The learned names among those found in a text."""
        known = self.known
        return [Seen(known[name], start, end, _clue(text, start)) for name, (start, end) in found.items() if name in known]

    def features(self, seen: Sequence[Seen], places: Sequence[Place]) -> dict[str, list[float]]:
        """Area → the values of :data:`FEATURES`."""
        length = self.length
        happened: dict[str, float] = {}
        mentioned: dict[str, float] = {}
        counties: set[str] = set()
        for place in places:
            code = place.code
            if not code[0].isdigit():
                continue
            if len(code) == 2 and place.role is PlaceRole.HAPPENED:
                counties.add(code)
            if len(code) >= length:
                scores = happened if place.role is PlaceRole.HAPPENED else mentioned
                scores[code[:length]] = max(scores.get(code[:length], 0.0), place.score)
        spoken: dict[str, list[tuple[Share, Seen]]] = {}
        for one in seen:
            for code, share in one.known.shares.items():
                spoken.setdefault(code, []).append((share, one))
        areas = dict.fromkeys((*happened, *mentioned, *spoken))
        if not areas:
            return {}
        part = self._parts(areas, spoken)
        kept = [code for code in areas if part[code] >= _LEAST_EVIDENCE or code in happened]
        best = {code: max([share.share for share, _ in spoken[code]]) if code in spoken else 0.0 for code in kept}
        rest_of, elsewhere_of, happened_of = _others(part, -12.0), _others(best, 0.0), _others(happened, 0.0)
        many, rows = log(len(kept)) if kept else 0.0, {}
        for code in kept:
            raw, score = part[code], happened.get(code, 0.0)
            rest, elsewhere = rest_of(code), _odds(elsewhere_of(code))
            rows[code] = [
                score,
                float(score > 0),
                float(score > 0.9),
                mentioned.get(code, 0.0),
                happened_of(code),
                float(code[:2] in counties),
                float(bool(counties) and code[:2] not in counties),
                *_of_names(spoken.get(code, [])),
                max(raw, -8.0),
                log(max(1 - exp(min(raw, 0.0)), 1e-4)),
                max(-4.0, min(4.0, raw - rest)),
                max(raw, -8.0) * (score > 0.5),
                elsewhere,
                float(elsewhere > 2.2),
                log(self.usual(code)),
                many,
                1.0,
            ]
        return rows

    def _parts(self, areas: dict[str, None], spoken: dict[str, list[tuple[Share, Seen]]]) -> dict[str, float]:
        """Logarithm of each area's part of all the evidence of names, as naive Bayes has it."""
        raised = {code: log(self.usual(code)) + _NB_SHARE * sum(share.raised for share, _ in spoken.get(code, ())) for code in areas}
        top = max(raised.values())
        total = top + log(sum(exp(value - top) for value in raised.values()))
        return {code: value - total for code, value in raised.items()}


def _others(values: dict[str, float], default: float) -> Callable[[str], float]:
    """Gives for each area the most that another one has."""
    (first, most), (_, second) = [*sorted(values.items(), key=lambda item: -item[1])[:2], ("", default), ("", default)][:2]
    return lambda code: second if code == first else most


def _of_names(pairs: list[tuple[Share, Seen]]) -> list[float]:
    """The features of the two names that say most."""
    if not pairs:
        return _NO_NAME
    pairs = sorted(pairs, key=lambda pair: -pair[0].share)
    (share, one), second = pairs[0], pairs[1][0].share if len(pairs) > 1 else 0.0
    odds, notices = _odds(share.share), min(log1p(share.weight), 4.0)
    common = one.known.commonness
    return [
        1.0,
        odds,
        odds * (share.share > 0.9),
        notices,
        float(share.weight < 2.3),
        odds * notices,
        common,
        float(common > 0),
        odds * common,
        float(one.clue > 0),
        float(one.clue < 0),
        min(one.start, 400) / 100,
        float(one.start < 100),
        float(one.known.several),
        float(second > 0),
        _odds(second) if second else 0.0,
    ]


def _odds(share: float) -> float:
    bounded = min(max(share, 0.01), 0.995)
    return log(bounded / (1 - bounded))


def _clue(text: str, start: int) -> int:
    word = text[max(0, start - 14) : start].rstrip().rpartition(" ")[2]
    return (word in _AT) - (word in _TOWARDS)


class PlaceJudge:
    """Decides where a document's event happened where it names no municipality, by the names that were learned."""

    def __init__(self, learned: LearnedPlaces, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self.municipality = Evidence(learned.names, learned.usual, 4)
        self.county = Evidence(learned.names, learned.usual, 2)
        self._judges = {4: learned.municipality, 2: learned.county}

    def places(self, framed: Frame, places: tuple[Place, ...]) -> tuple[Place, ...]:
        """The places of a document, best first, those that were learned among them.

        :param places: what the gazetteer gives.
        """
        if not is_open(places):
            return places
        counties = {place.code for place in places if place.role is PlaceRole.HAPPENED and place.kind is PlaceKind.COUNTY}
        found = proper_names(framed.text)
        for evidence in (self.municipality, self.county):
            judged = [area for area in self.judge(evidence, framed, found, places) if not counties or area.code[:2] in counties]
            if judged and judged[0].probability >= self._judges[evidence.length].threshold and (judged[0].names or evidence.length == 4):
                return self._with(framed, places, judged)
            if evidence.length == 4:
                places = self._doubted(places, {area.code: area.probability for area in judged})
            if any(place.role is PlaceRole.HAPPENED for place in places):
                break
        return places

    def judge(self, evidence: Evidence, framed: Frame, found: dict[str, tuple[int, int]], places: Sequence[Place]) -> list[Judged]:
        """The areas that something speaks for, likeliest first; only those inside the area that the source writes about."""
        seen = evidence.seen(framed.text, found)
        weights = self._judges[evidence.length].weights
        judged = []
        for code, row in evidence.features(seen, places).items():
            if framed.area != "SE" and not (code.startswith(framed.area) or framed.area.startswith(code)):
                continue
            names = sorted(((one.known.shares[code].share, one) for one in seen if code in one.known.shares), key=lambda pair: -pair[0])
            judged.append(Judged(code, probability(weights, row), names))
        judged.sort(key=lambda area: (-area.probability, area.code))
        return judged

    def _with(self, framed: Frame, places: tuple[Place, ...], judged: list[Judged]) -> tuple[Place, ...]:
        """The places with the best area before all others."""
        best = judged[0]
        score = round(min(best.probability, 0.99), 3)
        others = self._doubted(places, {area.code: area.probability for area in judged if area is not best})
        inside = [place for place in others if place.code[: len(place.code) if len(best.code) == 2 else 4] == best.code]
        own = next((place for place in inside if place.role is PlaceRole.HAPPENED or _overlaps(place, best)), None)
        first = self._new(framed, best, score) if own is None else _lifted(own, score, reason(best, self._gazetteer))
        rest = [msgspec.structs.replace(place, score=min(place.score, first.score)) for place in others if place is not own]
        return (first, *sorted(rest, key=lambda place: -place.score))

    def _doubted(self, places: tuple[Place, ...], probabilities: dict[str, float]) -> tuple[Place, ...]:
        """Parts of municipalities that are too unlikely are only mentioned: another place of that name is meant."""
        return tuple(
            msgspec.structs.replace(place, role=PlaceRole.MENTIONED, reason=f"{place.reason} {_DOUBT}")
            if place.role is PlaceRole.HAPPENED and ":" in place.code and probabilities.get(place.code[:4], 1.0) < GIVES_WAY
            else place
            for place in places
        )

    def _new(self, framed: Frame, best: Judged, score: float) -> Place:
        """The area as a place, where its best name stands."""
        area = self._gazetteer.describe(best.code)
        name = best.names[0][1] if best.names else None
        start, end = (name.start, name.end) if name else (0, 0)
        return Place(
            code=best.code,
            name=area.name if area else best.code,
            kind=PlaceKind.MUNICIPALITY if len(best.code) == 4 else PlaceKind.COUNTY,
            role=PlaceRole.HAPPENED,
            score=score,
            start=start,
            end=end,
            field=framed.field(start),
            reason=reason(best, self._gazetteer),
            latitude=area.latitude if area else None,
            longitude=area.longitude if area else None,
        )


def is_open(places: Sequence[Place]) -> bool:
    """Whether what was learned has a say: the text names no municipality and nothing abroad as where it happened.

    An official name is never unlearned: where it decides, nothing else does.
    """
    official = (PlaceKind.MUNICIPALITY, PlaceKind.ABROAD)
    return not any(place.role is PlaceRole.HAPPENED and place.kind in official for place in places)


def probability(weights: Sequence[float], row: Sequence[float]) -> float:
    """That a row of :data:`FEATURES` is that of the right area."""
    return 1 / (1 + exp(-max(-30.0, sum(map(mul, row, weights)))))


def reason(area: Judged, gazetteer: Gazetteer) -> str:
    """Why an area is believed in, in Swedish: ``Lärt: 41 av 42 notiser med »Möllevången« gällde Malmö.``"""
    said = []
    place = gazetteer.describe(area.code)
    for _, one in area.names[:2]:
        name = one.known.name
        length = len(area.code)
        own = sum(count.notices for count in name.counts if count.code.startswith(area.code))
        said.append(f"{own} av {name.support(length)} notiser med »{name.name}«")
    return f"Lärt: {' och '.join(said)} gällde {place.name if place else area.code}." if said else ""


def _overlaps(place: Place, best: Judged) -> bool:
    return any(one.start < place.end and place.start < one.end for _, one in best.names[:2])


def _lifted(place: Place, score: float, because: str) -> Place:
    if place.role is PlaceRole.HAPPENED:
        return msgspec.structs.replace(place, score=max(score, place.score), reason=f"{place.reason} {because}".strip())
    return msgspec.structs.replace(place, role=PlaceRole.HAPPENED, score=score, reason=because or place.reason)
