"""Accounts: names with a role, an agency and areas; passwords by argon2id; failed logins are slowed down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

from pipeline.access.limits import Limits
from pipeline.access.roles import Principal, Role
from pipeline.errors import LoginError, UsageError
from pipeline.sqlite import Database

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_AREA = re.compile(r"\d{2}|\d{4}")
#: A password is a sentence rather than a riddle (NIST SP 800-63B: length, no rules of composition).
_SHORTEST, _LONGEST = 12, 1_000
_WRONG = "name and password do not belong together; try again, or ask an administrator for a new password (`fjaril users password NAME`)"


class Account(Struct, frozen=True, kw_only=True):
    """An account as it is listed."""

    principal: Principal
    created: datetime


class Accounts:
    """Who may log in. Argon2id with the parameters of RFC 9106 for little memory: 64 MiB, 3 passes, about 0.1 s of CPU."""

    def __init__(self, database: Database, hasher: PasswordHasher | None = None) -> None:
        self._database, self._hasher, self._limits = database, hasher or PasswordHasher(), Limits(database)
        #: Compared with where there is no such account: it takes as long, so that a name cannot be guessed by the clock.
        self._nobody = self._hasher.hash("nobody")

    def add(self, principal: Principal, password: str, now: datetime) -> None:
        """Make an account.

        :raises UsageError: if the name is taken or is none, the password is too short, or a viewer has no agency or area.
        """
        _check(principal)
        hashed = self._hash(password)
        with self._database.transaction():
            if self.find(principal.name):
                raise UsageError(f"users: there is an account {principal.name!r} already; remove it first, or choose another name")
            areas = msgspec.json.encode(principal.areas).decode()
            values = (principal.name, principal.role.value, principal.agency, areas, hashed, now.timestamp())
            self._database.rows("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)", values)

    def admit(self, principal: Principal, now: datetime) -> None:
        """Make or change the account of somebody whom a login provider has let in; it has no password that could be given here."""
        areas = msgspec.json.encode(principal.areas).decode()
        self._database.rows(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, '', ?) ON CONFLICT(name) DO UPDATE SET role = excluded.role, agency = excluded.agency, areas = excluded.areas",
            (principal.name, principal.role.value, principal.agency, areas, now.timestamp()),
        )

    def list(self) -> list[Account]:
        """All accounts by name."""
        rows = self._database.rows("SELECT name, role, agency, areas, created FROM accounts ORDER BY name")
        return [Account(principal=_principal(*row[:4]), created=datetime.fromtimestamp(row[4], UTC)) for row in rows]

    def find(self, name: str) -> Principal | None:
        """The principal of an account; None if there is none."""
        rows = self._database.rows("SELECT name, role, agency, areas FROM accounts WHERE name = ?", (name,))
        return _principal(*rows[0]) if rows else None

    def remove(self, name: str) -> None:
        """Remove an account with its tokens and sessions; what it did stays in the audit log.

        :raises UsageError: if there is none.
        """
        if not self._database.rows("DELETE FROM accounts WHERE name = ? RETURNING name", (name,)):
            raise UsageError(_no_account(name))

    def set_password(self, name: str, password: str) -> None:
        """Give an account a new password; its sessions end.

        :raises UsageError: if there is no such account, a login provider answers for it, or the password is too short.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                _no_account(name) if self.find(name) is None else f"users: {name!r} logs in at a provider, which has the password"
            )
        hashed = self._hash(password)
        with self._database.transaction():
            if not self._database.rows("UPDATE accounts SET password = ? WHERE name = ? RETURNING name", (hashed, name)):
                raise UsageError(_no_account(name))
            self._database.rows("DELETE FROM sessions WHERE account = ?", (name,))

    def log_in(self, name: str, password: str, address: str, now: datetime) -> Principal:
        """Whoever has this name and password.

        :param address: where the try comes from; failures are counted by it and by the name.
        :raises LoginError: if they do not belong together.
        :raises LoginLimitError: if too many tries failed; nothing was compared.
        """
        name, password = _writable(name.strip().lower()), _writable(password)
        self._limits.begin(name, address, now)  # counted as a failure until it is none: tries at the same time count, too
        rows = self._database.rows("SELECT password FROM accounts WHERE name = ?", (name,))
        hashed = rows[0][0] if rows else self._nobody
        try:
            self._hasher.verify(hashed, password[:_LONGEST])
        except (VerificationError, InvalidHashError):
            rows = []
        principal = self.find(name) if rows else None
        if principal is None:
            raise LoginError(_WRONG)
        self._limits.succeeded(name, address)
        if self._hasher.check_needs_rehash(hashed):
            self._database.rows("UPDATE accounts SET password = ? WHERE name = ?", (self._hasher.hash(password), name))
        return principal

    def _hash(self, password: str) -> str:
        if not _SHORTEST <= len(password) <= _LONGEST:
            raise UsageError(f"password: found {len(password)} characters; it needs {_SHORTEST} to {_LONGEST}, as four words of your own")
        return self._hasher.hash(_writable(password))


def _writable(text: str) -> str:
    """Without halves of characters, which no file takes."""
    return text.encode("utf-8", "replace").decode()


def _check(principal: Principal) -> None:
    if not _NAME.fullmatch(principal.name):
        raise UsageError(
            f"users: found name {principal.name!r}; it is up to 64 of a–z, 0–9, '.', '_', '-' and '@', and begins with a letter or digit"
        )
    strange = [area for area in principal.areas if not _AREA.fullmatch(area)]
    if strange:
        raise UsageError(f"users: found area {strange[0]!r}; an area is the code of a county as 12, or of a municipality as 1280")
    if principal.role is Role.VIEWER and not (principal.agency and principal.areas):
        raise UsageError("users: a viewer belongs to an agency and sees its areas only: give --agency and at least one --area")


def _principal(name: str, role: str, agency: str, areas: str) -> Principal:
    codes: Iterable[str] = msgspec.json.decode(areas, type=tuple[str, ...])
    return Principal(name=name, role=Role(role), agency=agency, areas=tuple(codes))


def _no_account(name: str) -> str:
    return f"users: there is no account {name!r}; `fjaril users list` shows them"
