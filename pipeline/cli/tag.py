"""``fjaril tag``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.common import input_bytes, print_lines, refusing, settings_of

if TYPE_CHECKING:
    from spacy.language import Language

    from enrich.explain import Explainer

#: Stands for a page that is not asked for.
_NO_PAGE = "-"


class TagCommand(typer.core.TyperCommand):
    """Takes ``--explain`` with a page, ``--explain why.html``, and without."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The same, with a value after each ``--explain`` that no page follows."""
        filled = []
        for number, argument in enumerate(args):
            filled.append(argument)
            if argument == "--explain" and not "".join(args[number + 1 : number + 2]).endswith((".html", ".htm")):
                filled.append(_NO_PAGE)
        return super().parse_args(ctx, filled)


def tag(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="JSON Lines; standard input if left out.")] = None,
    explain: Annotated[
        str | None,
        typer.Option(metavar="[FILE.html]", help="Say why: reason, alternatives and evidence of each tag, and a page of it (in Swedish)."),
    ] = None,
) -> None:
    """Tag places and themes: JSON Lines in ({"id", "title"?, "text", "published"?}), the same with places, themes, incidents and lang out.

    A line that is no such object is left out and named on standard error; then the exit code is 1.
    """
    import pipeline.app
    from enrich.tag import tag_lines

    nlp = pipeline.app.language(settings_of(context))
    pipeline.app.calm_collector()
    with refusing(file) as refuse, _explainer(nlp, explain) as explainer:
        print_lines(tag_lines(input_bytes(file), nlp, refuse, explainer=explainer))


@contextmanager
def _explainer(nlp: Language, page: str | None) -> Iterator[Explainer | None]:
    """What explains, and writes to this page; None where nothing is to be explained.

    :raises UsageError: if the page cannot be written.
    """
    from enrich.explain import Explainer
    from pipeline.errors import UsageError

    if page is None:
        yield None
    elif page == _NO_PAGE:
        yield Explainer(nlp)
    else:
        try:
            written = Path(page).open("w", encoding="utf-8")  # noqa: SIM115  (closed below; only its opening may be refused)
        except OSError as error:
            raise UsageError(f"{page}: {error.strerror}; expected a file that can be written, as --explain why.html") from error
        with written:
            explainer = Explainer(nlp, written.write)
            yield explainer
            explainer.close()
