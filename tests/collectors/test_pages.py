"""Pages without a feed, news sitemaps, and the text of articles: synthetic answers over HTTP."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

from pipeline.model import Health
from tests.collectors.server import Reply
from tests.collectors.world import World, in_world, item, rss

ARTICLE = (
    "<html><head><title>Brand</title></head><body><nav>Meny</nav><article><h1>Brand i påhittade hamnen</h1>"
    + "".join(f"<p>Stycke {n}: räddningstjänsten arbetar på platsen och röken driver in över staden mot väster.</p>" for n in range(8))
    + "</article><footer>Om kakor</footer><script>alert(1)</script></body></html>"
).encode()
PAGE = """<html><body>
<div class="nyhet"><h2>Vattenläcka på <b>Storgatan</b></h2><a href="/nyhet/1">Läs</a><time datetime="2026-03-01 09:30">1 mars</time>
<p class="ingress">Vattnet är <script>x()</script>avstängt.</p></div>
<div class="nyhet"><h2>Badet stängt</h2><time>den 1 mars 2026 kl. 10.15</time></div>
<div class="nyhet"><p>Utan rubrik</p></div>
</body></html>"""
OPTIONS = {"items": "div.nyhet", "title": "h2", "time": "time::attr(datetime), time::text", "text": "p.ingress"}


def test_a_page_is_read_by_selectors() -> None:
    """Titles, links, local times and texts; a match without a title is said; nothing of a script remains."""

    async def main(w: World) -> None:
        w.server.routes["/nyheter"] = Reply(200, PAGE.encode())
        state = await w.collector.collect(w.source("page", "/nyheter", options=OPTIONS))
        first, second = w.bus.entries()
        assert (first.title, first.text, first.url) == ("Vattenläcka på Storgatan", "Vattnet är avstängt.", w.server.url("/nyhet/1"))
        assert first.published == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
        assert second.published == datetime(2026, 3, 1, 9, 15, tzinfo=UTC)
        assert "1 matches without a title" in state.detail

    in_world(main)


def test_a_page_that_was_changed_says_so() -> None:
    """Nothing matches, no title, no selector, or a selector that is none: each is a state that names it."""

    async def main(w: World) -> None:
        w.server.routes["/nyheter"] = Reply(200, PAGE.encode())
        for number, (options, health, said) in enumerate(
            [
                (OPTIONS | {"items": "li.post"}, Health.EMPTY, "li.post"),
                (OPTIONS | {"title": "h5"}, Health.MALFORMED, "h5"),
                (OPTIONS | {"items": "div[["}, Health.MALFORMED, "selector"),
                ({"items": "div"}, Health.BLOCKED, "title"),
                (OPTIONS | {"titel": "h2"}, Health.BLOCKED, "titel"),
            ]
        ):
            state = await w.collector.collect(w.source("page", "/nyheter", id=f"p{number}", options=options))
            assert (state.health, said in state.detail) == (health, True), state.detail

    in_world(main)


def test_articles_are_read_for_teasers_once() -> None:
    """Where the feed has but a teaser and robots.txt allows it; what is forbidden, gone or not to be indexed keeps its teaser."""

    async def main(w: World) -> None:
        w.server.routes["/robots.txt"] = Reply(200, b"User-agent: *\nDisallow: /nyhet/2")
        w.server.routes["/nyhet/1"] = Reply(200, ARTICLE, {"Content-Type": "text/html; charset=utf-8"})
        w.server.routes["/nyhet/2"] = Reply(200, ARTICLE)
        w.server.routes["/nyhet/4"] = Reply(200, ARTICLE.replace(b"<title>", b"<meta name='robots' content='noindex'><title>"))
        w.server.routes["/nyhet/5"] = Reply(200, ARTICLE)
        long = "Hela texten står redan i flödet. " * 20
        feed = [item(1, link="/nyhet/1"), item(2), item(3), item(4), item(5, long)]
        w.server.routes["/feed"] = Reply(200, rss(*feed).replace(b"https://example.org/", w.server.url("/").encode()))
        source = w.source(options={"article": True})
        await w.collector.collect(source)
        texts = [entry.text for entry in w.bus.entries()]
        assert texts[0].count("Stycke") == 8
        assert "Meny" not in texts[0]
        assert "alert" not in texts[0]
        assert texts[1:4] == ["Något påhittat"] * 3
        w.server.routes["/feed"] = Reply(200, rss(item(6), *feed).replace(b"https://example.org/", w.server.url("/").encode()))
        await w.collector.collect(source)
        assert [raw.native_id for raw in w.bus.raw()] == ["n1", "n2", "n3", "n4", "n5", "n6"]
        asked = w.server.paths()
        assert [asked.count(f"/nyhet/{number}") for number in range(1, 6)] == [1, 0, 1, 1, 0]

    in_world(main)


def sitemap(*urls: str) -> bytes:
    entries = "".join(
        f"<url><loc>{url}</loc><lastmod>2026-03-01T10:00:00+01:00</lastmod><n:news><n:publication><n:name>Påhittad</n:name></n:publication>"
        f"<n:publication_date>2026-03-01T09:30:00+01:00</n:publication_date><n:title>Titel &amp; {url}</n:title>"
        "<n:keywords>brand, hamn</n:keywords></n:news></url>"
        for url in urls
    )
    return (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">'
        f"{entries}<url><loc>/inte-nyheter</loc></url></urlset>"
    ).encode()


def test_news_sitemaps_and_their_index() -> None:
    """Packed or not; of an index the latest, and one of them that is broken does not take the others with it."""

    async def main(w: World) -> None:
        maps = "".join(f"<sitemap><loc>/map{n}.xml</loc><lastmod>2026-03-0{n}</lastmod></sitemap>" for n in range(1, 6))
        w.server.routes |= {
            "/index.xml": Reply(200, f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{maps}</sitemapindex>'.encode()),
            "/map5.xml": Reply(200, gzip.compress(sitemap("/a", "/b"))),
            "/map4.xml": Reply(200, b"<html>"),
            "/map3.xml": Reply(200, sitemap("/b", "/c")),
        }
        state = await w.collector.collect(w.source("sitemap", "/index.xml"))
        entries = w.bus.entries()
        assert [entry.url for entry in entries] == [w.server.url(path) for path in ("/a", "/b", "/c")]
        assert (entries[0].title, entries[0].tags) == ("Titel & /a", ("brand", "hamn"))
        assert entries[0].published == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
        assert "/map4.xml" in state.detail
        assert "/map2.xml" not in w.server.paths()
        w.server.routes |= {"/bomb.xml": Reply(200, gzip.compress(bytes(20_000_000))), "/feed.xml": Reply(200, rss(item(1)))}
        for path in ("/bomb.xml", "/feed.xml"):
            assert (await w.collector.collect(w.source("sitemap", path, id=path[1:]))).health is Health.MALFORMED

    in_world(main)
