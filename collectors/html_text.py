"""HTML of foreign hands to plain text and links. nh3 parses as browsers do; what it lets through is text only."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin, urlsplit

import nh3

# nh3 drops tags without a trace: where one separates lines, a line break is put before it. Matches inside attributes
# are harmless, since they go away with their tag.
_BREAK = re.compile(r"<(?=/?(?:p|div|br|li|ul|ol|h[1-6]|tr|table|blockquote|section|article|hr|dt|dd|figure|figcaption)\b)", re.IGNORECASE)
_HREF = re.compile(r"""<a\s[^<>]{0,1000}?href\s*=\s*(?:"([^"<>]{1,2000})"|'([^'<>]{1,2000})'|([^\s"'<>]{1,2000}))""", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
#: Most links that are taken from one entry.
MAX_LINKS = 50


def html_to_text(markup: str) -> str:
    """The text of a piece of HTML, one line a block, blanks collapsed; scripts and styles are left out."""
    if "<" in markup:
        markup = nh3.clean(_BREAK.sub("\n<", markup), tags=set())
    return plain(html.unescape(markup) if "&" in markup else markup)


def without_controls(text: str) -> str:
    """The text without control characters (Unicode's Cc) but for line breaks; a tab, or what else is white, is a blank.

    A terminal that shows the text would take them for commands. What stands after them stays, to be seen for what it is.
    """
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub(lambda found: " " if found[0].isspace() else "", text)


def plain(text: str) -> str:
    """The text with blanks collapsed, and without characters that no text has."""
    text = without_controls(text).replace("\u00ad", "")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be stored
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()


def links_of(markup: str, base: str) -> list[str]:
    """Absolute addresses of the links of a piece of HTML, in order."""
    if "<" not in markup:
        return []
    found = (absolute(html.unescape(match[1] or match[2] or match[3]), base) for match in _HREF.finditer(markup))
    return [link for link in found if link][:MAX_LINKS]


def absolute(link: str, base: str) -> str | None:
    """The address that ``link`` names on a page of ``base``; None if it is not one of http or https."""
    try:
        joined = urljoin(base, link.strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return None
    return plain(joined) or None
