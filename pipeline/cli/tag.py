"""``fjaril tag``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.common import input_bytes, settings_of


def tag(
    context: typer.Context, file: Annotated[Path | None, typer.Argument(help="JSON Lines; standard input if left out.")] = None
) -> None:
    """Tag places and themes: JSON Lines in ({"id", "title"?, "text", "published"?}), the same with places, themes and lang out."""
    import pipeline.app
    from enrich.tag import tag_lines

    lines = input_bytes(file)
    nlp = pipeline.app.language(settings_of(context))
    for line in tag_lines(lines, nlp):
        sys.stdout.buffer.write(line)
