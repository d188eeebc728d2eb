from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.changes import MAX_BODY
from collectors.engine import run
from pipeline.errors import BusError
from pipeline.model import Health, ItemState, decode, document_id
from tests.collectors.server import Asked, Reply, Server
from tests.collectors.world import OwnBus, World, event, events, item, rss, world


@pytest.fixture
def bus() -> Iterator[OwnBus]:
    """A bus that outlives the processes that collect into it."""
    with closing(OwnBus()) as made:
        yield made


def _in_world(main: Callable[[World], Awaitable[None]], **changes: Any) -> None:
    async def wrapped() -> None:
        async with world(**changes) as w:
            await main(w)

    run(wrapped())


def test_a_visit_publishes_items_ledger_and_state_in_one_step() -> None:
    """One call of publish carries everything, with keys, shards and times as the topics want them."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(200, rss(item(1), item(2)), {"ETag": '"1"', "Cache-Control": "max-age=1200"})
        source = w.source(area="0180", reliability="B")
        state = await w.collector.collect(source)
        assert w.bus.publications == 1
        assert (state.health, state.etag, state.wait, state.fetched, state.unchanged) == (Health.CHANGED, '"1"', 1200, 2, 0)
        assert w.bus.states() == [state]
        first = w.bus.raw()[0]
        assert (first.document, first.revision, first.format) == (document_id("feed", "n1"), 1, "entry")
        assert (first.area, first.reliability, first.status, first.fetched_url) == ("0180", "B", 200, w.server.url("/feed"))
        assert state.reliability == "B"
        assert json.loads(first.body)["title"] == "Nyhet 1"
        assert {(r.key, r.shard) for r in w.bus.read("raw")} == {(document_id("feed", n), "feed") for n in ("n1", "n2")}
        assert {r.timestamp for r in w.bus.records()} == {w.clock.now()}
        assert [decode(record.value, ItemState).revision for record in w.bus.read("items")] == [1, 1]
        w.balance("feed")

    _in_world(main)


def test_the_same_body_is_not_parsed_again() -> None:
    """An answer with a known fingerprint counts as unchanged, and its items are not counted again."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(200, rss(item(1)))
        await w.collector.collect(w.source())
        state = await w.collector.collect(w.source())
        assert (state.health, state.fetched, len(w.bus.raw())) == (Health.UNCHANGED, 1, 1)

    _in_world(main)


def test_conditional_requests() -> None:
    """The validators of the last answer are sent; 304, and a 200 with the same ETag, are nothing new."""

    async def main(w: World) -> None:
        def answer(asked: Asked) -> Reply:
            if asked.headers.get("if-none-match") == '"1"' and asked.headers.get("if-modified-since") == "then":
                return Reply(304)
            return Reply(200, rss(item(1)), {"ETag": '"1"', "Last-Modified": "then"})

        w.server.routes["/feed"] = answer
        await w.collector.collect(w.source())
        state = await w.collector.collect(w.source())
        assert (state.health, state.etag, state.last_modified) == (Health.UNCHANGED, '"1"', "then")
        w.server.routes["/feed"] = Reply(200, b"never read", {"ETag": '"1"'})
        state = await w.collector.collect(w.source())
        assert (state.health, state.fetched) == (Health.UNCHANGED, 1)

    _in_world(main)


def test_an_edit_is_the_next_revision() -> None:
    """Under the same document id; what did not change is not published again; ``updated`` alone is no change."""

    async def main(w: World) -> None:
        for text in ("a", "b"):
            w.server.routes["/feed"] = Reply(200, rss(item(1, text), item(2)))
            await w.collector.collect(w.source())
        assert [(raw.native_id, raw.revision) for raw in w.bus.raw()] == [("n1", 1), ("n2", 1), ("n1", 2)]
        atom = (
            '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:a</id><title>a</title>'
            "<published>2026-03-01T00:00:00Z</published><updated>2026-03-01T0{}:00:00Z</updated></entry></feed>"
        )
        for hour in (1, 2):
            w.server.routes["/atom"] = Reply(200, atom.format(hour).encode())
            state = await w.collector.collect(w.source(path="/atom", id="atom"))
        assert (state.health, state.fetched, state.unchanged) == (Health.UNCHANGED, 2, 1)
        w.balance("feed")
        w.balance("atom")

    _in_world(main)


