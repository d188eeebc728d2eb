"""The command line. What a command needs is imported when it runs: ``fjaril --help`` must answer at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import (
    alerts,
    audit,
    console,
    dead,
    doctor,
    erase,
    export,
    flow,
    lagesbild,
    learn,
    places,
    rebuild,
    rota,
    rules,
    search,
    setup,
    sources,
    spread,
    stories,
    tag,
    themes,
    users,
)
from pipeline.cli.common import complain
from pipeline.errors import FjarilError

app = typer.Typer(
    name="fjaril",
    help="Event monitoring: what happens where, whether it spreads, and the evidence for every claim.",
    rich_markup_mode=None,  # help in colour takes longer to load than all the rest
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(short_help="Collect and process, until Ctrl-C or SIGTERM.")(flow.run)
app.command(short_help="Show what was found in a browser, until Ctrl-C or SIGTERM.")(console.console)
app.command(short_help="Replay an invented fortnight, and show what came of it.")(flow.demo)
app.command(short_help="Replay recorded polls of polisen.se.")(flow.replay)
app.command(cls=search.SearchCommand)(search.search)
app.command(cls=tag.TagCommand, short_help="Tag places and themes: JSON Lines in, JSON Lines out.")(tag.tag)
app.command(short_help="Put documents into stories: JSON Lines in, JSON Lines out.")(stories.stories)
app.command(short_help="Learn names of places and words of themes from official notices.")(learn.learn)
app.command(short_help="Make the situation picture of an area.")(lagesbild.lagesbild)
app.command(short_help="Export a day as Parquet and CSV.")(export.export)
app.command(short_help="Erase documents for good, with a receipt.")(erase.erase)
app.command(short_help="Check that the books balance and nothing waits.")(doctor.doctor)
app.command(short_help="Make documents again from the archived answers.")(rebuild.rebuild)
app.command(short_help="Make topics and templates on Kafka and Elasticsearch.")(setup.setup)
app.add_typer(spread.app, name="spread", short_help="What spreads from place to place: list, show; also a filter.")
app.add_typer(sources.app, name="sources", short_help="What is collected: list, check, add, export, import.")
app.add_typer(places.app, name="places", short_help="What the names of places mean: explain.")
app.add_typer(themes.app, name="themes", short_help="What a changed lexicon does: test.")
app.add_typer(rules.app, name="rules", short_help="Alert rules: check, test, explain.")
app.add_typer(alerts.app, name="alerts", short_help="Alerts: list, show, ack, resolve, silence, unsilence, mark.")
app.add_typer(rota.app, name="rota", short_help="Who is told of alerts, and when: check, who, week.")
app.add_typer(users.app, name="users", short_help="Accounts of the console: list, add, remove, password, token.")
app.add_typer(audit.app, name="audit", short_help="The log of who did what: list, verify.")
app.add_typer(dead.app, name="dead", short_help="What a stage could not process: list, show, retry.")


def _version(asked: bool) -> None:  # noqa: FBT001  (as typer calls it)
    if asked:
        from importlib.metadata import version

        typer.echo(f"fjaril {version('fjaril')}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Directory that everything is stored in (default: data).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings file (default: fjaril.yaml in the data directory, or here).")
    ] = None,
    version: Annotated[  # noqa: ARG001  (its callback acts)
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Read the settings only when a command asks for them: most of the time to start goes there."""
    context.obj = (config, data)


def main() -> None:
    """Run the command line; an error of ours, or a wrong use, becomes one line and an exit code."""
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
        sys.stdout.flush()
    except FjarilError as error:
        code = _told(str(error), error.exit_code)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context else ""
        code = _told(error.format_message().rstrip(".") + hint, error.exit_code)
    except typer.Abort:  # Ctrl-C
        code = 130
    except (BrokenPipeError, SystemExit):  # the reader of a pipe, as head, has what it wants (typer exits then)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _told(text: str, code: int) -> int:
    complain(text)
    return code
