"""The command line. What a command needs is imported when it runs: ``fjaril --help`` must answer at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import dead, doctor, flow, search, sources, tag
from pipeline.errors import FjarilError

app = typer.Typer(
    name="fjaril",
    help="Event monitoring: what happens where, whether it spreads, and the evidence for every claim.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(flow.run)
app.command()(flow.demo)
app.command()(flow.replay)
app.command()(search.search)
app.command()(tag.tag)
app.command()(doctor.doctor)
app.add_typer(sources.app, name="sources")
app.add_typer(dead.app, name="dead")


@app.callback()
def settings(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Directory that everything is stored in (default: data).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings file (default: fjaril.yaml in the data directory, or here).")
    ] = None,
) -> None:
    """Read the settings only when a command asks for them: most of the time to start goes there."""
    context.obj = (config, data)


def main() -> None:
    """Run the command line; an error of ours becomes one line and an exit code."""
    try:
        app()
    except FjarilError as error:
        sys.stderr.write(f"fjaril: {error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of a pipe, as head, has what it wants
        sys.stderr.close()
