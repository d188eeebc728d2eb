"""The kind ``mastodon.stream``: an instance's public or hashtag stream, with a token of a user of that instance.

``wss://INSTANCE/api/v1/streaming?stream=public`` or ``…?stream=hashtag&tag=TAG``; the token stands in the settings' secrets under the
name that option ``token`` gives. Deletions and edits come by the stream, too. The stream has no cursor: what was written while it was
broken is found by a source of kind ``mastodon`` beside it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from collectors.items import Bad, Item, Parsed, options_of
from collectors.kinds.mastodon import Status, post
from collectors.matching import Filters, Wanted
from collectors.people import Private
from collectors.sockets import gathered, opened
from pipeline.model import Source
from pipeline.settings import Http

#: Seconds and messages that are stored together.
SECONDS, MESSAGES = 1.0, 1_000


class StreamOptions(Filters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a source of kind ``mastodon.stream``."""

    #: Name of the secret that holds the token.
    token: str = "mastodon"  # noqa: S105  (a name)


class _Event(Struct, frozen=True):
    event: str
    payload: str = ""


_event = msgspec.json.Decoder(_Event)
_status = msgspec.json.Decoder(Status)


class MastodonStream:
    """:param private: has the token."""

    format = "entry"
    keeps_ids = True

    def __init__(self, http: Http, private: Private) -> None:
        self._http, self._private = http, private

    async def listen(self, source: Source, cursor: str, knows: Callable[[str], bool]) -> AsyncGenerator[Parsed, None]:  # noqa: ARG002
        """See :class:`collectors.items.Stream`."""
        options = options_of(source, StreamOptions)
        key = {"Authorization": f"Bearer {self._private.secret(options.token)}"}
        wanted, instance = options.wanted(), f"https://{urlsplit(source.url).netloc}"
        async with opened(source.url, self._http, key) as connection:
            async for messages in gathered(connection, SECONDS, MESSAGES):
                if parsed := read(messages, instance, wanted, knows):
                    yield parsed


def read(messages: list[bytes], instance: str, wanted: Wanted, knows: Callable[[str], bool]) -> Parsed | None:
    """What the events say, the last word on each post; None if nothing."""
    items: dict[str, Item | None] = {}
    bad: list[Bad] = []
    for message in messages:
        try:
            event = _event.decode(message)
            if event.event in {"update", "status.update"}:
                status = _status.decode(event.payload)
                items[status.id] = post(status, instance, wanted)
            elif event.event == "delete":
                items[event.payload] = None
        except (msgspec.DecodeError, UnicodeError) as error:
            bad.append(Bad(f"no event as the interface documents it: {error}", b""))  # nothing of it is kept: it may name its author
    found = tuple(item for item in items.values() if item is not None)
    gone = tuple(native_id for native_id, item in items.items() if item is None and knows(native_id))
    return Parsed(items=found, withdrawn=gone, bad=tuple(bad)) if found or gone or bad else None
