from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.failures import Empty, Malformed
from collectors.html_text import html_to_text, links_of, without_controls
from collectors.items import Parsed
from collectors.kinds.feed_parser import parse_feed
from pipeline.model import Entry
from tests.collectors.world import item, rss

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "feeds"
URL = "https://example.org/nyheter/feed.xml"


def _read(body: bytes, headers: dict[str, str] | None = None, zone: str = "Europe/Stockholm") -> Parsed:
    return parse_feed(body, URL, headers or {}, zone)


def _entry(body: bytes, **kwargs: Any) -> Entry:
    return msgspec.json.decode(_read(body, **kwargs).items[0].body, type=Entry)


def _ids(body: bytes) -> list[str]:
    return [item.native_id for item in _read(body).items]


def _dump(feed: Parsed) -> str:
    """The feed as the golden files hold it: indented JSON, each item's body unfolded, its hash left out."""
    items = [{"native_id": item.native_id, "entry": json.loads(item.body)} for item in feed.items]
    return json.dumps({**msgspec.to_builtins(feed), "items": items}, ensure_ascii=False, indent=1) + "\n"


@pytest.mark.parametrize("path", sorted(p for p in GOLDEN.iterdir() if p.suffix != ".expected"), ids=lambda path: path.name)
def test_golden(path: Path) -> None:
    """Each feed of the folder gives what stands beside it in ``.expected``, to the letter."""
    assert _dump(_read(path.read_bytes())) == path.with_name(path.name + ".expected").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Sat, 22 Aug 2026 09:48:12 CEST", "2026-08-22T07:48:12+00:00"),
        ("Sun, 22 Feb 2026 09:48:12 CET", "2026-02-22T08:48:12+00:00"),
        ("lör, 22 aug 2026 09:48:12", "2026-08-22T07:48:12+00:00"),
        ("2026-08-22 9:48", "2026-08-22T07:48:00+00:00"),
        ("soon", None),
    ],
)
def test_times_of_entries(written: str, expected: str | None) -> None:
    """Feedparser reads CEST and naive times as UTC and Swedish weekdays not at all; here they are what they mean."""
    published = _entry(rss(item(1, pubDate=written))).published
    assert (published.isoformat() if published else None) == expected


def test_skip_hours_and_days_are_all_read() -> None:
    """Feedparser keeps only the last of each."""
    channel = "<skipHours><hour>1</hour><hour>2</hour><hour>24</hour></skipHours><skipDays><day>Sunday</day><day>monday</day></skipDays>"
    feed = _read(rss(item(1), channel=channel + "<ttl>30</ttl>"))
    assert (feed.skip_hours, feed.skip_days, feed.ttl) == ((0, 1, 2), ("Monday", "Sunday"), 1800.0)


def test_an_entry_without_id_is_named_by_what_is_its_own() -> None:
    """By link and title, or text where there is no title; never by a time, which some sources set to that of asking."""
    entries = (
        "<guid isPermaLink='false'>a</guid><title>x</title><link>/l</link>",
        "<title>x</title><link>/l</link>",
        "<title>y</title><link>/l</link>",
        "<title>x</title><pubDate>Sat, 22 Aug 2026 09:48:12 GMT</pubDate>",
        "<description>Ett</description>",
        "<description>Två</description>",
    )
    ids = _ids(rss(*(f"<item>{entry}</item>" for entry in entries)))
    assert ids[0] == "a"
    assert len(set(ids)) == len(entries)
    assert _ids(rss("<item><title>x</title><pubDate>Sun, 23 Aug 2026 09:48:12 GMT</pubDate></item>")) == [ids[3]]


