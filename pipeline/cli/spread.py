"""``fjaril spread``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, input_bytes, opened, print_json, print_lines, print_table, printable, settings_of

if TYPE_CHECKING:
    from enrich.spread.model import Event

#: Findings of a filter are drawn up to this share of chance (q).
_SHOWN = 0.2
_EXPECTED = '{"id","time" with its zone,"place" or null,"theme","links"}'


app = typer.Typer(rich_markup_mode=None, help="What spreads from place to place: findings as they came; --events as a filter.")


@app.callback(invoke_without_command=True)
def spread(
    context: typer.Context,
    events: Annotated[
        Path | None,
        typer.Option("--events", metavar="FILE", help='Events as JSON Lines {"id","time","place","theme","links"}; - is standard input.'),
    ] = None,
    ties: Annotated[
        Path | None, typer.Option("--ties", metavar="FILE", help="With --events: pairs of places with social ties, CSV.")
    ] = None,
    decoys: Annotated[int, typer.Option("--decoys", min=20, help="With --events: how many times chance is tried.")] = 200,
    picture: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="Draw map and timeline into FILE, that ends in .svg, .png or .html.")
    ] = None,
    size: Annotated[int, typer.Option("--size", "-n", min=1, help="Most findings.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what was found, spread first, what chance gives most seldom first. With --events: events in, findings out (JSON Lines)."""
    if context.invoked_subcommand is not None:
        return
    if events is not None:
        _filter(context, events, ties, decoys, picture)
    else:
        _list(context, picture, size, as_json=as_json)


@app.command()
def show(
    context: typer.Context, finding: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")], as_json: AsJson = False
) -> None:
    """Show one finding with its evidence: each event in order, verbatim, with sources, grades and what was rejected."""
    from enrich.gazetteer import load
    from pipeline.cli import findings

    settings = settings_of(context)
    with opened(settings) as (bus, index):
        found = findings.find(bus, finding)
        lines = [] if as_json else list(findings.chain(found, bus, index, load(settings.cache)))
    if as_json:
        print_json(found)
    for line in lines:
        typer.echo(printable(line))


@app.command()
def network(context: typer.Context, as_json: AsJson = False) -> None:
    """List which places are followed by which, per theme, as the last nightly run found it."""
    from enrich.gazetteer import load
    from pipeline.cli.findings import followed, name_of

    settings = settings_of(context)
    with opened(settings) as (bus, _):
        found = followed(bus)
    if as_json:
        print_json(found)
        return
    gazetteer = load(settings.cache)
    columns = ("from", "to", "theme", "share of events", "by chance a year", "q")
    rows = [
        (
            name_of(gazetteer, one.from_),
            name_of(gazetteer, one.to),
            one.theme,
            f"{one.share:.0%}",
            f"{one.expected_per_year:.2g}",
            f"{one.q:.2g}",
        )
        for one in found
    ]
    print_table("Who is followed by whom", columns, rows)
    if not rows:
        typer.echo("nothing yet: the nightly run needs four weeks of events, and links between them")


@app.command()
def night(context: typer.Context) -> None:
    """Look again at all events now, instead of in the night; the running pipeline goes on with what is learned."""
    from pipeline.clock import SystemClock
    from pipeline.night import look, tell_night

    settings, now = settings_of(context), SystemClock().now()
    with opened(settings) as (bus, _):
        tell_night(bus, now, look(settings, bus, now))


def _list(context: typer.Context, picture: Path | None, size: int, *, as_json: bool) -> None:
    from enrich.gazetteer import load
    from pipeline.cli import findings, spread_map
    from pipeline.settings import load_sources

    settings = settings_of(context)
    gazetteer = load(settings.cache)
    areas = {source.id: findings.name_of(gazetteer, source.area) for source in load_sources(settings.sources)}
    with opened(settings) as (bus, _):
        found, blind = findings.last_versions(bus)[:size], findings.blind_spots(bus, areas)
    if picture:
        spread_map.write(picture, [finding for finding in found if finding.kind in {"spread", "surge"}], gazetteer)
    if as_json:
        print_json(found)
        return
    columns = ("id", "began (UTC)", "theme", "where", "grade", "by chance a year", "nightly run")
    print_table(
        "What was found; spread means: consistent with spread, never: caused",
        columns,
        [findings.row(finding, gazetteer) for finding in found],
    )
    for line in blind:
        typer.echo(printable(f"a blind spot, not calm: {line}"))


def _filter(context: typer.Context, events: Path, ties: Path | None, decoys: int, picture: Path | None) -> None:
    import msgspec

    import pipeline.app
    from enrich.gazetteer import load
    from enrich.spread.detect import detect
    from enrich.spread.findings import findings
    from enrich.spread.table import Geography, clean

    read = list(read_events(events))
    pairs = list(read_ties(ties)) if ties else []
    settings = settings_of(context)
    placed = picture is not None or any((event.place or "").isdigit() for event in read)
    geography = pipeline.app.geography(settings, pairs) if placed else Geography(pairs)
    encoder = msgspec.json.Encoder()
    found = findings(detect(clean(read, geography), decoys=decoys))
    if picture:
        from pipeline.cli import spread_map

        spread_map.write(picture, [f for f in found if f.kind == "spread" and f.q <= _SHOWN], load(settings.cache))
    print_lines(encoder.encode(finding) + b"\n" for finding in found)


def read_events(path: Path) -> Iterator[Event]:
    """The events of a file of JSON Lines.

    :raises UsageError: if a line is none.
    """
    import msgspec

    from enrich.lines import read_lines
    from enrich.spread.model import Event
    from pipeline.errors import UsageError

    def refuse(error: UsageError) -> None:
        raise UsageError(f"{path}: {error}")  # without one of its events a finding may be another one

    return read_lines(input_bytes(path), msgspec.json.Decoder(Event).decode, _EXPECTED, refuse)


def read_ties(path: Path) -> Iterator[tuple[str, str]]:
    """Pairs (from, to) of a CSV file.

    :raises UsageError: if it cannot be read, or has no such columns.
    """
    from pipeline.errors import UsageError

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}; expected a CSV file with the columns from,to") from error
    rows = csv.DictReader(text.splitlines())
    if not {"from", "to"} <= set(rows.fieldnames or ()):
        raise UsageError(f"{path}: found the columns {rows.fieldnames}; expected from,to")
    for row in rows:
        yield row["from"], row["to"]
