"""All of access in one: accounts, tokens, sessions and the log of a directory."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pipeline.access.accounts import Accounts
from pipeline.access.audit import Log
from pipeline.access.sessions import Sessions
from pipeline.access.store import open_store
from pipeline.access.tokens import Tokens


class Access:
    """Opened over ``DIRECTORY/access.db`` and ``DIRECTORY/audit.*``.

    :param key: of the audit log; without one it makes its own.
    :raises FjarilError: if a file cannot be opened.
    """

    def __init__(self, directory: Path, *, idle: timedelta, longest: timedelta, key: bytes | None = None) -> None:
        self._database = open_store(directory / "access.db")
        self.accounts = Accounts(self._database)
        self.tokens = Tokens(self._database, self.accounts)
        self.sessions = Sessions(self._database, self.accounts, idle, longest)
        self.audit = Log(directory, key)

    def close(self) -> None:
        """Release the files."""
        self._database.close()
