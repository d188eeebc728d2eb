from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from collectors import addresses
from collectors.engine import Answer, Engine, run
from collectors.failures import Blocked, Unreachable
from collectors.redirects import End, follow
from pipeline.clock import SystemClock
from pipeline.model import Health
from tests.collectors.server import Asked, Reply, Server
from tests.collectors.world import OwnBus, World, event, events, http, item, rss, world


async def _follow(server: Server, path: str, *, private: bool = True) -> End:
    async with Engine(http(private_addresses=private), SystemClock()) as engine:
        return await follow(server.url(path), engine.fetch)


@pytest.mark.parametrize(
    ("statuses", "moved"), [((301,), 1), ((308,), 1), ((301, 308), 2), ((301, 302), 1), ((302, 301), None), ((307,), None), ((303,), None)]
)
def test_only_leading_permanent_redirects_move_a_source(statuses: tuple[int, ...], moved: int | None) -> None:
    """301 and 308 give a new address, up to the first hop that is not permanent (RFC 9110, 15.4)."""

    async def main() -> tuple[End, str | None]:
        async with Server() as server:
            for number, status in enumerate(statuses):
                server.routes[f"/{number}"] = Reply(status, b"", {"Location": f"/{number + 1}"})
            server.routes[f"/{len(statuses)}"] = Reply(200, b"there")
            return await _follow(server, "/0"), None if moved is None else server.url(f"/{moved}")

    end, expected = run(main())
    assert (end.answer.body, end.moved) == (b"there", expected)


def test_a_source_does_not_move_to_where_there_is_nothing() -> None:
    """A permanent redirect to an error is taken for a slip."""

    async def main() -> End:
        async with Server() as server:
            server.routes["/a"] = Reply(301, b"", {"Location": "/b"})
            return await _follow(server, "/a")

    end = run(main())
    assert (end.answer.status, end.moved) == (404, None)


def test_redirects_end_after_five_hops() -> None:
    """A loop of redirects is unreachable, not endless."""
    asked: list[str] = []

    async def ask(url: str) -> Answer:
        asked.append(url)
        return Answer(status=302, url=url, headers={"location": "/a"}, body=b"")

    with pytest.raises(Unreachable, match="more than 5 redirects"):
        run(follow("http://example.org/", ask))
    assert len(asked) == 6


def test_addresses_are_read_as_servers_write_them() -> None:
    """Relative, without a scheme, and with letters that ought to have been encoded."""

    async def main() -> list[tuple[str, ...]]:
        async with Server() as server:
            found = []
            for location in ("/nyheter/å?q=ä b", f"//127.0.0.1:{server.port}/x", "y", "?z"):
                server.asked.clear()
                server.routes["/går/a"] = server.routes["/g%C3%A5r/a"] = Reply(302, b"", {"Location": location.encode().decode("latin-1")})
                await _follow(server, "/går/a")
                found.append(tuple(server.paths()[1:]))
            return found

    assert run(main()) == [("/nyheter/%C3%A5?q=%C3%A4%20b",), ("/x",), ("/g%C3%A5r/y",), ("/g%C3%A5r/a?z",)]


def test_each_hop_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A public site cannot lead to an address that is not: here 127.0.0.1 counts as public, 127.0.0.2 does not."""
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")

    async def main() -> tuple[list[str], list[str]]:
        async with Server() as public, Server("127.0.0.2") as private:
            private.routes["/secret"] = Reply(200, b"secret")
            at = f"127.0.0.2:{private.port}"
            targets = [private.url("/secret"), f"http://localhost.localdomain@{at}/secret", "ftp://127.0.0.2/x", "http://[bad/"]
            found = []
            for target in targets:
                public.routes["/go"] = Reply(302, b"", {"Location": target})
                with pytest.raises(Blocked) as caught:
                    await _follow(public, "/go", private=False)
                found.append(caught.value.reason)
            return found, private.paths()

    found, reached = run(main())
    assert reached == []
    assert "127.0.0.2" in found[0]
    assert "no user name" in found[1]
    assert "expected http or https" in found[2]
    assert "not an address" in found[3]


def _elsewhere(w: World) -> str:
    """The server's address under another name: for politeness another host."""
    return f"http://localhost:{w.server.port}"


