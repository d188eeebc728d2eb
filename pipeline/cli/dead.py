"""``fjaril dead``: the records that a stage could not process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import AsJson, opened, print_json, print_table, settings_of

if TYPE_CHECKING:
    from pipeline.model import DeadLetter
    from pipeline.ports import Bus

app = typer.Typer(help="Records that a stage could not process: list, show, retry.")
Number = Annotated[int, typer.Argument(help="Number of the record, as `fjaril dead list` gives it.")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List them with stage, time and reason."""
    with opened(settings_of(context)) as (bus, _):
        letters = _letters(bus)
    if as_json:
        print_json([_summary(number, letter) for number, letter in letters.items()])
        return
    rows = [(number, letter.stage, f"{letter.died:%Y-%m-%d %H:%M}", letter.source, letter.reason) for number, letter in letters.items()]
    print_table(f"{len(rows)} records", ("no", "stage", "died (UTC)", "source", "reason"), rows)


@app.command()
def show(context: typer.Context, number: Number) -> None:
    """Show one whole, with its original bytes."""
    with opened(settings_of(context)) as (bus, _):
        letter = _find(_letters(bus), number)
    typer.echo("\n".join(f"{name}: {value}" for name, value in _summary(number, letter).items()))
    typer.echo(letter.original.decode("utf-8", "backslashreplace"))


@app.command()
def retry(
    context: typer.Context, numbers: Annotated[list[int] | None, typer.Argument(help="Their numbers; without any, all.")] = None
) -> None:
    """Put them back where they came from, for another try."""
    from pipeline.errors import UsageError

    with opened(settings_of(context)) as (bus, _):
        letters = _letters(bus)
        chosen = {number: _find(letters, number) for number in numbers or letters}
        left = _without_way_back(bus, chosen)
        if numbers and left:
            raise UsageError("; ".join(f"record {number} {reason}" for number, reason in left.items()))
        for number in chosen.keys() - left.keys():
            _publish_again(bus, number, chosen[number])
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


def _publish_again(bus: Bus, number: int, letter: DeadLetter) -> None:
    """As of now, so that it is not past its time to be kept before it is read."""
    from pipeline.clock import SystemClock
    from pipeline.ports import Record

    now = SystemClock().now()
    again = Record(topic=letter.topic, key=letter.key, shard=letter.shard or None, timestamp=now, value=letter.original)
    bus.publish([again, Record(topic="retried", key=str(number), timestamp=now, value=b"{}")])


def _letters(bus: Bus) -> dict[int, DeadLetter]:
    from pipeline.dead import DEAD
    from pipeline.model import DeadLetter, decode

    retried = {int(record.key) for record in bus.read("retried")}
    return {record.offset: decode(record.value, DeadLetter) for record in bus.read(DEAD) if record.value and record.offset not in retried}


def _find(letters: dict[int, DeadLetter], number: int) -> DeadLetter:
    from pipeline.errors import UsageError

    if number not in letters:
        raise UsageError(f"there is no record {number}; there are {', '.join(map(str, letters)) or 'none'}")
    return letters[number]


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
