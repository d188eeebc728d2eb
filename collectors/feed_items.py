"""From an entry of a feed, whatever the format, to an item."""

from __future__ import annotations

import msgspec

from collectors.items import Item, digest
from pipeline.model import Entry

_json = msgspec.json.Encoder()


def entry_item(native_id: str, entry: Entry) -> Item:
    """The entry as an item of format ``entry``. Times are no content: some sources set them to the time of asking."""
    content = msgspec.structs.replace(entry, published=None, updated=None)
    return Item(native_id, _json.encode(entry).decode(), digest(_json.encode(content)))
