"""How a source writes its items: the JSON of the police, RSS 2.0, RSS 1.0 (RDF), Atom with tombstones, JSON Feed.

An item's XML is built by the standard library and kept, since the next answer holds almost the same items. Names with a
prefix are written as they are and declared on the root, so that a kept piece fits into any answer.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from pipeline.scenario.data import ZONE, Channel, Item, Version, municipalities

MONTHS = ("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december")
CONTENT_TYPES = {
    "polisen": "application/json; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "rdf": "application/rdf+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
}
_URL = re.compile(r"https://[^\s<]*[^\s<.,:;!?)]")
_NOT_IN_PATH = re.compile(r"[^a-z0-9.-]+")
_PLACEHOLDER = "<items />"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


def body(channel: Channel, shown: Sequence[tuple[Item, Version]], deleted: Sequence[Item] = ()) -> bytes:
    """The answer that holds ``shown``, newest first; ``deleted`` are listed where the format can say it (Atom)."""
    if channel.format == "polisen":
        return b"[" + b",".join(_notice(item, version) for item, version in shown) + b"]"
    if channel.format == "json":
        return _json_feed(channel, shown)
    write: Callable[[Item, Version], str] = {"rss": _rss_item, "rdf": _rdf_item, "atom": _atom_entry}[channel.format]
    pieces = [_tombstone(item) for item in deleted] + [write(item, version) for item, version in shown]
    changed = max([version.at for _, version in shown] + [item.deleted for item in deleted if item.deleted])
    root = {"rss": _rss, "rdf": _rdf, "atom": _atom}[channel.format](channel, shown, changed)
    head, _, tail = ET.tostring(root, encoding="unicode").partition(_PLACEHOLDER)
    return (_DECLARATION + head + "\n".join(pieces) + tail).encode()


# --- the police --------------------------------------------------------------------------------------------------------


@cache
def _notice(item: Item, version: Version) -> bytes:
    """One event as the police write it: the hour of ``datetime`` has no leading zero."""
    place = municipalities()[item.place]
    local, happened = item.published.astimezone(ZONE), (item.happened or item.published).astimezone(ZONE)
    name = f"{happened:%d} {MONTHS[happened.month - 1]} {happened:%H.%M}, {item.type}, {place.name}"
    return msgspec.json.encode(
        {
            "id": int(item.native_id),
            "datetime": f"{local:%Y-%m-%d} {local.hour}:{local:%M:%S} +01:00",
            "name": name,
            "summary": version.text,
            "url": f"/aktuellt/handelser/{happened.year}/{MONTHS[happened.month - 1]}/{happened.day}/{_path(name)}/",
            "type": item.type,
            "location": {"name": place.name, "gps": place.gps},
        }
    )


def _path(name: str) -> str:
    plain = name.lower().translate(str.maketrans("åäö ", "aao-"))
    return _NOT_IN_PATH.sub("", plain)


# --- feeds -------------------------------------------------------------------------------------------------------------


def markup(text: str) -> str:
    """The text as an HTML paragraph in which addresses are links."""
    return "<p>" + _URL.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', html.escape(text, quote=False)) + "</p>"


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _piece(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")


def _stamp(at: datetime) -> str:
    return at.astimezone(ZONE).isoformat()


def _rss(channel: Channel, _shown: Sequence[tuple[Item, Version]], changed: datetime) -> ET.Element:
    root = ET.Element("rss", {"version": "2.0"})
    head = ET.SubElement(root, "channel")
    _add(head, "title", channel.name)
    _add(head, "link", f"https://{channel.host}/")
    _add(head, "description", channel.purpose)
    _add(head, "language", "sv")
    _add(head, "lastBuildDate", format_datetime(changed.astimezone(ZONE)))
    _add(head, "items")
    return root


@cache
def _rss_item(item: Item, version: Version) -> str:
    element = ET.Element("item")
    if version.title:
        _add(element, "title", version.title)
    _add(element, "link", item.url)
    _add(element, "guid", item.native_id, isPermaLink="false")
    _add(element, "pubDate", format_datetime(item.published.astimezone(ZONE)))
    for tag in item.tags:
        _add(element, "category", tag)
    _add(element, "description", markup(version.text))
    return _piece(element)


def _rdf(channel: Channel, shown: Sequence[tuple[Item, Version]], changed: datetime) -> ET.Element:
    spaces = {
        "": "http://purl.org/rss/1.0/",
        ":rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        ":dc": "http://purl.org/dc/elements/1.1/",
    }
    root = ET.Element("rdf:RDF", {f"xmlns{prefix}": space for prefix, space in spaces.items()})
    head = _add(root, "channel", None, **{"rdf:about": f"https://{channel.host}/"})
    _add(head, "title", channel.name)
    _add(head, "link", f"https://{channel.host}/")
    _add(head, "description", channel.purpose)
    _add(head, "dc:date", _stamp(changed))
    listed = _add(_add(head, "items", ""), "rdf:Seq")
    for item, _ in shown:
        _add(listed, "rdf:li", None, **{"rdf:resource": item.url})
    _add(root, "items")
    return root


@cache
def _rdf_item(item: Item, version: Version) -> str:
    element = ET.Element("item", {"rdf:about": item.url})
    _add(element, "title", version.title)
    _add(element, "link", item.url)
    _add(element, "dc:date", _stamp(item.published))
    _add(element, "description", markup(version.text))
    return _piece(element)


def _atom(channel: Channel, _shown: Sequence[tuple[Item, Version]], changed: datetime) -> ET.Element:
    spaces = {"xmlns": "http://www.w3.org/2005/Atom", "xmlns:at": "http://purl.org/atompub/tombstones/1.0", "xml:lang": "sv"}
    root = ET.Element("feed", spaces)
    _add(root, "id", f"tag:{channel.host},2026:feed")
    _add(root, "title", channel.name)
    _add(root, "updated", _stamp(changed))
    _add(root, "link", None, href=f"https://{channel.host}/", rel="alternate")
    _add(_add(root, "author"), "name", channel.name)
    _add(root, "items")
    return root


@cache
def _atom_entry(item: Item, version: Version) -> str:
    element = ET.Element("entry")
    _add(element, "id", item.native_id)
    _add(element, "title", version.title)
    _add(element, "link", None, href=item.url, rel="alternate")
    _add(element, "published", _stamp(item.published))
    _add(element, "updated", _stamp(version.at))
    for tag in item.tags:
        _add(element, "category", None, term=tag)
    _add(element, "content", markup(version.text), type="html")
    return _piece(element)


def _tombstone(item: Item) -> str:
    """RFC 6721: the entry is no longer there, and when that was."""
    return _piece(ET.Element("at:deleted-entry", {"ref": item.native_id, "when": _stamp(item.deleted or item.published)}))


def _json_feed(channel: Channel, shown: Sequence[tuple[Item, Version]]) -> bytes:
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.name,
        "home_page_url": f"https://{channel.host}/",
        "language": "sv",
        "items": [
            {
                "id": item.native_id,
                "url": item.url,
                "title": version.title,
                "content_html": markup(version.text),
                "date_published": _stamp(item.published),
                "date_modified": _stamp(version.at),
                "tags": list(item.tags),
            }
            for item, version in shown
        ],
    }
    return msgspec.json.encode(feed)
