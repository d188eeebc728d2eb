"""What an event's score is made of, looked up instead of computed again for each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from enrich.spread.background import Background, background
from enrich.spread.parameters import CHANCE_BIN, CHANCE_BINS, Parameters
from enrich.spread.table import BURST, LONGEST, SHORTEST, Bools, Floats, Ints, Places, Table

#: Links by chance are never taken for rarer than this.
_RAREST = 1e-6
#: An array, or one number.
Numbers = Any
_NOTHING = -1e9


class Scene(NamedTuple):
    """Arrays that the compiled loops read; (n,) is one value an event.

    The score of cause m for effect j is ``alone[j] + log_lag[2 * lag] + log_prior[kind] + extra``, where ``extra`` stands among
    ``extra_value[extra_start[j] : extra_start[j + 1]]`` if anything of j's burst links to m.
    """

    t: Floats
    place: Ints
    #: Index after the last event of the same theme, (n,).
    end: Ints
    #: Score without lag, prior and links, (n,).
    alone: Floats
    #: What the burst at a root adds, (n,).
    root: Floats
    extra_start: Ints
    extra_from: Ints
    extra_value: Floats
    #: Whether the event itself has a link, not only its burst.
    extra_direct: Bools
    log_lag: Floats
    kind: NDArray[np.uint8]
    log_prior: Floats
    #: Shares of the prior of (root, effect) and of (cause, effect) for causes that were reached themselves.
    by_root: float
    by_cause: float
    #: Logarithm of by_root prior(root, effect) + by_cause prior(cause, effect), by both classes; the last row: the root cannot be the cause.
    log_onward: Floats
    #: Row of ``family`` for each event as a root, or -1, (n,); logarithm of the prior by place.
    row: Ints
    family: Floats
    #: Further events of its place and theme within ``BURST`` hours, (n,).
    further: Ints


@dataclass(frozen=True, slots=True)
class Terms:
    """The parts of a :class:`Scene` that explain a score and that learning needs."""

    background: Background
    #: Expected further events by chance within ``BURST`` hours, (n,).
    beta: Floats
    #: What the missing link, and what the burst without links, add to ``alone``, (n,).
    unlinked: Floats
    burst: Floats


def blank(parameters: Parameters, kind: NDArray[np.uint8]) -> Scene:
    """A scene without events: what is the same for all tables. ``kind``: class of each pair of places."""
    empty, numbers = np.empty(0), np.empty(0, np.int64)
    prior = np.array(parameters.prior)
    by_root, by_cause = parameters.onward
    return Scene(
        t=empty,
        place=numbers,
        end=numbers,
        alone=empty,
        root=empty,
        extra_start=numbers,
        extra_from=numbers,
        extra_value=empty,
        extra_direct=np.empty(0, bool),
        log_lag=parameters.log_lag,
        kind=kind,
        log_prior=np.log(prior),
        by_root=by_root,
        by_cause=by_cause,
        log_onward=np.log(np.append(by_root * prior, 0.0)[:, None] + by_cause * prior[None, :]),
        row=numbers,
        family=np.full((1, len(kind)), _NOTHING),
        further=numbers,
    )


def build(table: Table, places: Places, parameters: Parameters) -> tuple[Scene, Terms]:
    """The scene of a table under some parameters."""
    base = background(table)
    follows = np.array([parameters.follow_share(via) for via in table.vias], np.float64)
    beta = BURST * base.rate + parameters.excitation
    further = base.further.astype(np.float64)
    unlinked = parameters.log_unlinked - np.log1p(-base.link)
    # the burst of a follower counts its events without a link; _extras adds what their links say
    burst = burst_value(further, parameters.burst * parameters.unlinked, beta) - parameters.burst * (1 - parameters.unlinked)
    start, from_, value, direct = _extras(table, base, parameters, beta, unlinked, follows)
    scene = blank(parameters, places.kind)._replace(
        t=table.t,
        place=table.place,
        end=table.bounds[table.theme + 1],
        alone=unlinked + burst - np.log(base.rate),
        root=burst_value(further, parameters.root_burst, beta),
        extra_start=start,
        extra_from=from_,
        extra_value=value,
        extra_direct=direct,
        row=np.full(len(table.t), -1, np.int64),
        further=base.further,
    )
    return scene, Terms(background=base, beta=beta, unlinked=unlinked, burst=burst)


def burst_value(further: Numbers, mean: float, beta: Numbers) -> Numbers:
    """What further events within ``BURST`` hours add: Poisson with ``mean`` more than ``beta``, against ``beta`` alone."""
    return further * np.log((mean + beta) / beta) - mean


def burst_link_value(follows: Numbers, chance: Numbers, mean: float, none: float, beta: Numbers) -> Numbers:
    """What the link of a further event adds to what the event itself adds."""
    return np.log((mean * follows + beta * chance) / (beta * chance)) - np.log((mean * none + beta) / beta)


def chance_at(share: Numbers, link: Numbers, lag: Numbers, profile: Floats) -> Numbers:
    """Probability of a link by chance: r_v m_j prof(lag) / n_120, with ``link`` = m_j / n_120."""
    bins = np.clip(np.asarray(lag) / CHANCE_BIN, 0, CHANCE_BINS - 1).astype(np.int64)
    return np.clip(share * link * profile[bins], _RAREST, 0.5)


def chance_of(table: Table, base: Background, parameters: Parameters) -> Floats:
    """Probability of each link of the table by chance."""
    kinds = np.array([parameters.chance_share(via) for via in table.vias], np.float64)
    lag, profile = table.t[table.source] - table.t[table.target], np.array(parameters.chance_lags)
    chance: Floats = chance_at(kinds[table.via], base.link[table.source], lag, profile)
    return chance


def _extras(
    table: Table, base: Background, parameters: Parameters, beta: Floats, unlinked: Floats, follows: Floats
) -> tuple[Ints, Ints, Floats, Bools]:
    """What links add for each pair (effect, cause), as compressed rows by effect."""
    chance = chance_of(table, base, parameters)
    effects, causes, values, direct = [table.source], [table.target], [np.log(follows[table.via] / chance)], [np.ones(len(chance), bool)]
    offset = 1
    at = base.position[table.source]
    while True:  # links of the k-th further event count for the event that it follows
        earlier = base.order[np.maximum(at - offset, 0)]
        same = (at >= offset) & (table.place[earlier] == table.place[table.source]) & (table.theme[earlier] == table.theme[table.source])
        near = same & (table.t[table.source] - table.t[earlier] <= BURST)
        if not near.any():
            break
        j = earlier[near]
        effects.append(j)
        causes.append(table.target[near])
        values.append(burst_link_value(follows[table.via[near]], chance[near], parameters.burst, parameters.unlinked, beta[j]))
        direct.append(np.zeros(len(j), bool))
        offset += 1
    effect, cause, value, own = (np.concatenate(parts) for parts in (effects, causes, values, direct))
    lag = table.t[effect] - table.t[cause]
    good = (lag >= SHORTEST) & (lag <= LONGEST) & (table.place[effect] != table.place[cause])
    effect, cause, value, own = effect[good], cause[good], value[good], own[good]
    order = np.lexsort((cause, effect))
    effect, cause, value, own = effect[order], cause[order], value[order], own[order]
    new = np.ones(len(effect), bool)
    new[1:] = (effect[1:] != effect[:-1]) | (cause[1:] != cause[:-1])
    heads = np.flatnonzero(new)
    if len(heads):
        value, own = np.add.reduceat(value, heads), np.logical_or.reduceat(own, heads)
    effect, cause = effect[heads], cause[heads]
    value = value - np.where(own, unlinked[effect], 0.0)
    return np.searchsorted(effect, np.arange(len(table.t) + 1)), cause, value, own
