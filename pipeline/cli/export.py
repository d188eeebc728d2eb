"""``fjaril export``: what happened on a day, as files for other tools."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.common import AsJson, counted, opened, print_json, print_table, settings_of


def export(
    context: typer.Context,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DAY", help="The day, as 2026-03-01 (default: yesterday, Swedish time).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write to DIR/DAY (default: the setting export.directory).")
    ] = None,
    purpose: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Export a day: trends, findings, alerts with outcomes and data quality, as Parquet and CSV, with metadata and checksums."""
    from contextlib import closing

    from pipeline import app
    from pipeline.access.roles import Action
    from pipeline.cli.audit import operator
    from pipeline.clock import SystemClock

    settings, wanted = settings_of(context), _day(day)
    with opened(settings) as (bus, _):
        with closing(app.open_access(settings)) as access:
            access.audit.append(operator(), purpose, Action.EXPORT, str(wanted), SystemClock().now())
        manifest = app.export(settings, bus, wanted, output)
    if as_json:
        print_json(manifest)
        return
    rows = [(file.name, file.table, file.rows, file.bytes, file.sha256[:16]) for file in manifest.files]
    directory = (output or settings.export_path) / str(wanted)
    print_table(f"{directory}: {counted(len(rows), 'file')}", ("file", "table", "rows", "bytes", "sha256"), rows)


def _day(text: str | None) -> date:
    from pipeline.clock import SystemClock
    from pipeline.errors import UsageError
    from pipeline.situation.period import day_of

    today = day_of(SystemClock().now())
    if text is None:
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--date: found {text!r}; expected a day such as 2026-03-01") from error
    if day >= today:
        raise UsageError(f"--date: found {text}; that day is not over yet: the last one is {today - timedelta(days=1)}")
    return day