def test_a_restart_keeps_validators_and_ledger(bus: OwnBus) -> None:
    """A new process over the same bus asks conditionally and publishes only what is new."""
    server = Server()

    async def main() -> None:
        server.routes["/feed"] = Reply(200, rss(item(1), item(2)), {"ETag": '"1"'})
        async with world(bus, server) as w:
            source = w.source()
            before = await w.collector.collect(source)
            server.routes["/feed"] = Reply(200, rss(item(1, "ny"), item(2), item(3)), {"ETag": '"2"'})
            async with world(bus, Server()) as again:
                assert again.collector.state("feed") == before
                state = await again.collector.collect(source)
            assert server.asked[-1].headers["if-none-match"] == '"1"'
            assert [(raw.native_id, raw.revision) for raw in bus.raw()[2:]] == [("n1", 2), ("n3", 1)]
            assert (state.fetched, state.unchanged) == (5, 1)
            w.balance("feed")

    run(main())


def test_what_the_bus_did_not_take_did_not_happen() -> None:
    """After a failed publication the next visit finds the same items new, once."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(200, rss(item(1, "lång " * 5_000)), {"ETag": '"1"'})
        w.bus._db.pragma("max_page_count", w.bus._db.pragma("page_count"))
        with pytest.raises(BusError, match="full"):
            await w.collector.collect(w.source())
        assert w.collector.state("feed") is None
        w.bus._db.pragma("max_page_count", 10_000)
        state = await w.collector.collect(w.source())
        assert "if-none-match" not in w.server.asked[-1].headers
        assert (state.fetched, len(w.bus.raw())) == (1, 1)

    _in_world(main)


def test_withdrawals_and_reappearance() -> None:
    """A tombstone is one empty revision, once; what was never published cannot be withdrawn; coming back is a new revision."""
    feed = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">{}{}</feed>'
    entry = "<entry><id>urn:a</id><title>a</title></entry>"
    stones = '<at:deleted-entry ref="urn:a" when="2026-03-01T11:00:00Z"/><at:deleted-entry ref="urn:z" when="2026-03-01T11:00:00Z"/>'

    async def main(w: World) -> None:
        for entries, deleted in ((entry, ""), ("", stones), ("", stones + "<!-- -->"), (entry, "")):
            w.server.routes["/feed"] = Reply(200, feed.format(entries, deleted).encode())
            state = await w.collector.collect(w.source())
        assert [(raw.revision, raw.withdrawn, raw.body == "") for raw in w.bus.raw()] == [
            (1, False, False),
            (2, True, True),
            (3, False, False),
        ]
        assert (state.fetched, state.unchanged) == (6, 3)
        w.balance("feed")

    _in_world(main)


def test_empty_and_short_answers_lose_nothing() -> None:
    """Outages of the police API: the states say so, and afterwards only what is really new is published."""

    async def main(w: World) -> None:
        full = [event(number) for number in range(100)]
        states = []
        for number, records in enumerate((full, [], full[:20], full, [event(100), *full[:-1]])):
            w.server.routes["/api"] = Reply(200, events(*records), {"ETag": f'"{number}"'})
            states.append(await w.collector.collect(w.source("polisen", "/api")))
        assert [state.health for state in states] == [Health.CHANGED, Health.EMPTY, Health.SHRUNK, Health.UNCHANGED, Health.CHANGED]
        assert len(w.bus.raw()) == 101
        w.balance("polisen")
        last = states[-1]
        assert (last.failures, last.failed, last.failure) == (0, w.clock.now(), "an empty array; expected about 500 events")
        assert "usually it has about 100" in states[2].detail
        assert (states[1].failures, states[1].etag) == (1, None)

    _in_world(main)


def test_what_is_short_stays_short_while_it_does_not_change() -> None:
    """An unchanged short answer is not a healthy one."""

    async def main(w: World) -> None:
        for records in (50, 5, 5):
            w.server.routes["/api"] = Reply(200, events(*(event(number) for number in range(records))))
            state = await w.collector.collect(w.source("polisen", "/api"))
        assert state.health is Health.SHRUNK

    _in_world(main)


@pytest.mark.parametrize(
    ("reply", "health", "text"),
    [
        (Reply(401), Health.BLOCKED, "answered 401"),
        (Reply(403), Health.BLOCKED, "answered 403"),
        (Reply(404), Health.UNREACHABLE, "may have moved"),
        (Reply(410), Health.GONE, "gone for good"),
        (Reply(429, headers={"Retry-After": "7"}), Health.BLOCKED, "too many calls"),
        (Reply(500), Health.UNREACHABLE, "error of the server"),
        (Reply(503, headers={"Retry-After": "7"}), Health.UNREACHABLE, "error of the server"),
        (Reply(204), Health.EMPTY, "no content"),
        (Reply(206, b"x"), Health.UNREACHABLE, "expected 200"),
        (Reply(302), Health.UNREACHABLE, "expected 200"),
        (Reply(302, headers={"Location": "ftp://example.org/"}), Health.BLOCKED, "expected http or https"),
        (Reply(200), Health.EMPTY, "without a body"),
        (Reply(200, rss()), Health.EMPTY, "without entries"),
        (Reply(200, b"<!DOCTYPE html><p>x"), Health.MALFORMED, "HTML page"),
        (Reply(200, b"x", {"Content-Encoding": "rot13"}), Health.MALFORMED, "rot13"),
        (Reply(200, b"x", {"Content-Encoding": "gzip"}), Health.MALFORMED, "cannot be decompressed"),
        (Reply(200, b"<rss>" + b"x" * 20_000_000), Health.MALFORMED, "larger than"),
        (Reply(200, b"<rss>" + b"x" * 6_000_000), Health.MALFORMED, "at most 5,000,000"),
        (Reply(200, b"half", cut=True), Health.UNREACHABLE, "broke"),
        (Reply(200, b"slow" * 50, drip=0.05), Health.UNREACHABLE, "no whole answer"),
    ],
)  # fmt: skip
def test_each_bad_answer_is_a_clear_state_and_the_others_go_on(reply: Reply, health: Health, text: str) -> None:
    """A failure is said in a sentence, keeps what is known, and touches no other source."""

    async def main(w: World) -> None:
        w.server.routes["/good"] = Reply(200, rss(item(1)))
        w.server.routes["/bad"] = Reply(200, rss(item(1)), {"ETag": '"1"'})
        good, bad = w.source(path="/good", id="good"), w.source(path="/bad", id="bad")
        await w.collector.collect(bad)
        w.server.routes["/bad"] = reply
        state = await w.collector.collect(bad)
        assert state.health is health
        assert text in state.detail
        assert (state.failures, state.fetched) == (1, 1)
        assert state.wait == (7 if "Retry-After" in reply.headers else 0)
        assert (await w.collector.collect(good)).health is Health.CHANGED
        w.balance("bad")

    _in_world(main, timeout=2.0)


def test_a_retry_after_holds_the_whole_host() -> None:
    """Nothing of the host is called before the time is over; the state says when that is."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(429, headers={"Retry-After": "600"})
        w.server.routes["/other"] = Reply(200, rss(item(1)))
        first = await w.collector.collect(w.source())
        second = await w.collector.collect(w.source(path="/other", id="other"))
        assert (first.wait, second.wait, second.health) == (600, 600, Health.BLOCKED)
        assert "/other" not in w.server.paths()
        w.clock.advance_to(w.clock.now() + timedelta(seconds=600))
        assert (await w.collector.collect(w.source(path="/other", id="other"))).health is Health.CHANGED

    _in_world(main)


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_moves_the_source(status: int, bus: OwnBus) -> None:
    """The new address is stored and asked; a new process looks at the configured one first, whose owner may have changed it."""
    server = Server()

    async def main() -> None:
        server.routes["/feed"] = Reply(status, b"", {"Location": "/new"})
        server.routes["/new"] = Reply(200, rss(item(1)), {"ETag": '"1"'})
        async with world(bus, server) as w:
            source = w.source()
            state = await w.collector.collect(source)
            assert state.url == server.url("/new")
            await w.collector.collect(source)
            assert server.paths()[-1] == "/new"
            assert server.paths()[-2] != "/feed"
            server.routes["/configured"] = Reply(200, rss(item(1)))
            async with world(bus, Server()) as again:
                state = await again.collector.collect(w.source(path="/configured"))
            assert (state.url, state.health) == (server.url("/configured"), Health.UNCHANGED)
            assert "if-none-match" not in server.asked[-1].headers
            w.balance("feed")

    run(main())


