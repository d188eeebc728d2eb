"""What the readers of feeds give, whatever the format."""

from __future__ import annotations

from msgspec import Struct

from pipeline.model import Entry


class FeedItem(Struct, frozen=True, kw_only=True):
    native_id: str
    entry: Entry


class ParsedFeed(Struct, frozen=True, kw_only=True):
    """A feed after reading; see :class:`collectors.items.Parsed` for the fields that they share."""

    entries: tuple[FeedItem, ...] = ()
    #: Native ids of items that the feed says are withdrawn (RFC 6721, or ``expired`` of JSON Feed).
    deleted: tuple[str, ...] = ()
    #: Whether the answer broke off: what is missing comes with the next one.
    cut: bool = False
    ttl: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
