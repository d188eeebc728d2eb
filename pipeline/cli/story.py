"""What ``fjaril demo`` tells in the end: read from the index and the bus, as anyone could."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from rich.markup import escape as escape_markup
from rich.table import Table

from enrich.gazetteer import load
from enrich.lexicon import load as load_lexicon
from enrich.spread.sightings import ROUND_UP, is_round_up
from enrich.views.common import Names
from pipeline.app import every_document
from pipeline.cli import would_tell
from pipeline.cli.books import examined, summary
from pipeline.cli.common import counted, opened, printable
from pipeline.cli.findings import last_versions, name_of, told_shortly
from pipeline.desk.findings import silent
from pipeline.model import Document, PlaceRole, SourceState, decode
from pipeline.ports import Filters, Search

if TYPE_CHECKING:
    from rich.console import Console

    from enrich.gazetteer import Gazetteer
    from pipeline.ports import Bus, Index
    from pipeline.settings import Settings

#: What the scenario's fires are tagged as.
_THEME = "fire.vehicle"


def tell(settings: Settings, console: Console, command: str) -> None:
    """Print what the pipeline found in the demo, and how to go on.

    :param command: how the program is called on this data directory, as a shell takes it.
    """
    gazetteer = load(settings.cache)
    with opened(settings) as (bus, index):
        report = examined(settings, bus, index)
        console.print()
        console.print("[bold]An invented fortnight, 2–15 March 2026: what the pipeline made of it[/bold]", highlight=False)
        console.print(summary(report), highlight=False)
        console.print()
        console.print(_themes(index, gazetteer))
        console.print()
        console.print(_fires(index, gazetteer))
        console.print()
        found = [finding for finding in last_versions(bus) if finding.kind == "spread"]
        for finding in found[:1]:
            console.print("[bold]Found while it happened[/bold]", highlight=False)
            console.print(escape(told_shortly(finding, gazetteer)), highlight=False)
            console.print()
        told = list(would_tell.lines(bus, Names(gazetteer, load_lexicon(settings.lexicon))))
        if told:
            console.print(
                "[bold]What the example rules would have told, and whom (deploy/rules, deploy/rota.yaml; times in UTC)[/bold]",
                highlight=False,
            )
            for line in told:
                console.print(escape(line), highlight=False)
            console.print()
        for line in (*_oddities(index), *_sources(bus)):
            console.print(f"• {line}", highlight=False)
    console.print()
    console.print("[bold]All of it in a browser[/bold]")
    console.print(f"  {escape(command)} console  [dim]# http://127.0.0.1:8765/[/dim]", soft_wrap=True, highlight=False)
    console.print()
    console.print("[bold]Go on[/bold]")
    for arguments, why in (
        *((f"spread show {finding.id[:8]}", "the evidence of what was found, word for word") for finding in found[:1]),
        (f"spread --map {shlex.quote(str(settings.data_dir / 'spread.svg'))}", "a map of what was found"),
        (f"lagesbild Trollhättan --until 2026-03-16 -o {shlex.quote(str(settings.data_dir / 'lage.html'))}", "a situation picture"),
        ("search bilbrand -övning --newest", "search what was collected"),
        ("search --theme fire.vehicle --place Trollhättan", "by theme and place"),
        ("search '\"som i Trollhättan\"'", "who quotes whom"),
        ("sources list", "how each source goes"),
        ("doctor", "the books, and what is installed"),
    ):
        console.print(f"  {escape(command)} {arguments}  [dim]# {why}[/dim]", soft_wrap=True, highlight=False)


def escape(text: str) -> str:
    """``text`` as it is, in what rich prints: neither its markup nor a terminal's commands count."""
    return escape_markup(printable(text))


def _themes(index: Index, gazetteer: Gazetteer) -> Table:
    facets = index.search(Search(size=1, facets=("theme", "place"))).facets
    table = Table(title="Most common themes and places (documents)", title_justify="left", box=None, header_style="dim", pad_edge=False)
    for column in ("theme", "", "place", ""):
        table.add_column(column, justify="left" if column else "right")
    for (theme, many), (place, number) in zip(facets["theme"][:8], facets["place"][:8], strict=False):
        table.add_row(theme, str(many), name_of(gazetteer, place), str(number))
    return table


def _fires(index: Index, gazetteer: Gazetteer) -> Table:
    """The first report of burning cars from each municipality, in order."""
    table = Table(
        title="Burning cars: first report from each municipality", title_justify="left", box=None, header_style="dim", pad_edge=False
    )
    for column in ("published (UTC)", "where", "source", "documents", "what it says"):
        table.add_column(column, overflow="fold" if column.startswith("what") else "ellipsis")
    first: dict[str, Document] = {}
    count: Counter[str] = Counter()
    for document in sorted(every_document(index, Filters(themes=(_THEME,))), key=lambda d: (d.published, d.id)):
        if is_round_up(document.places):
            continue
        for code in {p.municipality for p in document.places if p.role is PlaceRole.HAPPENED and p.municipality}:
            first.setdefault(code, document)
            count[code] += 1
    for code, document in first.items():
        published, said = f"{document.published:%d %b %H:%M}", escape(document.title or document.text)[:70]
        table.add_row(published, name_of(gazetteer, code), document.provenance.source, str(count[code]), said)
    return table


def _oddities(index: Index) -> list[str]:
    documents = list(every_document(index))
    edited = [d for d in documents if d.revision > 1]
    copies = [d for d in documents if d.copy_of]
    redacted = [d for d in documents if d.redactions]
    round_ups = sum(is_round_up(d.places) for d in documents)
    kinds = sorted({r.kind for d in redacted for r in d.redactions})
    return [
        f"{counted(len(edited), 'document')} with revisions: the last version is shown, and how many there were.",
        f"{counted(len(copies), 'document')} word for word like an earlier one: copies are coverage, not new occurrences.",
        f"{counted(round_ups, 'document')} naming {ROUND_UP} municipalities or more: round-ups, which say nothing of where it began.",
        f"{counted(len(redacted), 'document')} with personal data, taken out before they were searchable ({', '.join(kinds) or 'none'}).",
    ]


def _sources(bus: Bus) -> list[str]:
    states = [decode(record.value, SourceState) for record in bus.read("sources")]
    lines = [f"{s.source} failed last on {s.failed:%d %b %H:%M}: {escape(s.failure)}" for s in states if s.failed]
    return lines + [f"{s.source} has given nothing new since {s.changed:%d %b}: a blind spot, not calm." for s in silent(states)]
