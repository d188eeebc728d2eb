"""Streams over real WebSockets on loopback. Recorded events where there are any; those made here have the documented shape."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from collectors.engine import run
from collectors.failures import Blocked, Unreachable
from collectors.kinds.jetstream import OVERLAP, Reading
from collectors.matching import Filters
from collectors.sockets import opened
from collectors.streams import Streams
from pipeline.model import Health, Source
from tests.collectors.world import PRIVATE, OwnBus, World, http, in_world, world

BEGINNING = 1_772_366_400_000_000
DID = "did:plc:pahittad{}"


def post(number: int, text: str = "Brand i hamnen", author: int = 0, **changes: Any) -> dict[str, Any]:
    operation, at = changes.pop("operation", "create"), changes.pop("at", number)
    record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-03-01T11:00:00.000Z", "langs": ["sv"], **changes}
    commit = {"rev": "x", "operation": operation, "collection": "app.bsky.feed.post", "rkey": f"r{number}"}
    if operation != "delete":
        commit |= {"record": record, "cid": "bafy"}
    return {"did": DID.format(author), "time_us": BEGINNING + at * 1_000_000, "kind": "commit", "commit": commit}


def gone(author: int, at: int) -> dict[str, Any]:
    account = {"active": False, "did": DID.format(author), "seq": 1, "status": "deleted", "time": "2026-03-01T11:00:00.000Z"}
    return {"did": DID.format(author), "time_us": BEGINNING + at * 1_000_000, "kind": "account", "account": account}


class Firehose:
    """Serves what it holds from the cursor on, at least once, as Jetstream does; hangs up after so many messages."""

    def __init__(self, events: list[Any], hang_up: Sequence[int] = ()) -> None:
        self.events, self.hang_up, self.asked = events, list(hang_up), list[str]()

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.asked.append(connection.request.path)
        cursor = int(parse_qs(urlsplit(connection.request.path).query).get("cursor", ["0"])[0])
        most = self.hang_up.pop(0) if self.hang_up else None
        waiting = [event for event in self.events if not isinstance(event, dict) or event["time_us"] >= cursor]
        for event in waiting[:most]:
            await connection.send(event if isinstance(event, (bytes, str)) else json.dumps(event))
        if most is None:
            await connection.wait_closed()


@asynccontextmanager
async def serving(handler: Any) -> AsyncIterator[str]:
    server: Server
    async with serve(handler, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def jetstream(url: str, **options: Any) -> Source:
    chosen = options or {"languages": ["sv"]}
    return Source(id="bsky", kind="jetstream", url=f"{url}/subscribe", name="Test", purpose="tests of streams", options=chosen)


async def _always() -> None:
    return


async def listen(w: World, source: Source, enough: Callable[[], bool], seconds: float = 20) -> None:
    async with Streams(w.collector, [source], w.clock, _always, lambda _source, _state: None):
        async with asyncio.timeout(seconds):
            while not enough():  # noqa: ASYNC110  (what is waited for stands on the bus)
                await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.kinds.jetstream.SECONDS", 0.1)
    monkeypatch.setattr("collectors.kinds.mastodon_stream.SECONDS", 0.1)


def test_a_broken_stream_loses_nothing_and_doubles_nothing() -> None:
    """Three times it breaks, each time what was stored last comes again: each post is published once, in order, and the books balance."""
    events = [post(number) for number in range(200)]

    async def main(w: World) -> None:
        hose = Firehose(events, hang_up=(50, 60, 1))
        async with serving(hose) as url:
            await listen(w, jetstream(url), lambda: len(w.bus.raw()) >= 200)
            await asyncio.sleep(0.2)
        assert [raw.native_id.rpartition("/")[2] for raw in w.bus.raw()] == [f"r{number}" for number in range(200)]
        cursors = [parse_qs(urlsplit(path).query).get("cursor") for path in hose.asked]
        assert cursors[0] is None
        assert cursors[1] == [str(BEGINNING + 49_000_000 - OVERLAP)]
        assert len(cursors) == 4
        (state,) = w.bus.states()
        assert state.cursor == str(BEGINNING + 199_000_000)
        assert state.unchanged > 0
        w.balance("bsky")

    in_world(main)


def test_a_restart_goes_on_from_the_cursor() -> None:
    """Of another process over the same bus."""

    async def main() -> None:
        hose = Firehose([post(1), post(2)])
        with closing(OwnBus()) as bus:
            async with serving(hose) as url:
                async with world(bus) as w:
                    await listen(w, jetstream(url), lambda: len(bus.raw()) == 2)
                hose.events += [post(3)]
                async with world(bus) as w:
                    await listen(w, jetstream(url), lambda: len(bus.raw()) == 3)
            assert [raw.native_id[-2:] for raw in bus.raw()] == ["r1", "r2", "r3"]
            assert f"cursor={BEGINNING + 2_000_000 - OVERLAP}" in hose.asked[1]

    run(main())


def test_edits_deletions_and_accounts_that_go() -> None:
    """A deleted account's posts are all withdrawn, stored earlier or in the same second; nothing names its author."""

    async def main(w: World) -> None:
        hose = Firehose([post(1), post(2), post(3, author=7), post(4, author=7), post(5)])
        async with serving(hose) as url:
            await listen(w, jetstream(url), lambda: len(w.bus.raw()) == 5)
            hose.events = [
                post(1, operation="delete", at=10),
                post(2, "Släckt", operation="update", at=11),
                post(5, "Not Swedish any more", operation="update", at=12, langs=["en"]),
                post(8, author=7, at=13),
                gone(7, at=14),
                post(9, at=15),
                post(9, operation="delete", at=16),
                post(99, operation="delete", at=17),
            ]
            await listen(w, jetstream(url), lambda: len(w.bus.raw()) == 10)
        found = [(raw.native_id.rpartition("/")[2], raw.revision, raw.withdrawn) for raw in w.bus.raw()[5:]]
        assert sorted(found) == [("r1", 2, True), ("r2", 2, False), ("r3", 2, True), ("r4", 2, True), ("r5", 2, True)]
        stored = b"".join(record.value for record in w.bus.records())
        assert b"did:plc" not in stored
        assert all(raw.native_id.startswith((PRIVATE.pseudonym(DID.format(0)), PRIVATE.pseudonym(DID.format(7)))) for raw in w.bus.raw())
        w.balance("bsky")

    in_world(main)


