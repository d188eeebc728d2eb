"""What is usual: how many there were in earlier stretches of the same length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from scipy.special import gammainc

#: Earlier stretches that are compared with, and the fewest that say anything.
WINDOWS, FEWEST = 28, 7
_TAIL = 0.05


class Usual(Struct, frozen=True, kw_only=True):
    """How many there usually are: nine of ten earlier stretches had from ``low`` to ``high``."""

    mean: float
    low: int
    high: int
    #: Earlier stretches that were compared with.
    windows: int


def stretches(counts: Mapping[datetime, int], end: datetime, length: timedelta, number: int = WINDOWS) -> list[int]:
    """How many there were in each of the stretches before ``end``, the latest first; those before the first count are left out.

    :param counts: beginning of an hour → how many there were.
    """
    if not counts:
        return []
    first = min(counts)
    found = [0] * number
    for hour, count in counts.items():
        back = int((end - hour - timedelta(microseconds=1)) / length)
        if 0 <= back < number:
            found[back] += count
    known = int((end - first) / length)
    return found[: max(known, 1)]


def usual(earlier: Sequence[int]) -> Usual | None:
    """What the earlier stretches say; None where they are too few to say anything."""
    if len(earlier) < FEWEST:
        return None
    ordered, cut = sorted(earlier), int(len(earlier) * _TAIL)
    return Usual(mean=sum(ordered) / len(ordered), low=ordered[cut], high=ordered[-1 - cut], windows=len(ordered))


def chance_of(count: int, expected: float) -> float:
    """How often chance gives as many or more where ``expected`` are usual (Poisson)."""
    return float(gammainc(count, expected)) if count and expected else float(not count)
