"""Failed logins are counted, and too many make wait: by name at one address, by address, by name."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipeline.errors import LoginLimitError
from pipeline.sqlite import Database

_WINDOW = timedelta(minutes=15).total_seconds()
#: Failures within the window: of one name from one address; from one address; of one name from anywhere. The last is large, since anyone can
#: make somebody else wait by it.
_PAIR, _ADDRESS, _NAME = 5, 30, 100


class Limits:
    """Counts in the file of accounts: a restart forgets nothing, and several processes count together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, name: str, address: str, now: datetime) -> None:
        """Count a try as failed, until :meth:`succeeded`.

        :raises LoginLimitError: if too many failed; this one is not counted then.
        """
        at = now.timestamp()
        with self._database.transaction():
            self._database.rows("DELETE FROM failures WHERE at <= ?", (at - _WINDOW,))
            for who, most in _counted(name, address).items():
                # the oldest of as many as are allowed: when it leaves the window, the next try is heard
                full = self._database.rows("SELECT at FROM failures WHERE who = ? ORDER BY at DESC LIMIT 1 OFFSET ?", (who, most - 1))
                if full:
                    after = max(1.0, full[0][0] + _WINDOW - at)
                    raise LoginLimitError(f"too many failed logins; try again in {after / 60:.0f} min", after)
            for who in _counted(name, address):
                self._database.rows("INSERT INTO failures VALUES (?, ?)", (who, at))

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of the name at the address, and take the try off the others."""
        with self._database.transaction():
            pair, *others = _counted(name, address)
            self._database.rows("DELETE FROM failures WHERE who = ?", (pair,))
            for who in others:
                self._database.rows("DELETE FROM failures WHERE rowid = (SELECT max(rowid) FROM failures WHERE who = ?)", (who,))


def _counted(name: str, address: str) -> dict[str, int]:
    """What a try counts for, and how many failures it may have."""
    return {f"{name}\n{address}": _PAIR, f"\n{address}": _ADDRESS, f"{name}\n": _NAME}
