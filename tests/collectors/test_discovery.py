"""What is found at an address, and lists of sources for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from collectors.discovery import Proposal, _known, discover
from collectors.failures import Blocked, Unreachable
from collectors.opml import read, written
from pipeline.cli.source_files import append, area_of, as_yaml
from pipeline.errors import SettingsError, UsageError
from pipeline.model import Reliability, Source
from pipeline.settings import BUNDLED_SOURCES, load_sources
from tests.collectors.server import Reply
from tests.collectors.test_pages import sitemap
from tests.collectors.world import World, in_world, item, rss

TIMES = [f"2026-03-01T{hour:02d}:00:00+01:00" for hour in range(9)]


async def found(w: World, path: str, taken: tuple[str, ...] = ()) -> list[Proposal]:
    return [proposal async for proposal in discover(w.server.url(path), w.engine, w.clock, taken)]


def test_a_feed_says_what_it_would_give() -> None:
    """Its name, an id that is not taken, a rhythm by its own times, its rights as terms, and its first entries."""

    async def main(w: World) -> None:
        entries = [item(number, f"Text {number}", pubDate=time) for number, time in enumerate(TIMES)]
        body = rss(*entries, channel="<copyright>CC BY 4.0</copyright>").replace("Påhittad".encode(), "Påhittade kommun, nyheter".encode())
        w.server.routes["/rss"] = Reply(200, body)
        (proposal,) = await found(w, "/rss", taken=("pahittade-kommun-nyheter",))
        source = proposal.source
        assert (source.id, source.kind, source.name) == ("pahittade-kommun-nyheter-2", "feed", "Påhittade kommun, nyheter")
        assert (source.interval, source.terms, source.reliability) == (360, "CC BY 4.0", Reliability.A)
        assert (proposal.total, len(proposal.entries), proposal.entries[0].text) == (9, 5, "Text 0")

    in_world(main)


def test_a_page_names_its_feeds_or_has_them_where_they_usually_are() -> None:
    """By link elements and by links; what is named and is no feed is passed over; robots.txt holds."""

    async def main(w: World) -> None:
        links = "".join(f"<link rel='alternate' type='application/{kind}+xml' href='/{kind}'>" for kind in ("rss", "atom"))
        w.server.routes |= {
            "/": Reply(200, f"<!DOCTYPE html><html><head>{links}</head><a href='/nyheter.rss'>Prenumerera</a></html>".encode()),
            "/rss": Reply(200, rss(item(1))),
            "/atom": Reply(200, b"<html>no</html>"),
            "/nyheter.rss": Reply(200, rss(item(2), item(3))),
            "/plain": Reply(200, b"<html></html>"),
            "/plain/rss.xml": Reply(200, rss(item(4))),
            "/none": Reply(200, b"<html></html>"),
            "/map.xml": Reply(200, sitemap("/a")),
        }
        assert [proposal.total for proposal in await found(w, "/")] == [1, 2]
        (usual,) = await found(w, "/plain")
        assert usual.source.url == w.server.url("/plain/rss.xml")
        (news,) = await found(w, "/map.xml")
        assert (news.source.kind, news.total) == ("sitemap", 1)
        assert await found(w, "/none") == []
        with pytest.raises(Unreachable):
            await found(w, "/not-there")

    async def forbidden(w: World) -> None:
        w.server.routes |= {"/robots.txt": Reply(200, b"User-agent: *\nDisallow: /"), "/": Reply(200, b"<html></html>")}
        with pytest.raises(Blocked):
            await found(w, "/")

    in_world(main)
    in_world(forbidden)


@pytest.mark.parametrize(
    ("url", "kind", "asked"),
    [
        ("https://t.me/pahittad", "telegram", "https://t.me/s/pahittad"),
        ("https://t.me/s/pahittad", "telegram", "https://t.me/s/pahittad"),
        ("https://www.youtube.com/channel/UC-x_1", "feed", "https://www.youtube.com/feeds/videos.xml?channel_id=UC-x_1"),
        ("https://polisen.se/aktuellt/", "polisen", "https://polisen.se/api/events"),
        ("https://m.example/tags/brand", "mastodon", "https://m.example/api/v1/timelines/tag/brand"),
        ("https://f.example/latest.json", "discourse", "https://f.example/latest.json"),
        ("https://l.example/api/v3/post/list?x=1", "lemmy", "https://l.example/api/v3/post/list?x=1"),
        ("https://vmaapi.sr.se/api/v3/alerts", "vma", "https://vmaapi.sr.se/api/v3/alerts"),
        ("http://data.gdeltproject.org/gdeltv2/lastupdate.txt", "gdelt", "http://data.gdeltproject.org/gdeltv2/lastupdate.txt"),
        ("https://polisen.se.example/", None, None),
        ("https://example.org/", None, None),
    ],
)
def test_networks_and_authorities_are_known(url: str, kind: str | None, asked: str | None) -> None:
    """By their addresses alone."""
    known = _known(url)
    assert (known.kind, known.url) == (kind, asked) if known else kind is None


def _source(**changes: Any) -> Source:
    return Source(**{"id": "a", "kind": "feed", "url": "https://example.org/rss", "name": "A & B", "purpose": "tests of lists"} | changes)


def test_opml_out_and_in_is_the_same_list() -> None:
    """Every field of every bundled source; other programs see an address, a title and a type."""
    sources = list(load_sources(BUNDLED_SOURCES))
    data = written(sources, "Fjäril")
    assert read(data, "") == sources
    outlines = list(fromstring(data).iter("outline"))
    assert {outline.get("xmlUrl") for outline in outlines} == {source.url for source in sources}
    assert all(outline.get("text") and outline.get("type") for outline in outlines)


def test_lists_of_other_programs() -> None:
    """Folders are passed through, an address that comes twice counts once, ids do not collide; without a purpose nothing is taken."""
    outlines = (
        '<outline text="Nyheter"><outline type="rss" text="Påhittat blad" xmlUrl="https://x.example/1"/>'
        '<outline type="rss" title="Påhittat blad" text="" xmlUrl="https://x.example/2"/><outline xmlUrl="https://x.example/1"/></outline>'
    )
    data = f'<?xml version="1.0"?><opml version="1.0"><body>{outlines}</body></opml>'.encode()
    taken = read(data, "Följa påhittade nyheter", ["pahittat-blad"])
    assert [(source.id, source.url) for source in taken] == [
        ("pahittat-blad-2", "https://x.example/1"),
        ("pahittat-blad-3", "https://x.example/2"),
    ]
    with pytest.raises(UsageError, match="without a purpose"):
        read(data, "")
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><opml>&b;</opml>'
    for bad in (b"", b"<html></html>", bomb, b'<opml><outline xmlUrl="ftp://x"/></opml>'):
        with pytest.raises(UsageError):
            read(bad, "tests")


def test_sources_are_added_to_a_file_as_it_is(tmp_path: Path) -> None:
    """Comments stay, the list is read back; a file that would not be right, the bundled one and one without purpose are refused."""
    path = tmp_path / "sources.yaml"
    path.write_text(
        "# Våra källor\nsources:\n  - {id: b, kind: feed, url: 'https://b.example/', name: B, purpose: tests}\n\n", encoding="utf-8"
    )
    added = _source(options={"items": "li > a", "title": "b"}, kind="page", area="1488")
    append(path, [added], "tests")
    assert path.read_text(encoding="utf-8").startswith("# Våra källor\nsources:\n  - {id: b")
    assert load_sources(path)[1] == added
    with pytest.raises(SettingsError, match="each id once"):
        append(path, [added], "tests")
    assert len(load_sources(path)) == 2
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UsageError, match="copy the file"):
        append(BUNDLED_SOURCES, [added], "tests")
    with pytest.raises(UsageError, match="--purpose"):
        append(path, [_source(id="c")], "")
    assert as_yaml([]) == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Trollhättans Stad https://www.trollhattan.se/rss", "1488"),
        ("Växjö kommun", "0780"),
        ("Räddningstjänsten https://rtj.example/rss", "SE"),
        ("SVT Nyheter Skåne län", "12"),
        ("Malmö och Lund", "SE"),
        ("Vara https://example.org/vara", "1470"),
    ],
)
def test_the_area_by_the_name(text: str, code: str, gazetteer: Any) -> None:
    """The municipality whose name it has, else the county; several, or none, is the nation."""
    assert area_of(text, gazetteer) == code
