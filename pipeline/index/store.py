"""The documents of the embedded index and all that is counted of them: one SQLite file, the truth that search follows.

Search (tantivy) is a second store with a commit of its own. So that no crash between the two commits is felt, the numbers
of the documents that a transaction touches are stored in ``pending`` with it, and stay until search has committed, too;
whoever opens the index for writing does again what is pending (:mod:`pipeline.index.embedded`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from pipeline.errors import FjarilError, IndexBusyError, SearchIndexError
from pipeline.index import rollup
from pipeline.index.keys import microseconds
from pipeline.model import Document, decode, encode
from pipeline.sqlite import connect, empty_log, insert

FILE = "documents.db"
#: Version of the layout of the whole directory; raised when an older program could not read it.
LAYOUT = 1
#: Marks the file as ours ("FJIX").
_APPLICATION = 0x464A4958
#: Memory for pages, in KiB: a transaction of 5,000 documents fits, and the ids of some hundred thousand.
_CACHE_KIB = 32_768
#: The log is copied into the file when it has this many pages (32 MiB): several flushes change the same pages once.
_LOG_PAGES = 8_192
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, published INTEGER NOT NULL,
  withdrawn INTEGER NOT NULL, document BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS further_points (
  number INTEGER NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL, PRIMARY KEY (number, latitude, longitude)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS unpurged (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS generation (number INTEGER NOT NULL);
INSERT INTO generation SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM generation);
"""
_REPLACE = """
ON CONFLICT (number) DO UPDATE SET
  revision = excluded.revision, published = excluded.published, withdrawn = excluded.withdrawn, document = excluded.document
"""


class Known(NamedTuple):
    """What is stored of a document: the number that search knows it by, and its revision."""

    number: int
    revision: int


class Numbered(NamedTuple):
    """A document and the number that search knows it by."""

    number: int
    document: Document


