"""Learning how things spread from the findings, by expectation and maximisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from enrich.spread.compiled import compiled
from enrich.spread.parameters import CHANCE_BIN, CHANCE_BINS, CHANCE_REACH, LAG_BINS, LAG_EDGES, Parameters
from enrich.spread.scene import Scene, Terms
from enrich.spread.table import CLASSES, NEVER, REACH, Floats, Ints, Table
from enrich.spread.walk import Episodes, pair

#: How many observations what was believed before counts for: followers, links by chance, roots.
_FOLLOWERS, _LINKS, _ROOTS, _LAGS = 8.0, 20.0, 4.0, 28.0
#: Scores are cut here, and followers left out below this probability.
_HIGHEST, _LEAST = 50.0, 1e-4


class Counts(NamedTuple):
    """Weighted counts over all candidates of the episodes, not only those that were attached: followers without a link count too."""

    #: Followers with a link of each kind, (kinds,).
    follows: Floats
    #: Followers of roots, and places that they could have been, by class of pair, (classes,).
    reached: Floats
    reachable: Floats
    #: Followers of followers by the prior of root and effect, and of cause and effect; and how many if each follower were a root, (2,).
    onward: Floats
    onward_expected: Floats
    #: Followers in each bin of ``LAG_EDGES``.
    lags: Floats
    #: Probability that each event of the table follows another one, (n,).
    caused: Floats
    #: Followers, further events at them beyond the expected; roots, further events at them beyond the expected, (4,).
    totals: Floats


class Evidence(NamedTuple):
    """What the episodes say of the parameters, and which places each one reached."""

    counts: Counts
    #: Rows (episode, place, weight).
    reached: Floats


class _Links(NamedTuple):
    """Links as compressed rows by source."""

    start: Ints
    target: Ints
    via: Ints


@compiled
def _candidates(s: Scene, mine: Ints, best: Floats, event: Ints, touched: Ints) -> int:
    """For each place its likeliest follower of the episode ``mine``: odds in ``best``, event in ``event``; returns how many places."""
    root, count = mine[0], 0
    for j in range(root + 1, s.end[root]):
        if s.t[j] - s.t[root] > REACH:
            break
        b = s.place[j]
        if b == s.place[root]:
            continue
        odds = 0.0
        for m in mine:
            if s.place[m] != b:
                odds += np.exp(min(pair(s, m, j, root)[0], _HIGHEST))
        if odds > 0 and event[b] < 0:
            touched[count] = b
            count += 1
        if odds > 0 and (event[b] < 0 or odds > best[b]):
            best[b], event[b] = odds, j
    return count


@compiled
def _account(s: Scene, mine: Ints, j: int, weight: float, odds: float, links: _Links, prior: Floats, counts: Counts) -> None:
    """Share the follower j, of a weight, among the members that may be its cause."""
    root, b = mine[0], s.place[j]
    for m in mine:
        if s.place[m] == b:
            continue
        part = weight * np.exp(min(pair(s, m, j, root)[0], _HIGHEST)) / odds
        if part < _LEAST:
            continue
        counts.lags[min(max(np.searchsorted(LAG_EDGES, s.t[j] - s.t[m]) - 1, 0), LAG_BINS - 1)] += part
        own, kind = s.kind[s.place[root], b], s.kind[s.place[m], b]
        if m == root:
            counts.reached[kind] += part
        else:
            by_root = s.by_root * prior[own] if own != NEVER else 0.0
            share = by_root / (by_root + s.by_cause * prior[kind])
            counts.onward[0] += part * share
            counts.onward[1] += part * (1 - share)
        for y in range(links.start[j], links.start[j + 1]):
            if links.target[y] == m:
                counts.follows[links.via[y]] += part


@compiled
def _exposed(s: Scene, mine: Ints, weight: float, prior: Floats, counts: Counts) -> None:
    """Count the places that could have followed."""
    root = s.place[mine[0]]
    for b in range(len(s.kind)):
        own = s.kind[root, b]
        if own != NEVER:
            counts.reachable[own] += weight
        for m in mine[1:]:
            kind = s.kind[s.place[m], b]
            if kind != NEVER:
                counts.onward_expected[1] += weight * prior[kind]
                counts.onward_expected[0] += weight * prior[own] if own != NEVER else 0.0


@compiled
def _gather(s: Scene, start: Ints, member: Ints, weights: Floats, links: _Links, beta: Floats, prior: Floats, counts: Counts) -> Floats:
    """Count all episodes; returns the rows of :class:`Evidence`."""
    places = len(s.kind)
    best, event, touched = np.zeros(places), np.full(places, -1, np.int64), np.zeros(places, np.int64)
    rows = [(0.0, 0.0, 0.0) for _ in range(0)]
    for f in range(len(weights)):
        weight, mine = weights[f], member[start[f] : start[f + 1]]
        if weight <= 0:
            continue
        counts.totals[2] += weight
        counts.totals[3] += weight * (s.further[mine[0]] - beta[mine[0]])
        _exposed(s, mine, weight, prior, counts)
        for x in range(_candidates(s, mine, best, event, touched)):
            j, odds = event[touched[x]], best[touched[x]]
            event[touched[x]] = -1
            p = weight * odds / (1 + odds)
            if p > _LEAST:
                counts.totals[0] += p
                counts.totals[1] += p * (s.further[j] - beta[j])
                counts.caused[j] = max(counts.caused[j], p)
                rows.append((float(f), float(touched[x]), p))
                _account(s, mine, j, p, odds, links, prior, counts)
    result = np.zeros((len(rows), 3))
    for x in range(len(rows)):
        result[x, 0], result[x, 1], result[x, 2] = rows[x]
    return result


def gather(table: Table, scene: Scene, terms: Terms, parameters: Parameters, found: Episodes, weights: Floats) -> Evidence:
    """What the episodes, each with its weight (probability to be true), say of the parameters."""
    links = _Links(np.searchsorted(table.source, np.arange(len(table.t) + 1)), table.target, table.via)
    sizes = len(table.vias), CLASSES, CLASSES, 2, 2, LAG_BINS, len(table.t), 4
    counts = Counts(*(np.zeros(size) for size in sizes))
    reached = _gather(scene, found.start, found.member, weights, links, terms.beta, np.array(parameters.prior), counts)
    return Evidence(counts, reached)


def learn(table: Table, parameters: Parameters, first: Parameters, seen: Counts) -> Parameters:
    """The parameters that explain the evidence best, pulled towards those that it began with.

    :param parameters: those that the evidence was gathered under.
    :param first: where learning began: what is believed without evidence.
    """
    followers, burst, roots, root_burst = seen.totals
    follows = (seen.follows + _FOLLOWERS * np.array([first.follows[via] for via in table.vias])) / (followers + _FOLLOWERS)
    weight = 1 - seen.caused[table.source]
    kinds = np.bincount(table.via, weight, minlength=len(table.vias)) + 1.0
    believed = np.array(first.prior)
    # the prior of a class counts for as many observations as four roots make of it
    mass = _ROOTS * np.maximum(seen.reachable, 1e-9) / max(roots, 1e-9)
    prior = (seen.reached + mass * believed) / (seen.reachable + mass)
    lags = (seen.lags + _LAGS * np.array(first.lags)) / (seen.lags.sum() + _LAGS)
    lag = table.t[table.source] - table.t[table.target]
    forward = lag > 0
    bins = np.clip((lag / CHANCE_BIN).astype(np.int64), 0, CHANCE_BINS - 1)
    counted = np.bincount(bins[forward], weight[forward], minlength=CHANCE_BINS)
    even = np.array(first.chance_lags) * CHANCE_BIN / CHANCE_REACH
    profile = (counted + _LINKS * even) / (counted.sum() + _LINKS) * CHANCE_REACH / CHANCE_BIN
    return replace(
        parameters,
        follows={via: float(np.clip(q, 0.005, 0.95)) for via, q in zip(table.vias, follows, strict=True)},
        chance={via: float(share) for via, share in zip(table.vias, kinds / kinds.sum(), strict=True)},
        prior=tuple(float(x) for x in np.clip(prior, 1e-5, 0.5)),
        onward=_pair(np.clip((seen.onward + _FOLLOWERS * np.array(first.onward)) / (seen.onward_expected + _FOLLOWERS), 0.002, 1.0)),
        burst=float(np.clip((burst + _FOLLOWERS * first.burst) / (followers + _FOLLOWERS), 0.02, 5.0)),
        root_burst=float(np.clip((root_burst + _ROOTS * first.root_burst) / (roots + _ROOTS), 0.02, 8.0)),
        lags=tuple(float(x) for x in lags),
        chance_lags=tuple(float(x) for x in np.maximum(profile, 0.005)),
    )


def _pair(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[1])
