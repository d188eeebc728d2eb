"""``fjaril doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipeline.cli.books import examined, summary
from pipeline.cli.common import AsJson, opened, print_json, print_table, printable, settings_of

if TYPE_CHECKING:
    from pipeline.doctor import Report
    from pipeline.settings import Settings


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check that the books balance, that nothing waits, and what is installed. Exits with 1 if something is wrong."""
    from pipeline.doctor import facts as facts_of

    settings = settings_of(context)
    with opened(settings) as (bus, index):
        report = examined(settings, bus, index)
    if as_json:
        print_json(facts_of(report) | {"data": str(settings.data_dir)})
    else:
        _show(report, settings)
    if not (report.balanced and report.complete):
        raise typer.Exit(1)


def _show(report: Report, settings: Settings) -> None:
    from pipeline.app import stages

    on = stages(settings)
    rows = [
        ("data", settings.data_dir),
        ("bus", settings.bus.replace("{data_dir}", str(settings.data_dir))),
        ("index", report.index),
        ("documents that search finds", report.searchable),
        ("past retention", report.retention),
        *((f"waiting before {stage}", records) for stage, records in report.lag.items() if stage in on),
        *report.versions.items(),
    ]
    print_table("", ("what", "found"), rows)
    typer.echo(summary(report))
    for problem in report.problems:
        typer.echo(printable(problem))