def test_a_temporary_redirect_moves_nothing() -> None:
    """302 and 307 are followed each time."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(302, b"", {"Location": "/new"})
        w.server.routes["/new"] = Reply(200, rss(item(1)))
        assert (await w.collector.collect(w.source())).url == w.server.url("/feed")

    _in_world(main)


def test_what_is_gone_is_not_asked_again_until_its_address_changes() -> None:
    """410 for every kind, 404 for the police API."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(410)
        await w.collector.collect(w.source())
        asked, published = len(w.server.asked), w.bus.publications
        assert (await w.collector.collect(w.source())).health is Health.GONE
        assert (len(w.server.asked), w.bus.publications) == (asked, published)
        w.server.routes["/new"] = Reply(200, rss(item(1)))
        assert (await w.collector.collect(w.source(path="/new"))).health is Health.CHANGED
        assert (await w.collector.collect(w.source("polisen", "/nowhere"))).health is Health.GONE

    _in_world(main)


def test_the_police_api_needs_a_contact_and_is_exempt_from_robots() -> None:
    """Without a contact nothing is called; with one the API is, whatever robots.txt says of pages."""

    async def main(w: World) -> None:
        w.server.routes["/robots.txt"] = Reply(200, b"User-agent: *\nDisallow: /")
        w.server.routes["/api"] = Reply(200, events(event(1)))
        w.server.routes["/feed"] = Reply(200, rss(item(1)))
        assert (await w.collector.collect(w.source("polisen", "/api"))).health is Health.CHANGED
        assert w.server.paths() == ["/api"]
        state = await w.collector.collect(w.source())
        assert (state.health, w.server.paths()) == (Health.BLOCKED, ["/api", "/robots.txt"])
        assert "robots.txt forbids /feed" in state.detail

    async def without(w: World) -> None:
        state = await w.collector.collect(w.source("polisen", "/api"))
        assert state.health is Health.BLOCKED
        assert "http.contact" in state.detail
        assert w.server.asked == []

    _in_world(main)
    _in_world(without, contact="")