class Store:
    """The SQLite file: one connection that writes, one that reads what is committed. The caller locks each.

    :raises SearchIndexError: if the file is of a newer layout, or not of an index at all.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / FILE
        self.writer = _open(path)
        try:
            self.reader = connect(path, readonly=True)
        except FjarilError:
            self.writer.close()
            raise
        self._next = 1 + (self._one("SELECT max(number) FROM documents") or 0)

    # --- writing: begin … commit or rollback -------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a transaction, unless one is open."""
        if not self.writer.in_transaction:
            self.writer.execute("BEGIN IMMEDIATE")
            self._next = 1 + (self._one("SELECT max(number) FROM documents") or 0)

    def known(self, ids: Iterable[str]) -> dict[str, Known]:
        """Number and revision of those that are stored, in one query."""
        sql = "SELECT id, number, revision FROM documents WHERE id IN (SELECT value FROM json_each(?))"
        return {key: Known(number, revision) for key, number, revision in self.writer.execute(sql, (json.dumps(list(ids)),))}

    def new_number(self) -> int:
        """A number that no document has."""
        self._next += 1
        return self._next - 1

    def put(self, items: Sequence[Numbered], replaced: Sequence[int], points: Iterable[tuple[int, float, float]]) -> None:
        """Store the documents, and (number, latitude, longitude) of points that search has no field for.

        :param replaced: numbers of those of which an older revision is stored.
        """
        insert(self.writer, "INSERT INTO documents", [_row(item) for item in items], _REPLACE)
        self._note_unpurged([item.number for item in items if item.document.withdrawn])
        self._delete("further_points", replaced)
        self.writer.executemany("INSERT INTO further_points VALUES (?, ?, ?)", points)

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove the rows of these documents."""
        self._note_unpurged(numbers)
        self._delete("documents", numbers)
        self._delete("further_points", numbers)

    def older(self, moment: int) -> list[int]:
        """Numbers of the documents published before then, in microseconds; tombstones are none."""
        return [
            number for (number,) in self.writer.execute("SELECT number FROM documents WHERE published < ? AND NOT withdrawn", (moment,))
        ]

    def before(self, numbers: Sequence[int]) -> list[Document]:
        """The documents of these numbers as the open transaction has them."""
        return [item.document for item in _load(self.writer, numbers)]

    def commit(self, touched: Iterable[int]) -> None:
        """Make the transaction durable, with the numbers that search has yet to commit.

        What was pending before is done: search has committed it, or this transaction would not have begun.
        """
        self.clear_pending()
        self.writer.execute("INSERT INTO pending SELECT value FROM json_each(?)", (json.dumps(sorted(touched)),))
        self.writer.execute("COMMIT")

    def rollback(self) -> None:
        """Forget the open transaction."""
        if self.writer.in_transaction:
            self.writer.execute("ROLLBACK")

    def pending(self) -> tuple[list[Numbered], list[int]]:
        """What search may not have: (documents that it must find, all numbers that were touched)."""
        numbers = [number for (number,) in self.writer.execute("SELECT number FROM pending ORDER BY number")]
        return [item for item in _load(self.writer, numbers) if not item.document.withdrawn], numbers

    def clear_pending(self) -> None:
        """Search has committed all that was pending."""
        if self._one("SELECT EXISTS (SELECT 1 FROM pending)"):
            self.writer.execute("DELETE FROM pending")

    def set_generation(self, number: int) -> None:
        """Search is in the directory of this number from now on, and has everything."""
        with self.writer:
            self.writer.execute("UPDATE generation SET number = ?", (number,))
            self.writer.execute("DELETE FROM pending")

    def has_unpurged(self) -> bool:
        """Whether text was erased or removed since the file was last written anew; it may still stand in some file."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM unpurged)"))

    def rewrite(self) -> None:
        """Write the file anew and empty its log, so that nothing removed is left in either.

        :raises IndexBusyError: if another process kept the log from being emptied.
        """
        self.writer.execute("VACUUM")
        if not empty_log(self.writer):
            raise IndexBusyError("purge: another process reads the index, removed text is still in its log; purge again later")
        self.writer.execute("DELETE FROM unpurged")

    # --- reading: what is committed ----------------------------------------------------------------------------------

    def get(self, document_id: str) -> Document | None:
        """The document as the open transaction has it."""
        rows = self.writer.execute("SELECT document FROM documents WHERE id = ?", (document_id,))
        return next((decode(blob, Document) for (blob,) in rows), None)

    def load(self, numbers: Sequence[int]) -> dict[int, Document]:
        """The documents of these numbers; without those that are withdrawn or gone."""
        return {number: document for number, document in _load(self.reader, numbers) if not document.withdrawn}

    def order(self, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
        """(published in microseconds, id) of each."""
        sql = "SELECT number, published, id FROM documents WHERE number IN (SELECT value FROM json_each(?))"
        return {number: (published, key) for number, published, key in self.reader.execute(sql, (json.dumps(numbers),))}

    def numbers_in(self, box: tuple[float, float, float, float]) -> list[int]:
        """Numbers of the documents that have a further point inside (west, south, east, north)."""
        west, south, east, north = box
        across = "longitude >= ? OR longitude <= ?" if west > east else "longitude BETWEEN ? AND ?"
        sql = f"SELECT DISTINCT number FROM further_points WHERE latitude BETWEEN ? AND ? AND ({across})"  # noqa: S608  (constants)
        return [number for (number,) in self.reader.execute(sql, (south, north, west, east))]

    def live(self) -> Iterator[Numbered]:
        """All documents that search must find, by number, as the writer has them."""
        for number, blob in self.writer.execute("SELECT number, document FROM documents WHERE NOT withdrawn ORDER BY number"):
            yield Numbered(number, decode(blob, Document))

    def generation(self) -> int:
        """The number of the directory that search is in."""
        return next(int(number) for (number,) in self.reader.execute("SELECT number FROM generation"))

    def close(self) -> None:
        """Close the file; an open transaction is forgotten."""
        self.reader.close()
        self.writer.close()

    def _one(self, sql: str) -> int | None:
        return next((value for (value,) in self.writer.execute(sql)), None)

    def _note_unpurged(self, numbers: Sequence[int]) -> None:
        self.writer.execute("INSERT OR IGNORE INTO unpurged SELECT value FROM json_each(?)", (json.dumps(list(numbers)),))

    def _delete(self, table: str, numbers: Sequence[int]) -> None:
        sql = f"DELETE FROM {table} WHERE number IN (SELECT value FROM json_each(?))"  # noqa: S608  (constants)
        self.writer.execute(sql, (json.dumps(numbers),))


def _row(item: Numbered) -> tuple[int, str, int, int, bool, bytes]:
    number, document = item
    return number, document.id, document.revision, microseconds(document.published), document.withdrawn, encode(document)


def _load(connection: apsw.Connection, numbers: Sequence[int]) -> list[Numbered]:
    sql = "SELECT number, document FROM documents WHERE number IN (SELECT value FROM json_each(?))"
    return [Numbered(number, decode(blob, Document)) for number, blob in connection.execute(sql, (json.dumps(numbers),))]


def _open(path: Path) -> apsw.Connection:
    connection = connect(path)
    try:
        application, layout = connection.pragma("application_id"), connection.pragma("user_version")
        _refuse_strangers(path, application, layout)
        connection.pragma("secure_delete", value=True)
        connection.pragma("cache_size", -_CACHE_KIB)
        connection.pragma("wal_autocheckpoint", _LOG_PAGES)
        if not layout:
            _create(connection)
    except (apsw.Error, FjarilError):
        connection.close()
        raise
    return connection


def _refuse_strangers(path: Path, application: int, layout: int) -> None:
    if (application, layout) != (0, 0) and application != _APPLICATION:
        raise SearchIndexError(f"{path}: found the database of another program; name another directory for the index")
    if layout > LAYOUT:
        raise SearchIndexError(
            f"{path.parent}: found an index of layout {layout}, this program knows layout {LAYOUT}; "
            "use the newer program that made it, or remove the directory and index the documents anew"
        )


def _create(connection: apsw.Connection) -> None:
    with connection:
        connection.execute(_SCHEMA)
        connection.execute(rollup.SCHEMA)
        connection.pragma("application_id", _APPLICATION)
        connection.pragma("user_version", LAYOUT)
