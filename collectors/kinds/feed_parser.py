"""RSS, Atom and RDF by feedparser, always from bytes; JSON Feed by :mod:`collectors.kinds.json_feed`. Pure functions.

An entry without an id of its own is named by its link and its title (its text, where it has no title), whatever stands
beside it in the answer: a page of notices is the link of all of them. So a changed title of such an entry is a new entry.

Run inside :mod:`collectors.sandbox`: a hostile feed can cost any amount of time and memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import feedparser

from collectors.failures import Empty, Malformed
from collectors.html_text import absolute, html_to_text, links_of, plain
from collectors.items import Parsed
from collectors.kinds.feed_extras import Extras, extras
from collectors.kinds.feed_items import entry_item
from collectors.kinds.json_feed import parse_json_feed
from collectors.times import read_time
from pipeline.model import Entry, fingerprint

#: Exceptions with which feedparser marks feeds that it nevertheless read as they were meant.
_BENIGN = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
#: What a whole feed ends with. Of one that was cut off the last entry is half an entry: it would look like an edit.
_ENDS = (b"</rss>", b"</feed>", b"</rdf:rdf>", b"</atom:feed>", b"-->", b"</channel>")
#: Fields of a Link header (RFC 8288), and its relations.
_LINKS = re.compile(r"<([^<>]*)>([^,<]*)")
_CUT = "the answer was cut off; its last entry is left out"
_FORMATTED = frozenset({"text/html", "application/xhtml+xml"})
#: Native id and entry.
Named = tuple[str, Entry]


def parse_feed(body: bytes, url: str, headers: Mapping[str, str], timezone: str) -> Parsed:
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


def _parse_xml(body: bytes, url: str, headers: Mapping[str, str], timezone: str) -> Parsed:
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
    filled = _filled(_named(entry, url, timezone) for entry in whole)
    blank = len(whole) - len(filled)
    living = [(name, entry) for name, entry in filled if _outlives(name, entry, more)]
    names = {name for name, _ in living}
    if not living and not more.deleted:
        raise Empty("a feed without entries" + (f" ({problem})" if problem else ""))
    return Parsed(
        items=tuple(entry_item(name, entry) for name, entry in living),
        withdrawn=tuple(ref for ref in more.deleted if ref not in names),
        ttl=_ttl(feed["feed"]),
        skip_hours=more.skip_hours,
        skip_days=more.skip_days,
        cut=cut,
        hub=_related(feed, headers, "hub", url),
        topic=_related(feed, headers, "self", url),
        title=plain(str(feed["feed"].get("title") or ""))[:200],
        rights=plain(str(feed["feed"].get("license") or feed["feed"].get("rights") or ""))[:200],
        problems=tuple(
            p for p in (problem, _CUT if cut else "", more.problem, f"{blank} entries without title, text and link" if blank else "") if p
        ),
    )


def _related(feed: Any, headers: Mapping[str, str], relation: str, url: str) -> str:
    """The address of this relation: the Link header's first, then the feed's own (W3C WebSub, 4)."""
    for link, parameters in _LINKS.findall(headers.get("link", "")):
        if relation in re.findall(r"[\w-]+", parameters.lower().partition("rel=")[2].partition(";")[0]):
            return absolute(link, url) or ""
    found = (link.get("href", "") for link in feed["feed"].get("links", ()) if link.get("rel") == relation)
    return next((address for href in found if (address := absolute(str(href), url))), "")


def _problem(feed: Any) -> str:
    error = feed.get("bozo_exception")
    if not feed.get("bozo") or error is None or isinstance(error, _BENIGN):
        return ""
    return plain(f"{type(error).__name__}: {error}")[:200]


def _ttl(channel: Any) -> float:
    text = str(channel.get("ttl", "")).strip()
    return float(text) * 60 if text.isdigit() and len(text) < 7 else 0.0


def _filled(entries: Iterable[Named]) -> list[Named]:
    """Entries without anything in them are no entries; their number is told as a problem."""
    return [(name, entry) for name, entry in entries if entry.title or entry.text or entry.url]


def _outlives(name: str, entry: Entry, more: Extras) -> bool:
    """RFC 6721, 3: an entry in the same document outlives its tombstone only if it was updated later."""
    if name not in more.deleted:
        return True
    changed, when = entry.updated or entry.published, more.deleted[name]
    return changed is not None and when is not None and changed > when


def _named(source: Any, url: str, timezone: str) -> Named:
    entry = _entry(source, url, timezone)
    return plain(str(dict.get(source, "id") or "")) or fingerprint(entry.url or "", entry.title or entry.text), entry


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
