"""``fjaril search``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from pipeline.cli.common import AsJson, counted, opened, output, print_json, printable, settings_of
from pipeline.cli.times import moment

if TYPE_CHECKING:
    from rich.console import Console

    from enrich.gazetteer import Gazetteer
    from pipeline.model import Document
    from pipeline.ports import Hit, Page

#: A word or phrase that must not occur; an option has one letter, or two hyphens.
_WITHOUT = re.compile(r"-(?:[^\W_-]{2}|\")")


class SearchCommand(typer.core.TyperCommand):
    """Takes ``-övning`` for a word of the query, not for options of one letter each."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The same with a space before such words: the query does not mind it, and an option begins otherwise."""
        return super().parse_args(ctx, [f" {argument}" if _WITHOUT.match(argument) else argument for argument in args])


def search(
    context: typer.Context,
    query: Annotated[
        list[str] | None,
        typer.Argument(help='Words, "a phrase", -without, place:1480, theme:fire, source:polisen, lang:sv, story:ID. Empty: everything.'),
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option(metavar="PLACE", help="Name or code of a municipality (Malmö, 1280) or county (Skåne län, 12); several: any of them."),
    ] = None,
    theme: Annotated[list[str] | None, typer.Option(metavar="THEME", help="Id of a theme, its children included (fire).")] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="SOURCE", help="Id of a source.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="2026-03-01, or 36h, 7d, 2w before now.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="As --since; this moment itself is left out.")] = None,
    size: Annotated[int, typer.Option("--size", "-n", min=1, max=1000, help="Documents a page.")] = 10,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Mark of the next page, as the page before printed it.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Newest first instead of best first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search the documents."""
    from enrich.gazetteer import load
    from pipeline.desk.known import Known
    from pipeline.desk.merged import names_story, with_merged
    from pipeline.ports import Filters, Search

    text = " ".join(query or ()).strip()

    begin, end = moment("--since", since), moment("--until", until)
    settings = settings_of(context)
    with opened(settings) as (bus, index):
        if names_story(text):
            from pipeline.desk.state import read

            text = with_merged(text, read(bus, "stories"))
        gazetteer = load(settings.cache)
        filters = Filters(
            places=tuple(_code(gazetteer, name) for name in place or ()),
            themes=tuple(theme or ()),
            sources=tuple(source or ()),
            since=begin,
            until=end,
        )
        question = Search(
            text=text,
            filters=filters,
            size=size,
            after=after,
            order="newest" if newest or not text else "relevance",
            facets=("place", "theme", "source"),
        )
        Known(settings, gazetteer, index).check(question)
        page = index.search(question)
    if as_json:
        print_json(page)
        return
    _show(page, gazetteer)


def _code(gazetteer: Gazetteer, name: str) -> str:
    """The code of a place that is named by name or code."""
    from pipeline.desk.known import near
    from pipeline.errors import UsageError

    if gazetteer.describe(name):
        return name
    found = gazetteer.municipality_by_name(name) or gazetteer.county_by_name(name)
    if found is None:
        areas = {place.name for place in gazetteer.places if len(place.code) in {2, 4} and place.code.isdigit()}
        raise UsageError(f"--place: there is no municipality or county {name!r}{near(name, areas)}; a code does, too, such as 1280 or 12")
    return found.code


def _name(gazetteer: Gazetteer, code: str) -> str:
    place = gazetteer.describe(code)
    return f"{place.name} ({code})" if place else code


def _show(page: Page, gazetteer: Gazetteer) -> None:
    console = output()
    for hit in page.hits:
        document = hit.document
        _say(console, document.title or document.text[:80], "bold")
        _say(console, _line(document), "dim")
        if document.title and document.text:
            console.print(_marked(hit))
        if document.url:
            _say(console, document.url, "dim")
        console.print()
    _say(console, f"{counted(page.total, 'document')} found")
    if page.after:
        _say(console, f"the next page: --after {page.after}")
    for facet, counts in page.facets.items():
        if counts:
            named = (f"{_name(gazetteer, value) if facet == 'place' else value} {n}" for value, n in counts[:8])
            _say(console, f"{facet}: {', '.join(named)}", "dim")


def _say(console: Console, text: str, style: str = "") -> None:
    """A line that is not folded: what is copied from it must stay whole."""
    from rich.text import Text

    console.print(Text(printable(text), style=style), soft_wrap=True)


def _line(document: Document) -> str:
    places = ", ".join(f"{p.name} ({p.code})" for p in document.places[:3]) or "no place"
    themes = ", ".join(theme.id for theme in document.themes[:3]) or "no theme"
    copy = "  copy of an earlier document" if document.copy_of else ""
    edited = f"  version {document.revision}" if document.revision > 1 else ""
    source = f"{document.provenance.source} ({document.provenance.reliability})"
    several = f"  {n} incidents" if (n := len(document.incidents)) > 1 else ""
    story = f"  story:{document.story}" if document.story else ""
    return f"{_local(document.published)}  {source}  {places}  {themes}{several}{edited}{copy}{story}"


def _local(moment: datetime) -> str:
    """The time here, with the name of its zone; that of UTC at the ends of the calendar, where there is no other."""
    try:
        here = moment.astimezone()
    except (OverflowError, ValueError):
        here = moment.astimezone(UTC)
    return f"{here:%Y-%m-%d %H:%M %Z}"


def _marked(hit: Hit) -> object:
    """The passage with its marks as emphasis: the index gives HTML."""
    import html

    from rich.text import Text

    text = Text()
    for number, part in enumerate(re.split(r"</?mark>", hit.highlight or html.escape(hit.document.text[:200]))):
        text.append(printable(html.unescape(part)), style="yellow" if number % 2 else "")
    return text
