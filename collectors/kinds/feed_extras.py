"""What feedparser does not read: skipHours and skipDays (it keeps only the last) and Atom's tombstones (RFC 6721)."""

from __future__ import annotations

from datetime import datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from msgspec import Struct

from collectors.times import WEEKDAYS, read_time

_WANTED = (b"skipHours", b"skipDays", b"deleted-entry")
_TOMBSTONE = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"


class Extras(Struct, frozen=True, kw_only=True):
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[str, ...] = ()
    #: Native id → when it was deleted, None where that cannot be read.
    deleted: dict[str, datetime | None] = {}
    problem: str = ""


def extras(body: bytes) -> Extras:
    """Those of a feed; nothing, with ``problem`` set, where it is not well-formed XML or holds what defusedxml forbids."""
    if not any(name in body for name in _WANTED):
        return Extras()
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        return Extras(problem=f"skipHours, skipDays and deleted-entry cannot be read: {error}")
    hours = (text for text in _children(root, "skipHours", "hour") if text.isdigit())
    return Extras(
        skip_hours=tuple(sorted({int(text) % 24 for text in hours if len(text) <= 2})),  # some write 24 for midnight
        skip_days=tuple(day for day in WEEKDAYS if day.lower() in {text.lower() for text in _children(root, "skipDays", "day")}),
        deleted={ref: read_time(stone.get("when", ""), "UTC") for stone in root.iter(_TOMBSTONE) if (ref := stone.get("ref", "").strip())},
    )


def _children(root: Element, parent: str, child: str) -> list[str]:
    return [(element.text or "").strip() for element in root.findall(f"./channel/{parent}/{child}")]
