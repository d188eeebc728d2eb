"""The kind ``telegram``: the public preview of a channel, https://t.me/s/NAME: its last twenty messages. Off by default.

A channel publishes in its own name; whom it forwards from is not kept. A message that is missing among later and earlier ones was
deleted. Run inside :mod:`collectors.sandbox`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from parsel import Selector

from collectors.failures import Blocked, Empty
from collectors.html_text import html_to_text, links_of
from collectors.items import Fetched, Item, More, Parsed, Plain
from collectors.kinds.feed_items import entry_item
from collectors.people import impersonal, without_handles
from collectors.sandbox import Sandbox
from collectors.times import read_time
from pipeline.model import Entry, Source


class Telegram(Plain):
    """:param sandbox: where pages are parsed."""

    keeps_ids = True

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def kept(self, body: bytes, source: Source) -> bytes | None:  # noqa: ARG002
        """Nothing: it names people."""
        return None

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:  # noqa: ARG002
        """See :func:`parse_preview`.

        :raises Blocked: if the channel has no preview.
        """
        if "/s/" not in urlsplit(fetched.url).path:
            raise Blocked(f"the channel has no public preview: {source.url} leads to {fetched.url}")
        return await self._sandbox.parse(fetched, source.timezone, "telegram")


def parse_preview(fetched: Fetched, timezone: str, options: bytes) -> Parsed:  # noqa: ARG001
    """The messages with a text, latest first.

    :raises Empty: if there is none.
    """
    messages = Selector(body=fetched.body, type="html", base_url=fetched.url).css("div.tgme_widget_message[data-post]")
    found = [item for message in reversed(messages) if (item := _item(message, timezone))]
    if not found:
        raise Empty("a preview without messages")
    numbers = [int(number) for message in messages if (number := _number(message)).isdecimal()]
    return Parsed(items=tuple(found), span=(min(numbers), max(numbers)) if numbers else None)


def _number(message: Selector) -> str:
    return message.attrib["data-post"].rpartition("/")[2]


def _item(message: Selector, timezone: str) -> Item | None:
    # not the one of the message that it answers
    markup = message.xpath("./*//div[contains(@class, 'js-message_text') and not(ancestor::a)]").get() or ""
    number, text = _number(message), html_to_text(markup)
    if not text or not number.isdecimal():
        return None
    url = f"https://t.me/{message.attrib['data-post']}"
    entry = Entry(
        text=without_handles(text),
        url=url,
        published=read_time(message.css("a.tgme_widget_message_date > time::attr(datetime)").get() or "", timezone),
        links=impersonal(link for link in links_of(markup, url) if "//t.me/" not in link),
    )
    return entry_item(number, entry)
