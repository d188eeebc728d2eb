"""``fjaril places``: what a word means to the pipeline, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.common import AsJson, output, print_json, print_table, printable, settings_of

if TYPE_CHECKING:
    from enrich.learned.explain import Meaning

app = typer.Typer(help="What the names of places mean: explain.")


@app.callback()
def _places() -> None:
    """One command is a command too, not the whole."""


@app.command()
def explain(context: typer.Context, word: Annotated[str, typer.Argument(help="A name, as Möllevången.")], as_json: AsJson = False) -> None:
    """What a word means: official places of that name, what was learned of it, and what decides."""
    import pipeline.app

    meaning = pipeline.app.meaning(settings_of(context), word)
    if as_json:
        print_json(meaning)
    else:
        _show(meaning)


def _show(meaning: Meaning) -> None:
    console = output()

    def say(text: str) -> None:
        console.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    if meaning.official:
        columns = ("code", "name", "kind", "inside", "inhabitants")
        print_table(f"Official places called {meaning.word}", columns, [_row(one) for one in meaning.official])
    else:
        say(f"No official place is called {meaning.word}.")
    for trap in meaning.traps:
        say(f"• {trap}")
    if meaning.learned is None:
        say(meaning.not_learned)
    else:
        learned = meaning.learned
        print_table(
            f"Learned from {learned.support} notices with {learned.name}, the last of {learned.last:%Y-%m-%d}",
            ("place", "code", "notices", "share", "aged"),
            [(area.name, area.code, area.notices, f"{area.share:.0%}", f"{area.weight:.1f}") for area in learned.areas],
        )
        say(f"in lower case in {learned.common} notices; latest documents: {', '.join(learned.examples)}")
    say(f"What decides: {meaning.decides}")
    for place in meaning.places:
        say(f"  »{meaning.sentence}« gives {place.name} ({place.code}, {place.role}, {place.score:.2f}): {place.reason}")


def _row(one: Any) -> tuple[object, ...]:
    return one.code, one.name, one.kind, one.inside, one.population or ""