def test_what_is_not_wanted_is_never_stored() -> None:
    """By language and by words; what its author keeps from those who are not logged in; what is no post; what is no event."""
    events: list[Any] = [
        post(1, "Fire", langs=["en"]),
        post(2, "Inget att se"),
        post(3, labels={"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "!no-unauthenticated"}]}),
        post(4, langs=None),
        post(5, text=7),
        "no JSON",
        b"\xff\xfe",
        {"did": DID, "time_us": BEGINNING, "kind": "identity", "identity": {}},
        post(6, "@anna.bsky.social såg en BRAND, se https://bsky.app/profile/anna", facets=[
            {"features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://example.org/a"}]},
            {"features": [{"$type": "app.bsky.richtext.facet#mention", "did": DID}]},
        ]),
    ]  # fmt: skip

    async def main(w: World) -> None:
        async with serving(Firehose(events)) as url:
            await listen(w, jetstream(url, languages=["sv"], words=["brand"]), lambda: len(w.bus.raw()) == 2)
        fourth, sixth = w.bus.entries()
        assert fourth.text == "Brand i hamnen"
        assert (sixth.text, sixth.url, sixth.links) == ("@… såg en BRAND, se https://bsky.app/profile/…", None, ("https://example.org/a",))
        assert "2 messages could not be read" in w.bus.states()[-1].detail

    in_world(main)


