"""``fjaril sources``: what is collected, how it goes, what else could be, and lists of it for other programs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, complain, counted, output, print_json, print_table, printable, settings_of

if TYPE_CHECKING:
    from collectors.discovery import Proposal
    from pipeline.model import Source, SourceState
    from pipeline.settings import Settings

app = typer.Typer(help="What is collected: list the sources with how they do, check that they answer, find more, exchange lists.")
Only = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of sources; without any, all.")]
Purpose = Annotated[str, typer.Option(metavar="TEXT", help="Why it is collected; without a purpose no source is.")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List them with how they do; first those that were fetched here and are not in the file, as a demo's."""
    from pipeline.settings import sources_of, unstated

    settings = settings_of(context)
    states = _states(settings)
    sources = sources_of(settings)
    for slip in unstated(sources, settings.keep):
        complain(
            f"keep.purposes.{slip}: no source of {settings.sources} states this purpose; write it as the sources do, with * for anything"
        )
    elsewhere = [state for id_, state in sorted(states.items()) if id_ not in {source.id for source in sources}]
    # a replay's sources are as they were when it ended
    latest = max((state.checked for state in elsewhere), default=datetime.now(UTC))
    now = datetime.now(UTC)
    rows = [_row(None, state, latest) for state in elsewhere] + [_row(source, states.get(source.id), now) for source in sources]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "kind", "area", "reliability", "every", "kept", "condition", "checked", "detail")
    print_table(
        f"{counted(len(sources), 'source')} in {settings.sources}; fetched in {settings.data_dir}, but not listed there: {len(elsewhere)}",
        columns,
        [[row[c] for c in columns] for row in rows],
    )


@app.command()
def check(context: typer.Context, ids: Only = None, as_json: AsJson = False) -> None:
    """Fetch each once and say what came, without storing anything; streams are listened to for some seconds. Exits with 1 if one fails."""
    from rich.console import Console
    from rich.progress import Progress

    import pipeline.app
    from collectors.check import check as check_sources
    from collectors.engine import Engine
    from pipeline.clock import SystemClock
    from pipeline.service import Stopped, in_loop

    settings = settings_of(context)
    chosen = _chosen(settings, ids)
    states: list[SourceState] = []

    async def checked() -> None:
        clock = SystemClock()
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Checking", total=len(chosen))
            async with Engine(settings.http, clock) as engine:
                async for _, state in check_sources(chosen, engine, clock, pipeline.app.private(settings)):
                    states.append(state)
                    progress.advance(task)

    try:
        in_loop(checked())
    except Stopped:
        raise typer.Exit(130) from None
    if as_json:
        print_json(states)
    else:
        print_table("", ("id", "health", "items", "detail"), [(s.source, s.health, s.fetched, s.detail) for s in states])
    if any(state.health.is_failure for state in states):
        raise typer.Exit(1)


@app.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="A feed, a page that has one, a channel, a timeline.")],
    purpose: Purpose = "",
    write: Annotated[bool, typer.Option("--write", help="Add what is found to the file of sources; without it nothing is stored.")] = False,
    area: Annotated[str | None, typer.Option(help="Code of the municipality or county that it writes about, or SE.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find what could be collected at an address, propose how, and show what it would collect."""
    from msgspec.structs import replace

    from pipeline.cli.source_files import append, as_yaml

    settings = settings_of(context)
    found = [_placed(settings, proposal, area) for proposal in _discovered(settings, url)]
    sources = [replace(proposal.source, purpose=purpose or "(säg varför källan samlas in: --purpose)") for proposal in found]
    if as_json:
        print_json(
            [
                {"source": source, "reason": p.reason, "total": p.total, "entries": p.entries}
                for source, p in zip(sources, found, strict=True)
            ]
        )
    else:
        for source, proposal in zip(sources, found, strict=True):
            _show(source, proposal, as_yaml([source]))
    if write:
        append(settings.sources, sources, purpose)
        typer.echo(f"{settings.sources}: {counted(len(sources), 'source')} added", err=as_json)


@app.command("export")
def export_(
    context: typer.Context, file: Annotated[Path | None, typer.Argument(help="OPML file; without one, standard output.")] = None
) -> None:
    """Write the list as OPML 2.0, which feed readers take."""
    from collectors.opml import written
    from pipeline.errors import UsageError
    from pipeline.settings import load_sources

    data = written(load_sources(settings_of(context).sources), "Fjäril")
    if file is None:
        sys.stdout.buffer.write(data)
        return
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; name a file that can be written") from error


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="OPML file, as feed readers write it.")],
    purpose: Purpose = "",
    write: Annotated[bool, typer.Option("--write", help="Add them to the file of sources; without it they are printed as YAML.")] = False,
) -> None:
    """Read an OPML list; addresses that are listed already are left out."""
    from collectors.opml import read
    from pipeline.cli.source_files import append, as_yaml
    from pipeline.errors import UsageError
    from pipeline.settings import load_sources

    settings = settings_of(context)
    listed = load_sources(settings.sources)
    try:
        sources = read(file.read_bytes(), purpose, [source.id for source in listed])
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; expected an OPML file") from error
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error
    new = [source for source in sources if source.url not in {one.url for one in listed}]
    if write:
        append(settings.sources, new, purpose or "imported")
        typer.echo(f"{settings.sources}: {counted(len(new), 'source')} added, {len(sources) - len(new)} listed already")
    else:
        typer.echo(printable(as_yaml(new)), nl=False)


