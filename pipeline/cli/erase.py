"""``fjaril erase``: remove documents everywhere, with a receipt."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from pipeline.cli.common import AsJson, counted, print_json, print_table, refuse_empty, settings_of

if TYPE_CHECKING:
    from pipeline.erase import Receipt
    from pipeline.model import ItemState
    from pipeline.ports import Bus
    from pipeline.settings import Settings

#: Seconds that a pipeline which runs elsewhere is waited for, and between two looks.
_PATIENCE, _LOOK = 120.0, 0.2


def erase(
    context: typer.Context,
    documents: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids of documents, as `fjaril search --json` gives them.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="All documents of this source.")] = None,
    expired: Annotated[
        bool, typer.Option("--past-retention", help="All that are kept for longer than their source or its purpose allows.")
    ] = False,
    listed: Annotated[bool, typer.Option("--receipts", help="Instead: list the receipts that are kept, newest first.")] = False,
    purpose: Annotated[str, typer.Option(help="Why, for the log and the receipt.")] = "",
    as_json: AsJson = False,
) -> None:
    """Erase documents from bus, index, archive and exports, for good: they do not come back when their source gives them again.

    Prints a receipt. `fjaril run` does so each night with what is past its retention.
    """
    from pipeline import app
    from pipeline.clock import SystemClock
    from pipeline.erase import followed, past_retention, receipts, wanted
    from pipeline.erasure import follow, only_one
    from pipeline.errors import UsageError
    from pipeline.settings import sources_of

    settings = settings_of(context)
    refuse_empty(settings)
    if listed:
        _list(settings, as_json=as_json)
        return
    if not (documents or source or expired):
        raise UsageError("erase: nothing is named; give ids of documents, --source or --past-retention")
    with closing(app.open_bus(settings)) as bus, only_one(settings):
        items = wanted(bus, documents or (), source) if documents or source else {}
        begun: list[Receipt] = []
        if expired:
            now = SystemClock().now()
            begun = follow(settings, bus, followed(receipts(bus)), now)
            items |= past_retention(bus, sources_of(settings), now)
        receipt = _erased(settings, bus, items, purpose, begun)
    if begun and not as_json:
        typer.echo(f"taken out of old events and exports, since their sources have withdrawn them: {sum(one.number for one in begun)}")
    _print(receipt, as_json=as_json)
    if not receipt.is_complete:
        raise typer.Exit(1)


def _erased(settings: Settings, bus: Bus, items: dict[str, ItemState], purpose: str, begun: list[Receipt]) -> Receipt:
    """Erase the documents and finish what is begun already, of which each has a receipt of its own."""
    from pipeline import app
    from pipeline.cli.audit import operator
    from pipeline.clock import SystemClock
    from pipeline.erase import documents_of
    from pipeline.erasure import begin, finish

    with closing(app.open_index(settings)) as index:
        receipt = begin(settings, bus, index, items, who=operator(), purpose=purpose, now=SystemClock().now())
    if not items and not begun:
        return receipt
    rewritten = _carry_out(settings, bus)
    with closing(app.open_index(settings)) as index:
        if items:
            wanted = {id_: items[id_].source for id_ in receipt.documents}
            receipt = finish(settings, bus, index, receipt, wanted, SystemClock().now(), rewritten=rewritten)
        for one in begun:
            finish(settings, bus, index, one, documents_of(bus, one), SystemClock().now(), rewritten=rewritten)
    return receipt


def _carry_out(settings: Settings, bus: Bus) -> bool:
    """Let the stages take the withdrawals: here, or wait for the pipeline that runs already; whether they did here."""
    from pipeline import app
    from pipeline.erasure import STAGES
    from pipeline.errors import SearchIndexError, UsageError
    from pipeline.live import running

    stages = [stage for stage in STAGES if stage in app.stages(settings)]
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


def _list(settings: Settings, *, as_json: bool) -> None:
    from pipeline import app
    from pipeline.erase import documents_of, receipts

    with closing(app.open_bus(settings)) as bus:
        kept = receipts(bus)[::-1]
        if as_json:
            print_json([replace(receipt, documents=tuple(documents_of(bus, receipt))) for receipt in kept])
            return
        rows = [(f"{one.at:%Y-%m-%d %H:%M:%S}", one.who, one.number, " ".join(one.sources) or "–", _left(one), one.purpose) for one in kept]
    print_table(counted(len(rows), "receipt"), ("at (UTC)", "who", "documents", "sources", "left", "why"), rows)


def _left(receipt: Receipt) -> str:
    return "nothing" if receipt.is_complete else "not finished"


def _print(receipt: Receipt, *, as_json: bool) -> None:
    if as_json:
        print_json(receipt)
        return
    if not receipt.sources:
        typer.echo("nothing is past its retention")
        return
    was, now = sum(receipt.before.values()), sum(receipt.after.values())
    lines = (
        f"{counted(len(receipt.documents), 'document')} of {', '.join(receipt.sources)} erased {receipt.at:%Y-%m-%d %H:%M} UTC by {receipt.who}",
        f"records of them that never could be read, emptied too: {receipt.letters}" if receipt.letters else "",
        f"bus: {counted(was, 'record')} held something of them, {now} now",
        f"index: search found {receipt.searchable_before}, {receipt.searchable_after} now",
        "" if receipt.rewritten else "the index's files are rewritten within the hour, by the pipeline that runs",
        f"archived answers that they were taken out of: {receipt.answers}",
        f"exports made anew: {', '.join(map(str, receipt.exports)) or 'none held them'}",
        "nothing of them is left" if receipt.is_complete else "something is left: see above; run the same command again",
    )
    for line in filter(None, lines):
        typer.echo(line)
