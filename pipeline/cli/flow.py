"""``fjaril run``, ``fjaril replay`` and ``fjaril demo``: the commands in which records flow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pipeline.cli.common import AsJson, command_line, counted, output, print_json, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import Source
    from pipeline.recording import Answer
    from pipeline.settings import Settings

SpeedOption = Annotated[str, typer.Option(metavar="max|60x|…", help="How many times faster than life.")]


def run(
    context: typer.Context,
    stages: Annotated[
        list[str] | None, typer.Argument(metavar="[STAGE]...", help="collect, enrich, relate, spread, alerts, index; without any, all.")
    ] = None,
) -> None:
    """Collect the sources and process what comes, until Ctrl-C or SIGTERM."""
    from contextlib import nullcontext, suppress

    from pipeline.app import STAGES
    from pipeline.app import stages as stages_on
    from pipeline.cli.console import beside
    from pipeline.cli.view import View
    from pipeline.errors import UsageError
    from pipeline.service import Stopped, in_loop, serve

    if unknown := sorted(set(stages or ()) - set(STAGES)):
        raise UsageError(f"there is no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")
    settings = settings_of(context)
    on = stages_on(settings)
    if off := sorted(set(stages or ()) - set(on)):
        needed = {"alerts": "alerts.rules to a file or directory of rules"}.get(off[0], f"analysis.{off[0]} to true")
        raise UsageError(f"{', '.join(off)} is switched off by the settings: set {needed}, or leave it out")
    _announce(settings, stages or on, command_line(context, settings))
    with nullcontext() if stages else beside(settings), View(settings, "fjaril") as view, suppress(Stopped):
        in_loop(serve(settings, tuple(stages or on), view.watch))


def _announce(settings: Settings, stages: Iterable[str], command: str) -> None:
    """Say at once what is going to happen: the first answers take a while."""
    from pipeline.settings import load_sources

    if "collect" in stages:
        active = sum(source.enabled for source in load_sources(settings.sources))
        typer.echo(f"Collecting {counted(active, 'source')} of {settings.sources}; each is first asked within a minute.")
    typer.echo(f"Stages: {', '.join(stages)}; everything is stored in {settings.data_dir}. Ctrl-C stops; the next run goes on from there.")
    typer.echo(f"What comes is shown, in another terminal, by: {command} search --newest")
    sys.stdout.flush()


def replay(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Recorded polls: JSON Lines with polled_at and body, plain or packed as .gz or .xz."),
    ] = None,
    speed: SpeedOption = "max",
    rules: Annotated[
        Path | None, typer.Option(metavar="RULES", help="Instead: try these alert rules on what was collected, against what was told.")
    ] = None,
    since: Annotated[str, typer.Option(help="With --rules: how far back, as 30d, or 2026-03-01.")] = "30d",
    as_json: AsJson = False,
) -> None:
    """Serve recorded polls of polisen.se on loopback, and collect them with the real collectors under a virtual clock.

    With --rules nothing is collected: the rules go through what the bus holds, and what they would have told is compared with what was told.
    """
    from pipeline import recording
    from pipeline.errors import UsageError
    from pipeline.replay import POLISEN

    settings = settings_of(context)
    if (file is None) == (rules is None):
        raise UsageError("replay wants a file of recorded polls, or --rules with alert rules")
    if file is None or rules is not None:
        from pipeline.cli.rehearsal import rehearse

        rehearse(settings, cast("Path", rules), since, as_json=as_json)
        return
    answers = recording.read(file, POLISEN.id)
    _play(settings, (POLISEN,), answers, recording.count(file), speed, file.name)
    _report(settings, command_line(context, settings), as_json=as_json)


def demo(context: typer.Context, speed: SpeedOption = "max", as_json: AsJson = False) -> None:
    """Replay a bundled, invented fortnight through the real collectors, and show what came of it."""
    from pipeline import scenario
    from pipeline.cli.story import tell

    settings = settings_of(context)
    answers = list(scenario.answers())
    _play(settings, scenario.sources("http://replay"), answers, len(answers), speed, "demo")
    command = command_line(context, settings)
    if as_json:
        _report(settings, command, as_json=True)
    else:
        tell(settings, output(), command)


def _play(settings: Settings, sources: tuple[Source, ...], answers: Iterable[Answer], total: int, speed: str, title: str) -> None:
    from pipeline.cli.view import View
    from pipeline.replay import Speed, play
    from pipeline.service import Stopped, in_loop

    pace = Speed.parse(speed)
    with View(settings, title, total) as view:
        try:
            in_loop(play(settings, sources, answers, pace, view))
        except Stopped:
            typer.echo("stopped; the same command goes on from here", err=True)
            raise typer.Exit(130) from None


def _report(settings: Settings, command: str, *, as_json: bool) -> None:
    from pipeline.cli.books import examined, summary
    from pipeline.cli.common import opened
    from pipeline.doctor import facts

    with opened(settings) as (bus, index):
        report = examined(settings, bus, index)
    if as_json:
        print_json(facts(report))
        return
    for line in (summary(report), *report.problems, f"Go on with: {command} search --newest"):
        typer.echo(line)
