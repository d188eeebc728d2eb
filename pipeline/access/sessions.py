"""Sessions of people: a random id in a cookie, stored as a hash; they end when idle, and at the end of a working day in any case."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from pipeline.access.accounts import Accounts
from pipeline.access.roles import Principal
from pipeline.sqlite import Database

#: A session that is used is noted as used this often: a write for each page would be one for nothing.
_NOTED = timedelta(minutes=1)


class Session(Struct, frozen=True, kw_only=True):
    """Somebody at work."""

    principal: Principal
    #: Why they look, in their own words: asked once a session; empty until they have said.
    purpose: str
    began: datetime


class Sessions:
    """Sessions of accounts.

    :param idle: ends a session that was not used for so long.
    :param longest: ends each session.
    """

    def __init__(self, database: Database, accounts: Accounts, idle: timedelta, longest: timedelta) -> None:
        self._database, self._accounts, self._idle, self._longest = database, accounts, idle, longest

    def begin(self, principal: Principal, now: datetime) -> str:
        """A new session's id, for the cookie alone."""
        id_ = secrets.token_urlsafe(32)
        at = now.timestamp()
        with self._database.transaction():
            self._database.rows("DELETE FROM sessions WHERE seen < ? OR began < ?", self._bounds(now))
            self._database.rows("INSERT INTO sessions VALUES (?, ?, '', ?, ?)", (_hash(id_), principal.name, at, at))
        return id_

    def find(self, id_: str, now: datetime) -> Session | None:
        """The session, which counts as used; None if there is none, or it has ended."""
        rows = self._database.rows("SELECT account, purpose, began, seen FROM sessions WHERE hash = ?", (_hash(id_),))
        if not rows:
            return None
        account, purpose, began, seen = rows[0]
        idle, oldest = self._bounds(now)
        principal = self._accounts.find(account)
        if seen < idle or began < oldest or principal is None:
            self.end(id_)
            return None
        if now.timestamp() - seen >= min(_NOTED, self._idle / 4).total_seconds():
            self._database.rows("UPDATE sessions SET seen = ? WHERE hash = ?", (now.timestamp(), _hash(id_)))
        return Session(principal=principal, purpose=purpose, began=datetime.fromtimestamp(began, UTC))

    def state_purpose(self, id_: str, purpose: str) -> None:
        """Note why they look."""
        self._database.rows("UPDATE sessions SET purpose = ? WHERE hash = ?", (purpose, _hash(id_)))

    def end(self, id_: str) -> None:
        """End it, if it is one."""
        self._database.rows("DELETE FROM sessions WHERE hash = ?", (_hash(id_),))

    def _bounds(self, now: datetime) -> tuple[float, float]:
        return (now - self._idle).timestamp(), (now - self._longest).timestamp()


def csrf_token(session: str) -> str:
    """What a form of this session carries: only who knows the session's id can make it, and it does not tell the id."""
    return hmac.digest(session.encode(), b"fjaril csrf", "sha256").hex()


def is_csrf_token(session: str, token: str) -> bool:
    """Whether a form came from a page of this session."""
    return hmac.compare_digest(csrf_token(session).encode(), token.encode("utf-8", "surrogatepass"))


def _hash(id_: str) -> bytes:
    return hashlib.sha256(id_.encode("utf-8", "surrogatepass")).digest()
