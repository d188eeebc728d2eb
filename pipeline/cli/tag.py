"""``fjaril tag``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import complain, input_bytes, printable, settings_of

if TYPE_CHECKING:
    from pipeline.errors import UsageError


def tag(
    context: typer.Context, file: Annotated[Path | None, typer.Argument(help="JSON Lines; standard input if left out.")] = None
) -> None:
    """Tag places and themes: JSON Lines in ({"id", "title"?, "text", "published"?}), the same with places, themes, incidents and lang out.

    A line that is no such object is left out and named on standard error; then the exit code is 1.
    """
    import pipeline.app
    from enrich.tag import tag_lines

    refused = 0

    def refuse(error: UsageError) -> None:
        nonlocal refused
        refused += 1
        complain(f"{file}: {error}" if file else str(error))

    lines = input_bytes(file)
    nlp = pipeline.app.language(settings_of(context))
    for line in tag_lines(lines, nlp, refuse):
        sys.stdout.buffer.write(printable(line.decode()).encode())
    if refused:
        raise typer.Exit(1)
