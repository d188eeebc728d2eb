"""Messages go from the bus to those they are for: each officer by the first of the channels that takes it, at least once, with one key.

A worker: what it is given it hands to threads, so that a receiver that is slow or gone holds up nobody else. What became of a message
stands in ``deliveries``; what stands in ``notifications`` alone is sent when the worker begins again.
"""

from __future__ import annotations

import queue
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from msgspec.structs import replace
from pydantic import SecretStr

from pipeline.alerts.current import Current
from pipeline.alerts.live.model import Delivery, Outgoing
from pipeline.alerts.notify import acknowledge
from pipeline.alerts.notify.build import deliveries
from pipeline.alerts.notify.deliver import Delivery as Sender
from pipeline.alerts.notify.message import DeadLetter, Kind, Notification
from pipeline.alerts.rota.duty import Rota
from pipeline.alerts.topics import DELIVERIES, NOTIFICATIONS
from pipeline.errors import ChannelError, FjarilError, StaleBatchError, WireError
from pipeline.model import decode, encode, fingerprint
from pipeline.ports import Bus, Clock, Record

log = structlog.get_logger()
#: Threads a channel: a message that is tried again keeps the others of the channel waiting only now and then.
_THREADS = 8
#: A message that is older is not sent: it would alarm of what is long over.
_OLD = timedelta(hours=24)
#: How long a link to acknowledge by works.
_LINK = timedelta(hours=24)
#: Messages that wait in threads; then no more are taken from the bus.
_MOST = 5_000
_LOOK = timedelta(seconds=2)
_KNOWN = 100_000
#: Seconds that attempts may still take when the worker is to stop.
_END = 10.0


class Links:
    """Links to acknowledge by: the same when a message is sent again.

    :param base: address of the console, as ``https://fjaril.kommun.example``; empty: there are none.
    """

    def __init__(self, base: str, secret: SecretStr | None) -> None:
        """:raises SettingsError: if the secret is too short."""
        self._base = base.rstrip("/")
        self._key = secret.get_secret_value().encode() if secret is not None else b""
        if self._base and self._key:
            acknowledge.make(self._key, "00", "", datetime.now(UTC))

    def of(self, message: Outgoing) -> str | None:
        """The officer's own, for a message that asks for it."""
        one = message.notification
        if not (self._base and self._key) or one.kind not in {Kind.TRIGGER, Kind.UPDATE}:
            return None
        nonce = bytes.fromhex(fingerprint(one.key, message.officer))[:6]
        return f"{self._base}/kvittera/{acknowledge.make(self._key, one.alert, message.officer, one.sent + _LINK, nonce)}"


