"""The text of an article's page, by trafilatura; and that of feeds which give only a teaser.

Run inside :mod:`collectors.sandbox`. The page's robots.txt is asked as for everything; a page that asks in its head not to be
indexed is left alone, too.
"""

from __future__ import annotations

import re

import msgspec

from collectors.failures import Empty, Failure
from collectors.html_text import plain
from collectors.items import Fetched, Item, More, Parsed
from collectors.kinds.feed_items import written
from collectors.sandbox import Sandbox
from pipeline.model import Entry

#: Articles that are fetched for one answer; the others keep their teaser.
MAX_ARTICLES = 10
#: Characters below which a text is a teaser.
TEASER = 400
_NOINDEX = re.compile(rb"<meta\s[^<>]{0,200}name\s*=\s*[\"']?(?:robots|fjaril)\b[^<>]{0,200}(?:noindex|none)\b", re.IGNORECASE)


def parse_article(fetched: Fetched, timezone: str, options: bytes) -> Parsed:  # noqa: ARG001
    """One item, whose body is the article's text.

    :raises Empty: if there is no article, or it must not be indexed.
    """
    import trafilatura

    if _NOINDEX.search(fetched.body[:100_000]) or "noindex" in fetched.headers.get("x-robots-tag", ""):
        raise Empty("the page asks not to be indexed")
    text = trafilatura.extract(fetched.body, url=fetched.url, include_comments=False, include_tables=False, deduplicate=False)
    if not text:
        raise Empty("the page holds no article")
    return Parsed(items=(Item(fetched.url, plain(text), ""),))


async def with_articles(items: tuple[Item, ...], more: More, sandbox: Sandbox, timezone: str) -> tuple[Item, ...]:
    """The items, new ones with the text of their page where they have but a teaser.

    What identifies their content stays that of the feed: a page is not asked again for what has not changed. A page that cannot be
    had costs nothing: the teaser stays.
    """
    left = MAX_ARTICLES
    found = []
    for item in items:
        entry = msgspec.json.decode(item.body, type=Entry)
        if left and entry.url and len(entry.text) < TEASER and more.is_new(item.native_id, item.content_hash):
            left -= 1
            entry = await _read(entry, entry.url, more, sandbox, timezone)
            item = Item(item.native_id, written(entry).decode(), item.content_hash)  # noqa: PLW2901
        found.append(item)
    return tuple(found)


async def _read(entry: Entry, url: str, more: More, sandbox: Sandbox, timezone: str) -> Entry:
    try:
        (article,) = (await sandbox.parse(await more.get(url), timezone, "article")).items
    except Failure:
        return entry
    return msgspec.structs.replace(entry, text=article.body) if len(article.body) > len(entry.text) else entry