def test_recorded_events_are_read(shared_data: Path) -> None:
    """Every post of two recorded streams is read; of the other collections nothing is."""
    for name in ("golden_v1.jsonl", "relay_capture_a.jsonl"):
        lines = (shared_data / "feeds/jetstream" / name).read_bytes().splitlines()
        posts = [commit for line in lines if (commit := json.loads(line).get("commit")) and commit["collection"] == "app.bsky.feed.post"]
        texts = [commit["record"]["text"] for commit in posts if commit["operation"] == "create"]
        reading = Reading(Filters().wanted(), PRIVATE.pseudonym, lambda _: False, 0)
        parsed = reading.read(lines)
        assert parsed is not None
        assert len(parsed.items) == len(texts) > 0
        assert not parsed.problems
        assert reading.after == max(json.loads(line)["time_us"] for line in lines)


def test_5_000_posts_a_second_are_looked_through(shared_data: Path) -> None:
    """Real posts, in all languages, against 300 words: CPU time of reading and deciding, without the connection."""
    lines = (shared_data / "feeds/jetstream/relay_capture_a.jsonl").read_bytes().splitlines()
    posts = [line for line in lines if b'"collection":"app.bsky.feed.post"' in line] * 3_000
    # in all languages, so that the words decide
    wanted = Filters(words=tuple(f"ort{number}" for number in range(300))).wanted()
    reading = Reading(wanted, PRIVATE.pseudonym, lambda _: False, 0)
    begun = time.process_time()
    for at in range(0, len(posts), 5_000):
        reading.read(posts[at : at + 5_000])
    assert len(posts) / (time.process_time() - begun) > 5_000


def test_5_000_posts_a_second_come_through_the_connection(shared_data: Path) -> None:
    """With WebSocket, sender and receiver in one process and on one core: CPU time of both."""
    lines = (shared_data / "feeds/jetstream/relay_capture_a.jsonl").read_bytes().splitlines()
    posts = [line.decode() for line in lines if b'"collection":"app.bsky.feed.post"' in line] * 3_000

    async def flood(connection: ServerConnection) -> None:
        for message in posts:
            await connection.send(message)
        await connection.send(json.dumps(post(1)))
        await connection.wait_closed()

    async def main(w: World) -> float:
        async with serving(flood) as url:
            begun = time.process_time()
            await listen(w, jetstream(url, languages=["sv"], words=["hamnen"]), lambda: len(w.bus.raw()) == 1, seconds=120)
            return time.process_time() - begun

    assert len(posts) / in_world(main) > 5_000


def test_a_stream_that_was_left_for_too_long_says_so() -> None:
    """Jetstream goes back 36 hours; what was in between is lost, and that is told once."""
    reading = Reading(Filters().wanted(), PRIVATE.pseudonym, lambda _: False, BEGINNING)
    late = json.dumps(post(1, at=40 * 3600)).encode()
    first, second = reading.read([late]), reading.read([json.dumps(post(2, at=40 * 3600 + 1)).encode()])
    assert first is not None
    assert second is not None
    assert (first.problems, second.problems) == (("the stream was left for 40 hours; what it no longer had is lost",), ())


def test_a_stream_without_a_filter_is_refused() -> None:
    """It would store everything that the network writes."""

    async def main(w: World) -> None:
        source = jetstream("ws://127.0.0.1:9", languages=[])
        await listen(w, source, lambda: bool(w.bus.states()))
        assert w.bus.states()[-1].health is Health.BLOCKED
        assert "without languages or words" in w.bus.states()[-1].detail

    in_world(main)