class Deliverer:
    """Reads ``notifications``; writes ``deliveries``."""

    name = "deliver"
    inputs = (NOTIFICATIONS,)

    def __init__(
        self, bus: Bus, rota: Current[Rota], secrets: Mapping[str, SecretStr], clock: Clock, *, link: str = "", batch: int = 500,
    ) -> None:  # fmt: skip
        """Take up what was not sent.

        :raises SettingsError: if a channel's secret is not in the settings.
        :raises ChannelRefusedError: if a channel cannot be made.
        """
        self._bus, self._rota, self._secrets, self._clock, self._size = bus, rota, secrets, clock, batch
        self._links = Links(link, secrets.get("acknowledge"))
        self._senders = self._made(rota.value)
        self._in_force, self._looked = rota.version, clock.now()
        self._waiting: dict[str, list[queue.SimpleQueue[Callable[[], None] | None]]] = {}
        self._threads: list[threading.Thread] = []
        self._under_way: set[str] = set()
        #: What this process was given, in that order: a message that comes twice is sent once.
        self._known: dict[str, None] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._taken_up = False

    def step(self) -> int:
        """Hand what has come to the threads."""
        self._refresh()
        if not self._taken_up:
            self._take_up()
        if len(self._under_way) > _MOST:
            return 0
        batch = self._bus.poll(self.name, self.inputs, self._size)
        if batch.records:
            try:
                self._bus.commit(batch)  # it stands in the topic until its delivery does
            except StaleBatchError as error:  # another process sends it
                log.warning("messages were taken over", reason=str(error))
                return 0
            for record in batch.records:
                self._begin(record.value)
        return len(batch.records)

    def close(self) -> None:
        """Let attempts that are under way end; what is waiting is sent at the next start."""
        self._stopping.set()
        for queues in self._waiting.values():
            for one in queues:
                one.put(None)
        end = time.monotonic() + _END
        for thread in self._threads:
            thread.join(timeout=max(0.0, end - time.monotonic()))

    # --- taking --------------------------------------------------------------------------------------------------------

    def _take_up(self) -> None:
        """What an earlier process was given and did not bring to an end."""
        self._taken_up = True
        since = self._clock.now() - 2 * _OLD
        done = {record.key for record in self._bus.read(DELIVERIES, since)}
        lag = self._bus.lag(self.name, self.inputs)[NOTIFICATIONS]
        given = [record.value for record in self._bus.read(NOTIFICATIONS, since)]
        for value in given[: len(given) - lag]:
            self._begin(value, done)

    def _begin(self, value: bytes, done: set[str] | None = None) -> None:
        try:
            message = decode(value, Outgoing)
        except WireError as error:
            log.warning("a message cannot be read", reason=str(error))
            return
        with self._lock:
            if message.id in self._known or (done is not None and message.id in done):
                return
            self._known[message.id] = None
            while len(self._known) > _KNOWN:
                del self._known[next(iter(self._known))]
            self._under_way.add(message.id)
        self._pass(message, message.channels, {}, 0)

    def _pass(self, message: Outgoing, channels: tuple[str, ...], failures: dict[str, str], attempts: int) -> None:
        """To a thread of the next channel; what is told of one alert stays in order."""
        if not channels:
            self._end(message, failures=failures, attempts=attempts)
            return
        queues = self._queues(channels[0])
        queues[zlib.crc32(message.notification.alert.encode()) % _THREADS].put(lambda: self._send(message, channels, failures, attempts))

    def _queues(self, channel: str) -> list[queue.SimpleQueue[Callable[[], None] | None]]:
        with self._lock:
            if channel not in self._waiting:
                self._waiting[channel] = [queue.SimpleQueue() for _ in range(_THREADS)]
                for number, one in enumerate(self._waiting[channel]):
                    thread = threading.Thread(target=self._work, args=(one,), name=f"deliver {channel} {number}", daemon=True)
                    self._threads.append(thread)
                    thread.start()
            return self._waiting[channel]

    # --- sending -------------------------------------------------------------------------------------------------------

    def _work(self, waiting: queue.SimpleQueue[Callable[[], None] | None]) -> None:
        while (do := waiting.get()) is not None:
            if self._stopping.is_set():
                continue
            try:
                do()
            except _StoppedError:
                continue
            except Exception:
                log.exception("a message could not be brought to an end; it is sent again at the next start")

    def _send(self, message: Outgoing, channels: tuple[str, ...], failures: dict[str, str], attempts: int) -> None:
        channel, rest = channels[0], channels[1:]
        one = replace(message.notification, acknowledge=self._links.of(message))
        try:
            sender, to = self._receiver(message, channel)
            if rest and sender.is_resting:
                self._pass(message, rest, failures | {channel: "its receiver failed several times; it is left alone for a while"}, attempts)
                return
            receipt = sender.send(one, to)
        except _StoppedError:
            raise
        except Exception as error:
            if not isinstance(error, ChannelError):  # a fault of ours: somebody is to be told all the same
                log.exception("a channel failed", channel=channel, key=one.key)
            log.warning("a message was not taken", channel=channel, key=one.key, officer=message.officer, reason=str(error))
            self._pass(message, rest, failures | {channel: str(error)}, attempts)
            return
        self._end(
            message, channel=channel, failures=failures, reference=receipt.reference, attempts=attempts + receipt.attempts, at=self._clock.now()
        )  # fmt: skip

    def _receiver(self, message: Outgoing, channel: str) -> tuple[Sender, str | None]:
        if self._clock.now() - message.notification.sent > _OLD:
            raise ChannelError(f"channel {channel}: the message is older than {_OLD} and is not sent any more")
        officer = self._rota.value.officers.get(message.officer)
        addresses = officer.addresses if officer is not None else ()
        found = next((address for address in addresses if address.channel == channel), None)
        if found is None or channel not in self._senders:
            raise ChannelError(f"channel {channel}: the rota no longer has {message.officer} there")
        return self._senders[channel], found.to

    def _end(
        self, message: Outgoing, *, failures: Mapping[str, str], attempts: int, channel: str = "", reference: str = "", at: datetime | None = None
    ) -> None:  # fmt: skip
        one: Notification = message.notification
        at = at or self._clock.now()
        delivery = Delivery(
            id=message.id, alert=one.alert, key=one.key, officer=message.officer, kind=one.kind, at=at, channel=channel, reference=reference,
            attempts=attempts, failures=failures,
        )  # fmt: skip
        self._bus.publish([Record(topic=DELIVERIES, key=message.id, timestamp=at, value=encode(delivery))])
        with self._lock:
            self._under_way.discard(message.id)

    # --- the rota ------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Channels as the file has them now; as they were where it cannot be used."""
        now = self._clock.now()
        if now < self._looked + _LOOK:
            return
        self._looked = now
        self._rota.refresh()
        if self._rota.version == self._in_force:
            return
        self._in_force = self._rota.version
        try:
            self._senders = self._made(self._rota.value)
        except FjarilError as error:
            log.warning("channels of the new rota cannot be used; the old ones stay in force", reason=str(error))

    def _made(self, rota: Rota) -> dict[str, Sender]:
        return deliveries(rota.channels, self._secrets, _buried, self._rest)

    def _rest(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError


class _StoppedError(Exception):
    """The worker stops between two attempts."""


def _buried(letter: DeadLetter) -> None:
    log.warning("a channel has given a message up", channel=letter.channel, key=letter.key, attempts=letter.attempts, reason=letter.reason)
