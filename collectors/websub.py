"""WebSub (https://www.w3.org/TR/websub/): feeds that are pushed as soon as they change, where a feed names a hub.

A hub has to reach us: the settings say under which address (``websub.callback``) and where we listen for what comes there. Nothing is
stored of a subscription: its path and secret follow from the installation's key, and a new process subscribes anew. Polling goes on
at its slowest, as a safety net.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import structlog
from msgspec import Struct
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from collectors.engine import Answer, Engine
from collectors.failures import Failure
from collectors.politeness import Gate, host_of
from collectors.sandbox import MAX_INPUT
from pipeline.errors import FjarilError
from pipeline.model import Source, SourceState
from pipeline.ports import Clock

#: Seconds of a lease that are asked for, the share of one after which it is renewed, and seconds until a hub that failed is asked again.
LEASE, RENEW, AGAIN = 7 * 86400, 0.8, 3600.0
#: Longest lease that is believed.
MAX_LEASE = 30 * 86400
_HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_log = structlog.get_logger(__name__)


class Delivers(Protocol):
    """What the subscriber needs of :class:`collectors.collect.Collector`."""

    @property
    def gate(self) -> Gate:
        """Through which every call goes."""

    async def deliver(self, source: Source, answer: Answer) -> SourceState:
        """Publish what is new."""


class Subscription(Struct):
    """Of one source."""

    source: Source
    hub: str
    topic: str
    #: When the hub is asked next.
    due: datetime
    #: Until when the hub pushes; None before it has verified.
    until: datetime | None = None


class Subscriber:
    """Listens while it is open; opened with ``async with``, in the loop of the engine.

    :param callback: address under which hubs reach us, without a slash at its end.
    :param key: of the installation.
    :param port: 0 for any that is free.
    """

    def __init__(
        self,
        engine: Engine,
        collector: Delivers,
        clock: Clock,
        sources: Sequence[Source],
        callback: str,
        key: bytes,
        port: int,
        address: str,
    ) -> None:
        self._engine, self._collector, self._clock = engine, collector, clock
        self._callback, self._key, self._listen = callback.rstrip("/"), key, (port, address)
        self._sources = {self.path(source): source for source in sources if source.enabled}
        self._known: dict[str, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._port: Any = None

    async def __aenter__(self) -> Self:
        from twisted.internet import reactor

        network: Any = reactor
        port, address = self._listen
        site = Site(_Callbacks(self), requestFactory=_Bounded)  # type: ignore[no-untyped-call]
        self._port = network.listenTCP(port, site, interface=address)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        stopped = self._port.stopListening()
        if stopped is not None:
            await stopped.asFuture(asyncio.get_running_loop())

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self._port.getHost().port
        return number

    def path(self, source: Source) -> str:
        """Last part of the address at which a hub finds the source: nobody else can guess it."""
        return hmac.digest(self._key, f"websub path {source.id}".encode(), "sha256").hex()[:32]

    def secret(self, subscription: Subscription) -> str:
        """What the hub signs with."""
        return hmac.digest(self._key, f"websub secret {subscription.source.id} {subscription.topic}".encode(), "sha256").hex()

    def pushes(self, source_id: str) -> bool:
        """Whether the source is being pushed."""
        known = self._known.get(source_id)
        return known is not None and known.until is not None and known.until > self._clock.now()

    def visited(self, source: Source, state: SourceState) -> None:
        """Subscribe where a visit has shown a hub, and renew what is due."""
        if not state.hub:
            return
        now, topic = self._clock.now(), state.topic or state.url
        known = self._known.get(source.id)
        if known is None or (known.hub, known.topic) != (state.hub, topic):
            known = self._known[source.id] = Subscription(source, state.hub, topic, now)
        if known.due <= now:
            known.due = now + timedelta(seconds=AGAIN)
            self._begin(self._subscribe(known))

    def verify(self, path: str, mode: str, topic: str, challenge: str, lease: str) -> bytes | None:
        """What a hub is answered that asks whether we asked it; None if we did not."""
        source = self._sources.get(path)
        known = self._known.get(source.id) if source else None
        if known is None or topic != known.topic:
            return None
        now = self._clock.now()
        if mode == "denied":
            _log.warning("websub_denied", source=known.source.id, hub=known.hub)
            known.until, known.due = None, now + timedelta(days=1)
            return b""
        if mode != "subscribe" or not challenge:
            return None
        seconds = min(int(lease), MAX_LEASE) if lease.isdecimal() and len(lease) < 12 else LEASE
        known.until, known.due = now + timedelta(seconds=seconds), now + timedelta(seconds=seconds * RENEW)
        return challenge.encode()

    def deliver(self, path: str, signature: str, content_type: str, body: bytes) -> int:
        """Take what was pushed; the status to answer with. A wrong signature is answered as a right one, and ignored (WebSub, 8)."""
        source = self._sources.get(path)
        known = self._known.get(source.id) if source else None
        if source is None:
            return 404
        if known is None:  # of an earlier process: the next visit subscribes anew
            return 202
        if not signed(body, signature, self.secret(known)):
            _log.warning("websub_signature", source=source.id, hub=known.hub)
            return 202
        self._begin(self._take(source, Answer(status=200, url=source.url, headers={"content-type": content_type}, body=body)))
        return 202

    async def _take(self, source: Source, answer: Answer) -> None:
        try:
            await self._collector.deliver(source, answer)
        except FjarilError as error:
            _log.error("source_not_stored", source=source.id, error=str(error))

    async def _subscribe(self, known: Subscription) -> None:
        form = {
            "hub.callback": f"{self._callback}/{self.path(known.source)}",
            "hub.mode": "subscribe",
            "hub.topic": known.topic,
            "hub.lease_seconds": str(LEASE),
            "hub.secret": self.secret(known),
        }
        try:
            async with self._collector.gate.turn(host_of(known.hub)):
                answer = await self._engine.fetch(
                    known.hub, {"Content-Type": "application/x-www-form-urlencoded"}, method="POST", body=urlencode(form).encode()
                )
        except Failure as failure:
            _log.warning("websub_hub", source=known.source.id, hub=known.hub, reason=failure.reason)
            return
        if answer.status not in {202, 204}:
            _log.warning("websub_hub", source=known.source.id, hub=known.hub, reason=f"answered {answer.status} instead of 202")

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether ``signature`` (``sha256=…``) is that of the body."""
    method, _, given = signature.partition("=")
    known = _HASHES.get(method)
    return known is not None and hmac.compare_digest(hmac.new(secret.encode(), body, known).hexdigest().encode(), given.strip().encode())


