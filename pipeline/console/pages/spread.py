"""Spridning: what came from place to place, and what each step of it rests on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from enrich.spread.model import Finding
from pipeline.console.ask import AskError
from pipeline.console.rows import FindingRow, Named, Show
from pipeline.desk import evidence
from pipeline.desk.evidence import Witness
from pipeline.index.keys import theme_line


class SpreadAsked(Struct, frozen=True, kw_only=True):
    """Which findings."""

    kind: Literal["", "spread", "surge", "burst", "common source", "simultaneous"] = ""
    #: Id of a theme, its children included.
    theme: str = ""
    size: Annotated[int, Meta(ge=1, le=200)] = 50
    #: ``after`` of the page before.
    after: str = ""


class InfluenceRow(Struct, frozen=True, kw_only=True):
    """One place is followed by another."""

    origin: Named
    follower: Named
    theme: Named
    #: Share of the events at the one that are followed at the other.
    share: float
    expected_per_year: float
    q: float


class Findings(Struct, frozen=True, kw_only=True):
    """What was found and holds: spread first, what chance gives most seldom first."""

    total: int
    findings: tuple[FindingRow, ...]
    network: tuple[InfluenceRow, ...]
    #: Give it as ``after`` for the next page; None at the end.
    after: str | None


class FindingAsked(Struct, frozen=True, kw_only=True):
    """Which finding."""

    #: Its id, or how it begins.
    finding: str


class Stop(Struct, frozen=True, kw_only=True):
    """A place that it came to, and why it is believed that it came from there."""

    number: int
    place: Named
    #: (longitude, latitude); None where the place has no position.
    position: tuple[float, float] | None
    time: datetime
    #: The place that it follows, its number, and how many hours later; None where it follows none.
    after: Named | None
    after_number: int
    lag_hours: float
    #: Log-odds of "caused by" against "happened anyway", and their parts.
    score: float
    timing: float
    link: float
    prior: float
    burst: float
    #: Kinds of links; none: time alone.
    via: tuple[str, ...]
    #: Places that it could have come from instead, with their log-odds.
    rejected: tuple[tuple[Named, float], ...]
    witnesses: tuple[WitnessRow, ...]
    #: Documents that are not shown.
    more: int


class WitnessRow(Struct, frozen=True, kw_only=True):
    """A document that tells of it, in its own words."""

    source: str
    reliability: str
    time: datetime
    #: Empty: it was withdrawn.
    document: str
    story: str
    language: str
    passage: str
    url: str | None
    #: Addresses that a document of the cause has, too.
    shares: tuple[str, ...]


class VersionRow(Struct, frozen=True, kw_only=True):
    """What the finding was at a time."""

    version: int
    at: datetime
    score: float
    places: int
    reason: str


class FindingPage(Struct, frozen=True, kw_only=True):
    """A finding with its evidence."""

    finding: FindingRow
    #: Share of chance findings among those as strong as this or stronger.
    q: float
    score: float
    #: Steps with links, of how many, and how many chance would give.
    linked: int
    edges: int
    expected_linked: float
    #: Observed over expected, 95 % interval.
    ratio_interval: tuple[float, float]
    #: Share of spread to three places of this theme that would be found; None where it was not tried.
    power: float | None
    stops: tuple[Stop, ...]
    history: tuple[VersionRow, ...]


def spread(show: Show, asked: SpreadAsked) -> Findings:
    """The findings.

    :raises AskError: if ``after`` is no mark of a page, or there is no such theme.
    """
    if asked.theme and asked.theme not in show.room.names.themes:
        raise AskError("theme", field="theme", found=asked.theme)
    state = show.room.state
    found = [one for one in state.standing if _is_asked(show, one, asked)]
    start = 0
    if asked.after:
        ids = [one.id for one in found]
        if asked.after not in ids:
            raise AskError("after", field="after", found=asked.after[:80])
        start = ids.index(asked.after) + 1
    page = found[start : start + asked.size]
    network = tuple(
        InfluenceRow(
            origin=show.place(one.from_), follower=show.place(one.to), theme=show.theme(one.theme), share=one.share,
            expected_per_year=one.expected_per_year, q=one.q,
        )
        for one in state.network
        if show.who.sees(one.from_) or show.who.sees(one.to)
    )  # fmt: skip
    return Findings(
        total=len(found),
        findings=tuple(map(show.finding, page)),
        network=network,
        after=page[-1].id if start + asked.size < len(found) else None,
    )


def _is_asked(show: Show, one: Finding, asked: SpreadAsked) -> bool:
    return asked.kind in {"", one.kind} and (not asked.theme or asked.theme in theme_line(one.theme)) and show.sees_finding(one)


def finding(show: Show, asked: FindingAsked) -> FindingPage:
    """The finding.

    :raises AskError: if there is none, or none that the reader sees.
    """
    state = show.room.state
    found = state.findings.get(asked.finding) or _beginning(show, asked.finding)
    if found is None or not show.sees_finding(found):
        raise AskError("finding", status=404, found=asked.finding[:80])
    low, high = found.ratio_interval
    return FindingPage(
        finding=show.finding(found), q=found.q, score=found.score, linked=found.linked, edges=len(found.edges),
        expected_linked=found.expected_linked, ratio_interval=(low, high), power=found.power,
        stops=tuple(_stops(show, found)),
        history=tuple(
            VersionRow(version=one.version, at=one.at, score=one.score, places=one.places, reason=one.reason) for one in found.history
        ),
    )  # fmt: skip


def _beginning(show: Show, prefix: str) -> Finding | None:
    """The only one whose id begins so."""
    found = [one for id_, one in show.room.state.findings.items() if id_.startswith(prefix)]
    return found[0] if len(found) == 1 else None


def _stops(show: Show, found: Finding) -> list[Stop]:
    numbers = {event: number for number, event in enumerate(found.events, 1)}
    stops = []
    for step in evidence.steps(found, show.room.state.event, show.room.index, show.room.names.place):
        edge = step.edge
        seen = show.who.sees(step.place)
        stops.append(
            Stop(
                number=step.number, place=show.place(step.place), position=show.room.names.gazetteer.position(step.place), time=step.time,
                after=show.place(step.after) if step.after else None, after_number=numbers[edge.from_] if edge else 0,
                lag_hours=edge.lag_hours if edge else 0.0, score=edge.score if edge else 0.0, timing=edge.parts.timing if edge else 0.0,
                link=edge.parts.link if edge else 0.0, prior=edge.parts.prior if edge else 0.0, burst=edge.parts.burst if edge else 0.0,
                via=edge.via if edge else (), more=step.more,
                rejected=tuple((show.place(other.place), other.score) for other in edge.runners_up) if edge else (),
                witnesses=tuple(_witness(one, show) for one in step.witnesses) if seen else (),
            )
        )  # fmt: skip
    return stops


def _witness(witness: Witness, show: Show) -> WitnessRow:
    document = witness.document
    if document is None or not show.sees(document):
        return WitnessRow(
            source=witness.source, reliability="", time=witness.time, document="", story="", language="und", passage="", url=None, shares=()
        )
    return WitnessRow(
        source=witness.source, reliability=document.provenance.reliability.value, time=witness.time, document=document.id,
        story=document.story, language=document.language, passage=witness.passage, url=document.url, shares=witness.shares,
    )  # fmt: skip
