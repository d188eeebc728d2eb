"""What live detection takes from the last night: small enough for a record."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from enrich.spread.parameters import Parameters, initial
from enrich.spread.significance import exceeding, yearly

if TYPE_CHECKING:
    from enrich.spread.detect import Detection

#: Points of the curve from score to chance.
_POINTS = 120
#: Findings of a year by chance at the score of each integer from 0, before the first night: the mean over simulated years without spread.
_USUAL = (770.0, 570.0, 365.0, 207.0, 121.0, 65.0, 35.0, 20.0, 10.0, 5.0, 2.8, 1.4, 0.8, 0.4, 0.2)
#: A place that was reached passes on with this share of the prior between it and another one, before the first night.
_ONWARD = 0.25


class Family(Struct, frozen=True, kw_only=True):
    """A place whose events of a theme were followed before, and the prior of each place that followed."""

    theme: str
    place: str
    prior: dict[str, float]


class Night(Struct, frozen=True, kw_only=True):
    """Parameters, rates and thresholds of a nightly run; the defaults are for before the first one."""

    parameters: Parameters
    #: Hours that the counts are of; 0 before the first night.
    hours: float = 0.0
    #: How much likelier an event is in each hour of the day (UTC).
    day: tuple[float, ...] = (1.0,) * 24
    #: Events by theme and place.
    counts: dict[str, dict[str, int]] = {}
    #: Links by chance per event.
    link_ratio: float = 0.06
    #: (score, expected findings per year by chance, q), scores rising.
    curve: tuple[tuple[float, float, float], ...] = tuple((float(n), e, min(1.0, e / 60)) for n, e in enumerate(_USUAL))
    families: tuple[Family, ...] = ()

    def expected(self, score: float) -> float:
        """How many findings a year chance gives as strong as ``score``."""
        points = np.array(self.curve)
        return float(np.exp(np.interp(score, points[:, 0], np.log(points[:, 1]))))

    def score_of(self, expected: float) -> float:
        """The score that chance gives ``expected`` times a year."""
        points = np.array(self.curve)
        return float(np.interp(-expected, -points[:, 1], points[:, 0]))

    def q(self, score: float) -> float:
        """Share of chance among the findings as strong as ``score``."""
        points = np.array(self.curve)
        return float(np.interp(score, points[:, 0], points[:, 2]))


def first_night(kinds: Mapping[str, tuple[float, float]] = MappingProxyType({"story": (0.7, 1.0)}), *, tied: bool = True) -> Night:
    """What is known before the first night: only where learning begins.

    :param kinds: of links: the share of followers that have one, and the share of the kind among links by chance.
    """
    begun = initial(tuple(kinds), np.array([chance for _, chance in kinds.values()]), tied=tied)
    follows = {via: share for via, (share, _) in kinds.items()}
    return Night(parameters=replace(begun, follows=follows, onward=(begun.onward[0], _ONWARD)))


def night(detection: Detection) -> Night:
    """What the detection of a night hands on."""
    table, places, found = detection.cleaned.table, detection.cleaned.places, detection.found
    scores = np.unique(np.quantile(np.concatenate([detection.decoys, found.score, [0.0, 1.0]]), np.linspace(0, 1, _POINTS)))
    expected = yearly(scores, detection.decoys, detection.rounds, table.years)
    count = np.maximum(exceeding(scores, found.score), 1)
    share = np.minimum.accumulate(np.minimum((exceeding(scores, detection.decoys) + 1) / detection.rounds / count, 1.0))
    counts: dict[str, dict[str, int]] = {theme: {} for theme in table.themes}
    for theme, place in zip(table.theme.tolist(), table.place.tolist(), strict=True):
        of = counts[table.themes[theme]]
        of[places.codes[place]] = of.get(places.codes[place], 0) + 1
    families = {}
    for event in np.flatnonzero(detection.scene.row >= 0).tolist():
        prior = detection.scene.family[detection.scene.row[event]]
        known = np.flatnonzero(prior > np.log(max(detection.parameters.prior)) - 1)
        families[int(table.theme[event]), int(table.place[event])] = {places.codes[b]: float(np.exp(prior[b])) for b in known.tolist()}
    return Night(
        parameters=detection.parameters,
        hours=table.years * 365 * 24,
        day=tuple(detection.terms.background.day.tolist()),
        counts=counts,
        link_ratio=float((len(table.source) + 1) / (len(table.t) + 20)),
        curve=tuple(zip(scores.tolist(), expected.tolist(), share.tolist(), strict=True)),
        families=tuple(Family(theme=table.themes[k], place=places.codes[a], prior=prior) for (k, a), prior in families.items()),
    )