def test_an_unknown_kind_is_a_state_too() -> None:
    """It names the kinds that there are."""

    async def main(w: World) -> None:
        state = await w.collector.collect(w.source("carrier-pigeon"))
        assert state.health is Health.MALFORMED
        assert "allowed: discourse, feed, gdelt" in state.detail

    _in_world(main)


def test_a_record_that_cannot_be_read_dies_once(bus: OwnBus) -> None:
    """It is kept with reason and bytes, and as long as it stays in the answer it is not reported again, restart or not."""
    server = Server()

    async def main() -> None:
        server.routes["/api"] = Reply(200, events(event(1), {"id": 2}))
        async with world(bus, server) as w:
            source = w.source("polisen", "/api")
            state = await w.collector.collect(source)
            assert "1 could not be read" in state.detail
            server.routes["/api"] = Reply(200, events(event(1), {"id": 2}, event(3)))
            async with world(bus, Server()) as again:
                await again.collector.collect(source)
            (letter,) = bus.dead()
            assert (letter.stage, letter.source, letter.original) == ("collect", "polisen", b'{"id": 2}')
            w.balance("polisen")

    run(main())


def test_too_large_an_item_is_erased_with_its_document() -> None:
    """Its letter has the document's key; the withdrawal is published even if no version ever was; counting goes on as it was."""
    feed = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">{}</feed>'.format
    entry = "<entry><id>urn:a</id><title>a</title><content>{}</content></entry>".format
    stone = '<at:deleted-entry ref="urn:a" when="2026-03-01T11:00:00Z"/>'
    large = entry("x" * (MAX_BODY + 1))

    async def main(w: World) -> None:
        for answer in (large, large + "<!-- -->", stone, entry("liten"), large, entry("mindre")):
            w.server.routes["/feed"] = Reply(200, feed(answer).encode())
            await w.collector.collect(w.source())
            w.balance("feed")
        key = document_id("feed", "urn:a")
        assert [record.key for record in w.bus.read("dead")] == [key, key]
        assert {letter.key for letter in w.bus.dead()} == {key}
        assert [(raw.document, raw.revision, raw.withdrawn) for raw in w.bus.raw()] == [(key, 1, True), (key, 2, False), (key, 3, False)]

    _in_world(main)


