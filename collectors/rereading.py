"""Archived answers read again: what was published of them, as it was published then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

import structlog
from msgspec.structs import replace

from collectors.archive import Archive, Archived
from collectors.changes import redirected
from collectors.failures import Failure, Unreachable
from collectors.items import Fetched, Item, Kind
from collectors.registry import kind_of
from collectors.visit import fetched_of
from pipeline.model import RawItem, document_id

_log = structlog.get_logger(__name__)
#: Documents that are looked for at once.
_AT_ONCE = 1_000


class _Recorded:
    """:class:`collectors.items.More` of a visit that was archived."""

    def __init__(self, archived: Archived) -> None:
        self._archived = archived
        self._further = {answer.url: answer for answer in archived.answers[1:]}
        self.cursor = archived.cursor

    async def get(self, url: str) -> Fetched:
        """What was answered then."""
        if url not in self._further:
            raise Unreachable(f"{url} gave nothing then")
        return fetched_of(self._further[url])

    def is_new(self, native_id: str, content_hash: str) -> bool:  # noqa: ARG002
        """Whether it was published then."""
        return document_id(self._archived.source.id, native_id) in self._archived.published

    def standing(self) -> Iterable[str]:
        """Not what there was, but whether there was anything: only then further pages were asked for."""
        return ("",) if self._further else ()


async def items_of(archived: Archived, kinds: Mapping[str, Kind]) -> dict[str, Item]:
    """Document id → item, of what was published; in its order.

    :raises Failure: if the answer cannot be read any more.
    """
    if archived.items is not None:
        found: Iterable[Item] = archived.items
    else:
        kind = kind_of(kinds, archived.source.kind)
        found = (await kind.parse(fetched_of(archived.answers[0]), archived.source, _Recorded(archived))).items
    read: dict[str, Item] = {}
    for item in found:  # of two with one id the first was published
        read.setdefault(document_id(archived.source.id, item.native_id), item)
    return {key: read[key] for key in archived.published if key in read}


async def without(archived: Archived, key: str, kinds: Mapping[str, Kind]) -> Archived:
    """The visit without the text of one document: the other items stand for the answer that held it."""
    try:
        items = await items_of(archived, kinds)
    except Failure as failure:  # a text that is withdrawn has to go, also where that costs the others
        _log.warning("archived_answer_not_read", source=archived.source.id, at=archived.at.isoformat(), reason=failure.reason)
        items = {}
    items.pop(key, None)
    published = {kept: revision for kept, revision in archived.published.items() if kept in items}
    # no author is needed any more: the ledger has it
    kept = tuple(replace(item, author="") for item in items.values())
    own = redirected(archived.redirects, (item.body for item in kept))
    return replace(archived, answers=(), items=kept, published=published, redirects=own)


async def forget(archive: Archive, wanted: Mapping[str, str], kinds: Mapping[str, Kind]) -> int:
    """Take the text of documents (id → source) out of every answer that holds it; returns of how many answers.

    Few of many do, and those are found by one look at many documents; between two others have their turn.
    """
    number, keys = 0, list(wanted)
    for at in range(0, len(keys), _AT_ONCE):
        if at:
            await asyncio.sleep(0)
        for key in archive.held(keys[at : at + _AT_ONCE]):
            for place, archived in archive.holding(wanted[key], key):
                archive.replace(place, await without(archived, key, kinds))
                number += 1
    return number


async def raw_items(archived: Archived, kinds: Mapping[str, Kind], content_format: str) -> AsyncIterator[RawItem]:
    """The records that were published, byte for byte; a withdrawal without its native id, which no document has.

    :raises Failure: if the answer cannot be read any more.
    """
    source = archived.source
    blank = RawItem(
        document="",
        source=source.id,
        native_id="",
        revision=1,
        fetched_url=archived.url,
        fetched=archived.at,
        status=archived.status,
        format=content_format,
        body="",
        area=source.area,
        reliability=source.reliability,
    )
    for key, item in (await items_of(archived, kinds)).items():
        own = redirected(archived.redirects, [item.body])
        yield replace(blank, document=key, native_id=item.native_id, revision=archived.published[key], body=item.body, redirects=own)
    for key, revision in archived.withdrawn.items():
        yield replace(blank, document=key, revision=revision, withdrawn=True)
