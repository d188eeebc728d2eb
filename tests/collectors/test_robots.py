from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from collectors.engine import Engine, run
from collectors.failures import Blocked
from collectors.politeness import Gate
from collectors.robots import Robots
from pipeline.clock import VirtualClock
from tests.collectors.server import Asked, Reply, Server
from tests.collectors.world import START, http


def _ask(robots: Reply | Callable[[Asked], Reply], *steps: tuple[str, float]) -> tuple[list[float | str], int]:
    """For each (path, seconds to let pass before it) what robots.txt says; and how often it was fetched."""

    async def main() -> tuple[list[float | str], int]:
        clock = VirtualClock(START)
        async with Server() as server, Engine(http(), clock) as engine:
            server.routes["/robots.txt"] = robots
            rules = Robots(engine, Gate(clock, 0.0), clock)
            said: list[float | str] = []
            for path, pause in steps:
                clock.advance_to(clock.now() + timedelta(seconds=pause))
                try:
                    said.append(await rules.allow(server.url(path)))
                except Blocked as error:
                    said.append(error.reason)
            return said, len(server.asked)

    return run(main())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_4xx_allows_everything(status: int) -> None:
    """RFC 9309, 2.3.1.3: unavailable means no rules, whatever the body says."""
    assert _ask(Reply(status, b"User-agent: *\nDisallow: /"), ("/feed", 0)) == ([0.0], 1)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_5xx_allows_nothing_for_a_while(status: int) -> None:
    """RFC 9309, 2.3.1.4: unreachable means complete disallow; it is asked again later."""
    replies = iter([Reply(status, b""), Reply(404, b"")])
    said, fetched = _ask(lambda _: next(replies), ("/feed", 0), ("/feed", 60), ("/feed", 1000))
    assert [isinstance(word, str) for word in said] == [True, True, False]
    assert fetched == 2


def test_a_network_error_allows_nothing() -> None:
    """No answer is not permission."""
    said, _ = _ask(Reply(200, b"User-agent: *", cut=True), ("/feed", 0))
    assert "RFC 9309" in str(said[0])


def test_the_longest_match_wins_and_allow_wins_ties() -> None:
    """RFC 9309, 2.2.2."""
    rules = b"User-agent: *\nDisallow: /a\nAllow: /a/feed\nDisallow: /tie\nAllow: /tie\n"
    said, fetched = _ask(Reply(200, rules), ("/a/x", 0), ("/a/feed.xml", 0), ("/tie", 0), ("/other", 0))
    assert [isinstance(word, str) for word in said] == [True, False, False, False]
    assert fetched == 1


def test_rules_for_our_name_come_before_those_for_all() -> None:
    """RFC 9309, 2.2.1: the most specific group counts, and only that."""
    rules = b"User-agent: *\nDisallow: /\n\nUser-agent: fjaril\nDisallow: /private\nCrawl-delay: 7\n"
    said, _ = _ask(Reply(200, rules), ("/feed", 0), ("/private/feed", 0))
    assert said[0] == 7.0
    assert "forbids /private/feed" in str(said[1])


def test_an_answer_counts_for_a_day() -> None:
    """RFC 9309, 2.4: not longer than 24 hours."""
    replies = iter([Reply(200, b""), Reply(200, b"User-agent: *\nDisallow: /")])
    said, fetched = _ask(lambda _: next(replies), ("/feed", 0), ("/feed", 86_000), ("/feed", 500))
    assert (said[:2], isinstance(said[2], str), fetched) == ([0.0, 0.0], True, 2)


def test_redirects_of_robots_txt_are_followed() -> None:
    """RFC 9309, 2.3.1.2: at least five hops."""

    async def main() -> float:
        clock = VirtualClock(START)
        async with Server() as server, Engine(http(), clock) as engine:
            server.routes["/robots.txt"] = Reply(301, b"", {"Location": "/r1"})
            server.routes["/r1"] = Reply(200, b"User-agent: *\nCrawl-delay: 3")
            return await Robots(engine, Gate(clock, 0.0), clock).allow(server.url("/feed"))

    assert run(main()) == 3.0


@pytest.mark.parametrize(("asked", "allowed"), [("3600", True), ("3601", False), ("1000000000", False)])
def test_a_crawl_delay_of_more_than_an_hour_is_a_refusal(asked: str, allowed: bool) -> None:  # noqa: FBT001
    """Nobody waits for years with the host's turn in hand; the state says what was asked for."""
    (said,), _ = _ask(Reply(200, f"User-agent: *\nCrawl-delay: {asked}".encode()), ("/feed", 0))
    assert said == 3600.0 if allowed else "at most 3,600 are waited for" in str(said)


def test_sources_of_one_site_ask_once() -> None:
    """However many begin at the same time."""

    async def main() -> list[str]:
        clock = VirtualClock(START)
        async with Server() as server, Engine(http(), clock) as engine:
            rules = Robots(engine, Gate(clock, 0.0), clock)
            await asyncio.gather(*(rules.allow(server.url(path)) for path in ("/a", "/b", "/c")))
            return server.paths()

    assert run(main()) == ["/robots.txt"]
