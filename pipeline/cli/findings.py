"""What ``fjaril spread`` shows: findings with their evidence, read from the bus and the index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from enrich.spread.model import Edge, Finding, Influence
from pipeline.cli.common import counted
from pipeline.desk import evidence, findings, state
from pipeline.desk.findings import BlindSpot

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer
    from pipeline.ports import Bus, Index


def last_versions(bus: Bus) -> list[Finding]:
    """The last version of each finding that was not withdrawn: spread first, what chance gives most seldom first."""
    return state.read(bus, "findings").standing


def followed(bus: Bus) -> tuple[Influence, ...]:
    """Which places are followed by which, the strongest first, as the last nightly run found it."""
    return state.read(bus, "nights").network


def find(bus: Bus, prefix: str) -> Finding:
    """The finding whose id begins so, withdrawn ones too.

    :raises UsageError: if there is none, or several.
    """
    return findings.find(state.read(bus, "findings").findings, prefix)


def row(finding: Finding, gazetteer: Gazetteer) -> tuple[str, ...]:
    """Its line in the table."""
    hours = (finding.times[-1] - finding.times[0]).total_seconds() / 3600
    return (
        finding.id[:8],
        f"{finding.times[0]:%Y-%m-%d %H:%M}",
        finding.theme,
        f"{_route(finding, gazetteer)} in {hours:.0f} h",
        finding.grade.value if finding.kind == "spread" else finding.kind,
        f"{finding.expected_per_year:.2g}",
        finding.verdict or "-",
    )


def _route(finding: Finding, gazetteer: Gazetteer) -> str:
    names = [name_of(gazetteer, code) for code in finding.places]
    if finding.kind != "spread":
        different = list(dict.fromkeys(names))
        return f"{counted(len(names), 'event')}: {', '.join(different[:8])}{' …' if len(different) > 8 else ''}"
    return f"{names[0]} → {', '.join(names[1:])}"


def told_shortly(finding: Finding, gazetteer: Gazetteer) -> str:
    """The finding in a sentence or two."""
    hours = (finding.times[-1] - finding.times[0]).total_seconds() / 3600
    first = finding.history[0].at if finding.history else finding.times[0]
    return f"{finding.theme}: {_route(finding, gazetteer)}, in {hours:.0f} h; first said {first:%d %b %H:%M} UTC. {_strength(finding).capitalize()}."


def name_of(gazetteer: Gazetteer, code: str) -> str:
    """What people call a place."""
    return gazetteer.name(code) or "no place"


def blind_spots(bus: Bus, areas: Mapping[str, str]) -> list[str]:
    """Sources that do not work or have been silent, and the areas that no other source tells of: nothing is known there.

    :param areas: name of the area that each source tells of.
    """
    return [_blind(spot) for spot in findings.blind_spots(list(state.read(bus, "sources").sources.values()), areas)]


def _blind(spot: BlindSpot) -> str:
    if spot.state is None:
        return f"no source of {spot.area} works: that nothing is found there says nothing"
    if spot.kind == "failing":
        return f"{spot.source} does not work ({spot.state.health}): {spot.state.detail or spot.state.failure}"
    return f"{spot.source} has given nothing new since {spot.state.changed:%Y-%m-%d %H:%M}"


def chain(finding: Finding, bus: Bus, index: Index, gazetteer: Gazetteer) -> Iterator[str]:
    """The finding in words: what it rests on, each event in order with the words of its documents, and what was rejected."""
    yield f"{finding.theme}: {_route(finding, gazetteer)}  ({finding.id})"
    yield _strength(finding)
    for step in evidence.steps(finding, state.read(bus, "events").event, index, lambda code: name_of(gazetteer, code)):
        yield ""
        yield f"{step.number}. {name_of(gazetteer, step.place)}, {step.time:%Y-%m-%d %H:%M} UTC"
        if step.edge:
            yield from _why(step.edge, step.after, gazetteer)
        for witness in step.witnesses:
            yield from _words(witness)
        if step.more:
            yield f"   and {counted(step.more, 'more document')}"
    yield ""
    for line in finding.history:
        yield f"version {line.version}, {line.at:%Y-%m-%d %H:%M}: {line.reason}; {counted(line.places, 'place')}, score {line.score:.1f}"


def _strength(finding: Finding) -> str:
    often = f"chance gives one as strong {finding.expected_per_year:.2g} times a year"
    if finding.kind != "spread":
        return f"{finding.kind}, no spread: {often}; {finding.ratio:.3g} times what is usual" if finding.ratio else finding.kind
    power = "" if finding.power is None else f"; of spread to three places of this theme {finding.power:.0%} would be found"
    low, high = finding.ratio_interval
    return (
        f"consistent with spread, {finding.grade.value}: {often}, {100 * finding.q:.2g} % of such findings are chance (q); {finding.linked} of {len(finding.edges)} steps have links, "
        f"{finding.ratio:.3g} times what chance gives (95 %: {low:.2g}–{high:.2g}){power}"
    )


def _why(edge: Edge, after: str, gazetteer: Gazetteer) -> Iterator[str]:
    parts = edge.parts
    via = ", ".join(edge.via) or "time alone"
    yield (
        f"   {edge.lag_hours:.1f} h after {name_of(gazetteer, after)}, by {via}; log-odds {edge.score:.1f} = "
        f"timing {parts.timing:.1f}, link {parts.link:.1f}, prior {parts.prior:.1f}, burst {parts.burst:.1f}"
    )
    for other in edge.runners_up:
        yield f"   rejected: after {name_of(gazetteer, other.place)}, log-odds {other.score:.1f}"


def _words(witness: evidence.Witness) -> Iterator[str]:
    """What it says, word for word, and what it shares with the cause."""
    document = witness.document
    if document is None:
        yield f"   {witness.time:%d %b %H:%M} {witness.source}: withdrawn"
        return
    grade = document.provenance.reliability
    said = f"{witness.source} (reliability {grade}) «{witness.passage}» {document.url or ''}"
    yield f"   {witness.time:%d %b %H:%M} {said}".rstrip()
    yield from (f"      shares {link}" for link in witness.shares)