def _robots(rules: bytes) -> object:
    """Rules of the host that a redirect leads to; the first one has none."""
    return lambda asked: Reply(200, rules) if asked.headers["host"].startswith("localhost") else Reply(404)


def test_a_redirect_to_another_host_takes_its_turn() -> None:
    """Two calls to each host, robots.txt and feed, are spaced; so the crawl delay of the host that was led to counts."""
    seen: list[tuple[str, str, timedelta]] = []

    async def main() -> None:
        async with world(host_delay=2.0) as w:
            start = w.clock.now()

            def note(reply: Reply) -> object:
                def answer(asked: Asked) -> Reply:
                    seen.append((asked.headers["host"].partition(":")[0], asked.path, w.clock.now() - start))
                    return reply

                return answer

            w.server.routes |= {
                "/robots.txt": _robots(b"User-agent: *\nCrawl-delay: 7"),
                "/feed": note(Reply(301, b"", {"Location": f"{_elsewhere(w)}/new"})),
                "/new": note(Reply(200, rss(item(1)))),
            }
            state = await w.collector.collect(w.source())
            assert (state.health, state.url) == (Health.CHANGED, f"{_elsewhere(w)}/new")

    run(main())
    assert seen == [("127.0.0.1", "/feed", timedelta(seconds=2)), ("localhost", "/new", timedelta(seconds=9))]


def test_robots_txt_of_the_host_that_a_redirect_leads_to_is_asked() -> None:
    """Also where the source itself is exempt: the terms are those of its own host."""

    async def main() -> None:
        async with world() as w:
            w.server.routes |= {
                "/robots.txt": _robots(b"User-agent: *\nDisallow: /new"),
                "/feed": Reply(302, b"", {"Location": f"{_elsewhere(w)}/new"}),
                "/new": Reply(200, events(event(1))),
            }
            for kind in ("feed", "polisen"):
                state = await w.collector.collect(w.source(kind))
                assert state.health is Health.BLOCKED
                assert f"{_elsewhere(w)}/robots.txt forbids /new" in state.detail
            assert "/new" not in w.server.paths()

    run(main())


def test_a_host_that_a_redirect_leads_to_is_held_by_its_own_word() -> None:
    """It asks for peace for itself, not for the host that led to it."""

    async def main() -> None:
        async with world() as w:
            w.server.routes |= {
                "/feed": Reply(302, b"", {"Location": f"{_elsewhere(w)}/new"}),
                "/new": Reply(429, b"", {"Retry-After": "600"}),
                "/other": Reply(200, rss(item(1))),
            }
            assert (await w.collector.collect(w.source())).wait == 600
            assert (await w.collector.collect(w.source(path="/other", id="other"))).health is Health.CHANGED

    run(main())


def test_a_source_that_moved_says_so_until_its_address_is_changed() -> None:
    """Also when nothing new comes, and after a restart; a temporary redirect is no move."""

    async def main() -> list[bool]:
        server, found = Server(), []
        with closing(OwnBus()) as bus:
            async with world(bus, server) as w:
                w.server.routes |= {
                    "/old": Reply(301, b"", {"Location": "/new"}),
                    "/new": Reply(200, rss(item(1))),
                    "/detour": Reply(302, b"", {"Location": "/new"}),
                }
                found += [(await w.collector.collect(w.source(path="/old"))).moved for _ in range(2)]
                found.append((await w.collector.collect(w.source(path="/detour", id="detour"))).moved)
                async with world(bus, Server()) as again:
                    found.append((await again.collector.collect(w.source(path="/old"))).moved)
                    found.append((await again.collector.collect(w.source(path="/new"))).moved)
                    found.append((await again.collector.collect(w.source(path="/new"))).moved)
        return found

    assert run(main()) == [True, True, False, True, False, False]
