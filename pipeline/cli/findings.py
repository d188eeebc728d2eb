"""What ``fjaril spread`` shows: findings with their evidence, read from the bus and the index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from enrich.spread.model import DID_NOT_HOLD, Edge, Finding, Influence, Occurrence, Sighting
from enrich.spread.nightly import Nightly
from pipeline.cli.common import counted
from pipeline.errors import UsageError
from pipeline.model import Document, SourceState, decode

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer
    from pipeline.ports import Bus, Index

#: Documents of an event whose words are shown, and characters around what is shown.
_SHOWN, _AROUND = 4, 70
#: A source that has given nothing for so long says nothing of what happens.
_QUIET = timedelta(days=3)
_KINDS = ("spread", "surge", "burst", "common source", "simultaneous")


def last_versions(bus: Bus) -> list[Finding]:
    """The last version of each finding that was not withdrawn: spread first, what chance gives most seldom first."""
    last = {record.key: decode(record.value, Finding) for record in bus.read("findings")}
    standing = (finding for finding in last.values() if not finding.is_withdrawn)
    return sorted(standing, key=lambda f: (_KINDS.index(f.kind), f.verdict == DID_NOT_HOLD, f.expected_per_year, f.id))


def followed(bus: Bus) -> tuple[Influence, ...]:
    """Which places are followed by which, the strongest first, as the last nightly run found it."""
    nights = [decode(record.value, Nightly) for record in bus.read("nights")]
    return nights[-1].network if nights else ()


def find(bus: Bus, prefix: str) -> Finding:
    """The finding whose id begins so, withdrawn ones too.

    :raises UsageError: if there is none, or several.
    """
    last = {record.key: decode(record.value, Finding) for record in bus.read("findings") if record.key.startswith(prefix)}
    if len(last) != 1:
        what = f"{len(last)} findings begin so; give more of it" if last else "there is no such finding; `fjaril spread` lists them"
        raise UsageError(f"spread show: found {prefix!r}; {what}")
    return next(iter(last.values()))


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
    states = [decode(record.value, SourceState) for record in bus.read("sources")]
    quiet = {state.source for state in silent(states)}
    lines, working = [], set()
    for state in sorted(states, key=lambda state: state.source):
        if state.health.is_failure:
            lines.append(f"{state.source} does not work ({state.health}): {state.detail or state.failure}")
        elif state.source in quiet:
            lines.append(f"{state.source} has given nothing new since {state.changed:%Y-%m-%d %H:%M}")
        else:
            working.add(areas.get(state.source))
    asked = {areas[state.source] for state in states if state.source in areas}
    return lines + [f"no source of {area} works: that nothing is found there says nothing" for area in sorted(asked - working)]


def silent(states: Sequence[SourceState]) -> list[SourceState]:
    """The sources that have given nothing new for days when the last of all was asked."""
    latest = max((state.checked for state in states), default=None)
    return [state for state in states if latest and state.changed and latest - state.changed >= _QUIET]


def chain(finding: Finding, bus: Bus, index: Index, gazetteer: Gazetteer) -> Iterator[str]:
    """The finding in words: what it rests on, each event in order with the words of its documents, and what was rejected."""
    yield f"{finding.theme}: {_route(finding, gazetteer)}  ({finding.id})"
    yield _strength(finding)
    known = {record.key: decode(record.value, Occurrence) for record in bus.read("events") if record.key in finding.events}
    edges = {edge.to: edge for edge in finding.edges}
    at = dict(zip(finding.events, finding.places, strict=True))
    for number, (event, code, moment) in enumerate(zip(finding.events, finding.places, finding.times, strict=True), 1):
        yield ""
        yield f"{number}. {name_of(gazetteer, code)}, {moment:%Y-%m-%d %H:%M} UTC"
        edge = edges.get(event)
        if edge:
            yield from _why(edge, at, gazetteer)
        cause = known.get(edge.from_) if edge else None
        yield from _words(known.get(event), cause, index, name_of(gazetteer, at[edge.from_]) if edge else "")
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
        f"consistent with spread, {finding.grade.value}: {often}, q {finding.q:.2g}; {finding.linked} of {len(finding.edges)} steps have links, "
        f"{finding.ratio:.3g} times what chance gives (95 %: {low:.2g}–{high:.2g}){power}"
    )


def _why(edge: Edge, at: dict[str, str], gazetteer: Gazetteer) -> Iterator[str]:
    parts = edge.parts
    via = ", ".join(edge.via) or "time alone"
    yield (
        f"   {edge.lag_hours:.1f} h after {name_of(gazetteer, at[edge.from_])}, by {via}; log-odds {edge.score:.1f} = "
        f"timing {parts.timing:.1f}, link {parts.link:.1f}, prior {parts.prior:.1f}, burst {parts.burst:.1f}"
    )
    for other in edge.runners_up:
        yield f"   rejected: after {name_of(gazetteer, other.place)}, log-odds {other.score:.1f}"


def _words(event: Occurrence | None, cause: Occurrence | None, index: Index, place: str) -> Iterator[str]:
    """Its documents, those that link to the cause first, word for word."""
    shared = {item for sighting in cause.sightings for item in sighting.items} if cause else set[str]()
    code = cause.event.place if cause else None
    sightings = sorted(event.sightings if event else (), key=lambda s: (not shared & set(s.items), code not in s.mentions, s.time))
    for sighting in sightings[:_SHOWN]:
        document = index.get(sighting.document)
        if document is None or document.withdrawn:
            yield f"   {sighting.time:%d %b %H:%M} {sighting.source}: withdrawn"
            continue
        grade = document.provenance.reliability
        yield f"   {document.published:%d %b %H:%M} {sighting.source} (reliability {grade}) «{_passage(document, place)}» {document.url or ''}".rstrip()
        yield from (f"      shares {link}" for link in _links(document, sighting, shared))
    if len(sightings) > _SHOWN:
        yield f"   and {counted(len(sightings) - _SHOWN, 'more document')}"


def _passage(document: Document, place: str) -> str:
    """The words around the place that it compares itself with, else its beginning; verbatim."""
    text = document.text or document.title
    at = text.find(place) if place else -1
    if at < 0:
        at = match.start() if place and (match := re.search(re.escape(place), text, re.IGNORECASE)) else 0
    start, end = max(0, at - _AROUND), at + _AROUND + len(place)
    return f"{'…' if start else ''}{' '.join(text[start:end].split())}{'…' if end < len(text) else ''}"


def _links(document: Document, sighting: Sighting, shared: set[str]) -> Iterator[str]:
    """Addresses of the document that the cause has, too."""
    from enrich.spread.sightings import address

    return (link for link in document.links if address(link) in shared and address(link) in sighting.items)
