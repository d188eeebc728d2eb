"""Logg: who did what, when and why; never content."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.console.rows import Show


class LogAsked(Struct, frozen=True, kw_only=True):
    """Which lines."""

    size: Annotated[int, Meta(ge=1, le=500)] = 100
    #: ``after`` of the page before: lines with lower numbers.
    after: Annotated[int, Meta(ge=1)] | None = None


class LineRow(Struct, frozen=True, kw_only=True):
    """One line of the log."""

    seq: int
    at: datetime
    who: str
    role: str
    agency: str
    purpose: str
    action: str
    subject: str


class AuditPage(Struct, frozen=True, kw_only=True):
    """Lines of the log, newest first."""

    lines: tuple[LineRow, ...]
    after: int | None


def log(show: Show, asked: LogAsked) -> AuditPage:
    """The lines; that none was changed is shown by ``fjaril audit verify``."""
    found = show.room.access.audit.latest(asked.size, asked.after)
    rows = tuple(
        LineRow(
            seq=one.seq, at=one.at, who=one.who, role=one.role, agency=one.agency, purpose=one.purpose, action=one.action.value,
            subject=one.subject,
        )
        for one in found
    )  # fmt: skip
    return AuditPage(lines=rows, after=rows[-1].seq if len(rows) == asked.size and rows[-1].seq > 1 else None)
