"""WebSub over real HTTP: a hub of the tests, and a subscriber that it calls. The exchange is synthetic, as the W3C documents it."""

from __future__ import annotations

import asyncio
import hmac
import http.client
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from collectors.websub import LEASE, Subscriber, signed
from pipeline.model import Health, Source, SourceState
from tests.collectors.server import Asked, Reply
from tests.collectors.world import World, in_world, item, rss

KEY = b"an invented key"


class Hub:
    """Takes subscriptions; what it asks of the subscriber are calls of a browser, in a thread."""

    def __init__(self, w: World, status: int = 202) -> None:
        self.asked: list[dict[str, str]] = []
        self.status = status
        w.server.routes["/hub"] = self._take
        head = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="hub" href="{w.server.url("/hub")}"/>'
        head += f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="self" href="{w.server.url("/feed")}"/>'
        self.feed = lambda *items: rss(*items, channel=head)

    def _take(self, asked: Asked) -> Reply:
        self.asked.append({name: values[0] for name, values in parse_qs(asked.body.decode()).items()})
        return Reply(self.status)

    async def call(self, method: str, url: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        def ask() -> tuple[int, bytes]:
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.netloc, timeout=10)
            try:
                connection.request(method, f"{parts.path}?{parts.query}", body or None, headers)
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

        return await asyncio.to_thread(ask)

    async def verify(self, **changes: str) -> tuple[int, bytes]:
        form = self.asked[-1]
        query = {"mode": "subscribe", "topic": form["hub.topic"], "challenge": "påhittad", "lease_seconds": str(LEASE)} | changes
        return await self.call("GET", f"{form['hub.callback']}?{urlencode({f'hub.{name}': value for name, value in query.items()})}")

    async def push(self, body: bytes, secret: str | None = None, method: str = "sha256") -> int:
        form = self.asked[-1]
        digest = hmac.new((secret or form["hub.secret"]).encode(), body, method).hexdigest()
        fields = {"X-Hub-Signature": f"{method}={digest}", "Content-Type": "application/rss+xml"}
        return (await self.call("POST", form["hub.callback"], body, **fields))[0]


@asynccontextmanager
async def subscribing(w: World, source: Source) -> AsyncIterator[Subscriber]:
    made = Subscriber(w.engine, w.collector, w.clock, [source], "http://callback.example", KEY, 0, "127.0.0.1")
    async with made as subscriber:
        subscriber._callback = f"http://127.0.0.1:{subscriber.port}/websub"
        yield subscriber


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  (of another process, as it were)
            await asyncio.sleep(0.01)


async def _subscribed(w: World, hub: Hub, subscriber: Subscriber) -> SourceState:
    w.server.routes["/feed"] = Reply(200, hub.feed(item(1)))
    state = await w.collector.collect(w.source())
    before = len(hub.asked)
    subscriber.visited(w.source(), state)
    await until(lambda: len(hub.asked) > before)
    return state


def _with_hub(main: Callable[[World, Hub, Subscriber], Awaitable[None]], **changes: Any) -> None:
    async def wrapped(w: World) -> None:
        hub = Hub(w, **changes)
        async with subscribing(w, w.source()) as subscriber:
            await main(w, hub, subscriber)

    in_world(wrapped)


def test_subscribed_verified_pushed() -> None:
    """The feed's hub is asked for its topic, the challenge is echoed, and what is pushed is published as if it had been asked for."""

    async def main(w: World, hub: Hub, subscriber: Subscriber) -> None:
        state = await _subscribed(w, hub, subscriber)
        assert (state.hub, state.topic) == (w.server.url("/hub"), w.server.url("/feed"))
        form = hub.asked[0]
        assert (form["hub.mode"], form["hub.topic"], form["hub.lease_seconds"]) == ("subscribe", w.server.url("/feed"), str(LEASE))
        assert len(form["hub.secret"]) < 200
        assert not subscriber.pushes("feed")
        assert await hub.verify() == (200, "påhittad".encode())
        assert subscriber.pushes("feed")
        assert await hub.push(hub.feed(item(1), item(2))) == 202
        await until(lambda: len(w.bus.raw()) == 2)
        assert [raw.native_id for raw in w.bus.raw()] == ["n1", "n2"]
        assert await hub.push(b"<html>") == 202
        await until(lambda: w.bus.states()[-1].health is Health.MALFORMED)
        w.balance("feed")

    _with_hub(main)


