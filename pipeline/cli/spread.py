"""``fjaril spread``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import input_bytes, print_lines, settings_of

if TYPE_CHECKING:
    from enrich.spread.model import Event

_EXPECTED = '{"id","time" with its zone,"place" or null,"theme","links"}'


def spread(
    context: typer.Context,
    events: Annotated[
        Path,
        typer.Option("--events", metavar="FILE", help='Events as JSON Lines {"id","time","place","theme","links"}; - is standard input.'),
    ],
    ties: Annotated[Path | None, typer.Option("--ties", metavar="FILE", help="Pairs of places with social ties: CSV from,to.")] = None,
    decoys: Annotated[int, typer.Option("--decoys", min=20, help="How many times chance is tried.")] = 200,
) -> None:
    """Find what spreads from place to place: events in, findings out, the strongest first (JSON Lines)."""
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
    found = findings(detect(clean(read, Geography(pairs, position)), decoys=decoys))
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
