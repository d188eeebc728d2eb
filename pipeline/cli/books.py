"""The books in words, the same in every command: documents, revisions, withdrawn, duplicates, dead (docs/architecture.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.common import counted

if TYPE_CHECKING:
    from pipeline.doctor import Report
    from pipeline.ports import Bus, Index
    from pipeline.settings import Settings


def examined(settings: Settings, bus: Bus, index: Index) -> Report:
    """What is on the bus and in the index, counted."""
    from pipeline.clock import SystemClock
    from pipeline.doctor import examine, retained

    return retained(examine(bus, index, expires=settings.keep.index is not None), bus, settings, SystemClock().now())


def summary(report: Report) -> str:
    """What became of every item fetched, in one sentence."""
    waiting = report.lag["enrich"] + report.lag["relate"]
    return (
        f"{counted(report.fetched, 'item')} fetched: {counted(report.documents, 'document')}, {counted(report.revisions, 'revision')}, "
        f"{report.tombstones} withdrawn, {counted(report.duplicates, 'duplicate')}, {report.dead - report.dead_unindexed} dead"
        f"{f', {waiting} waiting' if waiting else ''}; {'the books balance' if report.balanced else 'the books do not balance'}."
    )
