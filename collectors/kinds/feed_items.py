"""From an entry of a feed, whatever the format, to an item."""

from __future__ import annotations

import msgspec

from collectors.items import Item, digest
from pipeline.model import Entry

_json = msgspec.json.Encoder()
_LATER = b',"category":"","place":""}'


def entry_item(native_id: str, entry: Entry) -> Item:
    """The entry as an item of format ``entry``. Times are no content: some sources set them to the time of asking."""
    content = msgspec.structs.replace(entry, published=None, updated=None)
    return Item(native_id, written(entry).decode(), digest(written(content)))


def written(entry: Entry) -> bytes:
    """The entry as JSON. Fields that came later stand there only where they are set: what was collected before them has not changed."""
    data = _json.encode(entry)
    return data[: -len(_LATER)] + b"}" if data.endswith(_LATER) else data
