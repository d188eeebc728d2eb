"""The page of one police event: the only part of the site that its terms allow to be read beside the interface.

Run inside :mod:`collectors.sandbox`. The line that names the writer is left out.
"""

from __future__ import annotations

import re

from parsel import Selector

from collectors.failures import Empty
from collectors.html_text import html_to_text
from collectors.items import Fetched, Item, Parsed

#: The line that names the writer: as bytes of the page, and as text.
WRITER = re.compile(rb"Text av\b[^<\n]*", re.IGNORECASE)
_WRITER = re.compile(r"^\s*Text av\b.*$", re.MULTILINE | re.IGNORECASE)


def parse_details(fetched: Fetched, timezone: str, options: bytes) -> Parsed:  # noqa: ARG001
    """One item, whose body is the text of the page.

    :raises Empty: if there is none.
    """
    page = Selector(body=fetched.body, type="html")
    parts = (html_to_text(markup) for markup in page.css(".text-body.editorial-html").getall())
    text = "\n".join(part for part in (_WRITER.sub("", part).strip() for part in parts) if part)
    if not text:
        raise Empty("the page of an event without a text")
    return Parsed(items=(Item(fetched.url, text, ""),))
