"""``fjaril search``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, opened, output, print_json, settings_of

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer
    from pipeline.model import Document
    from pipeline.ports import Hit, Page

_UNITS = {"h": 1, "d": 24, "w": 168}


def search(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(help='Words, "a phrase", -without, place:1480, theme:fire, source:polisen, lang:sv. Empty: everything.')
    ] = "",
    place: Annotated[
        list[str] | None, typer.Option(help="Name or code of a municipality (Malmö, 1280) or county (Skåne län, 12); several: any of them.")
    ] = None,
    theme: Annotated[list[str] | None, typer.Option(help="Id of a theme, its children included (fire).")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Id of a source.")] = None,
    since: Annotated[str | None, typer.Option(help="2026-03-01, or 36h, 7d, 2w before now.")] = None,
    until: Annotated[str | None, typer.Option(help="As --since; this moment itself is left out.")] = None,
    size: Annotated[int, typer.Option("--size", "-n", min=1, max=1000, help="Documents a page.")] = 10,
    after: Annotated[str | None, typer.Option(help="Mark of the next page, as the page before printed it.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Newest first instead of best first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search the documents."""
    from enrich.gazetteer import load
    from pipeline.ports import Filters, Search

    begin, end = _moment("--since", since), _moment("--until", until)
    settings = settings_of(context)
    with opened(settings) as (_, index):
        gazetteer = load(settings.cache)
        filters = Filters(
            places=tuple(_code(gazetteer, name) for name in place or ()),
            themes=tuple(theme or ()),
            sources=tuple(source or ()),
            since=begin,
            until=end,
        )
        question = Search(
            text=query,
            filters=filters,
            size=size,
            after=after,
            order="newest" if newest or not query else "relevance",
            facets=("place", "theme", "source"),
        )
        page = index.search(question)
    if as_json:
        print_json(page)
        return
    _show(page, gazetteer)


def _code(gazetteer: Gazetteer, name: str) -> str:
    """The code of a place that is named by name or code."""
    from pipeline.errors import UsageError

    if gazetteer.describe(name):
        return name
    found = gazetteer.municipality_by_name(name) or gazetteer.county_by_name(name)
    if found is None:
        raise UsageError(
            f"--place: there is no municipality or county {name!r}; give a name such as Malmö or Skåne län, or a code such as 1280 or 12"
        )
    return found.code


def _name(gazetteer: Gazetteer, code: str) -> str:
    place = gazetteer.describe(code)
    return f"{place.name} ({code})" if place else code


def _moment(option: str, text: str | None) -> datetime | None:
    from pipeline.errors import UsageError

    if text is None:
        return None
    try:
        if text[:-1].isdecimal() and text[-1] in _UNITS:
            return datetime.now(UTC) - timedelta(hours=int(text[:-1]) * _UNITS[text[-1]])
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option}: found {text!r}; expected a date such as 2026-03-01, or 36h, 7d, 2w") from error


def _show(page: Page, gazetteer: Gazetteer) -> None:
    from rich.text import Text

    console = output()
    for hit in page.hits:
        document = hit.document
        console.print(Text(document.title or document.text[:80], style="bold"))
        console.print(Text(_line(document), style="dim"))
        if document.title and document.text:
            console.print(_marked(hit))
        console.print()
    console.print(f"{page.total} found" + ("; the next page: --after " + page.after if page.after else ""))
    for facet, counts in page.facets.items():
        if counts:
            named = (f"{_name(gazetteer, value) if facet == 'place' else value} {n}" for value, n in counts[:8])
            console.print(Text(f"{facet}: " + ", ".join(named), style="dim"))


def _line(document: Document) -> str:
    places = ", ".join(f"{p.name} ({p.code})" for p in document.places[:3]) or "no place"
    themes = ", ".join(theme.id for theme in document.themes[:3]) or "no theme"
    copy = "  copy of an earlier document" if document.copy_of else ""
    edited = f"  version {document.revision}" if document.revision > 1 else ""
    published = document.published.astimezone()
    return f"{published:%Y-%m-%d %H:%M}  {document.provenance.source} ({document.provenance.reliability})  {places}  {themes}{edited}{copy}"


def _marked(hit: Hit) -> object:
    """The passage with its marks as emphasis: the index gives HTML."""
    import html
    import re

    from rich.text import Text

    text = Text()
    for number, part in enumerate(re.split(r"</?mark>", hit.highlight or html.escape(hit.document.text[:200]))):
        text.append(html.unescape(part), style="yellow" if number % 2 else "")
    return text
