"""Answers as they came, compressed, for as long as their source allows: what everything after collecting can be made from again.

One SQLite file beside the bus. Only answers of which something was published are kept, with what it was. The number of a source's last
answer that counts stands in its state on the bus: an answer whose publication was cut short is forgotten at the next start.

Text that a source withdraws leaves the archive, too: in every answer that holds the item, the answer gives way to the other items that
were published of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from collectors.engine import Answer
from collectors.items import Item
from pipeline.model import Source
from pipeline.sqlite import connect, empty_log, guarded, insert

FILE_NAME = "archive.db"
_SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS answers(number INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, expires INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS answers_by_source ON answers(source, number);
CREATE INDEX IF NOT EXISTS answers_by_expiry ON answers(expires);
CREATE TABLE IF NOT EXISTS holds(item INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY(item, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unpurged(erasure INTEGER PRIMARY KEY AUTOINCREMENT);
"""


class Archived(Struct, frozen=True, kw_only=True):
    """One visit of a source of which something was published, or a second of a stream."""

    #: As it was configured then.
    source: Source
    at: datetime
    #: Where the visit went on from, see :attr:`collectors.items.Parsed.cursor`.
    cursor: str = ""
    #: The answer, then what else was asked for to read it; none where ``items`` stand for them.
    answers: tuple[Answer, ...] = ()
    #: What was published of the answer, in order: document id → revision; and what was withdrawn.
    published: dict[str, int] = {}
    withdrawn: dict[str, int] = {}
    #: Where shortened addresses led.
    redirects: dict[str, str] = {}
    #: What was published, where there is no answer: of a stream, or since something else in it was withdrawn.
    items: tuple[Item, ...] | None = None
    #: Address and status that the items were published with.
    url: str = ""
    status: int = 200


class Archive:
    """Each method raises a FjarilError if the disk is full, or the file is damaged."""

    def __init__(self, path: Path, days: int) -> None:
        """Open it.

        :param path: the file; made if it is not there.
        :param days: most days that anything is kept.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db, self._path = connect(path), path
        with guarded(path):
            for _ in self._db.execute(_SCHEMA):
                pass
        self._days = days
        self._encoder, self._decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Archived)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, archived: Archived, keys: Iterable[str]) -> int:
        """Keep it; returns its number, which is larger than all before.

        :param keys: ids of the documents whose text is in it, published or not.
        """
        days = min(archived.source.retention_days, self._days)
        expires = int((archived.at + timedelta(days=days)).timestamp())
        with self._transaction():
            self._db.execute(
                "INSERT INTO answers(source, expires, data) VALUES(?, ?, ?)", (archived.source.id, expires, self._packed(archived))
            )
            number = self._db.last_insert_rowid()
            rows = [(item, number) for item in sorted({_short(key) for key in keys})]
            insert(self._db, "INSERT INTO holds(item, number)", rows)
        return number

    def held(self, keys: Sequence[str]) -> list[str]:
        """Those of the documents whose text some answer holds, and perhaps a few others."""
        statement = "SELECT DISTINCT item FROM holds WHERE item IN (SELECT value FROM json_each(?))"
        with guarded(self._path):
            found = {item for (item,) in self._db.execute(statement, (json.dumps([_short(key) for key in keys]),))}
        return [key for key in keys if _short(key) in found]

    def holding(self, source: str, key: str) -> list[tuple[int, Archived]]:
        """The source's answers that hold the text of the document, and perhaps a few others."""
        statement = "SELECT a.number, a.data FROM holds h JOIN answers a USING(number) WHERE h.item = ? AND a.source = ?"
        with guarded(self._path):
            rows = list(self._db.execute(statement, (_short(key), source)))
        return [(number, self._unpacked(data)) for number, data in rows]

    def replace(self, number: int, archived: Archived) -> None:
        """Put it in the place of an answer; what was there is in no file any more after :meth:`expire` or :meth:`close`."""
        with self._transaction():
            self._db.execute("UPDATE answers SET data = ? WHERE number = ?", (self._packed(archived), number))
            self._db.execute("DELETE FROM holds WHERE number = ?", (number,))
            rows = [(item, number) for item in sorted({_short(key) for key in archived.published})]
            insert(self._db, "INSERT INTO holds(item, number)", rows)
            self._db.execute("INSERT INTO unpurged DEFAULT VALUES")

    def forget_after(self, source: str, number: int) -> None:
        """Remove the source's answers with larger numbers: what came of them was never published."""
        self._remove("source = ? AND number > ?", source, number)

    def expire(self, now: datetime) -> int:
        """Remove what is past its time; returns how much that was. What was replaced leaves the file."""
        removed = self._remove("expires <= ?", int(now.timestamp()))
        self._purge()
        return removed

    def read(self) -> Iterator[Archived]:
        """Everything, in the order in which it was published."""
        with guarded(self._path):
            for (data,) in self._db.execute("SELECT data FROM answers ORDER BY number"):
                yield self._unpacked(data)

    def count(self) -> int:
        """Number of answers."""
        with guarded(self._path):
            ((number,),) = self._db.execute("SELECT count(*) FROM answers")
        return int(number)

    def close(self) -> None:
        """Release the file, without what was replaced in it."""
        try:
            self._purge()
        finally:
            self._db.close()

    def _remove(self, where: str, *values: str | int) -> int:
        with self._transaction():
            self._db.execute(f"DELETE FROM holds WHERE number IN (SELECT number FROM answers WHERE {where})", values)  # noqa: S608
            self._db.execute(f"DELETE FROM answers WHERE {where}", values)  # noqa: S608  (of this module)
        return self._db.changes()

    def _purge(self) -> None:
        """SQLite leaves copies where it moves records from page to page: the file is written anew.

        That it is to be stands in the file until it is done: a kill or a full disk in between forgets nothing.
        """
        with guarded(self._path):
            ((last,),) = self._db.execute("SELECT max(erasure) FROM unpurged")
            if last is None:
                return
            self._db.execute("VACUUM")
            if empty_log(self._db):  # else where another process reads: next time
                self._db.execute("DELETE FROM unpurged WHERE erasure <= ?", (last,))  # not one of another process meanwhile

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with guarded(self._path), self._db:
            yield

    def _packed(self, archived: Archived) -> bytes:
        return zlib.compress(self._encoder.encode(archived), 6)

    def _unpacked(self, data: bytes) -> Archived:
        return self._decoder.decode(zlib.decompress(data))


def _short(key: str) -> int:
    """32 bits of a document's id: enough to find it, with a stranger now and then."""
    return int(key[:8], 16)
