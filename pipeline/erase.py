"""Erasure on request: a document, or all of a source, leaves bus and index as if its source had withdrawn it, and does not come back.

The withdrawal goes through the pipeline like a source's own, with a version far beyond what the source can reach by edits: what it gives
later of the same document counts as older, is never searchable, and is emptied within the hour (:func:`again`). Which documents were
erased stands in topic ``erased``: ids, times, and why; nothing of what they said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from enrich.spread.model import Occurrence
from pipeline.alerts.topics import JOURNAL
from pipeline.errors import UsageError
from pipeline.model import Instant, ItemState, RawItem, Source, Wire, decode, encode
from pipeline.ports import Bus, Filters, Index, Record, Search
from pipeline.runner import TEXT_TOPICS
from pipeline.situation.period import day_of

#: Topics that hold a document's words or what was counted of them, by its id.
TOPICS = (*TEXT_TOPICS, JOURNAL)
#: Versions beyond the last one: more edits than a source makes of anything.
_BEYOND, _HIGHEST = 10_000, 1_000_000


class Erased(Wire, frozen=True, kw_only=True, tag="erased"):
    """A document was erased on request (topic ``erased``, key = document id)."""

    source: str
    at: Instant
    purpose: str
    #: Version of the withdrawal: what comes with a lower one is not taken.
    revision: int


class _Withdrawal(Struct, frozen=True):
    """What items, documents and members of stories have in common."""

    withdrawn: bool = False


_withdrawals = msgspec.json.Decoder(_Withdrawal)


class Receipt(Struct, frozen=True, kw_only=True):
    """What was erased, and whether anything is left."""

    at: Instant
    who: str
    purpose: str
    documents: tuple[str, ...]
    sources: tuple[str, ...]
    #: Topic → records that held something before, and after.
    before: dict[str, int]
    after: dict[str, int]
    #: Documents that search could find before, and can after.
    searchable_before: int
    searchable_after: int
    #: Whether the index's files were rewritten; else the pipeline that runs does so within the hour.
    rewritten: bool
    #: Days whose exports were made anew without them.
    exports: tuple[date, ...]

    @property
    def is_complete(self) -> bool:
        """Whether nothing of them is left."""
        return not any(self.after.values()) and not self.searchable_after


def wanted(bus: Bus, ids: Collection[str], source: str | None) -> dict[str, ItemState]:
    """Id → the last version, of the documents named and of all of the source.

    :raises UsageError: if a document was never collected, or the source gave none.
    """
    items = {record.key: decode(record.value, ItemState) for record in bus.read("items") if record.value}
    if missing := [id_ for id_ in ids if id_ not in items]:
        raise UsageError(f"erase: found {missing[0]!r}; no such document was collected: ids stand in `fjaril search --json`")
    of_source = {id_ for id_, item in items.items() if item.source == source and not item.withdrawn}
    if source is not None and not of_source:
        known = ", ".join(sorted({item.source for item in items.values()})[:20])
        raise UsageError(f"erase: --source {source}: no document of it is kept; there are {known or 'none of any'}")
    return {id_: items[id_] for id_ in sorted({*ids, *of_source})}


def past_retention(index: Index, sources: Iterable[Source], now: datetime) -> Iterator[str]:
    """Ids of documents that their source's terms no longer allow to be kept (``retention_days``)."""
    for source in sources:
        filters = Filters(sources=(source.id,), until=now - timedelta(days=source.retention_days))
        after: str | None = None
        while True:
            page = index.search(Search(filters=filters, size=1_000, order="newest", after=after))
            yield from (hit.document.id for hit in page.hits)
            if (after := page.after) is None:
                break


def request(bus: Bus, items: Mapping[str, ItemState], purpose: str, now: datetime) -> None:
    """Publish the withdrawals; the stages do the rest. What was erased before stays so, and is not withdrawn again."""
    done = erased(bus)
    new = {id_: item for id_, item in items.items() if id_ not in done}
    bus.publish([record for id_, item in new.items() for record in _records(id_, item, purpose, now)])


def erased(bus: Bus) -> dict[str, Erased]:
    """Id → what was erased on request."""
    return {record.key: decode(record.value, Erased) for record in bus.read("erased")}


def finish(bus: Bus, ids: Collection[str], now: datetime) -> None:
    """Once the stages have taken the withdrawals: empty what is older, and rewrite the bus's file so that no trace of it is in it.

    The index's files are rewritten by the stage that writes it: as it ends, and once an hour.
    """
    bus.erase(TOPICS, dict.fromkeys(ids, now))
    bus.expire(now)


def again(bus: Bus, index: Index, since: datetime | None, now: datetime) -> int:
    """Empty what sources gave anew of erased documents, from ``since`` on; returns of how many.

    What the index has not seen withdrawn yet waits: its withdrawal must not be emptied before it is read.
    """
    gone = erased(bus)
    came = {
        record.key
        for record in (bus.read("raw", since) if gone else ())
        if record.key in gone and record.value and not decode(record.value, RawItem).withdrawn
    }
    ready = [id_ for id_ in sorted(came) if is_gone(index, id_)]
    if ready:
        bus.erase(TOPICS, dict.fromkeys(ready, now))
    return len(ready)


def is_gone(index: Index, id_: str) -> bool:
    """Whether search can no longer find it."""
    document = index.get(id_)
    return document is None or document.withdrawn


def traces(bus: Bus, ids: Collection[str]) -> dict[str, int]:
    """Topic → records of these documents that still hold something; withdrawals hold nothing."""
    return {topic: sum(record.key in ids and _holds_something(record.value) for record in bus.read(topic)) for topic in TOPICS}


def _holds_something(value: bytes) -> bool:
    return bool(value) and not _withdrawals.decode(value).withdrawn


def days(bus: Bus, ids: Collection[str]) -> set[date]:
    """The days that count them: what they tell of happened then, or they were published then."""
    last = {record.key: record.value for record in bus.read("events") if record.value}
    occurrences = (decode(value, Occurrence) for value in last.values())
    return {
        day_of(moment)
        for one in occurrences
        if any(sighting.document in ids for sighting in one.sightings)
        for moment in (one.event.time, *(sighting.time for sighting in one.sightings if sighting.document in ids))
    }


def _records(id_: str, item: ItemState, purpose: str, now: datetime) -> Iterator[Record]:
    revision = min(item.revision + _BEYOND, _HIGHEST)
    withdrawal = RawItem(
        document=id_,
        source=item.source,
        native_id="",
        revision=revision,
        fetched_url="",
        fetched=now,
        format="erased",
        body="",
        withdrawn=True,
    )
    yield Record(topic="raw", key=id_, value=encode(withdrawal), timestamp=now, shard=item.source)
    note = Erased(source=item.source, at=now, purpose=purpose, revision=revision)
    yield Record(topic="erased", key=id_, value=encode(note), timestamp=now)
    # the collector still knows it, so that it is not taken for new; under which address or of whom is forgotten
    yield Record(topic="items", key=id_, value=encode(replace(item, native_id="", author="")), timestamp=now)
