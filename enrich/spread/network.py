"""Network: which place is followed by which, per theme, over all that happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enrich.spread.compiled import compiled
from enrich.spread.decoys import decoy
from enrich.spread.detect import Detection
from enrich.spread.model import Influence
from enrich.spread.parameters import Parameters
from enrich.spread.scene import Scene, build
from enrich.spread.significance import q_values, yearly
from enrich.spread.table import LONGEST, NEVER, SHORTEST, Floats, Ints, Places, Table

_STEPS, _START = 25, 0.1


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of places and themes with a link at least; all of equal length."""

    cause: Ints
    effect: Ints
    theme: Ints
    share: Floats
    score: Floats


def network(detection: Detection, *, decoys: int = 50, seed: int = 1) -> list[Influence]:
    """Who is followed by whom, the strongest first; pairs of places with a link at least once.

    Per cause A, effect B and theme the maximum over p of sum_j log(1 + p sum_i w_ij) - p N_A over events i at A and j at B, with
    w = lag density / rate x link ratio, found by 25 steps of EM. Decoys as for findings, of all events: those that spread are shuffled too.
    """
    table, places, parameters = detection.cleaned.table, detection.cleaned.places, detection.parameters
    found = _pairs(table, places, parameters)
    order = np.argsort(-found.score, kind="stable")
    children = np.random.SeedSequence(seed).spawn(decoys)
    chance = [_pairs(decoy(table, parameters, np.random.default_rng(child)), places, parameters).score for child in children]
    decoyed = np.concatenate([np.empty(0), *chance])
    scores = found.score[order]
    expected, q = yearly(scores, decoyed, decoys, table.years), q_values(scores, decoyed, decoys)
    return [
        Influence(
            from_=places.codes[found.cause[n]],
            to=places.codes[found.effect[n]],
            theme=table.themes[found.theme[n]],
            share=round(float(found.share[n]), 4),
            score=round(float(found.score[n]), 4),
            expected_per_year=round(float(expected[rank]), 4),
            q=round(float(q[rank]), 5),
        )
        for rank, n in enumerate(order.tolist())
    ]


def _pairs(table: Table, places: Places, parameters: Parameters) -> _Pairs:
    scene, terms = build(table, places, parameters)
    # without bursts: each event counts by itself
    plain = scene._replace(alone=scene.alone - terms.burst)
    parts = [_theme(table, plain, theme) for theme in range(len(table.themes))]
    columns = (np.concatenate([np.asarray(part[n]) for part in parts]) if parts else np.empty(0) for n in range(5))
    cause, effect, theme, share, score = columns
    return _Pairs(cause.astype(np.int64), effect.astype(np.int64), theme.astype(np.int64), share, score)


def _theme(table: Table, scene: Scene, theme: int) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    low, high = int(table.bounds[theme]), int(table.bounds[theme + 1])
    own = (table.source >= low) & (table.source < high)
    a, b = table.place[table.target[own]], table.place[table.source[own]]
    size = len(scene.kind)
    keys = np.unique((a * size + b)[scene.kind[a, b] != NEVER])
    number = np.full((size, size), -1, np.int64)
    cause, effect = keys // size, keys % size
    number[cause, effect] = np.arange(len(keys))
    group, weight = _weights(scene, low, high, number)
    events = np.maximum(np.bincount(table.place[low:high], minlength=size), 1)[cause].astype(np.float64)
    share = np.full(len(keys), _START)
    for _ in range(_STEPS):
        gained = share[group] * weight
        share = np.bincount(group, gained / (1 + gained), minlength=len(keys)) / events
    score = np.bincount(group, np.log1p(share[group] * weight), minlength=len(keys)) - share * events
    return cause, effect, np.full(len(keys), theme), share, score


@compiled
def _weights(s: Scene, low: int, high: int, number: Ints) -> tuple[Ints, Floats]:
    """For each event and place that may be its cause: the number of the pair, and the sum of the weights of that place's events."""
    groups, places, weights = [0 for _ in range(0)], [0 for _ in range(0)], [0.0 for _ in range(0)]
    total = np.zeros(len(s.kind))
    for j in range(low, high):
        b, first = s.place[j], len(groups)
        for i in range(j - 1, low - 1, -1):
            lag = s.t[j] - s.t[i]
            if lag > LONGEST:
                break
            if lag < SHORTEST or number[s.place[i], b] < 0:
                continue
            score = s.alone[j] + s.log_lag[int(lag * 2)]
            for x in range(s.extra_start[j], s.extra_start[j + 1]):
                if s.extra_from[x] == i and s.extra_direct[x]:
                    score += s.extra_value[x]
            if total[s.place[i]] == 0:
                groups.append(number[s.place[i], b])
                places.append(s.place[i])
            total[s.place[i]] += np.exp(score)
        for x in range(first, len(groups)):
            weights.append(total[places[x]])
            total[places[x]] = 0.0
    return np.array(groups), np.array(weights)
