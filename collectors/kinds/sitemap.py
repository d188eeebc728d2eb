"""The kind ``sitemap``: news sitemaps (https://www.google.com/schemas/sitemap-news/0.9), and indices of them.

A sitemap has no texts: titles and addresses, and with option ``article`` what the pages say. Run inside :mod:`collectors.sandbox`.
"""

from __future__ import annotations

import zlib
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from msgspec import Struct

from collectors.articles import with_articles
from collectors.failures import Empty, Failure, Malformed
from collectors.html_text import absolute, plain
from collectors.items import Fetched, Item, More, Parsed, Plain, options_of
from collectors.kinds.feed_items import entry_item
from collectors.sandbox import MAX_INPUT, Sandbox
from collectors.times import read_time
from pipeline.model import Entry, Source

#: Sitemaps of an index that are read, latest first; entries of one that are taken.
MAX_MAPS, MAX_ITEMS = 3, 1_000
_MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
_NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
_GZIP = b"\x1f\x8b"


class SitemapOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a source of kind ``sitemap``."""

    article: bool = False


class Sitemap(Plain):
    """:param sandbox: where sitemaps are parsed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """See :func:`parse_sitemap`; of an index the latest sitemaps."""
        options = options_of(source, SitemapOptions)
        parsed = await self._sandbox.parse(fetched, source.timezone, "sitemap")
        if parsed.topic == "index":
            parsed = await self._of_index(parsed, source, more)
        if options.article:
            items = await with_articles(parsed.items, more, self._sandbox, source.timezone)
            parsed = msgspec.structs.replace(parsed, items=items)
        return parsed

    async def _of_index(self, index: Parsed, source: Source, more: More) -> Parsed:
        items: dict[str, Item] = {}
        problems: list[str] = []
        for named in index.items[:MAX_MAPS]:
            try:
                part = await self._sandbox.parse(await more.get(named.native_id), source.timezone, "sitemap")
            except Failure as failure:
                problems.append(f"{named.native_id}: {failure.reason}")
                continue
            items |= {item.native_id: item for item in part.items if part.topic != "index"}
        if not items:
            raise Empty("an index of sitemaps without news" + "".join(f"; {problem}" for problem in problems))
        return Parsed(items=tuple(items.values()), problems=tuple(problems))


def parse_sitemap(fetched: Fetched, timezone: str, options: bytes) -> Parsed:  # noqa: ARG001
    """The entries of a sitemap; of an index, marked by ``topic``, the addresses of its sitemaps, latest first.

    :raises Malformed: if it is none.
    :raises Empty: if it has no entries.
    """
    try:
        root = fromstring(_inflated(fetched.body))
    except (ParseError, DefusedXmlException, ValueError, LookupError, zlib.error) as error:
        raise Malformed(f"no sitemap: {error}"[:300]) from error
    if root.tag == f"{_MAP}sitemapindex":
        maps = sorted(((_at(part, f"{_MAP}lastmod"), _at(part, f"{_MAP}loc")) for part in root), reverse=True)
        return Parsed(items=tuple(Item(url, "", "") for _, loc in maps if (url := absolute(loc, fetched.url))), topic="index")
    if root.tag != f"{_MAP}urlset":
        raise Malformed(f"no sitemap: found the element {root.tag[:100]!r}, expected urlset or sitemapindex")
    found = [item for part in root[:MAX_ITEMS] if (item := _item(part, fetched.url, timezone))]
    if not found:
        raise Empty("a sitemap without news entries")
    return Parsed(items=tuple(found))


def _inflated(body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        return body
    inflater = zlib.decompressobj(wbits=31)
    data = inflater.decompress(body, MAX_INPUT)
    if inflater.unconsumed_tail:
        raise ValueError(f"more than {MAX_INPUT:,} bytes after decompression")
    return data


def _item(part: Element, base: str, timezone: str) -> Item | None:
    url = absolute(_at(part, f"{_MAP}loc"), base)
    news = part.find(f"{_NEWS}news")
    if url is None or news is None or not (title := plain(_at(news, f"{_NEWS}title"))):
        return None
    words = _at(news, f"{_NEWS}keywords").split(",")
    entry = Entry(
        title=title.replace("\n", " "),
        url=url,
        published=read_time(_at(news, f"{_NEWS}publication_date"), timezone),
        updated=read_time(_at(part, f"{_MAP}lastmod"), timezone),
        tags=tuple(dict.fromkeys(filter(None, map(plain, words)))),
    )
    return entry_item(url, entry)


def _at(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
