"""Searches that people have saved under a name: each their own. An address can be sent; a name is found again."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from pipeline.errors import UsageError
from pipeline.sqlite import Database

#: Most that one person keeps.
_MOST = 100
_SCHEMA = """
CREATE TABLE searches(
  id INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL, UNIQUE(owner, name)
) STRICT;
"""


class Saved(Struct, frozen=True, kw_only=True):
    """A search under a name."""

    id: int
    name: str
    #: The parameters, as they stand in an address.
    query: str


class SavedSearches:
    """The file that they stand in."""

    def __init__(self, path: Path) -> None:
        """:raises FjarilError: if it cannot be opened."""
        self._database = Database(path, _SCHEMA)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def of(self, owner: str) -> tuple[Saved, ...]:
        """Somebody's, by name."""
        rows = self._database.rows("SELECT id, name, query FROM searches WHERE owner = ? ORDER BY name, id", (owner,))
        return tuple(Saved(id=id_, name=name, query=query) for id_, name, query in rows)

    def save(self, owner: str, name: str, query: str) -> None:
        """Keep it; one of the same name is replaced.

        :raises UsageError: if they keep as many as anybody may.
        """
        with self._database.transaction():
            self._database.rows("DELETE FROM searches WHERE owner = ? AND name = ?", (owner, name))
            if self._database.rows("SELECT count(*) FROM searches WHERE owner = ?", (owner,))[0][0] >= _MOST:
                raise UsageError(f"saved searches: found {_MOST}; forget one first")
            self._database.rows("INSERT INTO searches(owner, name, query) VALUES (?, ?, ?)", (owner, name, query))

    def forget(self, owner: str, id_: int) -> bool:
        """Remove it; whether it was there."""
        return bool(self._database.rows("DELETE FROM searches WHERE owner = ? AND id = ? RETURNING id", (owner, id_)))
