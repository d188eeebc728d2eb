"""Spread in a set of events, offline: the most careful detection, for the nightly run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from enrich.spread.decoys import decoy
from enrich.spread.family import with_families
from enrich.spread.learn import Evidence, gather, learn
from enrich.spread.parameters import Parameters, initial
from enrich.spread.scene import Scene, Terms, build
from enrich.spread.significance import q_values, true_share
from enrich.spread.table import Bools, Cleaned, Floats, Places, Table
from enrich.spread.walk import Episodes, episodes

#: Decoys of each round of learning, more of them for few events, which make few findings; and rounds.
_FEW, _MORE, _ROUNDS = 8, 40, 2
#: Up to so many events are few.
_SMALL = 4000
#: Findings are left out of what is learned from if they are weaker, and out of the decoys if they are stronger (q).
_LEARNED, _MASKED = 0.3, 0.05


@dataclass(frozen=True, slots=True)
class Detection:
    """All that was found, strongest first, and what it was measured against."""

    cleaned: Cleaned
    parameters: Parameters
    scene: Scene
    terms: Terms
    found: Episodes
    q: Floats
    #: Scores of all findings in all decoys, rising, and the number of decoys.
    decoys: Floats
    rounds: int
    evidence: Evidence


def detect(
    cleaned: Cleaned, *, decoys: int = 200, seed: int = 0, workers: int = 2, log: Callable[[str], None] = lambda _: None
) -> Detection:
    """Find spread. Deterministic: the same events, number of decoys and seed give the same findings, whatever ``workers`` is."""
    table, places = cleaned.table, cleaned.places
    shares = np.bincount(table.via, minlength=len(table.vias)) / max(len(table.via), 1)
    first = parameters = initial(table.vias, shares, tied=places.tied)
    masked = np.zeros(len(table.t), bool)
    few = _FEW if len(table.t) > _SMALL else _MORE
    seeds = np.random.SeedSequence(seed)
    with ThreadPoolExecutor(workers) as pool:

        def against(count: int, share: tuple[Floats, Floats] | None) -> Floats:
            kept = table.only(~masked)

            def one(child: np.random.SeedSequence) -> Floats:
                shuffled = decoy(kept, parameters, np.random.default_rng(child))
                return _search(shuffled, places, parameters, share)[2].score

            return np.concatenate([np.empty(0), *pool.map(one, seeds.spawn(count))])

        for _ in range(_ROUNDS):
            scene, terms, found = _search(table, places, parameters, None)
            chance = against(few, None)
            weights = _weights(found.score, chance, few)
            seen = gather(table, scene, terms, parameters, found, weights)
            parameters = learn(table, parameters, first, seen.counts)
            masked = _members(terms, found, q_values(found.score, chance, few) <= _MASKED)
            log(f"{found.size} {(weights > 0.5).sum()} {parameters}")
        scene, terms, found = _search(table, places, parameters, None)
        share = true_share(found.score, against(few, None), few)
        scene, terms, found = _search(table, places, parameters, share)
        chance = against(few, share)
        masked = _members(terms, found, q_values(found.score, chance, few) <= _MASKED)
        chance = np.sort(against(decoys, share))
    weights = _weights(found.score, chance, decoys)
    return Detection(
        cleaned=cleaned,
        parameters=parameters,
        scene=scene,
        terms=terms,
        found=found,
        q=q_values(found.score, chance, decoys),
        decoys=chance,
        rounds=decoys,
        evidence=gather(table, scene, terms, parameters, found, weights),
    )


def _search(table: Table, places: Places, parameters: Parameters, share: tuple[Floats, Floats] | None) -> tuple[Scene, Terms, Episodes]:
    """Episodes; with ``share``, once more with what each root's earlier and later episodes tell of it."""
    scene, terms = build(table, places, parameters)
    found = episodes(scene)
    if share is None or not found.size:
        return scene, terms, found
    weights = np.interp(found.score, *share)
    scene = with_families(table, scene, gather(table, scene, terms, parameters, found, weights), found, weights)
    return scene, terms, episodes(scene)


def _weights(scores: Floats, chance: Floats, rounds: int) -> Floats:
    """Probability that each finding is true; 0 for the weak ones."""
    weights = np.interp(scores, *true_share(scores, chance, rounds))
    weights[q_values(scores, chance, rounds) > _LEARNED] = 0
    return weights


def _members(terms: Terms, found: Episodes, chosen: Bools) -> Bools:
    """The events of the chosen findings, with the further events of their bursts."""
    base = terms.background
    marked = np.zeros(len(base.rate), bool)
    for event in found.member[np.repeat(chosen, np.diff(found.start))]:
        first = base.position[event]
        marked[base.order[first : first + base.further[event] + 1]] = True
    return marked
