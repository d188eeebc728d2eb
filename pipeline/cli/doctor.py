"""``fjaril doctor``."""

from __future__ import annotations

import typer

from pipeline.cli.common import AsJson, opened, print_json, print_table, settings_of


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check that the books balance, that nothing waits, and what is installed. Exits with 1 if something is wrong."""
    from pipeline.doctor import examine
    from pipeline.doctor import facts as facts_of

    settings = settings_of(context)
    with opened(settings) as (bus, index):
        report = examine(bus, index)
    facts = facts_of(report) | {"data": str(settings.data_dir)}
    if as_json:
        print_json(facts)
    else:
        rows = [(name, value) for name, value in facts.items() if name not in {"problems", "versions", "lag"}]
        rows += [(f"waiting before {stage}", records) for stage, records in report.lag.items()]
        print_table("", ("what", "found"), rows + list(report.versions.items()))
        typer.echo("\n".join(report.problems) or f"The books balance: {report.fetched} fetched, every one accounted for.")
    if not (report.balanced and report.complete):
        raise typer.Exit(1)