class _Callbacks(Resource):
    isLeaf = True  # noqa: N815  (Twisted's name)

    def __init__(self, subscriber: Subscriber) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._subscriber = subscriber

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  (Twisted's name)
        mode, topic, challenge, lease = (_argument(request, name) for name in ("mode", "topic", "challenge", "lease_seconds"))
        answer = self._subscriber.verify(_path(request), mode, topic, challenge, lease)
        request.setResponseCode(404 if answer is None else 200)
        request.setHeader("Content-Type", "text/plain; charset=utf-8")  # type: ignore[no-untyped-call]
        request.setHeader("X-Content-Type-Options", "nosniff")  # type: ignore[no-untyped-call]
        return answer or b""

    def render_POST(self, request: Request) -> bytes:  # noqa: N802  (Twisted's name)
        signature, kind = (request.getHeader(name) or "" for name in ("X-Hub-Signature", "Content-Type"))
        request.setResponseCode(
            self._subscriber.deliver(_path(request), signature, kind, request.content.read() if request.content else b"")
        )
        return b""


class _Bounded(Request):
    """Hangs up on who sends more than is parsed."""

    _received = 0

    def gotLength(self, length: int | None) -> None:  # noqa: N802  (Twisted's name)
        if length is not None and length > MAX_INPUT:
            self._refuse()
            length = 0
        super().gotLength(length)  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  (Twisted's name)
        self._received += len(data)
        if self._received > MAX_INPUT:
            self._refuse()
        else:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def _refuse(self) -> None:
        self.channel.forceAbortClient()  # type: ignore[no-untyped-call]


def _path(request: Request) -> str:
    path: bytes = request.path
    return path.decode("latin-1").rstrip("/").rpartition("/")[2]


def _argument(request: Request, name: str) -> str:
    values: list[bytes] = request.args.get(f"hub.{name}".encode(), [b""])
    return values[0].decode("utf-8", "replace")