def test_an_entry_without_id_keeps_its_name_whatever_stands_beside_it() -> None:
    """Over a series of answers of a page of notices, whose link they share, each has one id and none takes another's."""
    notice = "<item><title>{}</title><link>https://lista.example/</link></item>".format
    seen: dict[str, set[str]] = {}
    for answer in ("A", "BA", "B", "C", "CAB"):
        for title, native_id in zip(answer, _ids(rss(*map(notice, answer))), strict=True):
            seen.setdefault(title, set()).add(native_id)
    assert [len(ids) for ids in seen.values()] == [1, 1, 1]
    assert len(set.union(*seen.values())) == 3


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        (b"", Empty, "without a body"),
        (b" \n ", Empty, "without a body"),
        (b"\xef\xbb\xbf", Empty, "without a body"),
        (rss(), Empty, "without entries"),
        (b"<!DOCTYPE html><html><body>Sidan har flyttat</body></html>", Malformed, "HTML page"),
        (b"\n<HTML lang='sv'>", Malformed, "HTML page"),
        (b"<?xml version='1.0'?><sitemap><url/></sitemap>", Malformed, "no feed"),
        (b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><body/></html>", Malformed, "no feed"),
        (b"Not found", Malformed, "no feed"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", Malformed, "no feed"),
        (b"{", Malformed, "neither XML nor JSON"),
        (b"[]", Malformed, "no JSON Feed"),
        (b'{"version":"x","items":[]}', Malformed, "no JSON Feed"),
        (b'{"version":"https://jsonfeed.org/version/1.1"}', Malformed, "list of `items`"),
        (b'{"version":"https://jsonfeed.org/version/1.1","items":[]}', Empty, "without items"),
        (b"[" * 100_000, Malformed, "neither XML nor JSON"),
    ],
)
def test_what_is_no_feed_says_what_it_is(body: bytes, error: type[Exception], text: str) -> None:
    """A clear text for people, never a crash."""
    with pytest.raises(error, match=text):
        _read(body)


def test_an_unknown_encoding_is_read_as_well_as_can_be() -> None:
    """What the header, the prolog and the bytes say may all be wrong."""
    feed = rss(item(1, "Räddningstjänst"))
    assert _entry(feed.replace(b"utf-8", b"x-unknown")).text == "Räddningstjänst"
    latin = feed.decode().encode("latin-1")
    assert _entry(latin.replace(b"utf-8", b"iso-8859-1")).text == "Räddningstjänst"
    assert _entry(latin.replace(b"utf-8", b"iso-8859-1"), headers={"content-type": "application/xml"}).text == "Räddningstjänst"
    assert _entry(latin).title == "Nyhet 1"


def test_benign_faults_are_no_problem() -> None:
    """A wrong content type or a charset that had to be overridden is not worth telling."""
    feed = _read(rss(item(1, "ö")), {"content-type": "text/plain; charset=us-ascii"})
    assert (feed.problems, json.loads(feed.items[0].body)["text"]) == ((), "ö")


def test_a_feed_that_breaks_off_gives_what_was_there_and_says_so() -> None:
    """The entries before the fault are kept."""
    feed = _read(rss(item(1), item(2))[:-60])
    assert feed.items[0].native_id == "n1"
    assert feed.problems


