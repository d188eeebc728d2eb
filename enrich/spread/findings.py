"""What was detected, said with its evidence."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from enrich.spread.detect import Detection
from enrich.spread.model import Edge, Event, Finding, Grade, Parent, Parts
from enrich.spread.power import power_by_theme
from enrich.spread.scene import Scene, Terms
from enrich.spread.significance import yearly
from enrich.spread.table import NEVER, SHORTEST
from enrich.spread.walk import pair
from pipeline.model import fingerprint

#: A finding is called linked from so many edges with links on.
_LINKED = 2
#: How many other parents an edge names.
_RUNNERS_UP = 2
_IMPOSSIBLE = -1e200


def finding_id(root: str) -> str:
    """The id of the finding that began with an event."""
    return fingerprint("spread", root)[:16]


def findings(detection: Detection) -> list[Finding]:
    """All findings, strongest first; then what has a common source, and what came at the same time."""
    table, found = detection.cleaned.table, detection.found
    expected = yearly(found.score, detection.decoys, detection.rounds, table.years)
    power = power_by_theme(detection)
    result = []
    for n in range(found.size):
        low, high = int(found.start[n]), int(found.start[n + 1])
        members = found.member[low:high]
        edges = tuple(_edge(detection, members, m, int(found.parent[low + m]) - low) for m in range(1, high - low))
        linked = sum(bool(edge.via) for edge in edges)
        chance = float(sum(detection.terms.background.link[j] * (m + 1) for m, j in enumerate(members[1:])))
        theme = table.themes[table.theme[members[0]]]
        result.append(
            Finding(
                id=finding_id(table.ids[members[0]]),
                theme=theme,
                root=table.ids[members[0]],
                places=tuple(detection.cleaned.places.codes[table.place[j]] for j in members),
                events=tuple(table.ids[j] for j in members),
                edges=edges,
                score=round(float(found.score[n]), 4),
                root_burst=round(float(found.value[low]), 4),
                expected_per_year=round(float(expected[n]), 4),
                q=round(float(detection.q[n]), 5),
                grade=Grade.LINKED if linked >= _LINKED else Grade.TEMPORAL,
                linked=linked,
                expected_linked=round(chance, 4),
                ratio=round(linked / chance, 2),
                ratio_interval=_interval(linked, chance),
                power=power[theme],
            )
        )
    used = {event for finding in result if finding.q <= 0.2 for event in finding.events}
    return result + _common_sources(detection, table.years) + _simultaneous(detection, used, table.years)


def edge_parts(scene: Scene, terms: Terms, m: int, j: int, root: int) -> Parts:
    """The score of event m as the cause of event j in parts."""
    score, _ = pair(scene, m, j, root)
    timing = float(scene.log_lag[int((scene.t[j] - scene.t[m]) * 2)] - np.log(terms.background.rate[j]))
    row = slice(scene.extra_start[j], scene.extra_start[j + 1])
    link = float(terms.unlinked[j] + scene.extra_value[row][scene.extra_from[row] == m].sum())
    burst = float(terms.burst[j])
    return Parts(timing=round(timing, 4), link=round(link, 4), prior=round(score - timing - link - burst, 4), burst=round(burst, 4))


def _edge(detection: Detection, members: np.ndarray, m: int, parent: int) -> Edge:
    table, scene = detection.cleaned.table, detection.scene
    j, cause, root = int(members[m]), int(members[parent]), int(members[0])
    parts = edge_parts(scene, detection.terms, cause, j, root)
    others = [(pair(scene, int(i), j, root)[0], int(i)) for i in members if i not in {j, cause}]
    best = sorted((o for o in others if o[0] > _IMPOSSIBLE), reverse=True)[:_RUNNERS_UP]
    links = (table.source == j) & (table.target == cause)
    return Edge(
        from_=table.ids[cause],
        to=table.ids[j],
        lag_hours=round(float(table.t[j] - table.t[cause]), 2),
        score=round(parts.timing + parts.link + parts.prior + parts.burst, 4),
        parts=parts,
        via=tuple(table.vias[v] for v in np.unique(table.via[links])),
        runners_up=tuple(
            Parent(event=table.ids[i], place=detection.cleaned.places.codes[table.place[i]], score=round(score, 4)) for score, i in best
        ),
    )


def _interval(count: int, expected: float) -> tuple[float, float]:
    """95 % interval of a rate ratio with ``count`` observed (Poisson, exact: Garwood 1936)."""
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return round(low / expected, 2), round(float(gammaincinv(count + 1, 0.975)) / expected, 2)


def _common_sources(detection: Detection, years: float) -> list[Finding]:
    """One for each event without a place that several places point to."""
    common = detection.cleaned.common
    events = detection.cleaned.events
    return [_untested(Grade.COMMON, events[source], [events[i] for i in ids], len(common) / years) for source, ids in common.items()]


def _simultaneous(detection: Detection, used: set[str], years: float) -> list[Finding]:
    """One for each group of linked events in different counties that are too close in time."""
    table = detection.cleaned.table
    near = np.flatnonzero(np.abs(table.t[table.source] - table.t[table.target]) < SHORTEST)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for link in near:
        a, b = int(table.target[link]), int(table.source[link])
        apart = detection.cleaned.places.kind[table.place[a], table.place[b]] != NEVER
        if apart and table.ids[a] not in used and table.ids[b] not in used:
            groups[table.ids[a]].update((table.ids[a], table.ids[b]))
    return [
        _untested(Grade.SIMULTANEOUS, detection.cleaned.events[root], [detection.cleaned.events[i] for i in ids], len(groups) / years)
        for root, ids in groups.items()
    ]


def _untested(grade: Grade, root: Event, events: list[Event], per_year: float) -> Finding:
    """What is shown though it is no spread: score 0, and as common as there are of its grade."""
    ordered = sorted(events, key=lambda event: (event.time, event.id))
    return Finding(
        kind="common source" if grade is Grade.COMMON else "simultaneous",
        id=finding_id(root.id),
        theme=root.theme,
        root=root.id,
        places=tuple(event.place or "" for event in ordered),
        events=tuple(event.id for event in ordered),
        edges=(),
        score=0.0,
        expected_per_year=round(per_year, 4),
        q=1.0,
        grade=grade,
    )
