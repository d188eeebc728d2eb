"""``fjaril learn``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, opened, output, print_json, print_table, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from enrich.learned.file import Learned, Part

#: Seconds after which a bar shows how far it is.
_PATIENCE = 2.0


def learn(
    context: typer.Context,
    forget: Annotated[bool, typer.Option("--forget", help="Remove what was learned.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn names of places and words of themes from documents of the index whose source states place and category.

    What is learned is used where it was better on the newest of them, which are held back; the figures are shown.
    """
    import pipeline.app
    from enrich.learned import file

    settings = settings_of(context)
    if forget:
        _forgotten(file.forget(settings.data_dir), settings.data_dir)
        return
    with opened(settings) as (_, index), _progress() as tell:
        learned = pipeline.app.learn(settings, index, tell)
    path = file.save(learned, settings.data_dir)
    if as_json:
        print_json(_figures(learned, path))
    else:
        _show(learned, path)


def _forgotten(removed: bool, directory: Path) -> None:  # noqa: FBT001  (what it says)
    said = "What was learned is removed" if removed else "Nothing was learned"
    typer.echo(f"{directory}: {said}. A stage that runs goes without it after its next start.")


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """Shows a bar on standard error, once it has taken two seconds."""
    from rich.console import Console
    from rich.progress import Progress

    progress, began = Progress(console=Console(stderr=True), transient=True), time.monotonic()
    task = progress.add_task("Learning", total=1.0)

    def tell(share: float) -> None:
        progress.update(task, completed=share)
        if not progress.live.is_started and time.monotonic() - began > _PATIENCE:
            progress.start()

    try:
        yield tell
    finally:
        progress.stop()


def _figures(learned: Learned, path: Path) -> dict[str, object]:
    """All but what is used itself."""
    return {
        "file": str(path),
        "notices": learned.notices,
        "first": learned.first,
        "last": learned.last,
        "names": len(learned.places.names) if learned.places else 0,
        "places": learned.places_part,
        "themes": learned.themes_part,
        "by_theme": learned.themes.main if learned.themes else (),
    }


def _show(learned: Learned, path: Path) -> None:
    console = output()
    span = f"{learned.first:%Y-%m-%d} to {learned.last:%Y-%m-%d}"
    console.print(f"Learned from {learned.notices:,} notices, {span}", highlight=False)
    rows = [*_rows("places", learned.places_part), *_rows("themes", learned.themes_part)]
    print_table("Right of the answered / of all, on the newest notices, held back", ("", "notices", "without", "with", "used"), rows)
    if learned.themes:
        shown = sorted(learned.themes.main, key=lambda theme: -theme.examples)
        print_table(
            "F1 of the best theme by main theme, held back",
            ("theme", "notices", "held back", "lexicon", "learned", "used"),
            [(t.id, t.examples, t.held_back, f"{t.lexicon_f1:.3f}", f"{t.learned_f1:.3f}", "yes" if t.used else "no") for t in shown],
        )
    console.print(f"{path}: stored. A stage that runs takes it up at its next start.", soft_wrap=True, highlight=False)


def _rows(name: str, part: Part) -> list[tuple[str, ...]]:
    used = "yes" if part.used else "no"
    if not part.after:
        return [(name, "", "", "", f"no: {part.why}")]
    return [
        (
            measure,
            str(after.notices),
            f"{before.of_answered:.3f} / {before.of_all:.3f}",
            f"{after.of_answered:.3f} / {after.of_all:.3f}",
            used,
        )
        for (measure, before), after in zip(part.before.items(), part.after.values(), strict=True)
    ]
