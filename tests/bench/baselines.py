"""Other ways to look for spread, so that what they find can be compared: nothing of them is used elsewhere.

Each takes cleaned events and gives findings whose ``score`` orders them; edges go from the earliest event to the others. Without decoys
of their own they have no q: they are compared by what they find among so many false ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import betainc, xlogy

from enrich.spread.background import background
from enrich.spread.model import Edge, Finding, Grade, Parts
from enrich.spread.table import BURST, NEVER, REACH, SHORTEST, Cleaned, Floats, Ints, Position, _distance

#: Zones of the scan: a place and so many nearest ones; windows in hours.
_ZONES, _WINDOWS = (2, 4, 8, 16), (48.0, 96.0, 168.0)
#: A burst of a place is this unlikely, or more.
_UNLIKELY = 0.01


def permutation_scan(cleaned: Cleaned, position: Position) -> list[Finding]:
    """Space-time permutation scan (Kulldorff et al. 2005, PLoS Med 2:e59): cylinders with more events than place and time alone give.

    Expected in a cylinder: events of the zone x events of the window / all, per theme; strength: the logarithm of Kulldorff's ratio.
    """
    table = cleaned.table
    where = np.array([position(code) or (np.nan, np.nan) for code in cleaned.places.codes])
    near = np.argsort(_distance(where, where), axis=1)
    rows: list[tuple[float, Ints]] = []
    for low, high in zip(table.bounds[:-1], table.bounds[1:], strict=True):
        t, place = table.t[low:high], table.place[low:high]
        by_place = np.bincount(place, minlength=len(cleaned.places.codes))
        for hours in _WINDOWS:
            first = np.searchsorted(t, t - hours)
            for n in range(len(t)):
                inside = place[first[n] : n + 1]
                for size in _ZONES:
                    zone = near[place[n], :size]
                    there = np.isin(inside, zone)
                    count, expected = int(there.sum()), by_place[zone].sum() * len(inside) / len(t)
                    if count > expected and len(np.unique(inside[there])) > 1:
                        rows.append((_ratio(count, expected, len(t)), low + first[n] + np.flatnonzero(there)))
    return _greedy(cleaned, rows)


def _ratio(count: int, expected: float, total: int) -> float:
    return float(xlogy(count, count / expected) + xlogy(total - count, (total - count) / max(total - expected, 1e-9)))


def bursts_together(cleaned: Cleaned) -> list[Finding]:
    """Places with a burst of the theme within twelve days of each other; strength: the sum of -log p of the bursts.

    A burst is a count in twelve hours that a negative binomial with the place's rate gives in one of a hundred cases.
    """
    table, base = cleaned.table, background(cleaned.table)
    mean, size = BURST * base.rate, 1 / (1 / (np.bincount(table.place)[table.place] + 2) + 0.1)
    p = np.where(base.further > 0, betainc(np.maximum(base.further, 1), size, mean / (size + mean)), 1.0)
    strength = np.where(p <= _UNLIKELY, -np.log(np.maximum(p, 1e-12)), 0.0)
    rows = []
    for root in np.flatnonzero(strength).tolist():
        last = min(int(np.searchsorted(table.t[: table.bounds[table.theme[root] + 1]], table.t[root] + REACH)), len(table.t))
        members = [root]
        for j in np.flatnonzero(strength[root + 1 : max(last, root + 1)]) + root + 1:
            if table.theme[j] == table.theme[root] and table.place[j] not in table.place[members]:
                members.append(int(j))
        if len(members) > 1:
            rows.append((float(strength[members].sum()), np.array(members)))
    return _greedy(cleaned, rows)


def links_only(cleaned: Cleaned) -> list[Finding]:
    """Everything that links lead to from an event; strength: the sum of -log(chance of a link), as each place is reached first."""
    table, base = cleaned.table, background(cleaned.table)
    kind, rows = cleaned.places.kind, []
    pointing: dict[int, list[int]] = {}
    for source, target in zip(table.source.tolist(), table.target.tolist(), strict=True):
        apart = kind[table.place[target], table.place[source]] != NEVER
        if apart and table.t[source] - table.t[target] >= SHORTEST:
            pointing.setdefault(target, []).append(source)
    for root in pointing:
        members, waiting = {int(table.place[root]): root}, [root]
        while waiting:
            for follower in pointing.get(waiting.pop(), ()):
                if table.place[follower] not in members and table.t[follower] - table.t[root] <= REACH:
                    members[int(table.place[follower])] = follower
                    waiting.append(follower)
        ids = np.array(list(members.values()))
        rows.append((float(-np.log(base.link[ids[1:]]).sum()), ids))
    return _greedy(cleaned, rows)


def _greedy(cleaned: Cleaned, rows: Sequence[tuple[float, Ints]]) -> list[Finding]:
    """Findings that share no event, the strongest first."""
    taken: set[int] = set()
    found = []
    for score, members in sorted(rows, key=lambda row: -row[0]):
        if taken.isdisjoint(members.tolist()):
            taken |= set(members.tolist())
            found.append(_finding(cleaned, score, members))
    return found


def _finding(cleaned: Cleaned, score: float, members: Ints) -> Finding:
    table = cleaned.table
    order = members[np.argsort(table.t[members], kind="stable")]
    return Finding(
        id=table.ids[order[0]], theme=table.themes[table.theme[order[0]]], root=table.ids[order[0]], q=1.0, grade=Grade.TEMPORAL,
        places=tuple(cleaned.places.codes[table.place[j]] for j in order), events=tuple(table.ids[j] for j in order),
        edges=tuple(_edges(table.ids, table.t, order)), score=score, expected_per_year=0.0,
    )  # fmt: skip


def _edges(ids: Sequence[str], t: Floats, order: Ints) -> Iterator[Edge]:
    nothing = Parts(timing=0.0, link=0.0, prior=0.0, burst=0.0)
    for j in order[1:]:
        yield Edge(from_=ids[order[0]], to=ids[j], lag_hours=float(t[j] - t[order[0]]), score=0.0, parts=nothing)
