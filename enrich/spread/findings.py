"""What was detected, said with its evidence."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from enrich.spread.detect import Detection
from enrich.spread.edges import Said, edge, grade, linked, ratio
from enrich.spread.model import Event, Finding, Grade
from enrich.spread.power import power_by_theme
from enrich.spread.significance import yearly
from enrich.spread.table import NEVER, SHORTEST
from enrich.spread.telling import finding_id

#: What comes at the same time as a finding with this q is part of it.
_SHOWN = 0.2


def findings(detection: Detection) -> list[Finding]:
    """All findings, strongest first; then what has a common source, and what came at the same time."""
    table, found, places = detection.cleaned.table, detection.found, detection.cleaned.places.codes
    expected = yearly(found.score, detection.decoys, detection.rounds, table.years)
    power = power_by_theme(detection)
    said = _said(detection)
    result = []
    for n in range(found.size):
        low, high = int(found.start[n]), int(found.start[n + 1])
        members = found.member[low:high]
        edges = tuple(edge(detection.scene, said, members, m, int(found.parent[low + m]) - low) for m in range(1, high - low))
        chance = float(sum(detection.terms.background.link[j] * (m + 1) for m, j in enumerate(members[1:])))
        ratio_, interval = ratio(linked(edges), chance)
        theme = table.themes[table.theme[members[0]]]
        result.append(
            Finding(
                id=finding_id(table.ids[members[0]]),
                theme=theme,
                root=table.ids[members[0]],
                places=tuple(places[table.place[j]] for j in members),
                events=tuple(table.ids[j] for j in members),
                times=tuple(detection.cleaned.events[table.ids[j]].time for j in members),
                edges=edges,
                score=round(float(found.score[n]), 4),
                root_burst=round(float(found.value[low]), 4),
                expected_per_year=round(float(expected[n]), 4),
                q=round(float(detection.q[n]), 5),
                grade=grade(edges),
                linked=linked(edges),
                expected_linked=round(chance, 4),
                ratio=ratio_,
                ratio_interval=interval,
                power=power[theme],
            )
        )
    used = {event for finding in result if finding.q <= _SHOWN for event in finding.events}
    return result + _common_sources(detection, table.years) + _simultaneous(detection, used, table.years)


def _said(detection: Detection) -> Said:
    table, terms, places = detection.cleaned.table, detection.terms, detection.cleaned.places.codes
    links: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for source, target, via in zip(table.source.tolist(), table.target.tolist(), table.via.tolist(), strict=True):
        links[source, target].append(via)

    def vias(j: int, cause: int) -> tuple[str, ...]:
        return tuple(table.vias[via] for via in links.get((j, cause), ()))

    at = [places[place] for place in table.place.tolist()]
    return Said(ids=table.ids, places=at, rate=terms.background.rate, unlinked=terms.unlinked, burst=terms.burst, vias=vias)


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


def _untested(kind: Grade, root: Event, events: list[Event], per_year: float) -> Finding:
    """What is shown though it is no spread: score 0, and as common as there are of its grade."""
    ordered = sorted(events, key=lambda event: (event.time, event.id))
    return Finding(
        kind="common source" if kind is Grade.COMMON else "simultaneous",
        id=finding_id(root.id),
        theme=root.theme,
        root=root.id,
        places=tuple(event.place or "" for event in ordered),
        events=tuple(event.id for event in ordered),
        times=tuple(event.time for event in ordered),
        edges=(),
        score=0.0,
        expected_per_year=round(per_year, 4),
        q=1.0,
        grade=kind,
    )
