"""JSON Lines as the filters read them: one object a line, and a line that is none does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from pipeline.errors import UsageError

T = TypeVar("T")
#: Is told of each line that cannot be read; what it raises ends the reading.
Refuse = Callable[[UsageError], None]
#: Characters of a line that an error shows.
_SHOWN = 80


def read_lines(lines: Iterable[str | bytes], decode: Callable[[str | bytes], T], expected: str, refuse: Refuse) -> Iterator[T]:
    """What ``decode`` makes of each line, in order; blank lines are left out.

    :param decode: may raise what msgspec raises.
    :param expected: what a line should be, for the error that ``refuse`` is given.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            read = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            found = (line if isinstance(line, str) else line.decode("utf-8", "backslashreplace")).strip()[:_SHOWN]
            refuse(UsageError(f"line {number}: {error}; found {found!r}, expected {expected}"))
        else:
            yield read
