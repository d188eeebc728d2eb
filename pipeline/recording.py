"""Recorded polls of a source: JSON Lines, plain, ``.gz`` or ``.xz``, as a scraper of the source keeps them.

Each line: ``{"polled_at": ISO 8601 with zone, "body": the answer's text, "url"?, "content_type"?, "status"?}``.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated

import msgspec
from msgspec import Meta, Struct

from pipeline.errors import UsageError
from pipeline.model import utc


class Answer(Struct, frozen=True, kw_only=True):
    """What a source's address answers from a certain time on."""

    at: datetime
    #: Id of the source.
    source: str
    status: int = 200
    content_type: str
    body: bytes


class _Line(Struct, frozen=True, kw_only=True):
    polled_at: Annotated[datetime, Meta(tz=True)]
    body: str
    content_type: str = "application/json; charset=utf-8"
    status: int = 200


def read(path: Path, source: str) -> Iterator[Answer]:
    """The answers of a file in the order of the file, one at a time.

    :raises UsageError: naming file and line, what was found and what was expected.
    """
    with _open(path) as lines:
        last: datetime | None = None
        for number, line in _numbered(path, lines):
            try:
                poll = msgspec.json.decode(line, type=_Line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise UsageError(f"{path}:{number}: {error}; expected a JSON object with polled_at and body") from error
            at = utc(poll.polled_at)
            if last is not None and at < last:
                raise UsageError(f"{path}:{number}: polled at {at:%Y-%m-%d %H:%M:%S}, before the line above; expected the order of time")
            last = at
            yield Answer(at=at, source=source, status=poll.status, content_type=poll.content_type, body=poll.body.encode())


def count(path: Path) -> int:
    """Number of polls in the file."""
    with _open(path) as lines:
        return sum(1 for _ in _numbered(path, lines))


def _numbered(path: Path, lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    try:
        yield from ((number, line) for number, line in enumerate(lines, 1) if not line.isspace())
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(f"{path}: {error}; expected JSON Lines, plain or packed as .gz or .xz, whole") from error


def _open(path: Path) -> IO[bytes]:
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
    try:
        return opener(path, "rb")  # type: ignore[no-any-return, operator]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a file of recorded polls") from error
