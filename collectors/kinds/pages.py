"""The kind ``page``: pages without a feed, read by CSS selectors that the list of sources names.

.. code-block:: yaml

    options:
      items: article.nyhet        # each match is an item
      title: h2                   # the rest is looked for inside it
      link: a::attr(href)
      time: time::attr(datetime)
      text: .ingress

Run inside :mod:`collectors.sandbox`. No script of the page is run.
"""

from __future__ import annotations

import msgspec
from cssselect import SelectorError
from msgspec import Struct
from parsel import Selector, SelectorList

from collectors.articles import with_articles
from collectors.failures import Empty, Malformed
from collectors.html_text import absolute, html_to_text, links_of, plain
from collectors.items import Fetched, Item, More, Parsed, Plain, Question, options_of
from collectors.kinds.feed_items import entry_item
from collectors.sandbox import Sandbox
from collectors.times import read_time
from pipeline.model import Entry, Source, fingerprint

#: Items that are taken of one page.
MAX_ITEMS = 500


class PageOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Selectors (CSS, with ``::text`` and ``::attr(name)``)."""

    items: str
    title: str
    link: str = "a::attr(href)"
    time: str = ""
    text: str = ""
    #: Whether the pages that it links to are read.
    article: bool = False


class Page(Plain):
    """:param sandbox: where pages are parsed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def ask(self, source: Source, url: str, cursor: str) -> Question:  # noqa: ARG002
        """The page; its selectors must be there."""
        options_of(source, PageOptions)
        return Question(url=url)

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """See :func:`parse_page`."""
        options = options_of(source, PageOptions)
        parsed = await self._sandbox.parse(fetched, source.timezone, "page", options)
        if options.article:
            items = await with_articles(parsed.items, more, self._sandbox, source.timezone)
            parsed = msgspec.structs.replace(parsed, items=items)
        return parsed


def parse_page(fetched: Fetched, timezone: str, options: bytes) -> Parsed:
    """The items of a page, in its order.

    :raises Malformed: if a selector cannot be understood, or nothing has a title: then the page has changed.
    :raises Empty: if nothing matches.
    """
    chosen = msgspec.json.decode(options, type=PageOptions)
    try:
        root = Selector(body=fetched.body, type="html", base_url=fetched.url)
        matches = root.css(chosen.items)[:MAX_ITEMS]
        found = [item for match in matches if (item := _item(match, chosen, fetched.url, timezone))]
    except (SelectorError, ValueError) as error:
        raise Malformed(f"options of the page: a selector cannot be read: {error}") from error
    if not matches:
        raise Empty(f"nothing on the page matches {chosen.items!r}; it may have been changed")
    if not found:
        raise Malformed(
            f"{len(matches)} matches of {chosen.items!r}, none with a title by {chosen.title!r}; the page may have been changed"
        )
    lost = len(matches) - len(found)
    return Parsed(items=tuple(found), problems=(f"{lost} matches without a title",) if lost else ())


def _item(match: Selector, chosen: PageOptions, url: str, timezone: str) -> Item | None:
    title = _text(match, chosen.title)
    if not title:
        return None
    link = absolute(plain(match.css(chosen.link).get() or ""), url) if match.css(chosen.link) else None
    body = "\n".join(match.css(chosen.text).getall()) if chosen.text else ""
    entry = Entry(
        title=title.replace("\n", " "),
        text=html_to_text(body),
        url=link,
        published=read_time(_text(match, chosen.time), timezone) if chosen.time else None,
        links=tuple(dict.fromkeys(other for other in links_of(body, url) if other != link)),
    )
    return entry_item(link or fingerprint(title), entry)


def _text(match: Selector, selector: str) -> str:
    found: SelectorList[Selector] = match.css(selector)
    return html_to_text(found.get() or "")