def test_an_answer_of_nothing_but_rubbish_is_malformed() -> None:
    """Its records are dead letters, and its validators are not kept."""

    async def main(w: World) -> None:
        w.server.routes["/api"] = Reply(200, events(1, 2), {"ETag": '"1"'})
        state = await w.collector.collect(w.source("polisen", "/api"))
        assert (state.health, state.etag, len(w.bus.dead()), state.failures) == (Health.MALFORMED, None, 2, 1)
        assert (state.failed, state.failure) == (w.clock.now(), state.detail)
        w.balance("polisen")

    _in_world(main)


def test_the_first_of_two_items_with_one_id_counts() -> None:
    """Sources list the newest first; the other is counted as unchanged, at every visit."""

    async def main(w: World) -> None:
        for extra in ((), (event(2),)):
            w.server.routes["/api"] = Reply(200, events(event(1, summary="ny"), event(1, summary="gammal"), *extra))
            state = await w.collector.collect(w.source("polisen", "/api"))
        assert [(json.loads(raw.body)["summary"], raw.revision) for raw in w.bus.raw()][:1] == [("ny", 1)]
        assert (len(w.bus.raw()), state.fetched) == (2, 5)
        w.balance("polisen")

    _in_world(main)


_records = st.lists(
    st.one_of(
        st.builds(lambda number, text: event(number, summary=text), st.integers(0, 6), st.sampled_from("abc")),
        st.sampled_from([1, {}, {"id": 3}]),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers=st.lists(_records, min_size=1, max_size=5), restart=st.booleans())
def test_the_books_balance_and_repetition_publishes_nothing(answers: Sequence[list[Any]], restart: bool) -> None:  # noqa: FBT001
    """For any answers: fetched = published + unchanged + dead; the last answer again brings nothing new; revisions count up."""

    async def main(w: World) -> None:
        source, bus = w.source("polisen", "/api"), w.bus
        for number, records in enumerate([*answers, answers[-1]]):
            w.server.routes["/api"] = Reply(200, events(*records) + b" " * number)
            before = [bus.count(topic) for topic in ("raw", "dead", "items")]
            if restart and number == len(answers):
                w.collector.restore()
            await w.collector.collect(source)
            w.balance("polisen")
        # of two records with one id in the same answer the first counts, so nothing swings back and forth
        assert [bus.count(topic) for topic in ("raw", "dead", "items")] == before
        revisions: dict[str, int] = {}
        for raw in bus.raw():
            assert raw.revision == revisions.get(raw.document, 0) + 1
            revisions[raw.document] = raw.revision

    _in_world(main)


def test_the_same_answers_and_clock_give_the_same_records() -> None:
    """Byte for byte, so that a replay can be compared with another."""
    runs = []

    async def main(w: World) -> None:
        for last in (3, 5):
            w.server.routes["/api"] = Reply(200, events(*(event(number) for number in range(last))))
            await w.collector.collect(w.source("polisen", "/api"))
        port = f":{w.server.port}/".encode()
        runs.append([(r.topic, r.key, r.value.replace(port, b":0/"), r.timestamp) for r in w.bus.records()])

    _in_world(main)
    _in_world(main)
    assert runs[0] == runs[1]


def test_500_known_events_cost_under_8_milliseconds() -> None:
    """Of the processor's time, beyond the fetch itself, best of ten: 2,000 polls are replayed in seconds."""

    async def main(w: World) -> None:
        records = [event(number) for number in range(500)]
        costs, fetching = [], [0.0]
        fetch = w.engine.fetch

        async def timed(*args: Any) -> Any:
            begun = time.process_time()
            try:
                return await fetch(*args)
            finally:
                fetching.append(time.process_time() - begun)

        w.engine.fetch = timed  # type: ignore[method-assign]
        for number in range(10):
            w.server.routes["/api"] = Reply(200, events(*records) + b" " * number)
            begun = time.process_time()
            await w.collector.collect(w.source("polisen", "/api"))
            costs.append(time.process_time() - begun - fetching[-1])
        assert len(w.bus.raw()) == 500
        assert min(costs[1:]) < 0.008

    _in_world(main)
