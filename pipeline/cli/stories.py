"""``fjaril stories``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import input_bytes, print_lines, refusing, settings_of

if TYPE_CHECKING:
    from enrich.stories.filter import Tagger
    from pipeline.errors import UsageError
    from pipeline.settings import Settings


def stories(
    context: typer.Context, file: Annotated[Path | None, typer.Argument(help="JSON Lines; standard input if left out.")] = None
) -> None:
    """Put documents into stories: JSON Lines in, in time order ({"id", "title"?, "text", "published"?}); {"id", "story"} out.

    A later line for an id replaces the earlier: stories merge and split. What has no places and themes yet is tagged.
    A line that is no such object is left out and named on standard error; then the exit code is 1.
    """
    from enrich.stories.filter import story_lines
    from enrich.stories.stories import Stories

    with refusing(file) as refuse:
        print_lines(story_lines(input_bytes(file), Stories(), lambda: _tagger(settings_of(context)), refuse))


def _tagger(settings: Settings) -> Tagger:
    import pipeline.app
    from enrich.tag import tag_lines

    nlp = pipeline.app.language(settings)

    def never(error: UsageError) -> None:
        raise error  # the lines were read before

    return lambda lines: tag_lines(lines, nlp, never)
