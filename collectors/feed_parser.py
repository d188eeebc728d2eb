"""RSS, Atom and RDF by feedparser, always from bytes; JSON Feed by :mod:`collectors.json_feed`. Pure functions.

Run inside :mod:`collectors.sandbox`: a hostile feed can cost any amount of time and memory.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import feedparser
from msgspec.structs import replace

from collectors.failures import Empty, Malformed
from collectors.feed_extras import Extras, extras
from collectors.feed_items import FeedItem, ParsedFeed
from collectors.html_text import absolute, html_to_text, links_of, plain
from collectors.json_feed import parse_json_feed
from collectors.times import read_time
from pipeline.model import Entry, fingerprint

#: Exceptions with which feedparser marks feeds that it nevertheless read as they were meant.
_BENIGN = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
#: What a whole feed ends with. Of one that was cut off the last entry is half an entry: it would look like an edit.
_ENDS = (b"</rss>", b"</feed>", b"</rdf:rdf>", b"</atom:feed>", b"-->", b"</channel>")
_CUT = "the answer was cut off; its last entry is left out"
_FORMATTED = frozenset({"text/html", "application/xhtml+xml"})


def parse_feed(body: bytes, url: str, headers: Mapping[str, str], timezone: str) -> ParsedFeed:
    """The feed that ``body`` holds.

    :param url: the address that answered; relative links are relative to it.
    :param headers: of the answer, names in lower case.
    :param timezone: IANA name of the zone of times that are written without one.
    :raises Empty: if there is nothing, or a feed without entries.
    :raises Malformed: if it is no feed, saying what it looks like.
    """
    head = body.strip(b"\xef\xbb\xbf \t\r\n")[:15]
    if not head:
        raise Empty("an answer without a body; expected a feed")
    if head[:1] in {b"{", b"["}:
        return parse_json_feed(body, url, timezone)
    if head.lower().startswith((b"<!doctype html", b"<html")):
        raise Malformed("an HTML page stands where the feed should be; the feed has probably moved")
    return _parse_xml(body, url, headers, timezone)


def _parse_xml(body: bytes, url: str, headers: Mapping[str, str], timezone: str) -> ParsedFeed:
    fields = {name: headers[name] for name in ("content-type", "content-language") if name in headers}
    try:
        feed = feedparser.parse(  # type: ignore[attr-defined, no-untyped-call]
            body, response_headers={**fields, "content-location": url}, sanitize_html=False, resolve_relative_uris=False
        )
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise Malformed(f"feedparser cannot read it: {type(error).__name__}: {error}"[:300]) from error
    problem = _problem(feed)
    if not feed.get("version") and not feed["entries"]:
        raise Malformed(f"no feed: {problem or 'no element of RSS, Atom or RDF'}; found {body[:20]!r}")
    more = extras(body)
    cut = bool(problem) and not body.rstrip().lower().endswith(_ENDS)
    whole = feed["entries"][:-1] if cut else feed["entries"]
    filled = _filled(_item(entry, url, timezone) for entry in whole)
    blank = len(whole) - len(filled)
    entries = _living(_named(filled), more)
    if not entries and not more.deleted:
        raise Empty("a feed without entries" + (f" ({problem})" if problem else ""))
    return ParsedFeed(
        entries=entries,
        deleted=tuple(ref for ref in more.deleted if all(item.native_id != ref for item in entries)),
        ttl=_ttl(feed["feed"]),
        skip_hours=more.skip_hours,
        skip_days=more.skip_days,
        hubs=tuple(link["href"] for link in feed["feed"].get("links", ()) if link.get("rel") == "hub" and link.get("href")),
        cut=cut,
        problems=tuple(
            p for p in (problem, _CUT if cut else "", more.problem, f"{blank} entries without title, text and link" if blank else "") if p
        ),
    )


def _problem(feed: Any) -> str:
    error = feed.get("bozo_exception")
    if not feed.get("bozo") or error is None or isinstance(error, _BENIGN):
        return ""
    return plain(f"{type(error).__name__}: {error}")[:200]


def _ttl(channel: Any) -> float:
    text = str(channel.get("ttl", "")).strip()
    return float(text) * 60 if text.isdigit() and len(text) < 7 else 0.0


def _filled(items: Iterable[FeedItem]) -> list[FeedItem]:
    """Entries without anything in them are no entries; their number is told as a problem."""
    return [item for item in items if item.entry.title or item.entry.text or item.entry.url]


def _living(items: list[FeedItem], more: Extras) -> tuple[FeedItem, ...]:
    """RFC 6721, 3: an entry in the same document outlives its tombstone only if it was updated later."""
    if not more.deleted:
        return tuple(items)
    return tuple(item for item in items if item.native_id not in more.deleted or _later(item.entry, more.deleted[item.native_id]))


def _later(entry: Entry, when: datetime | None) -> bool:
    changed = entry.updated or entry.published
    return changed is not None and when is not None and changed > when


def _item(source: Any, url: str, timezone: str) -> FeedItem:
    entry = _entry(source, url, timezone)
    native = plain(str(dict.get(source, "id") or ""))
    return FeedItem(native_id=native, entry=entry)


def _named(items: list[FeedItem]) -> list[FeedItem]:
    """Entries without an id go by their link, or by title and time where several have the same link, as a page of notices."""
    links = Counter(item.entry.url for item in items if not item.native_id)
    return [item if item.native_id else replace(item, native_id=_name(item.entry, links)) for item in items]


def _name(entry: Entry, links: Counter[str | None]) -> str:
    if entry.url and links[entry.url] == 1:
        return entry.url
    return fingerprint(entry.url or "", entry.title, entry.published.isoformat() if entry.published else "")


def _entry(source: Any, url: str, timezone: str) -> Entry:
    title, _ = _text(dict.get(source, "title_detail"), dict.get(source, "title"))
    text, markup = _body(source)
    base = (dict.get(source, "title_detail") or {}).get("base") or url
    link = absolute(str(dict.get(source, "link") or ""), base) if dict.get(source, "link") else None
    found = [
        absolute(str(other.get("href", "")), base) for other in dict.get(source, "links", ()) if other.get("rel") in {"related", "via"}
    ]
    found += links_of(markup, link or base)
    return Entry(
        title=title.replace("\n", " "),
        text=text,
        url=link,
        published=_time(source, ("published", "created"), timezone) or _time(source, ("updated",), timezone),
        updated=_time(source, ("updated",), timezone),
        links=tuple(dict.fromkeys(other for other in found if other and other != link)),
        tags=tuple(
            dict.fromkeys(filter(None, (plain(str(tag.get("term") or tag.get("label") or "")) for tag in dict.get(source, "tags", ()))))
        ),
        point=_point(source),
    )


def _body(source: Any) -> tuple[str, str]:
    """Text and markup of the longest of the entry's contents, else of its summary."""
    contents = [
        _text(part, part.get("value")) for part in dict.get(source, "content", ()) if str(part.get("type", "")).startswith(("text", "appl"))
    ]
    summary = _text(dict.get(source, "summary_detail"), dict.get(source, "summary"))
    return max([*contents, summary], key=lambda part: len(part[0])) if contents else summary


