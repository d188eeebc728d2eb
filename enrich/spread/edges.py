"""Why one event is believed to follow another: the score of an edge in parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from enrich.spread.model import Edge, Grade, Parent, Parts
from enrich.spread.scene import Scene
from enrich.spread.table import Floats, Ints
from enrich.spread.walk import pair

#: A finding is called linked from so many edges with links on.
_LINKED = 2
#: How many other parents an edge names.
_RUNNERS_UP = 2
_IMPOSSIBLE = -1e200


@dataclass(frozen=True, slots=True)
class Said:
    """What the events of a scene are called, and what their scores are made of, one value an event."""

    ids: Sequence[str]
    places: Sequence[str]
    rate: Floats
    unlinked: Floats
    burst: Floats
    #: Kinds of the links from the first event to the second.
    vias: Callable[[int, int], tuple[str, ...]]


def edge(scene: Scene, said: Said, members: Ints, m: int, parent: int) -> Edge:
    """The edge from member ``parent`` to member ``m`` of an episode."""
    j, cause, root = int(members[m]), int(members[parent]), int(members[0])
    parts = _parts(scene, said, cause, j, root)
    others = [(pair(scene, int(i), j, root)[0], int(i)) for i in members if i not in {j, cause}]
    best = sorted((other for other in others if other[0] > _IMPOSSIBLE), reverse=True)[:_RUNNERS_UP]
    return Edge(
        from_=said.ids[cause],
        to=said.ids[j],
        lag_hours=round(float(scene.t[j] - scene.t[cause]), 2),
        score=round(parts.timing + parts.link + parts.prior + parts.burst, 4),
        parts=parts,
        via=said.vias(j, cause),
        runners_up=tuple(Parent(event=said.ids[i], place=said.places[i], score=round(score, 4)) for score, i in best),
    )


def grade(edges: Sequence[Edge]) -> Grade:
    """Linked, from two edges with links on."""
    return Grade.LINKED if linked(edges) >= _LINKED else Grade.TEMPORAL


def linked(edges: Sequence[Edge]) -> int:
    """How many edges have links."""
    return sum(bool(edge.via) for edge in edges)


def ratio(count: int, expected: float) -> tuple[float, tuple[float, float]]:
    """Rate ratio of ``count`` observed to ``expected``, and its 95 % interval (Poisson, exact: Garwood 1936)."""
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return round(count / expected, 2), (round(low / expected, 2), round(float(gammaincinv(count + 1, 0.975)) / expected, 2))


def _parts(scene: Scene, said: Said, m: int, j: int, root: int) -> Parts:
    score, _ = pair(scene, m, j, root)
    timing = float(scene.log_lag[int((scene.t[j] - scene.t[m]) * 2)] - np.log(said.rate[j]))
    row = slice(scene.extra_start[j], scene.extra_start[j + 1])
    link = float(said.unlinked[j] + scene.extra_value[row][scene.extra_from[row] == m].sum())
    burst = float(said.burst[j])
    return Parts(timing=round(timing, 4), link=round(link, 4), prior=round(score - timing - link - burst, 4), burst=round(burst, 4))
