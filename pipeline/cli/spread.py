"""``fjaril spread``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import input_bytes, settings_of

if TYPE_CHECKING:
    from enrich.spread.model import Event

app = typer.Typer(no_args_is_help=True)


@app.callback(invoke_without_command=True)
def spread(
    context: typer.Context,
    events: Annotated[
        Path | None,
        typer.Option("--events", metavar="FILE", help='Events as JSON Lines {"id","time","place","theme","links"}; - is standard input.'),
    ] = None,
    ties: Annotated[Path | None, typer.Option("--ties", metavar="FILE", help="Pairs of places with social ties: CSV from,to.")] = None,
    decoys: Annotated[int, typer.Option("--decoys", min=20, help="How many times chance is tried.")] = 200,
) -> None:
    """Find what spreads from place to place: events in, findings out, the strongest first (JSON Lines)."""
    if context.invoked_subcommand is not None or events is None:
        return
    import msgspec

    import pipeline.app
    from enrich.spread.detect import detect
    from enrich.spread.findings import findings
    from enrich.spread.table import Geography, clean

    read = list(read_events(events))
    pairs = list(read_ties(ties)) if ties else []
    gazetteer = pipeline.app.gazetteer(settings_of(context)) if any((event.place or "").isdigit() for event in read) else None

    def position(code: str) -> tuple[float, float] | None:
        place = gazetteer.describe(code) if gazetteer else None
        return (place.latitude, place.longitude) if place else None

    encoder = msgspec.json.Encoder()
    for finding in findings(detect(clean(read, Geography(pairs, position)), decoys=decoys)):
        sys.stdout.buffer.write(encoder.encode(finding) + b"\n")


def read_events(path: Path) -> Iterator[Event]:
    """The events of a file of JSON Lines.

    :raises UsageError: if a line is none.
    """
    import msgspec

    from enrich.spread.model import Event
    from pipeline.errors import UsageError

    decoder = msgspec.json.Decoder(Event)
    for number, line in enumerate(input_bytes(path), 1):
        if line.strip():
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UsageError(
                    f'{path}:{number}: {error}; found {line[:80]!r}, expected {{"id","time" with its zone,"place" or null,"theme","links"}}'
                ) from error


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
