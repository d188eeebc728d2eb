from __future__ import annotations

import re
import time

import pytest
from msgspec import structs

from collectors.check import check
from collectors.engine import run
from collectors.registry import STREAMS, kinds, streams
from collectors.sandbox import Sandbox
from pipeline.model import Health
from pipeline.settings import BUNDLED_SOURCES, load_sources
from tests.collectors.server import Reply, Server
from tests.collectors.test_streams import Firehose, jetstream, post, serving
from tests.collectors.world import PRIVATE, event, events, http, item, rss, world


def test_every_source_is_checked_and_nothing_is_published() -> None:
    """Each one gets its state, whatever the others answer."""

    async def main() -> dict[str, Health]:
        async with world() as w:
            w.server.routes |= {"/good": Reply(200, rss(item(1))), "/api": Reply(200, events(event(1))), "/html": Reply(200, b"<html>")}
            w.server.routes |= {"/gone": Reply(410), "/odd": Reply(304)}
            sources = [
                w.source("polisen", "/api"),
                *(w.source(path=f"/{name}", id=name) for name in ("good", "html", "gone", "odd", "none")),
            ]
            found = {source.id: state.health async for source, state in check(sources, w.engine, w.clock)}
            assert w.bus.publications == 0
            return found

    assert run(main()) == {
        "polisen": Health.CHANGED,
        "good": Health.CHANGED,
        "html": Health.MALFORMED,
        "gone": Health.GONE,
        "odd": Health.UNCHANGED,
        "none": Health.UNREACHABLE,
    }


def test_a_check_reads_no_single_pages() -> None:
    """Neither articles nor pages of events: it says that the source answers, and with what."""

    async def main() -> list[str]:
        async with world() as w:
            w.server.routes |= {"/good": Reply(200, rss(item(1))), "/api/events": Reply(200, events(event(1)))}
            sources = [
                w.source(path="/good", options={"article": True}),
                w.source("polisen", "/api/events", options={"details": True}),
            ]
            found = {source.id: state.health async for source, state in check(sources, w.engine, w.clock)}
            assert set(found.values()) == {Health.CHANGED}
            return [path for path in w.server.paths() if path != "/robots.txt"]

    assert sorted(run(main())) == ["/api/events", "/good"]


def test_checking_can_be_left_early() -> None:
    """What is still under way is given up, without waiting for it."""

    async def main() -> float:
        async with Server("127.0.0.2") as slow, world(timeout=30.0) as w:
            w.server.routes["/good"] = Reply(200, rss(item(1)))
            slow.routes["/slow"] = Reply(200, b"x" * 100, drip=1.0)
            sources = [w.source(url=slow.url("/slow"), id="slow"), w.source(path="/good", id="good")]
            begun = time.monotonic()
            checking = check(sources, w.engine, w.clock)
            source, _ = await anext(checking)
            await checking.aclose()
            assert source.id == "good"
            return time.monotonic() - begun

    assert run(main()) < 5


def test_the_bundled_sources_are_sound() -> None:
    """Each has owner, terms and a purpose in a sentence; every kind is known; the police API is asked within its limits."""
    sources = load_sources(BUNDLED_SOURCES)
    known = {**kinds(Sandbox(), PRIVATE), **streams(http(), PRIVATE)}
    people = {"jetstream", "mastodon", "mastodon.stream", "telegram", "lemmy", "discourse"}
    assert {source.kind for source in sources} >= known.keys() - {"page", "sitemap", "mastodon.stream"}
    assert len(sources) > 25
    for source in sources:
        assert source.kind in known
        assert source.owner
        assert source.terms
        assert re.match(r"[A-ZÅÄÖ].{20,}", source.purpose)
        assert source.interval >= (60 if source.kind == "vma" else 300)
        assert not (source.enabled and source.kind in people)  # what people write is for whoever decides to read it
        if source.kind in known.keys() - STREAMS:
            known[source.kind].ask(source, source.url, "")
    assert len({source.url for source in sources}) == len(sources)


def test_streams_are_listened_to_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in them is told; that nothing wanted comes is no fault; that nobody answers is."""
    monkeypatch.setattr("collectors.check.LISTEN", 0.5)
    monkeypatch.setattr("collectors.kinds.jetstream.SECONDS", 0.1)

    async def main() -> dict[str, tuple[Health, int]]:
        async with world() as w, serving(Firehose([post(1), post(2)])) as busy, serving(Firehose([post(1, langs=["en"])])) as quiet:
            urls = {"busy": busy, "quiet": quiet, "none": "ws://127.0.0.1:9"}
            sources = [structs.replace(jetstream(url), id=name) for name, url in urls.items()]
            found = {source.id: (state.health, state.fetched) async for source, state in check(sources, w.engine, w.clock, PRIVATE)}
            assert w.bus.publications == 0
            return found

    assert run(main()) == {"busy": (Health.CHANGED, 2), "quiet": (Health.UNCHANGED, 0), "none": (Health.UNREACHABLE, 0)}
