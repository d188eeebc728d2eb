"""Decoys: the same events as they would be if nothing spread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from enrich.spread.parameters import CHANCE_BIN, CHANCE_BINS, CHANCE_REACH, Parameters
from enrich.spread.table import Ints, Table

#: Events of a place and theme that are closer than this move together, so that bursts stay bursts. In hours.
_GAP = 48.0
#: Places change within so many hours, so that seasons and local surges stay.
_BLOCK = 28 * 24.0


def decoy(table: Table, parameters: Parameters, random: np.random.Generator) -> Table:
    """The table with places shuffled among clusters of its theme and month, and each link to another event before it.

    Within each theme and block of 28 days, whole clusters of a place change place with each other. A link goes to a random event of its
    theme, with a lag as links by chance have it.
    """
    source, target, via = _rewired(table, parameters, random)
    return replace(table, place=_shuffled(table, random), source=source, target=target, via=via)


def _shuffled(table: Table, random: np.random.Generator) -> Ints:
    order = np.lexsort((table.t, table.place, table.theme))
    t, place, theme = table.t[order], table.place[order], table.theme[order]
    head = np.ones(len(t), bool)
    head[1:] = (place[1:] != place[:-1]) | (theme[1:] != theme[:-1]) | (t[1:] - t[:-1] > _GAP)
    cluster = np.cumsum(head) - 1
    block = theme[head] * 1_000_000 + (t[head] // _BLOCK).astype(np.int64)
    by_block = np.argsort(block, kind="stable")
    shuffled = np.lexsort((random.random(len(block)), block))
    moved = np.empty(len(block), np.int64)
    moved[by_block] = place[head][shuffled]
    result = np.empty(len(t), np.int64)
    result[order] = moved[cluster]
    return result


def _rewired(table: Table, parameters: Parameters, random: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    profile = np.array(parameters.chance_lags)
    bins = random.choice(CHANCE_BINS, len(table.source), p=profile / profile.sum())
    target = np.full(len(table.source), -1, np.int64)
    for oldest, newest in ((bins + 1) * CHANCE_BIN, bins * CHANCE_BIN), (np.full(len(bins), CHANCE_REACH), np.zeros(len(bins))):
        low, high = _range(table, oldest, newest)
        there = (target < 0) & (high > low)
        target[there] = (low + (random.random(len(low)) * (high - low)).astype(np.int64))[there]
    kept = target >= 0
    return table.source[kept], target[kept], table.via[kept]


def _range(table: Table, oldest: np.ndarray, newest: np.ndarray) -> tuple[Ints, Ints]:
    """Events of the same theme between ``oldest`` and ``newest`` hours before the source of each link."""
    span = float(np.ptp(table.t)) + 1000.0 if len(table.t) else 1.0
    key = table.theme * span + table.t - table.t.min(initial=0)
    own = key[table.source]
    theme = table.theme[table.source]
    low = np.maximum(np.searchsorted(key, own - oldest), table.bounds[theme])
    high = np.minimum(np.searchsorted(key, own - newest), table.source)
    return low, np.maximum(high, low)
