"""``fjaril rebuild``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.common import counted, settings_of


def rebuild(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="New data directory; what is in the present one is only read.")],
) -> None:
    """Make everything after collecting again from the archived answers, byte for byte the same documents, in a new data directory."""
    from rich.console import Console
    from rich.progress import Progress

    from pipeline.rebuild import rebuild as run
    from pipeline.service import Stopped, in_loop

    settings = settings_of(context)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Reading answers", total=None)
        try:
            records, lost = in_loop(run(settings, target, lambda done, total: progress.update(task, completed=done, total=total)))
        except Stopped:
            typer.echo(f"stopped; remove {target} before trying again", err=True)
            raise typer.Exit(130) from None
    typer.echo(
        f"{counted(records, 'record')} made again in {target}" + (f"; answers that could not be read: {lost}, see the log" if lost else "")
    )
    if lost:
        raise typer.Exit(1)
