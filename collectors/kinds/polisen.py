"""The Swedish police's event API: https://polisen.se/api/events, the latest 500 events as one JSON array.

Control characters are taken out; else an event is kept as written. Edits keep id and time, so only a hash over all the fields sees them. Empty and short answers occur. The terms of the API
allow calling it (who says where it can be reached, at most once in 10 seconds), so robots.txt does not apply to it.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from collectors.failures import Blocked, Empty, Failure, Malformed
from collectors.html_text import absolute, without_controls
from collectors.items import Bad, Fetched, Item, More, Parsed, Plain, digest, options_of
from collectors.kinds.polisen_page import WRITER
from collectors.sandbox import Sandbox
from pipeline.model import Source
from pipeline.settings import Http

#: Bytes of one event beyond which it cannot be what the API documents (real ones have about 400).
MAX_RECORD = 1_000_000
#: Pages of events that are read at one visit: with a visit every five minutes 48 calls an hour, and the site allows 60.
MAX_DETAILS = 3


class Location(Struct, frozen=True):
    """The municipality or county, and its centre as ``latitude,longitude``: never an address."""

    name: str
    gps: str


class Event(Struct, frozen=True):
    """The seven documented fields, in the order in which the API serves them. ``datetime`` is kept as written.

    A field that the API may gain is left out, since nothing is known of what it means or how often it changes.
    """

    id: int
    datetime: Annotated[str, Meta(min_length=1)]
    name: str
    summary: str
    url: str
    type: str
    location: Location


class Detailed(Event, frozen=True):
    """An event with what its own page says."""

    details: str = ""


class PolisenOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a source of kind ``polisen``."""

    #: Whether the pages of new events are read.
    details: bool = False


_answer = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()
#: Of all escapes of JSON those for line breaks and quotation marks stand for no character that is taken out.
_ODD_ESCAPE = re.compile(r'\\[^n"]')


class Polisen(Plain):
    """:param sandbox: where pages are parsed."""

    format = "polisen"
    obeys_robots = False
    final_404 = True

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def check(self, http: Http) -> None:
        """The API answers 403 to callers that do not say where they can be reached.

        :raises Blocked: if ``http.contact`` is not set.
        """
        if not http.contact:
            raise Blocked("polisen.se answers only callers that name a contact: set http.contact to an e-mail address or URL")

    def kept(self, body: bytes, source: Source) -> bytes | None:  # noqa: ARG002
        """All but the lines that name who wrote a page."""
        return WRITER.sub(b"", body)

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """See :func:`parse_events`; with option ``details`` new events with the text of their page."""
        options = options_of(source, PolisenOptions)
        parsed = parse_events(fetched.body)
        return msgspec.structs.replace(parsed, items=await self._detailed(parsed.items, fetched.url, more)) if options.details else parsed

    async def _detailed(self, items: tuple[Item, ...], url: str, more: More) -> tuple[Item, ...]:
        """What identifies an event's content stays what the interface says of it: its page is not asked again for nothing."""
        left, found = MAX_DETAILS, list(items)
        for number, item in enumerate(items):
            if not left:
                break
            if more.is_new(item.native_id, item.content_hash):
                left -= 1
                event = _event.decode(item.body)
                address = absolute(event.url, url)
                if address and (details := await self._details(address, more)):
                    fields = {name: getattr(event, name) for name in event.__struct_fields__}
                    found[number] = Item(item.native_id, _encoder.encode(Detailed(**fields, details=details)).decode(), item.content_hash)
        return tuple(found)

    async def _details(self, address: str, more: More) -> str:
        """The text of an event's page; empty where it cannot be had: what the interface says of the event is kept then."""
        try:
            (page,) = (await self._sandbox.parse(await more.get(address), "Europe/Stockholm", "polisen")).items
        except Failure:
            return ""
        return page.body


def parse_events(body: bytes) -> Parsed:
    """The events of an answer; a record that lacks one of the seven fields goes to ``bad``, the others stay.

    :raises Empty: if there is nothing, or an empty array.
    :raises Malformed: if it is not a JSON array.
    """
    if not body.strip():
        raise Empty("an answer without a body; expected a JSON array of events")
    records = _records(body)
    if not records:
        raise Empty("an empty array; expected about 500 events")
    items: list[Item] = []
    bad: list[Bad] = []
    for record in records:
        _read(record, items, bad)
    return Parsed(items=tuple(items), bad=tuple(bad))


def _records(body: bytes) -> list[memoryview]:
    try:
        return [memoryview(record) for record in _answer.decode(body)]
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        records = _lenient(body)
        if not isinstance(records, list):
            raise Malformed(f"not a JSON array of events: {error}; found {body[:20]!r}") from error
    return [memoryview(json.dumps(record).encode()) for record in records]


def _lenient(body: bytes) -> Any:
    """The answer by the standard library, which reads what is no text (half a surrogate pair, bytes that are not UTF-8) as
    something that cannot be stored: so only the records that hold it are lost. None if it is no JSON at all.
    """
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _read(record: memoryview, items: list[Item], bad: list[Bad]) -> None:
    if len(record) > MAX_RECORD:
        reason = f"an event of {len(record):,} bytes; expected at most {MAX_RECORD:,} (only its beginning is kept)"
        bad.append(Bad(reason, bytes(record[:4096])))
        return
    try:
        event = _event.decode(record)
        body = _encoder.encode(event)
        text = body.decode()
        if not text.isprintable() or ("\\" in text and _ODD_ESCAPE.search(text)):  # nothing else can hold control characters
            body = _encoder.encode(_cleaned(event))
            text = body.decode()
        items.append(Item(str(event.id), text, digest(body)))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        bad.append(Bad(f"not an event of the seven documented fields: {error}", bytes(record)))


def _cleaned(event: Event) -> Event:
    return Event(
        id=event.id,
        datetime=without_controls(event.datetime),
        name=without_controls(event.name),
        summary=without_controls(event.summary),
        url=without_controls(event.url),
        type=without_controls(event.type),
        location=Location(without_controls(event.location.name), without_controls(event.location.gps)),
    )
