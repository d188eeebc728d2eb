"""JSON Feed 1 and 1.1 (https://www.jsonfeed.org/version/1.1/), which feedparser does not read."""

from __future__ import annotations

from typing import Any

import msgspec

from collectors.failures import Empty, Malformed
from collectors.html_text import absolute, html_to_text, links_of, plain
from collectors.items import Parsed
from collectors.kinds.feed_items import entry_item
from collectors.times import read_time
from pipeline.model import Entry


def parse_json_feed(body: bytes, url: str, timezone: str) -> Parsed:
    """The feed that ``body`` holds. Items without an id are left out, as the specification says, and counted as a problem.

    :raises Empty: if it has no items.
    :raises Malformed: if it is no JSON Feed.
    """
    try:
        feed = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed(f"neither XML nor JSON: {error}; found {body[:20]!r}") from error
    if not isinstance(feed, dict) or not str(feed.get("version", "")).startswith(
        ("https://jsonfeed.org/version/", "http://jsonfeed.org/version/")
    ):
        raise Malformed("JSON, but no JSON Feed: `version` does not name jsonfeed.org")
    records = feed.get("items")
    if not isinstance(records, list):
        raise Malformed("a JSON Feed without a list of `items`")
    if not records:
        raise Empty("a JSON Feed without items")
    base = absolute(str(feed.get("home_page_url") or ""), url) or url
    named = [(native, record) for record in records if isinstance(record, dict) and (native := _native_id(record.get("id")))]
    lost = len(records) - len(named)
    return Parsed(
        items=tuple(entry_item(native, _entry(record, base, timezone)) for native, record in named if record.get("expired") is not True),
        # `expired` stands at the feed in the specification; feeds that mark single items mean that the item ended.
        withdrawn=tuple(native for native, record in named if record.get("expired") is True),
        problems=(f"{lost} items without an id",) if lost else (),
        title=plain(_string(feed, "title"))[:200],
    )


def _native_id(value: object) -> str:
    """A number is an id too, by the specification; nothing else than a number or text is."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return plain(str(int(value) if isinstance(value, float) and value.is_integer() else value))


def _entry(record: dict[str, Any], base: str, timezone: str) -> Entry:
    markup = _string(record, "content_html")
    text = html_to_text(markup) or plain(_string(record, "content_text")) or plain(_string(record, "summary"))
    url = absolute(_string(record, "url"), base) if _string(record, "url") else None
    external = absolute(_string(record, "external_url"), base) if _string(record, "external_url") else None
    published = read_time(_string(record, "date_published"), timezone)
    updated = read_time(_string(record, "date_modified"), timezone)
    tags = record.get("tags")
    return Entry(
        title=plain(_string(record, "title")).replace("\n", " "),
        text=text,
        url=url,
        published=published or updated,
        updated=updated,
        links=tuple(dict.fromkeys(link for link in [external, *links_of(markup, url or base)] if link and link != url)),
        tags=tuple(dict.fromkeys(plain(str(tag)) for tag in tags if tag)) if isinstance(tags, list) else (),
    )


def _string(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""