def _text(detail: Any, value: Any) -> tuple[str, str]:
    """Plain text, and the markup that it came from."""
    markup = str(value or "")
    kind = (detail or {}).get("type") or "text/html"
    # RSS says nothing of the type, and writers escape twice: `&amp;amp;` in a title is meant to be `&`.
    if kind in _FORMATTED or "&" in markup:
        return html_to_text(markup), markup
    return plain(markup), ""


def _time(source: Any, names: tuple[str, ...], timezone: str) -> datetime | None:
    for name in names:
        written = dict.get(source, name)
        if not written:
            continue
        parsed = dict.get(source, f"{name}_parsed")
        moment = read_time(str(written), timezone) or (_from_struct(parsed) if parsed else None)
        if moment is not None:
            return moment
    return None


def _from_struct(parsed: Any) -> datetime | None:
    try:
        year, month, day, hour, minute, second = parsed[:6]
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError):
        return None


def _point(source: Any) -> tuple[float, float] | None:
    """GeoRSS by feedparser's ``where``, else the W3C's geo:lat and geo:long."""
    where = dict.get(source, "where") or {}
    pair: Any = where.get("coordinates") if where.get("type") == "Point" else (dict.get(source, "geo_long"), dict.get(source, "geo_lat"))
    try:
        longitude, latitude = float(pair[0]), float(pair[1])
    except (TypeError, ValueError, IndexError):
        return None
    good = math.isfinite(longitude) and math.isfinite(latitude) and abs(longitude) <= 180 and abs(latitude) <= 90
    return (longitude, latitude) if good else None


def dump(feed: ParsedFeed) -> str:
    """The feed as indented JSON: what the golden files hold."""
    import msgspec

    return json.dumps(msgspec.to_builtins(feed), ensure_ascii=False, indent=1) + "\n"