def test_who_did_not_subscribe_is_not_verified() -> None:
    """Another topic, another path, another mode, no challenge: 404."""

    async def main(w: World, hub: Hub, subscriber: Subscriber) -> None:
        await _subscribed(w, hub, subscriber)
        for changes in ({"topic": "http://other.example/"}, {"mode": "unsubscribe"}, {"challenge": ""}):
            assert (await hub.verify(**changes))[0] == 404
        hub.asked[-1]["hub.callback"] += "0"
        assert (await hub.verify())[0] == 404
        assert await hub.push(hub.feed(item(9))) == 404
        assert not subscriber.pushes("feed")

    _with_hub(main)


def test_a_wrong_signature_is_answered_and_ignored() -> None:
    """Nothing of it is published; nor of what has none, or is signed by a method that nobody uses."""

    async def main(w: World, hub: Hub, subscriber: Subscriber) -> None:
        await _subscribed(w, hub, subscriber)
        await hub.verify()
        assert await hub.push(hub.feed(item(2)), secret="wrong") == 202  # noqa: S106
        assert await hub.push(hub.feed(item(2)), method="md5") == 202
        assert (await hub.call("POST", hub.asked[-1]["hub.callback"], hub.feed(item(2))))[0] == 202
        await asyncio.sleep(0.2)
        assert len(w.bus.raw()) == 1
        for number, method in enumerate(("sha1", "sha384", "sha512"), 10):
            body = hub.feed(item(1), item(number))
            assert await hub.push(body, method=method) == 202
        await until(lambda: len(w.bus.raw()) == 4)

    _with_hub(main)


def test_a_lease_is_renewed_before_it_ends() -> None:
    """At the next visit after four fifths of it; a hub that denies is left alone for a day, one that fails for an hour."""

    async def main(w: World, hub: Hub, subscriber: Subscriber) -> None:
        state = await _subscribed(w, hub, subscriber)
        await hub.verify(lease_seconds="1000")
        for seconds, calls in ((700, 1), (810, 2)):
            w.clock.advance_to(state.checked + timedelta(seconds=seconds))
            subscriber.visited(w.source(), state)
            await asyncio.sleep(0.1)
            assert len(hub.asked) == calls
        assert (await hub.verify(mode="denied"))[0] == 200
        assert not subscriber.pushes("feed")
        w.clock.advance_to(w.clock.now() + timedelta(hours=2))
        subscriber.visited(w.source(), state)
        await asyncio.sleep(0.1)
        assert len(hub.asked) == 2

    _with_hub(main)


def test_a_hub_that_fails_is_asked_again_in_an_hour() -> None:
    """Polling goes on meanwhile."""

    async def main(w: World, hub: Hub, subscriber: Subscriber) -> None:
        state = await _subscribed(w, hub, subscriber)
        for minutes, calls in ((30, 1), (61, 2)):
            w.clock.advance_to(state.checked + timedelta(minutes=minutes))
            subscriber.visited(w.source(), state)
            await asyncio.sleep(0.1)
            assert len(hub.asked) == calls
        assert not subscriber.pushes("feed")

    _with_hub(main, status=500)


def test_more_than_is_parsed_is_not_taken() -> None:
    """Whoever announces it, or sends it unannounced, is hung up on."""

    async def main(w: World, hub: Hub, subscriber: Subscriber) -> None:
        await _subscribed(w, hub, subscriber)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            await hub.call("POST", hub.asked[-1]["hub.callback"], bytes(6_000_000))
        assert await hub.push(hub.feed(item(2))) == 202

    _with_hub(main)


def test_a_signature_has_to_be_the_bodys() -> None:
    """To the last digit."""
    right = hmac.new(b"key", b"body", "sha256").hexdigest()
    assert signed(b"body", f"sha256={right}", "key")
    for wrong in (f"sha256={right[:-1]}", f"sha1={right}", right, "", "sha256=å"):
        assert not signed(b"body", wrong, "key")
