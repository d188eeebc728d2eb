"""A finding: one entry with its stops and its edges, so that a map can draw arrows between positions at their times."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from enrich.spread.model import Finding, Grade
from enrich.views.common import Names, PlacesView, Position, ThemesView, few, lasted, themes_view
from pipeline.errors import WireError

#: Kind and grade in Swedish.
_KINDS = {"common source": "gemensam källa", "simultaneous": "samtidigt", "surge": "ökning i många län", "burst": "ökning på en plats"}
_GRADES = {Grade.LINKED: "spridning med länkar", Grade.TEMPORAL: "spridning, endast tid"}


class FindingEvent(Struct, frozen=True, kw_only=True):
    """ECS ``event``: the id of the finding, its first and last event, and when it was first said."""

    id: str
    start: datetime
    end: datetime
    created: datetime


class Stop(Struct, frozen=True, kw_only=True):
    """A place that it came to; ``order`` begins with 1."""

    order: int
    code: str
    name: str
    location: Position | None
    time: datetime


class EdgeView(Struct, frozen=True, kw_only=True):
    """One place that follows another."""

    from_: Stop = field(name="from")
    to: Stop
    lag_hours: float
    score: float
    via: tuple[str, ...]


class FindingView(Struct, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """The last version of a finding; one that no longer holds stays, as withdrawn."""

    #: When it last came to a place.
    timestamp: datetime
    event: FindingEvent
    #: When this version was said, and why.
    said: datetime
    reason: str
    version: int
    withdrawn: bool
    #: One sentence for people.
    message: str
    kind: str
    grade: str
    #: What the last nightly run said of it; empty before the first.
    verdict: str
    place: PlacesView
    theme: ThemesView
    #: How many places it came to, and each of them.
    reach: int
    stops: list[Stop]
    edges: list[EdgeView]
    score: float
    expected_per_year: float
    q: float
    linked: int
    expected_linked: float
    ratio: float
    power: float | None


def finding_view(finding: Finding, names: Names) -> FindingView:
    """The finding as it is shown.

    :raises WireError: if it does not say when.
    """
    times, history = finding.times, finding.history
    if not times or not history or len(times) != len(finding.places):
        raise WireError(f"Finding {finding.id}: found {len(times)} times for {len(finding.places)} places; each place has one")
    stops = [
        Stop(order=order, code=code, name=names.place(code), location=names.position(code), time=time)
        for order, (code, time) in enumerate(zip(finding.places, times, strict=True), 1)
    ]
    at = dict(zip(finding.events, stops, strict=True))
    start, end = min(times), max(times)
    return FindingView(
        timestamp=end,
        event=FindingEvent(id=finding.id, start=start, end=end, created=history[0].at),
        said=history[-1].at,
        reason=history[-1].reason,
        version=finding.version,
        withdrawn=finding.is_withdrawn,
        message=_sentence(finding, [stop.name for stop in stops], lasted(start, end), names),
        kind=finding.kind,
        grade=finding.grade.value,
        verdict=finding.verdict,
        place=names.places_view(finding.places),
        theme=themes_view([finding.theme]),
        reach=len(set(finding.places)),
        stops=stops,
        edges=[
            EdgeView(from_=at[edge.from_], to=at[edge.to], lag_hours=edge.lag_hours, score=edge.score, via=edge.via)
            for edge in finding.edges
        ],
        score=finding.score,
        expected_per_year=finding.expected_per_year,
        q=finding.q,
        linked=finding.linked,
        expected_linked=finding.expected_linked,
        ratio=finding.ratio,
        power=finding.power,
    )


def _sentence(finding: Finding, stops: list[str], took: str, names: Names) -> str:
    what = _KINDS.get(finding.kind) or _GRADES.get(finding.grade, finding.grade.value)
    way = f"{stops[0]} → {few(stops[1:], 4)}" if finding.kind == "spread" else few(list(dict.fromkeys(stops)))
    return f"{names.theme(finding.theme)}: {way} inom {took} ({what})"
