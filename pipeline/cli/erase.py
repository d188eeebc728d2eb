"""``fjaril erase``: remove documents everywhere, with a receipt."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from contextlib import closing
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, counted, print_json, refuse_empty, settings_of

if TYPE_CHECKING:
    from pipeline.erase import Receipt
    from pipeline.model import ItemState
    from pipeline.ports import Bus
    from pipeline.settings import Settings

#: Seconds that a pipeline which runs elsewhere is waited for, and between two looks.
_PATIENCE, _LOOK = 120.0, 0.2
#: The stages that take a withdrawal; nobody is told of an alert by it.
_STAGES = ("enrich", "relate", "spread", "index")


def erase(
    context: typer.Context,
    documents: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids of documents, as `fjaril search --json` gives them.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="All documents of this source.")] = None,
    expired: Annotated[bool, typer.Option("--past-retention", help="All that are older than their source's retention_days.")] = False,
    purpose: Annotated[str, typer.Option(help="Why, for the log and the receipt.")] = "",
    as_json: AsJson = False,
) -> None:
    """Erase documents from bus, index and exports, for good: they do not come back when their source gives them again. Prints a receipt."""
    from pipeline import app
    from pipeline.clock import SystemClock
    from pipeline.errors import UsageError

    settings = settings_of(context)
    refuse_empty(settings)
    if not (documents or source or expired):
        raise UsageError("erase: nothing is named; give ids of documents, --source or --past-retention")
    now = SystemClock().now()
    with closing(app.open_bus(settings)) as bus:
        items = _wanted(settings, bus, documents or (), source, now, expired=expired)
        receipt = _erased(settings, bus, items, purpose, now)
    _print(receipt, as_json=as_json)
    if not receipt.is_complete:
        raise typer.Exit(1)


def _wanted(
    settings: Settings, bus: Bus, documents: Collection[str], source: str | None, now: datetime, *, expired: bool
) -> dict[str, ItemState]:
    from pipeline import app
    from pipeline.erase import past_retention, wanted
    from pipeline.settings import load_sources

    old: Iterable[str] = ()
    if expired:
        with closing(app.open_index(settings)) as index:
            old = list(past_retention(index, load_sources(settings.sources), now))
    return wanted(bus, {*documents, *old}, source)


def _erased(settings: Settings, bus: Bus, items: dict[str, ItemState], purpose: str, now: datetime) -> Receipt:
    from pipeline import app
    from pipeline import erase as erasing
    from pipeline.access.roles import Action
    from pipeline.cli.audit import operator
    from pipeline.erase import Receipt

    who = operator()
    with closing(app.open_access(settings)) as access:
        for id_ in items:
            access.audit.append(who, purpose, Action.ERASE, id_, now)
    before, days = erasing.traces(bus, items), erasing.days(bus, items)
    with closing(app.open_index(settings)) as index:
        searchable = sum(not erasing.is_gone(index, id_) for id_ in items)
    erasing.request(bus, items, purpose, now)
    rewritten = _carry_out(settings, bus)
    erasing.finish(bus, items, now)
    with closing(app.open_index(settings)) as index:
        left = sum(not erasing.is_gone(index, id_) for id_ in items)
    app.forget_answers(settings, {id_: item.source for id_, item in items.items()})
    return Receipt(
        at=now,
        who=who.name,
        purpose=purpose,
        documents=tuple(items),
        sources=tuple(sorted({item.source for item in items.values()})),
        before=before,
        after=erasing.traces(bus, items),
        searchable_before=searchable,
        searchable_after=left,
        rewritten=rewritten,
        exports=_exported_anew(settings, bus, days),
    )


def _carry_out(settings: Settings, bus: Bus) -> bool:
    """Let the stages take the withdrawals: here, or wait for the pipeline that runs already; whether they did here."""
    from pipeline import app
    from pipeline.errors import SearchIndexError, UsageError
    from pipeline.live import running

    stages = [stage for stage in _STAGES if stage in app.stages(settings)]
    try:
        with app.only_one(settings), running(settings, stages) as live:
            while any(live.lag().values()):
                live.check()
                time.sleep(_LOOK)
    except (UsageError, SearchIndexError):  # another process collects into this directory, or writes its index
        deadline = time.monotonic() + _PATIENCE
        while any(count for stage in stages for count in bus.lag(stage, app.READS[stage]).values()) and time.monotonic() < deadline:
            time.sleep(_LOOK)
        return False
    return True


def _exported_anew(settings: Settings, bus: Bus, days: Iterable[date]) -> tuple[date, ...]:
    from pipeline import app
    from pipeline.export import write

    done = sorted(set(days) & set(write.days(settings.export_path)))
    for day in done:
        app.export(settings, bus, day)
    return tuple(done)


def _print(receipt: Receipt, *, as_json: bool) -> None:
    if as_json:
        print_json(receipt)
        return
    was, now = sum(receipt.before.values()), sum(receipt.after.values())
    lines = (
        f"{counted(len(receipt.documents), 'document')} of {', '.join(receipt.sources)} erased {receipt.at:%Y-%m-%d %H:%M} UTC by {receipt.who}",
        f"bus: {counted(was, 'record')} held something of them, {now} now",
        f"index: search found {receipt.searchable_before}, {receipt.searchable_after} now",
        "" if receipt.rewritten else "the index's files are rewritten within the hour, by the pipeline that runs",
        f"exports made anew: {', '.join(map(str, receipt.exports)) or 'none held them'}",
        "nothing of them is left" if receipt.is_complete else "something is left: see above; run the same command again",
    )
    for line in filter(None, lines):
        typer.echo(line)
