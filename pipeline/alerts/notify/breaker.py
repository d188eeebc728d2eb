"""A circuit breaker: a receiver that fails is left alone for a while, so that nobody waits for it and it can recover."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import StrEnum


class State(StrEnum):
    """Of a breaker."""

    #: All is well, or has failed a few times.
    CLOSED = "closed"
    #: Nothing is sent.
    OPEN = "open"
    #: One attempt is made, and decides.
    HALF_OPEN = "half-open"


class Breaker:
    """Counts failures of one receiver. Safe in several threads.

    :param failures: so many in a row open it.
    :param rest: seconds that it then stays open; doubled each time that the attempt after it fails, too.
    :param longest: bound of that.
    """

    def __init__(
        self, *, failures: int = 5, rest: float = 10, longest: float = 300, monotonic: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._limit, self._first, self._longest, self._now = failures, rest, longest, monotonic
        self._lock = threading.Lock()
        self._failures, self._rest, self._until = 0, rest, 0.0
        self._state, self._probing_until = State.CLOSED, 0.0

    @property
    def state(self) -> State:
        """As it is now."""
        with self._lock:
            return State.HALF_OPEN if self._state is State.OPEN and self._now() >= self._until else self._state

    def wait(self) -> float:
        """0: go on, and say by :meth:`failed` or :meth:`worked` what came of it. Else the seconds after which to ask again."""
        with self._lock:
            now = self._now()
            if self._state is State.CLOSED:
                return 0
            if self._state is State.OPEN and now < self._until:
                return self._until - now
            if self._state is State.HALF_OPEN and now < self._probing_until:
                return min(1.0, self._probing_until - now)  # somebody else tries it
            self._state, self._probing_until = State.HALF_OPEN, now + self._longest
            return 0

    def worked(self) -> None:
        """The receiver answered."""
        with self._lock:
            self._state, self._failures, self._rest = State.CLOSED, 0, self._first

    def failed(self) -> None:
        """It did not."""
        with self._lock:
            self._failures += 1
            if self._state is State.HALF_OPEN:
                self._rest = min(2 * self._rest, self._longest)
            elif self._failures < self._limit or self._state is State.OPEN:
                return
            self._state, self._until = State.OPEN, self._now() + self._rest
