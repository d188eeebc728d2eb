"""What is learned of how things spread: everything the score depends on, small enough to be kept in a file."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from enrich.spread.table import CLASSES, LONGEST, SHORTEST, Floats

#: Bins of lag between cause and effect, equally wide in the logarithm, and of the lag of chance links, in hours.
LAG_BINS, CHANCE_BIN = 14, 24.0
CHANCE_BINS = int(LONGEST / CHANCE_BIN)
LAG_EDGES: Floats = np.geomspace(SHORTEST, LONGEST, LAG_BINS + 1)
#: Lags are looked up in steps of half an hour.
STEPS = 2
#: Share of a kind of link that nothing is known of, in spread and by chance.
UNKNOWN = 0.1
#: Chance links are looked for among the events so long before, until their lags are learned. In hours.
CHANCE_REACH = 120.0


class Parameters(Struct, frozen=True, kw_only=True):
    """Learned by :mod:`enrich.spread.learn`; the defaults are where it begins, and what live detection uses before the first night."""

    #: Share of followers with a link of each kind to their cause.
    follows: dict[str, float] = {}
    #: Share of each kind among the links by chance.
    chance: dict[str, float] = {}
    #: Probability that a place is reached from a root, by class of pair (:class:`~enrich.spread.table.Places`).
    prior: tuple[float, ...]
    #: A place that was reached passes on to another one with this share of the prior between the root and that one, and with
    #: this share of the prior between itself and that one: those who listen to the root, and those who listen to it.
    onward: tuple[float, float] = (0.05, 0.05)
    #: Mean number of further events within twelve hours at a place that was reached, and at a root.
    burst: float = 0.5
    root_burst: float = 0.8
    #: Mean number of further events within twelve hours at any place beyond what its rate gives: events excite their like.
    excitation: float = 0.01
    #: Share of each bin of ``LAG_EDGES`` in the lags of followers.
    lags: tuple[float, ...] = (1 / LAG_BINS,) * LAG_BINS
    #: Density of the lags of links by chance, by day, as a multiple of an even spread over ``CHANCE_REACH``.
    chance_lags: tuple[float, ...] = (1.0,) * 5 + (0.02,) * (CHANCE_BINS - 5)

    @property
    def unlinked(self) -> float:
        """Probability that a follower has no link to its cause."""
        return float(np.prod([1 - share for share in self.follows.values()]))

    @property
    def log_unlinked(self) -> float:
        """Logarithm of :attr:`unlinked`."""
        return float(np.log(self.unlinked))

    def follow_share(self, via: str) -> float:
        """Share of followers with a link of a kind."""
        return self.follows.get(via, UNKNOWN)

    def chance_share(self, via: str) -> float:
        """Share of a kind among the links by chance."""
        return self.chance.get(via, UNKNOWN)

    @property
    def log_lag(self) -> Floats:
        """Logarithm of the density of lags per hour, in steps of half an hour from 0 to ``LONGEST``; -inf below ``SHORTEST``."""
        middle = (np.arange(int(LONGEST * STEPS) + 1) + 0.5) / STEPS
        which = np.clip(np.searchsorted(LAG_EDGES, middle) - 1, 0, LAG_BINS - 1)
        width = np.log(LAG_EDGES[1] / LAG_EDGES[0])
        density: Floats = np.log(np.array(self.lags)[which] / (middle * width))
        density[middle < SHORTEST] = -np.inf
        return density


def initial(vias: tuple[str, ...], shares: Floats, *, tied: bool) -> Parameters:
    """Where learning begins.

    :param shares: of each kind of link among all links.
    :param tied: whether there are ties between places.
    """
    count = max(len(vias), 1)
    prior = (0.0056, 0.0056, 0.06) * (CLASSES // 3) if tied else (0.01,) * CLASSES
    return Parameters(
        follows=dict.fromkeys(vias, 0.7 / count), chance={via: float(share) for via, share in zip(vias, shares, strict=True)}, prior=prior
    )
