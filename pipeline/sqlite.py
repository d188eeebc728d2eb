"""How the embedded adapters open their SQLite files: durable, in WAL mode, never with a SQLite that loses commits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from pipeline.errors import FjarilError

#: How long a statement waits for another connection's lock, in milliseconds: the longest hold it while they write their file
#: anew (VACUUM), at about 100 MB a second.
BUSY_TIMEOUT_MS = 60_000
#: Rows of one statement: few sizes, so that their statements stay prepared. Ten columns make 2,560 parameters of 32,766.
_CHUNKS = (256, 32, 4, 1)
#: Fixed releases of SQLite: the first of each branch without the WAL-reset bug (sqlite.org/wal.html#walresetbug).
_FIXED_BRANCHES: dict[tuple[int, ...], int] = {(3, 44): 6, (3, 50): 7}
_FIRST_AFFECTED, _FIRST_FIXED = (3, 7, 0), (3, 51, 3)


class Database:
    """A small file of tables that people's work stands in, as accounts or assessments: for this user alone, safe to call from several threads."""

    def __init__(self, path: Path, schema: str, version: int = 1) -> None:
        """:param schema: statements that make the tables; ``version`` is raised when they change.

        :raises FjarilError: if the file cannot be opened, or is of another version.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its log the file's own mode
        except OSError as error:
            raise FjarilError(f"{path}: {error.strerror}; name a directory that can be written with --data") from error
        self._connection, self._lock = connect(path), threading.RLock()
        with self.transaction():
            found = self._connection.pragma("user_version")
            if found == 0:
                self._connection.execute(schema)
                self._connection.pragma("user_version", version)
        if found not in {0, version}:
            self.close()
            raise FjarilError(f"{path}: found version {found} of its tables; this program knows {version}: use the program that made it")

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a statement gives. Outside :meth:`transaction` it is one by itself, durable on return."""
        with self._lock:
            return list(self._connection.execute(statement, values))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Statements until the block ends take effect together, or none does; other processes wait meanwhile."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()


def connect(path: Path, *, readonly: bool = False) -> apsw.Connection:
    """A connection to the file in WAL mode: every commit is on disk when it returns (``synchronous=FULL``).

    The file is made if it is not there, unless ``readonly``. One connection is for one thread at a time; its user locks.

    :raises FjarilError: if the SQLite in use can lose commits, or the file cannot be opened.
    """
    refuse_wal_reset_bug(apsw.sqlite_lib_version())
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        connection = apsw.Connection(str(path), flags=flags)
    except apsw.Error as error:
        raise _unopened(path, error) from error
    try:
        _configure(connection, readonly=readonly)
    except apsw.Error as error:
        connection.close()
        raise _unopened(path, error) from error
    return connection


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """What SQLite says of the file within the block, as an error of ours.

    :raises FjarilError: if the disk is full, the file is damaged, or another process has held it for too long.
    """
    try:
        yield
    except apsw.Error as error:
        raise FjarilError(
            f"{path}: {error}; what was begun is not written: check the disk's space and rights, restore the file from a copy if it is damaged, "
            "then go on"
        ) from error


def insert(connection: apsw.Connection, into: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
    """Insert rows of the same width, many by one statement.

    A statement a row would let go of the interpreter's lock and wait for it at each: beside a busy thread 500 rows take
    330 ms so, and 24 ms by one statement.

    :param into: the statement up to VALUES, as ``INSERT INTO t(a, b)``.
    :param conflict: what follows the values, as ``ON CONFLICT DO NOTHING``.
    """
    done = 0
    for size in _CHUNKS:
        while len(rows) - done >= size:
            places = ", ".join([f"({', '.join('?' * len(rows[done]))})"] * size)
            connection.execute(f"{into} VALUES {places} {conflict}", [value for row in rows[done : done + size] for value in row])
            done += size


def empty_log(connection: apsw.Connection) -> bool:
    """Put the log into the file and cut it off, so that nothing overwritten or removed is left in it.

    :returns: False if another connection reads or writes; it is not waited for, since the caller holds up others meanwhile.
    """
    connection.set_busy_timeout(0)
    try:
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return not busy


def refuse_wal_reset_bug(version: str) -> None:
    """Refuse a SQLite in which a checkpoint of one connection can lose the commits of another.

    :param version: as SQLite gives it, ``3.51.3``.
    :raises FjarilError: if it is an affected version.
    """
    numbers: tuple[int, ...] = tuple(int(part) for part in version.split(".")[:3])
    numbers += (0,) * (3 - len(numbers))
    fixed = numbers[2] >= _FIXED_BRANCHES.get(numbers[:2], numbers[2] + 1)
    if _FIRST_AFFECTED <= numbers < _FIRST_FIXED and not fixed:
        raise FjarilError(f"SQLite {version} can lose commits (WAL-reset bug); use 3.51.3 or later, 3.50.7 or 3.44.6: install a newer apsw")


def _configure(connection: apsw.Connection, *, readonly: bool) -> None:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("foreign_keys", value=True)
    if readonly:
        connection.pragma("schema_version")  # reads the file: a damaged one is refused here
        return
    mode = _write_ahead(connection)
    if mode not in {"wal", "memory"}:  # a database in memory has no log to write ahead
        raise apsw.CantOpenError(f"write-ahead logging is not possible here, journal mode stays {mode}")
    connection.pragma("synchronous", "FULL")


def _write_ahead(connection: apsw.Connection) -> object:
    """Switch to WAL and give the mode in force: SQLite itself does not wait while another connection switches."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _unopened(path: Path, error: apsw.Error) -> FjarilError:
    if path.exists() and not os.access(path.parent, os.W_OK):
        return FjarilError(
            f"{path.parent}: this directory cannot be written, and whoever reads its files puts locks there, too; "
            "get the right to write, or copy the whole data directory and name the copy with --data"
        )
    return FjarilError(f"{path}: cannot be opened as a SQLite database: {error}; it must be one, in a local directory that can be written")
