"""Families: who follows whom more than once."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from enrich.spread.learn import Evidence
from enrich.spread.scene import Scene
from enrich.spread.table import NEVER, Floats, Table
from enrich.spread.walk import Episodes

#: An episode tells nothing of roots that are closer to its own root: it may be the same one. In hours.
_APART = 14 * 24.0
#: The prior of all pairs counts for as many episodes of the root.
_BELIEF = 1.0


def with_families(table: Table, scene: Scene, seen: Evidence, found: Episodes, weights: Floats) -> Scene:
    """The scene with a prior of its own for roots whose place and theme has other episodes.

    For place B from root A in theme k: (sum of the posteriors of B + prior) / (sum of weights + 1), over the episodes that began at A in k
    more than 14 days from the root in question.
    """
    roots = found.root
    episodes: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for n in np.flatnonzero(weights > 0.02).tolist():
        episodes[int(table.place[roots[n]]), int(table.theme[roots[n]])].append(n)
    reached: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for episode, place_at, weight in seen.reached.tolist():
        reached[int(episode)].append((int(place_at), weight))
    row, family = np.full(len(scene.t), -1, np.int64), list[Floats]()
    keyed = table.theme * len(scene.kind) + table.place
    for (place, theme), ones in episodes.items():
        kinds = scene.kind[place]
        allowed = kinds != NEVER
        prior = np.where(allowed, np.exp(scene.log_prior[np.where(allowed, kinds, 0)]), 1e-9)
        for event in np.flatnonzero(keyed == theme * len(scene.kind) + place).tolist():
            others = [n for n in ones if abs(table.t[roots[n]] - table.t[event]) > _APART]
            if not others:
                continue
            total = _BELIEF * prior
            for n in others:
                for other, share in reached[n]:
                    total[other] += share
            row[event] = len(family)
            family.append(np.log(np.minimum(total / (sum(weights[n] for n in others) + _BELIEF), 0.9)))
    return scene._replace(row=row, family=np.array(family) if family else scene.family)
