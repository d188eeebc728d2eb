"""``fjaril setup``."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.common import AsJson, print_json, printable, settings_of


def setup(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make what is missing on the servers that the settings name: Kafka's topics, Elasticsearch's templates. Once more changes nothing."""
    import pipeline.app

    changes = pipeline.app.set_up(settings_of(context), dry_run=dry_run)
    if as_json:
        print_json({"changes": changes, "dry_run": dry_run})
        return
    for line in changes or ["nothing is to be changed"]:
        typer.echo(printable(line))
