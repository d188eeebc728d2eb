"""``fjaril setup``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, print_json, printable, settings_of

if TYPE_CHECKING:
    from pipeline.settings import Settings


def setup(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be changed.")] = False,
    kibana: Annotated[
        str | None, typer.Option(metavar="URL", help="Import the dashboards there, too: https://HOST:PORT, or …/s/SPACE.")
    ] = None,
    kibana_file: Annotated[
        Path | None, typer.Option(metavar="FILE.ndjson", help="Only write the dashboards to a file, to be imported by hand.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make what is missing on the servers that the settings name: Kafka's topics, Elasticsearch's templates. Once more changes nothing."""
    import pipeline.app

    settings = settings_of(context)
    changes = _write(settings, kibana_file, dry_run=dry_run) if kibana_file else pipeline.app.set_up(settings, dry_run=dry_run)
    if kibana:
        changes += pipeline.app.show_in_kibana(settings, kibana, dry_run=dry_run)
    if as_json:
        print_json({"changes": changes, "dry_run": dry_run})
        return
    for line in changes or ["nothing is to be changed"]:
        typer.echo(printable(line))


def _write(settings: Settings, path: Path, *, dry_run: bool) -> list[str]:
    """Write the file."""
    import pipeline.app
    from index_config.kibana.saved import ndjson
    from pipeline.errors import UsageError

    if path.suffix != ".ndjson":
        raise UsageError(f"--kibana-file: found {path.name!r}; Kibana imports only a file that ends in .ndjson")
    objects = pipeline.app.dashboards(settings)
    if not dry_run:
        try:
            path.write_bytes(ndjson(objects))
        except OSError as error:
            raise UsageError(f"--kibana-file: {path}: {error.strerror}; name a file that can be written") from error
    return [f"{path}: {len(objects)} objects, to be imported in Kibana under Stack Management, Saved Objects"]