def test_a_server_that_hangs_up_is_not_stormed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failure in a row doubles the time until the next call; what comes ends the row."""
    waits: list[float] = []

    async def main(w: World) -> None:
        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            await asyncio.sleep(0.001)

        monkeypatch.setattr(w.clock, "sleep", sleep)
        async with serving(Firehose([post(1)], hang_up=(0, 0, 0, 1, 0, 0))) as url:
            await listen(w, jetstream(url), lambda: len(waits) >= 6)

    in_world(main)
    assert waits[:6] == [1.0, 2.0, 4.0, 1.0, 2.0, 4.0]


def test_a_server_that_refuses_is_left_alone_for_as_long_as_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After of a handshake that was refused; 410 ends the stream."""
    waits: list[float] = []
    answers = iter([429, 410])

    async def refuse(connection: ServerConnection, _request: object) -> object:
        response = connection.respond(next(answers), "no")
        response.headers["Retry-After"] = "77"
        return response

    async def main(w: World) -> None:
        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            await asyncio.sleep(0.001)

        monkeypatch.setattr(w.clock, "sleep", sleep)
        async with serve(Firehose([]), "127.0.0.1", 0, process_request=refuse) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            await listen(w, jetstream(url), lambda: bool(w.bus.states()) and w.bus.states()[-1].health is Health.GONE)
        assert [state.detail for state in w.bus.states()] == ["answered 410 instead of opening a stream"]

    in_world(main)
    assert waits == [77.0]


@pytest.mark.parametrize(
    "url",
    ["ws://127.0.0.1:1/", "ws://localhost:1/", "ws://[::1]:1/", "ws://10.0.0.1/", "ws://169.254.169.254/", "ws://[::ffff:127.0.0.1]/",
     "wss://user@example.org/", "http://example.org/", "ws:///x", "ws://2130706433/"],
)  # fmt: skip
def test_streams_are_opened_to_public_addresses_only(url: str) -> None:
    """As every other call."""

    async def main() -> None:
        async with opened(url, http(private_addresses=False, timeout=2.0)):
            pass

    with pytest.raises(Blocked):
        run(main())


def test_too_large_a_message_ends_the_stream() -> None:
    """It is not taken into memory."""

    async def flood(connection: ServerConnection) -> None:
        await connection.send("x" * 1_100_000)
        await connection.wait_closed()

    async def main() -> None:
        async with serving(flood) as url, opened(url, http()) as connection:
            await connection.recv()

    with pytest.raises(Unreachable, match="broke"):
        run(main())


def test_mastodon_stream_with_token_edits_and_deletions() -> None:
    """The token goes in a header, and is in no record; the payload is JSON in a string; a deletion is an id."""
    account = {"id": "1", "username": "pahittad", "noindex": False}
    given = {
        "id": "5",
        "created_at": "2026-03-01T11:00:00.000Z",
        "visibility": "public",
        "language": "sv",
        "content": "<p>Brand</p>",
        "account": account,
    }
    asked: list[str | None] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.headers.get("Authorization"))
        for event, payload in (
            ("update", json.dumps(given)),
            ("update", json.dumps(given | {"id": "6"})),
            ("filters_changed", ""),
            ("status.update", json.dumps(given | {"content": "<p>Släckt</p>"})),
            ("update", json.dumps(given | {"id": "7", "account": account | {"noindex": True}})),
            ("update", "no JSON"),
        ):
            await connection.send(json.dumps({"stream": ["public"], "event": event, "payload": payload}))
        await asyncio.sleep(0.4)
        await connection.send(json.dumps({"stream": ["public"], "event": "delete", "payload": "6"}))
        await connection.send(json.dumps({"stream": ["public"], "event": "delete", "payload": "600"}))
        await connection.wait_closed()

    async def main(w: World) -> None:
        async with serving(talk) as url:
            source = Source(
                id="m", kind="mastodon.stream", url=f"{url}/api/v1/streaming?stream=public", name="T", purpose="tests of streams"
            )
            await listen(w, source, lambda: len(w.bus.raw()) == 3)
        assert asked == ["Bearer invented-token"]
        assert sorted((raw.native_id, raw.withdrawn) for raw in w.bus.raw()) == [("5", False), ("6", False), ("6", True)]
        assert "Släckt" in {entry.text for entry in w.bus.entries()}
        stored = b"".join(record.value for record in w.bus.records())
        assert b"pahittad" not in stored
        assert b"invented-token" not in stored
        w.balance("m")

    in_world(main)
