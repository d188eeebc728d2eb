"""Training of :mod:`enrich.learned.wording`: which features are worth keeping, and their weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import minimize

from enrich.learned.wording import Matrix, Words

#: Texts that a feature must occur in.
_LEAST_TEXTS = 3
#: Features that are kept: those that tell themes apart best. Twice as many changed macro-F1 by less than .002.
_MOST_FEATURES = 15_000
#: Strength of the penalty on squared weights, and steps of the optimiser.
_PENALTY = 2e-3
STEPS = 40
#: How far the examples of a rare theme count more: 0 not at all, 1 so that all themes weigh the same.
_BALANCE = 0.3


class Fitted(NamedTuple):
    """Names of features, ids of themes, and features × themes."""

    features: list[str]
    themes: list[str]
    weights: Matrix


def fit(texts: Sequence[Words], labels: Sequence[str], sure: Sequence[frozenset[str]], step: Callable[[], None]) -> Fitted:
    """Weights that tell the themes apart.

    One against the rest by squared hinge loss, as a linear support vector machine (Fan et al. 2008, LIBLINEAR, problem L2-loss
    primal), solved for all themes at once by L-BFGS.

    :param labels: id of the theme of each text.
    :param sure: themes that each text may well have besides: it is no example against them.
    :param step: called at each step of the optimiser, at most :data:`STEPS` times.
    """
    names, matrix = _matrix(texts)
    targets, weights, themes = _targets(labels, sure)
    kept = _best_features(matrix, targets > 0)
    small = matrix[:, kept]
    idf = np.log1p(len(texts) / (1 + _texts(small))).astype(np.float32)
    scale = 1 / np.sqrt(np.array([text.distinct for text in texts], np.float32))
    scaled = small.multiply(scale[:, None]).multiply(idf[None, :]).tocsr().astype(np.float32)
    solution = _solve(scaled, targets, weights, step)
    return Fitted([names[number] for number in kept], themes, solution * idf[:, None])


def _matrix(texts: Sequence[Words]) -> tuple[list[str], sparse.csr_matrix]:
    """Names of features, and texts × features with a 1 where a text has one."""
    vocabulary: dict[str, int] = {}
    columns: list[int] = []
    ends = [0]
    for text in texts:
        columns += [vocabulary.setdefault(feature, len(vocabulary)) for feature in text.features()]
        ends.append(len(columns))
    data = np.ones(len(columns), np.float32), columns, ends
    matrix = sparse.csr_matrix(data, shape=(len(texts), len(vocabulary)))  # type: ignore[no-untyped-call]
    often = np.flatnonzero(_texts(matrix) >= _LEAST_TEXTS)
    names = list(vocabulary)
    return [names[number] for number in often], matrix[:, often]


def _texts(matrix: sparse.csr_matrix) -> Matrix:
    return np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float32)


def _targets(labels: Sequence[str], sure: Sequence[frozenset[str]]) -> tuple[Matrix, Matrix, list[str]]:
    """(1 for the text's own theme and −1 for others, how much each counts, ids of the themes)."""
    counts = Counter(labels)
    themes = sorted(counts)
    numbers = {theme: number for number, theme in enumerate(themes)}
    own = np.zeros((len(labels), len(themes)), np.float32)
    own[np.arange(len(labels)), [numbers[label] for label in labels]] = 1
    heavier = np.array([(len(labels) / len(themes) / counts[theme]) ** _BALANCE for theme in themes], np.float32)
    weights = np.where(own > 0, heavier, np.float32(1))
    for row, besides in enumerate(sure):
        for theme in besides:
            if theme in numbers and theme != labels[row]:
                weights[row, numbers[theme]] = 0
    return 2 * own - 1, weights, themes


def _best_features(matrix: sparse.csr_matrix, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Numbers of the features whose occurrence differs most from chance in some theme (χ²)."""
    seen = np.asarray(matrix.T @ own.astype(np.float32))
    expected = _texts(matrix)[:, None] * own.mean(axis=0)[None, :]
    surprise = ((seen - expected) ** 2 / (expected + 0.5)).max(axis=1)
    return np.sort(np.argsort(-surprise, kind="stable")[:_MOST_FEATURES])


def _solve(matrix: sparse.csr_matrix, targets: Matrix, weights: Matrix, step: Callable[[], None]) -> Matrix:
    shape = (matrix.shape[1], targets.shape[1])
    across = matrix.T.tocsr()

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        solution = flat.reshape(shape).astype(np.float32)
        margin = np.maximum(0, 1 - targets * (matrix @ solution))
        value = float((weights * margin * margin).sum(dtype=np.float64)) / len(targets)
        gradient = across @ (-2 * weights * targets * margin)
        return value + 0.5 * _PENALTY * float(flat @ flat), gradient.astype(np.float64).ravel() / len(targets) + _PENALTY * flat

    options = {"maxiter": STEPS, "maxcor": 5}
    found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options=options, callback=lambda _: step())  # type: ignore[no-untyped-call]
    return np.asarray(found.x, np.float32).reshape(shape)