def _discovered(settings: Settings, url: str) -> list[Proposal]:
    from collectors.discovery import discover
    from collectors.engine import Engine
    from collectors.failures import Failure
    from pipeline.clock import SystemClock
    from pipeline.errors import UsageError
    from pipeline.service import Stopped, in_loop
    from pipeline.settings import load_sources

    taken = [source.id for source in load_sources(settings.sources)]

    async def found() -> list[Proposal]:
        clock = SystemClock()
        async with Engine(settings.http, clock) as engine:
            return [proposal async for proposal in discover(url, engine, clock, taken)]

    try:
        proposals = in_loop(found())
    except Stopped:
        raise typer.Exit(130) from None
    except Failure as failure:
        raise UsageError(f"{url}: {failure.reason}; give the address of a feed, or of a page that names one") from failure
    if not proposals:
        raise UsageError(
            f"{url}: the page names no feed, and none is where feeds usually are; a page can be read by selectors: docs/sources.md"
        )
    return proposals


def _placed(settings: Settings, proposal: Proposal, area: str | None) -> Proposal:
    """With the area that was given, else the municipality or county whose name the source has, else the nation."""
    from msgspec.structs import replace

    import pipeline.app
    from pipeline.cli.source_files import area_of

    code = area or area_of(f"{proposal.source.name} {proposal.source.url}", pipeline.app.gazetteer(settings))
    return replace(proposal, source=replace(proposal.source, area=code))


def _show(source: Source, proposal: Proposal, yaml: str) -> None:
    from rich.markup import escape

    screen = output()
    screen.print(escape(printable(yaml)), highlight=False)
    screen.print(escape(f"# reliability {source.reliability}: {proposal.reason}"), highlight=False)
    screen.print(
        f"# it would collect {counted(proposal.total, 'item')} now" + (", among them:" if proposal.entries else ""), highlight=False
    )
    for entry in proposal.entries:
        when = f"{entry.published:%Y-%m-%d %H:%M}" if entry.published else "no time"
        text = " ".join((entry.title or entry.text).split())[:100]
        screen.print(escape(printable(f"#   {when}  {text}")), highlight=False)
    for problem in proposal.problems:
        screen.print(escape(printable(f"# odd: {problem}")), highlight=False)


def _chosen(settings: Settings, ids: list[str] | None) -> tuple[Source, ...]:
    from pipeline.errors import UsageError
    from pipeline.settings import load_sources

    sources = {source.id: source for source in load_sources(settings.sources)}
    if unknown := sorted(set(ids or ()) - sources.keys()):
        raise UsageError(f"{settings.sources}: there is no source {', '.join(unknown)}; `fjaril sources list` shows them")
    return tuple(sources[id_] for id_ in ids) if ids else tuple(source for source in sources.values() if source.enabled)


def _states(settings: Settings) -> dict[str, SourceState]:
    import pipeline.app
    from pipeline.model import SourceState, decode

    if not settings.bus_path.exists():
        return {}
    bus = pipeline.app.open_bus(settings)
    try:
        return {record.key: decode(record.value, SourceState) for record in bus.read("sources")}
    finally:
        bus.close()


def _row(source: Source | None, state: SourceState | None, now: datetime) -> dict[str, object]:
    """A source of the file, of what was fetched, or both."""
    from pipeline.health import condition, told

    return {
        "id": source.id if source else state.source if state else "",
        "kind": source.kind if source else "",
        "name": source.name if source else "",
        "owner": source.owner if source else "",
        "area": source.area if source else "",
        "reliability": source.reliability if source else "",
        "every": f"{source.interval} s" if source else "",
        "kept": f"{source.retention_days} d" if source else "",
        "enabled": source.enabled if source else False,
        "condition": condition(state, now).value if state else "unknown",
        "health": state.health if state else "unknown",
        "checked": f"{state.checked:%Y-%m-%d %H:%M}" if state else "",
        "changed": f"{state.changed:%Y-%m-%d %H:%M}" if state and state.changed else "",
        "detail": told(state, now) if state else "" if source and source.enabled else "off",
        "purpose": source.purpose if source else "",
        "terms": source.terms if source else "",
        "retention_days": source.retention_days if source else 0,
        "url": state.url if state else source.url if source else "",
    }
