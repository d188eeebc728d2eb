"""How far two sets of places speak for or against one occurrence."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.model import municipality_of

#: The same district or street, the same municipality, districts that differ inside it.
_SAME_SPOT, _SAME_MUNICIPALITY, _OTHER_SPOT = 1.15, 1.05, 0.85
#: A story in so many municipalities may be in one more.
_WIDESPREAD = 4


def affinity(one: Iterable[str], other: Iterable[str]) -> float:
    """What the likeness of two texts that happened in places with these codes is multiplied by: 0 if apart, 1 where one has none."""
    here, there = set(one), set(other)
    if not here or not there:
        return 1.0
    if any(":" in code for code in here & there):
        return _SAME_SPOT
    municipalities, others = _municipalities(here), _municipalities(there)
    if not municipalities or not others or max(len(municipalities), len(others)) >= _WIDESPREAD:
        return 1.0
    common = municipalities & others
    if not common:
        return 0.0
    spots = [{code for code in codes if ":" in code and municipality_of(code) in common} for codes in (here, there)]
    return _OTHER_SPOT if all(spots) else _SAME_MUNICIPALITY


def apart(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether what happened in these places is not one occurrence: each has municipalities, few, and none in common."""
    return affinity(one, other) == 0


def share_municipality(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether some municipality is in both."""
    return not _municipalities(one).isdisjoint(_municipalities(other))


def _municipalities(codes: Iterable[str]) -> set[str]:
    return {municipality for code in codes if (municipality := municipality_of(code))}
