"""Detection power: which share of spread would be found, per theme. What would be missed is the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from enrich.spread.parameters import LAG_EDGES
from enrich.spread.significance import exceeding
from enrich.spread.table import BURST, NEVER, Floats, Ints

if TYPE_CHECKING:
    from enrich.spread.detect import Detection

#: Spread that is drawn for each theme, followers of each, and the share of chance (q) that is still shown.
_DRAWN, _FOLLOWERS, _SHOWN = 400, 2, 0.2


def power_by_theme(detection: Detection) -> dict[str, float]:
    """Share of spread from a root to two more places that would have a q of .2 or less, by theme.

    Drawn, not searched for: roots among the theme's events, followers, lags, links and bursts as the parameters have them, rates as the
    theme has them at the places. That a place may be hidden by another finding is left out.
    """
    if not detection.parameters.follows:  # nothing links events: none is ever found
        return dict.fromkeys(detection.cleaned.table.themes, 0.0)
    random = np.random.default_rng(0)
    least = _threshold(detection)
    return {
        theme: round(float(np.mean(_scores(detection, n, random) >= least)), 2) for n, theme in enumerate(detection.cleaned.table.themes)
    }


def _threshold(detection: Detection) -> float:
    """The least score that a finding needs to be shown."""
    shown = detection.found.score[detection.q <= _SHOWN]
    if len(shown):
        return float(shown[-1])
    # nothing is shown: a single finding would be from the score on that chance gives so seldom
    rare = detection.decoys[exceeding(detection.decoys, detection.decoys) + 1 <= _SHOWN * detection.rounds]
    return float(rare[0]) if len(rare) else np.inf


def _scores(detection: Detection, theme: int, random: np.random.Generator) -> Floats:
    """Scores of drawn spread; 0 where no link came with it."""
    table, places, parameters = detection.cleaned.table, detection.cleaned.places, detection.parameters
    low, high = table.bounds[theme], table.bounds[theme + 1]
    rate, link = detection.terms.background.rate[low:high], detection.terms.background.link[low:high]
    usual = np.full(len(places.codes), np.median(rate))
    usual[table.place[low:high]] = rate  # the last one of each place stands for it
    root = random.integers(low, high, _DRAWN)
    follows = 1 - float(np.prod([1 - q for q in parameters.follows.values()]))
    score = _burst(random, np.full(_DRAWN, parameters.root_burst), usual[table.place[root]])
    linked = np.zeros(_DRAWN, bool)
    for _ in range(_FOLLOWERS):
        place, prior = _followers(places.kind[table.place[root]], np.array(parameters.prior), random)
        bins = random.choice(len(parameters.lags), _DRAWN, p=np.array(parameters.lags) / sum(parameters.lags))
        lag = np.exp(np.log(LAG_EDGES[bins]) + random.random(_DRAWN) * np.log(LAG_EDGES[1] / LAG_EDGES[0]))
        has = random.random(_DRAWN) < follows
        own = np.where(has, np.log(follows / random.choice(link, _DRAWN)), np.log(max(1 - follows, 1e-3)))
        odds = np.log(prior / usual[place]) + parameters.log_lag[np.minimum((lag * 2).astype(np.int64), len(parameters.log_lag) - 1)] + own
        odds += _burst(random, np.full(_DRAWN, parameters.burst), usual[place])
        attached = odds > 0
        score += np.where(attached, np.logaddexp(0, odds), 0.0)
        linked |= has & attached
    result: Floats = np.where(linked, score, 0.0)
    return result


def _burst(random: np.random.Generator, mean: Floats, rate: Floats) -> Floats:
    """What the further events of a burst add, their number drawn."""
    beta = BURST * rate + 0.01
    result: Floats = random.poisson(mean) * np.log((mean + beta) / beta) - mean
    return result


def _followers(kinds: np.ndarray, prior: Floats, random: np.random.Generator) -> tuple[Ints, Floats]:
    """A follower of each root, drawn by the prior of its class of pair; and that prior. ``kinds``: (roots, places)."""
    chance = np.where(kinds == NEVER, 0.0, prior[np.where(kinds == NEVER, 0, kinds)])
    chance[chance.sum(1) == 0] = 1e-9
    total = np.cumsum(chance, axis=1)
    place = np.minimum((total < random.random((len(kinds), 1)) * total[:, -1:]).sum(1), kinds.shape[1] - 1)
    return place, np.maximum(chance[np.arange(len(place)), place], 1e-9)
