"""The kind ``feed``: RSS, Atom, RDF and JSON Feed, parsed in a process of their own."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from collectors.articles import with_articles
from collectors.items import Fetched, Item, More, Parsed, Plain, options_of
from collectors.kinds.feed_items import entry_item
from collectors.people import impersonal, without_handles
from collectors.sandbox import Sandbox
from pipeline.model import Entry, Source


class FeedOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a source of kind ``feed``."""

    #: Whether articles' pages are read, since the feed has only teasers.
    article: bool = False
    #: Whether its entries are posts of people: the names by which they go are taken out.
    posts: bool = False


class Feed(Plain):
    """:param sandbox: where feeds are parsed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def kept(self, body: bytes, source: Source) -> bytes | None:
        """Nothing where entries are posts of people."""
        return None if options_of(source, FeedOptions).posts else body

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """See :func:`collectors.kinds.feed_parser.parse_feed`."""
        options = options_of(source, FeedOptions)
        parsed = await self._sandbox.parse(fetched, source.timezone)
        if options.posts:
            parsed = msgspec.structs.replace(parsed, items=tuple(map(_impersonal, parsed.items)))
        if options.article:
            items = await with_articles(parsed.items, more, self._sandbox, source.timezone)
            parsed = msgspec.structs.replace(parsed, items=items)
        return parsed


def _impersonal(item: Item) -> Item:
    entry = msgspec.json.decode(item.body, type=Entry)
    return entry_item(
        without_handles(item.native_id),
        msgspec.structs.replace(
            entry,
            title=without_handles(entry.title),
            text=without_handles(entry.text),
            url=next(iter(impersonal([entry.url])), None) if entry.url else None,
            links=impersonal(entry.links),
        ),
    )
