"""``fjaril sources``: what is collected, and how it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, counted, print_json, print_table, settings_of

if TYPE_CHECKING:
    from pipeline.model import Source, SourceState
    from pipeline.settings import Settings

app = typer.Typer(help="What is collected: list the sources with their health, check that they answer.")
Only = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of sources; without any, all.")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List them with what the last fetch showed; first those that were fetched here and are not in the file, as a demo's."""
    from pipeline.settings import load_sources

    settings = settings_of(context)
    states = _states(settings)
    sources = load_sources(settings.sources)
    elsewhere = [state for id_, state in sorted(states.items()) if id_ not in {source.id for source in sources}]
    rows = [_row(None, state) for state in elsewhere] + [_row(source, states.get(source.id)) for source in sources]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "kind", "area", "reliability", "every", "health", "checked", "detail")
    print_table(
        f"{counted(len(sources), 'source')} in {settings.sources}; fetched in {settings.data_dir}, but not listed there: {len(elsewhere)}",
        columns,
        [[row[c] for c in columns] for row in rows],
    )


@app.command()
def check(context: typer.Context, ids: Only = None, as_json: AsJson = False) -> None:
    """Fetch each once and say what came, without storing anything. Exits with 1 if one fails."""
    from rich.console import Console
    from rich.progress import Progress

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
                async for _, state in check_sources(chosen, engine, clock):
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


def _row(source: Source | None, state: SourceState | None) -> dict[str, object]:
    """A source of the file, of what was fetched, or both."""
    row: dict[str, object] = {
        "id": source.id if source else state.source if state else "",
        "kind": source.kind if source else "",
        "name": source.name if source else "",
        "area": source.area if source else "",
        "reliability": source.reliability if source else "",
        "every": f"{source.interval} s" if source else "",
        "enabled": source.enabled if source else False,
        "health": state.health if state else "unknown",
        "checked": f"{state.checked:%Y-%m-%d %H:%M}" if state else "",
        "detail": state.detail if state else "" if source and source.enabled else "off",
        "purpose": source.purpose if source else "",
        "url": state.url if state else source.url if source else "",
    }
    if state and state.failed and not state.health.is_failure:
        row["detail"] = f"{state.detail}; failed last on {state.failed:%Y-%m-%d %H:%M}: {state.failure}"
    return row
