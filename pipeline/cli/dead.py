"""``fjaril dead``: the records that a stage could not process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, counted, opened, print_json, print_table, printable, settings_of

if TYPE_CHECKING:
    from pipeline.model import DeadLetter
    from pipeline.ports import Bus

app = typer.Typer(help="Records that a stage could not process: list, show, retry.")
Number = Annotated[int, typer.Argument(help="Number of the record, as `fjaril dead list` gives it.")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List them with stage, time and reason."""
    from pipeline.dead import letters

    with opened(settings_of(context)) as (bus, _):
        kept = letters(bus)
    if as_json:
        print_json([_summary(number, letter) for number, letter in kept.items()])
        return
    rows = [(number, letter.stage, f"{letter.died:%Y-%m-%d %H:%M}", letter.source, letter.reason) for number, letter in kept.items()]
    print_table(counted(len(rows), "record"), ("no", "stage", "died (UTC)", "source", "reason"), rows)


@app.command()
def show(context: typer.Context, number: Number) -> None:
    """Show one whole, with its original bytes."""
    from pipeline.dead import letters

    with opened(settings_of(context)) as (bus, _):
        letter = _find(letters(bus), number)
    typer.echo("\n".join(printable(f"{name}: {value}") for name, value in _summary(number, letter).items()))
    typer.echo(printable(letter.original.decode("utf-8", "backslashreplace")))


@app.command()
def retry(
    context: typer.Context, numbers: Annotated[list[int] | None, typer.Argument(help="Their numbers; without any, all.")] = None
) -> None:
    """Put them back where they came from, for another try."""
    from pipeline.clock import SystemClock
    from pipeline.dead import letters, retry_records
    from pipeline.errors import UsageError

    with opened(settings_of(context)) as (bus, _):
        kept = letters(bus)
        chosen = {number: _find(kept, number) for number in numbers or kept}
        left = _without_way_back(bus, chosen)
        if numbers and left:
            raise UsageError("; ".join(f"record {number} {reason}" for number, reason in left.items()))
        for number in chosen.keys() - left.keys():
            bus.publish(retry_records(number, chosen[number], SystemClock().now()))
    typer.echo(f"{len(chosen) - len(left)} records wait for another try; `fjaril run` takes them")
    for number, reason in left.items():
        typer.echo(f"record {number} {reason}", err=True)


def _without_way_back(bus: Bus, letters: dict[int, DeadLetter]) -> dict[int, str]:
    """Number → why the record cannot be tried again."""
    from pipeline.model import ItemState, decode

    withdrawn = {record.key for record in bus.read("items") if decode(record.value, ItemState).withdrawn}
    left = {}
    for number, letter in letters.items():
        if not letter.topic:
            left[number] = "never reached the bus; its source gives it again when it changes"
        elif letter.key in withdrawn and not _is_tombstone(letter):
            left[number] = "was withdrawn by its source since; it is not published again"
    return left


def _is_tombstone(letter: DeadLetter) -> bool:
    import msgspec

    class _Withdrawal(msgspec.Struct):
        withdrawn: bool = False

    try:
        return msgspec.json.decode(letter.original, type=_Withdrawal).withdrawn
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _find(kept: dict[int, DeadLetter], number: int) -> DeadLetter:
    from pipeline.errors import UsageError

    if number not in kept:
        raise UsageError(f"there is no record {number}; there are {', '.join(map(str, kept)) or 'none'}")
    return kept[number]


def _summary(number: int, letter: DeadLetter) -> dict[str, object]:
    return {
        "number": number,
        "stage": letter.stage,
        "died": letter.died.isoformat(),
        "source": letter.source,
        "topic": letter.topic,
        "key": letter.key,
        "reason": letter.reason,
        "bytes": len(letter.original),
    }
