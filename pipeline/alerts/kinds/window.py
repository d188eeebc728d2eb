"""A sliding window over what happened."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple


class Entry(NamedTuple):
    """Something that counts ``amount``."""

    time: datetime
    amount: float
    #: Document that it comes from, if it is one.
    id: str = ""
    #: It only says that time has come so far.
    is_mark: bool = False


def mark(moment: datetime) -> Entry:
    """Time has come to ``moment``."""
    return Entry(moment, 0, is_mark=True)


def _time(entry: Entry) -> datetime:
    return entry.time


class Window:
    """Entries in order of time, none of them ``length`` or more older than the newest.

    :param leaving: is given each entry that grows too old, oldest first.
    """

    def __init__(self, length: timedelta, leaving: Callable[[Entry], None] | None = None) -> None:
        self._length, self._leaving = length, leaving
        self.entries: deque[Entry] = deque()
        self.total: float = 0

    def add(self, entry: Entry) -> None:
        """Take an entry in and let the old ones go."""
        if self.entries and entry.time < self.entries[-1].time:
            late = list(self.entries)
            insort(late, entry, key=_time)
            self.entries = deque(late)
        else:
            self.entries.append(entry)
        self.total += entry.amount
        while self.entries[-1].time - self.entries[0].time >= self._length:
            oldest = self.entries.popleft()
            self.total -= oldest.amount
            if self._leaving is not None:
                self._leaving(oldest)

    def clear(self) -> None:
        """Forget all."""
        self.entries.clear()
        self.total = 0

    @property
    def newest(self) -> datetime:
        return self.entries[-1].time

    @property
    def oldest(self) -> datetime:
        return self.entries[0].time

    @property
    def ids(self) -> tuple[str, ...]:
        """Of what counts, the oldest first."""
        return tuple(dict.fromkeys(entry.id for entry in self.entries if entry.id))

    @property
    def amounts(self) -> list[float]:
        """What each entry counts, without the marks of time."""
        return [entry.amount for entry in self.entries if not entry.is_mark]
