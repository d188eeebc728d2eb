"""Tokens for programs: shown once, stored as a hash, valid for a time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from pipeline.access.accounts import Accounts
from pipeline.access.roles import Principal
from pipeline.errors import LoginError, UsageError
from pipeline.sqlite import Database

#: What a token begins with, so that a scanner for leaked secrets knows one.
PREFIX = "fjaril"
_USED = timedelta(hours=1).total_seconds()
_WRONG = "this token is none of ours, has expired or was removed; an administrator makes a new one with `fjaril users token NAME`"


class Token(Struct, frozen=True, kw_only=True):
    """A token as it is listed: without its secret, which nobody has but its holder."""

    id: str
    account: str
    label: str
    created: datetime
    expires: datetime
    #: When it was last used, to the hour; None if never.
    used: datetime | None


class Tokens:
    """Tokens of accounts. A secret of 256 random bits needs no slow hash."""

    def __init__(self, database: Database, accounts: Accounts) -> None:
        self._database, self._accounts = database, accounts

    def make(self, account: str, label: str, days: int, now: datetime) -> str:
        """A new token, ``fjaril_ID_SECRET``; it cannot be shown again.

        :raises UsageError: if there is no such account.
        """
        if self._accounts.find(account) is None:
            raise UsageError(f"users: there is no account {account!r}; `fjaril users list` shows them")
        id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        values = (id_, account, _hash(secret), label, now.timestamp(), (now + timedelta(days=days)).timestamp())
        self._database.rows("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)", values)
        return f"{PREFIX}_{id_}_{secret}"

    def find(self, token: str, now: datetime) -> Principal:
        """Whose token it is.

        :raises LoginError: if it is none, or no longer one.
        """
        prefix, _, rest = (token if token.isascii() else "").partition("_")
        id_, _, secret = rest.partition("_")
        rows = self._database.rows("SELECT hash, account, expires, used FROM tokens WHERE id = ?", (id_,))
        stored, account, expires, used = rows[0] if rows else (b"", "", 0.0, None)
        at = now.timestamp()
        is_right = hmac.compare_digest(stored, _hash(secret)) and prefix == PREFIX and at < expires
        principal = self._accounts.find(account) if is_right else None
        if principal is None:
            raise LoginError(_WRONG)
        if used is None or at - used >= _USED:
            self._database.rows("UPDATE tokens SET used = ? WHERE id = ?", (at, id_))
        return principal

    def list(self) -> list[Token]:
        """All tokens, by account and age."""
        rows = self._database.rows("SELECT id, account, label, created, expires, used FROM tokens ORDER BY account, created, id")
        return [
            Token(
                id=row[0],
                account=row[1],
                label=row[2],
                created=_time(row[3]),
                expires=_time(row[4]),
                used=_time(row[5]) if row[5] else None,
            )
            for row in rows
        ]

    def remove(self, id_: str) -> None:
        """Take a token back, at once.

        :raises UsageError: if there is none.
        """
        if not self._database.rows("DELETE FROM tokens WHERE id = ? RETURNING id", (id_,)):
            raise UsageError(f"users: there is no token {id_!r}; `fjaril users list` shows them")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
