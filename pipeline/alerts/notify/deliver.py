"""A channel that does not give up at once: attempts with back-off, a circuit breaker, and a dead letter in the end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from pipeline.alerts.notify.breaker import Breaker, State
from pipeline.alerts.notify.message import Bury, Channel, DeadLetter, Notification, Receipt
from pipeline.errors import ChannelBusyError, ChannelError, ChannelRefusedError


class Backoff(Struct, frozen=True, kw_only=True):
    """How long to wait before which attempt: drawn evenly up to a bound that doubles (full jitter), so that many who wait do not come at once."""

    attempts: int = 5
    #: Seconds within which all attempts are made, waiting included.
    patience: float = 300
    base: float = 1
    longest: float = 60

    def delay(self, failures: int, after: float | None, draw: Callable[[], float]) -> float:
        """Seconds to wait after so many failures.

        :param after: what the receiver asks for: never less than that.
        :param draw: gives a number of [0, 1).
        """
        bound = min(self.longest, self.base * 2.0 ** min(failures - 1, 30))
        return max(after or 0.0, bound * draw())


class Delivery:
    """A :class:`Channel` around another. Safe in several threads; each waits for itself."""

    def __init__(
        self, channel: Channel, backoff: Backoff, breaker: Breaker, bury: Bury, *,
        monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        """:param bury: is told of what is given up, before the error is raised."""
        self.name = channel.name
        self._channel, self._backoff, self._breaker, self._bury = channel, backoff, breaker, bury
        self._monotonic, self._sleep, self._draw = monotonic, sleep, draw

    @property
    def is_resting(self) -> bool:
        """Whether its receiver failed so often that it is left alone for a while."""
        return self._breaker.state is State.OPEN

    def send(self, notification: Notification, to: str | None) -> Receipt:
        """Tell it, however often that takes; each attempt has the same key.

        :raises ChannelError: once it is given up and buried.
        """
        end = self._monotonic() + self._backoff.patience
        failures = 0
        while True:
            try:
                return self._once(notification, to, failures + 1)
            except ChannelRefusedError as error:
                self._give_up(notification, failures + 1, error)
                raise
            except _OpenError as error:
                fault, wait = error.last, error.after or 0.0
            except ChannelBusyError as error:
                failures += 1
                fault, wait = error, self._backoff.delay(failures, error.after, self._draw)
            if failures >= self._backoff.attempts or self._monotonic() + wait > end:
                self._give_up(notification, failures, fault)
                raise fault
            self._sleep(wait)

    def _once(self, notification: Notification, to: str | None, attempt: int) -> Receipt:
        if wait := self._breaker.wait():
            raise _OpenError(self.name, wait)
        try:
            receipt = self._channel.send(notification, to)
        except ChannelBusyError:
            self._breaker.failed()
            raise
        except BaseException:  # refused, or a fault of ours: the receiver itself answers
            self._breaker.worked()
            raise
        self._breaker.worked()
        return replace(receipt, attempts=attempt)

    def _give_up(self, notification: Notification, attempts: int, error: ChannelError) -> None:
        self._bury(
            DeadLetter(
                channel=self.name,
                key=notification.key,
                alert=notification.alert,
                attempts=attempts,
                reason=str(error),
                at=datetime.now(UTC),
            )
        )


class _OpenError(ChannelBusyError):
    """The breaker is open: nothing was sent."""

    def __init__(self, name: str, after: float) -> None:
        super().__init__(f"channel {name}: its receiver failed several times; it is tried again in {after:.0f} s", after)
        self.last = ChannelBusyError(str(self), after)
