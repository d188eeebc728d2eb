"""How strong chance is: decoys against findings."""

from __future__ import annotations

import numpy as np

from enrich.spread.table import Floats

#: Findings are compared with the decoys in groups of so many at least.
_GROUP = 8


def exceeding(scores: Floats, decoys: Floats) -> Floats:
    """How many of the decoys' scores are as high as each of ``scores`` or higher."""
    ordered = np.sort(decoys)
    count: Floats = (len(ordered) - np.searchsorted(ordered, scores)).astype(np.float64)
    return count


def yearly(scores: Floats, decoys: Floats, rounds: int, years: float) -> Floats:
    """How many findings as strong as each of ``scores`` chance gives a year; never 0: (count + 1) / (decoys + 1)."""
    count: Floats = (exceeding(scores, decoys) + 1) / (rounds + 1) / years
    return count


def q_values(scores: Floats, decoys: Floats, rounds: int) -> Floats:
    """Share of chance among the findings as strong or stronger: running minimum of (e + 1/R) / n.

    :param scores: of the findings, falling.
    :param decoys: scores of all findings in all decoys.
    :param rounds: number of decoys.
    """
    e = (exceeding(scores, decoys) + 1) / rounds
    share = np.minimum(e / np.arange(1, len(scores) + 1), 1.0)
    result: Floats = np.minimum.accumulate(share[::-1])[::-1] if len(share) else share
    return result


def true_share(scores: Floats, decoys: Floats, rounds: int) -> tuple[Floats, Floats]:
    """1 - local false discovery rate, as points (score rising, share) to interpolate between.

    :param scores: of the findings, falling.
    """
    if not len(scores):
        return np.array([0.0]), np.array([0.0])
    e = exceeding(scores, decoys) / rounds
    points, shares, before = [], [], 0.0
    for first in range(0, len(scores), _GROUP):
        group = scores[first : first + _GROUP]
        now = e[first + len(group) - 1]
        points.append(float(np.median(group)))
        shares.append(1 - (now - before) / len(group))
        before = now
    falling = np.clip(np.minimum.accumulate(np.array(shares)), 0, 1)
    return np.array(points)[::-1], falling[::-1]
