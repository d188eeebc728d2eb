"""The file of accounts: who, with which role; hashes of passwords, tokens and sessions, never themselves."""

from __future__ import annotations

from pathlib import Path

from pipeline.sqlite import Database

_SCHEMA = """
CREATE TABLE accounts(
  name TEXT PRIMARY KEY, role TEXT NOT NULL, agency TEXT NOT NULL, areas TEXT NOT NULL, password TEXT NOT NULL, created REAL NOT NULL
) STRICT;
CREATE TABLE tokens(
  id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts(name) ON DELETE CASCADE, hash BLOB NOT NULL, label TEXT NOT NULL,
  created REAL NOT NULL, expires REAL NOT NULL, used REAL
) STRICT;
CREATE TABLE sessions(
  hash BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts(name) ON DELETE CASCADE, purpose TEXT NOT NULL, began REAL NOT NULL,
  seen REAL NOT NULL
) STRICT;
CREATE TABLE failures(who TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE INDEX failures_by_who ON failures(who, at);
"""


def open_store(path: Path) -> Database:
    """The file, made if it is not there, readable by its owner alone.

    :raises FjarilError: if it cannot be opened or is of another version.
    """
    return Database(path, _SCHEMA)
