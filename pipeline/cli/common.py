"""What the commands share: settings, output, the data directory."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from enrich.lines import Refuse
    from pipeline.errors import UsageError
    from pipeline.ports import Bus, Index
    from pipeline.settings import Settings

#: ``--json``, as every command that shows something takes it.
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
#: What a terminal obeys instead of showing it: control characters other than tabs and ends of lines, marks of direction, ends of lines that
#: look like none; and halves of characters, which cannot be written.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""``text`` for a terminal: what would control it stands as ``\u001b``. What is JSON still means the same."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def counted(number: int, noun: str) -> str:
    """``1 document``, ``2 documents``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def complain(text: str) -> None:
    """Say on standard error, in one line, what is wrong."""
    sys.stderr.write(f"fjaril: {printable(' '.join(text.split()))}\n")


def settings_of(context: typer.Context) -> Settings:
    """The settings that the options before the command ask for.

    :raises SettingsError: if they are not right.
    """
    import pipeline.settings

    config, data = context.find_root().obj
    return pipeline.settings.load(config, data)


def command_line(context: typer.Context, settings: Settings) -> str:
    """How the program is called on the same data and settings, to be pasted into a shell."""
    import shlex
    import shutil

    config, _ = context.find_root().obj
    program = "fjaril" if shutil.which("fjaril") == shutil.which(sys.argv[0]) else sys.argv[0]
    return shlex.join([program, *(("--config", str(config)) if config else ()), "--data", str(settings.data_dir)])


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Bus, Index]]:
    """The bus and the index of the data directory, for reading."""
    import pipeline.app

    refuse_empty(settings)
    bus, index = pipeline.app.open_bus(settings), pipeline.app.open_index(settings)
    try:
        yield bus, index
    finally:
        index.close()
        bus.close()


def refuse_empty(settings: Settings) -> None:
    """Say how to begin when there is nothing in the data directory yet.

    :raises UsageError: if so.
    """
    from pipeline.errors import UsageError

    if settings.bus.startswith("sqlite:") and not settings.bus_path.exists():
        raise UsageError(
            f"{settings.data_dir}: nothing is stored there yet; begin with `fjaril demo` or `fjaril run`, or name another directory with --data"
        )


def print_json(value: Any) -> None:
    """The value as one line of JSON."""
    import msgspec

    sys.stdout.write(printable(msgspec.json.encode(value).decode()) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for people."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable(str(cell))) for cell in row))
    output().print(table)


def output() -> Console:
    """Standard output for people; a reader of it that goes away is no error, as rich has it."""
    from rich.console import Console

    class _Output(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return _Output()


def input_bytes(path: Path | None) -> Iterator[bytes]:
    """The lines of a file, or of standard input.

    :raises UsageError: if the file cannot be read.
    """
    from pipeline.errors import UsageError

    if path is None or str(path) == "-":
        return iter(sys.stdin.buffer)
    try:
        return _lines(path.open("rb"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a file of JSON Lines, or - for standard input") from error


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from file


def print_lines(lines: Iterable[bytes]) -> None:
    """JSON Lines on standard output, each with its newline."""
    for line in lines:
        sys.stdout.buffer.write(printable(line.decode()).encode())


@contextmanager
def refusing(file: Path | None) -> Iterator[Refuse]:
    """What a filter tells of lines that it cannot read: each is named on standard error; in the end the exit code is 1 then."""
    refused = False

    def refuse(error: UsageError) -> None:
        nonlocal refused
        refused = True
        complain(f"{file}: {error}" if file else str(error))

    yield refuse
    if refused:
        raise typer.Exit(1)