def test_the_entry_with_the_later_update_outlives_its_tombstone() -> None:
    """RFC 6721, 3, and both spellings of an id that is not deleted."""
    atom = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">
    <entry><id>urn:a</id><title>a</title><updated>2026-03-01T10:00:00Z</updated></entry>
    <entry><id>urn:b</id><title>b</title><updated>2026-03-01T12:00:00Z</updated></entry>
    <at:deleted-entry ref="urn:a" when="2026-03-01T11:00:00Z"/><at:deleted-entry ref="urn:b" when="2026-03-01T11:00:00Z"/>
    <at:deleted-entry ref="urn:c" when="nonsense"/></feed>"""
    feed = _read(atom.encode())
    assert ([item.native_id for item in feed.items], feed.withdrawn) == (["urn:b"], ("urn:a", "urn:c"))


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Ett</p><p>Två</p>", "Ett\nTvå"),
        ("Ett<br>Två<br/>Tre", "Ett\nTvå\nTre"),
        ("a <b>b</b>c", "a bc"),
        ("R&amp;B &lt;3 &nbsp; &aring;", "R&B <3 å"),
        ("<script>alert(1)</script><style>p{}</style>x", "x"),
        ("<img src=x onerror=alert(1)>x<svg onload=alert(1)>", "x"),
        ("<scr<script>ipt>alert(1)</script>", "ipt>alert(1)"),
        ("  a \t\r\n\n\n b\x00 ", "a\nb"),
        ("<!-- hemligt -->x", "x"),
        ("1 < 2", "1 < 2"),
    ],
)
def test_html_becomes_text(markup: str, text: str) -> None:
    """Blocks become lines; scripts, styles, comments and tags go."""
    assert html_to_text(markup) == text


#: Sets the title of a terminal, clears it, rings, and the same in the characters of one byte.
_COMMANDS = "\x1b]0;ägd\x07\x1b[2J\x9b2J\x9d0;x\x9c\x85\x7f"


def test_no_control_character_gets_through() -> None:
    """Neither as it is nor as a reference, in XML or JSON; what is white is a blank, and a line break stays."""
    assert without_controls(f"a\tb\r\nc\rd\x0be{_COMMANDS}") == "a b\nc\nd e]0;ägd[2J2J0;x "
    references = "".join(f"&#{ord(character)};" for character in _COMMANDS)
    xml = rss(
        f"<item><guid>g{references}</guid><title>t{references}</title><description>d{_COMMANDS[-6:]}{references}</description>"
        f"<category>c{references}</category><link>https://example.org/l{references}</link></item>"
    )
    one = dict.fromkeys(("id", "title", "content_text"), f"x{_COMMANDS}y") | {"url": f"/u{_COMMANDS}", "tags": [_COMMANDS]}
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [one]}
    for body in (xml, json.dumps(feed).encode(), json.dumps(feed, ensure_ascii=False).encode()):
        (found,) = _read(body).items
        assert not [c for c in found.native_id + "".join(map(str, json.loads(found.body).values())) if unicodedata.category(c) == "Cc"]


def test_links_are_absolute_and_of_http_only() -> None:
    """In order; what is no web address is left out."""
    markup = """<a href="/a?x=1&amp;y=2">a</a><A class=x HREF='b'>b</A><a href=https://other.example/c>c</a>
    <a href="javascript:alert(1)">d</a><a href="mailto:x@example.org">e</a><a name=x>f</a><a href="http://[bad">g</a>"""
    expected = ["https://example.org/a?x=1&y=2", "https://example.org/nyheter/b", "https://other.example/c"]
    assert links_of(markup, URL) == expected


def test_text_that_is_not_html_is_left_alone() -> None:
    """Atom says which of its texts are plain: there, angle brackets are what they are."""
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:a</id><title type="text">a &lt;b&gt; c</title>
    <summary type="text">x &lt; y</summary></entry></feed>"""
    entry = _entry(atom.encode())
    assert (entry.title, entry.text) == ("a <b> c", "x < y")


@pytest.mark.parametrize("where", ["95 18", "59 181", "nan nan", "x y", "59", ""])
def test_points_that_cannot_be_are_left_out(where: str) -> None:
    """GeoRSS is latitude first; what lies outside the globe is no point."""
    body = rss(f"<item><title>x</title><georss:point xmlns:georss='http://www.georss.org/georss'>{where}</georss:point></item>")
    assert _entry(body).point is None


def _rss(items: str, end: str = "</channel></rss>") -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>{items}{end}'.encode()


def test_a_cut_feed_says_so_and_leaves_its_last_entry_out() -> None:
    """Half an entry would look like an edit of the whole one."""
    whole = "<item><guid isPermaLink='false'>a</guid><title>Hel</title></item><item><guid isPermaLink='false'>b</guid><title>Halv"
    feed = _read(_rss(whole, end=""))
    assert feed.cut
    assert [item.native_id for item in feed.items] == ["a"]
