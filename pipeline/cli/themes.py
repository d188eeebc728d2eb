"""``fjaril themes``: what a changed lexicon does."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, counted, opened, output, print_json, print_table, settings_of

if TYPE_CHECKING:
    from enrich.lexicon_change import Comparison, Example

app = typer.Typer(help="The themes of documents: test a changed lexicon.")


@app.callback()
def _themes() -> None:
    """One command is a command too, not the whole."""


@app.command("test")
def changed(
    context: typer.Context,
    lexicon: Annotated[Path | None, typer.Option(metavar="FILE", help="The changed lexicon (default: that of the settings).")] = None,
    documents: Annotated[int, typer.Option(min=1, help="How many of the newest documents.")] = 2_000,
    as_json: AsJson = False,
) -> None:
    """What a changed lexicon does to the newest documents of the index: themes gained and lost, with the words that decide.

    FILE is compared with the lexicon of the settings; that of the settings with the bundled one.
    """
    import enrich.lexicon
    import pipeline.app
    from enrich.lexicon_change import compare

    settings = settings_of(context)
    before = enrich.lexicon.load(settings.lexicon if lexicon else None)
    after = enrich.lexicon.load(lexicon or settings.lexicon)
    with opened(settings) as (_, index):
        found = compare(islice(pipeline.app.every_document(index), documents), before, after)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: Comparison) -> None:
    rows: list[tuple[object, ...]] = []
    for change in found.changes:
        rows.append((change.theme, change.before, change.after, f"+{change.gained}", f"−{change.lost}", ""))
        rows += [("", "", "", "", "", f"+ {_said(example)}") for example in change.gains]
        rows += [("", "", "", "", "", f"− {_said(example)}") for example in change.losses]
    title = f"{counted(found.documents, 'document')}, the newest; {found.best_changed} have another best theme"
    if rows:
        print_table(title, ("theme", "before", "after", "gained", "lost", "documents and the words that decide"), rows)
    else:
        output().print(f"{title}: no theme was gained or lost", highlight=False, soft_wrap=True)


def _said(example: Example) -> str:
    return f"{example.id}: {', '.join(example.words)}"
