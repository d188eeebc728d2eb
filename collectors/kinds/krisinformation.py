"""The kind ``krisinformation``: what authorities confirm in a crisis, https://api.krisinformation.se/v3/news (and /vmas, /notifications).

Names of fields are read in whatever case. The areas are named in the text, where they are found as any other place.
"""

from __future__ import annotations

from typing import Any

import msgspec

from collectors.failures import Empty, Malformed
from collectors.html_text import absolute, html_to_text, links_of, plain
from collectors.items import Bad, Fetched, Item, More, Parsed, Plain
from collectors.kinds.feed_items import entry_item
from collectors.times import read_time
from pipeline.model import Entry, Source

#: Areas that a message is not said to be about, since it is about the whole country.
_NATION = frozenset({"country", "land"})


class Krisinformation(Plain):
    """The kind ``krisinformation``."""

    obeys_robots = False  # an interface whose terms allow calling it

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:  # noqa: ARG002
        """The messages.

        :raises Malformed: if it is no list of messages.
        :raises Empty: if there are none.
        """
        try:
            records = msgspec.json.decode(fetched.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Malformed(f"no list of messages: {error}; found {fetched.body[:40]!r}") from error
        if not isinstance(records, list):
            raise Malformed(f"no list of messages, but {type(records).__name__}")
        if not records:
            raise Empty("a list without messages")
        items, bad = [], []
        for record in records:
            item = _item(_lowered(record), source, fetched.url)
            if item is None:
                bad.append(Bad("a message without identifier or headline", msgspec.json.encode(record)))
            else:
                items.append(item)
        return Parsed(items=tuple(items), bad=tuple(bad))


def _lowered(record: Any) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in record.items()} if isinstance(record, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _records(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = fields.get(name)
    return [_lowered(record) for record in value if isinstance(record, dict)] if isinstance(value, list) else []


def _item(fields: dict[str, Any], source: Source, url: str) -> Item | None:
    identifier, headline = plain(_text(fields, "identifier")), plain(_text(fields, "headline") or _text(fields, "pushmessage"))
    if not identifier or not headline:
        return None
    body = _text(fields, "bodytext")
    found = _records(fields, "area")
    areas = [plain(_text(area, "description")) for area in found if _text(area, "type").lower() not in _NATION]
    where = f"Område: {', '.join(filter(None, areas))}" if any(areas) else ""
    web = absolute(_text(fields, "web"), url) if _text(fields, "web") else None
    named = _records(fields, "bodylinks")
    links = [absolute(_text(link, "url"), url) for link in named if _text(link, "url")] + links_of(body, web or url)
    parts = [html_to_text(_text(fields, "preamble")), html_to_text(body), where]
    entry = Entry(
        title=headline.replace("\n", " "),
        text="\n".join(part for part in parts if part),
        url=web,
        published=read_time(_text(fields, "published"), source.timezone),
        updated=read_time(_text(fields, "updated"), source.timezone),
        links=tuple(dict.fromkeys(link for link in links if link and link != web)),
        tags=tuple(filter(None, (plain(_text(fields, "sendername")),))),
        category=plain(_text(fields, "event")),
    )
    return entry_item(identifier, entry)
