"""Logistic regression with a few features, by Newton's method (iteratively reweighted least squares)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Strength of the penalty on squared weights of standardised features, in examples.
_PENALTY = 1.0
_STEPS = 30
_CLOSE = 1e-6
#: Spread of a column below which it is the same everywhere, but for rounding.
_SAME = 1e-9


def fit(rows: npt.ArrayLike, right: npt.ArrayLike) -> tuple[float, ...]:
    """A weight for each column of ``rows``; the last column is the constant 1.

    :param right: 0 or 1 for each row.
    """
    x, y = np.asarray(rows, np.float64), np.asarray(right, np.float64)
    middle, spread = x.mean(axis=0), x.std(axis=0)
    middle[-1], spread[-1] = 0.0, 1.0
    spread[spread < _SAME] = 1.0  # a column that never differs gets no weight
    z = (x - middle) / spread
    penalty = np.full(z.shape[1], _PENALTY)
    penalty[-1] = 1e-2  # enough for an end where every row is right
    weights = np.zeros(z.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ weights, -30, 30)))
        slope = z.T @ (p - y) + penalty * weights
        curve = (z * (p * (1 - p))[:, None]).T @ z + np.diag(penalty)
        change = np.linalg.solve(curve, slope)
        weights = weights - np.clip(change, -3, 3)
        if np.abs(change).max() < _CLOSE:
            break
    raw = weights / spread
    raw[-1] = weights[-1] - float((weights[:-1] * middle[:-1] / spread[:-1]).sum())
    return tuple(float(value) for value in raw)
