"""Källor: what is collected, how it goes, and what cannot be seen for it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from pipeline.console.rows import BlindRow, Named, Show
from pipeline.desk.findings import silent
from pipeline.model import Source, SourceState


class SourcesAsked(Struct, frozen=True, kw_only=True):
    """Nothing: all sources are shown."""


class SourceRow(Struct, frozen=True, kw_only=True):
    """A source of the file, one that was fetched, or both."""

    id: str
    name: str
    kind: str
    url: str
    area: Named | None
    #: Letter of the Admiralty grading, of the file or else of the last fetch; empty where neither says it.
    reliability: str
    purpose: str
    owner: str
    terms: str
    enabled: bool
    #: Seconds between two fetches; 0 where the file does not list it.
    interval: int
    #: Days that what it gives is kept, by its own limit and its purpose's; 0 where the file does not list it.
    retention_days: int
    #: What the last fetch showed; ``unknown`` where there was none.
    health: str
    failing: bool
    #: Nothing new for days though others were asked.
    silent: bool
    checked: datetime | None
    changed: datetime | None
    #: Failures in a row, when it last failed, and what was wrong then.
    failures: int
    failed: datetime | None
    failure: str
    detail: str
    #: Usual number of items in an answer, and items since the beginning.
    usual_items: float
    fetched: int


class Sources(Struct, frozen=True, kw_only=True):
    """All sources, those that need looking after first."""

    sources: tuple[SourceRow, ...]
    blind: tuple[BlindRow, ...]


def sources(show: Show, asked: SourcesAsked) -> Sources:  # noqa: ARG001  (every page takes both)
    """The sources."""
    states, listed = show.room.state.sources, show.room.sources
    quiet = {state.source for state in silent(list(states.values()))}
    rows = [_row(show, id_, listed.get(id_), states.get(id_), is_silent=id_ in quiet) for id_ in {**listed, **states}]
    rows.sort(key=lambda row: (not row.failing, not row.silent, row.checked is None, not row.enabled, row.id))
    return Sources(sources=tuple(rows), blind=show.blind())


def _grade(source: Source | None, state: SourceState | None) -> str:
    graded = source or state
    return graded.reliability.value if graded and graded.reliability else ""


def _row(show: Show, id_: str, source: Source | None, state: SourceState | None, *, is_silent: bool) -> SourceRow:
    return SourceRow(
        id=id_,
        name=source.name if source else id_,
        kind=source.kind if source else "",
        url=state.url if state else source.url if source else "",
        area=show.place(source.area) if source else None,
        reliability=_grade(source, state),
        purpose=source.purpose if source else "",
        owner=source.owner if source else "",
        terms=source.terms if source else "",
        enabled=source.enabled if source else True,
        interval=source.interval if source else 0,
        retention_days=source.retention_days if source else 0,
        health=state.health.value if state else "unknown",
        failing=bool(state and state.health.is_failure),
        silent=is_silent,
        checked=state.checked if state else None,
        changed=state.changed if state else None,
        failures=state.failures if state else 0,
        failed=state.failed if state else None,
        failure=state.failure if state else "",
        detail=state.detail if state else "",
        usual_items=round(state.usual_items, 1) if state else 0.0,
        fetched=state.fetched if state else 0,
    )
