"""Erasure: a document leaves bus and index as if its source had withdrawn it, and does not come back; on request, or past its retention.

The withdrawal goes through the pipeline like a source's own, with a version far beyond what the source can reach by edits: what it gives
later of the same document counts as older, is never searchable, and is emptied within the hour (:func:`again`). Which documents were
erased stands in topic ``erased``: ids, times, and why; nothing of what they said. A receipt stands in topic ``receipts`` from the moment at
which the withdrawals do, so that what was cut short is known and finished.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from enrich.spread.model import Occurrence
from pipeline.access.roles import Principal, Role
from pipeline.alerts.topics import EVIDENCE, JOURNAL
from pipeline.dead import DEAD
from pipeline.errors import UsageError
from pipeline.model import Instant, ItemState, RawItem, Source, Wire, decode, encode, letter_id
from pipeline.ports import Bus, Index, Record
from pipeline.runner import TEXT_TOPICS
from pipeline.situation.period import day_of

#: Who erases what is past its retention where nobody asks for it; no account is called so.
SYSTEM = Principal(name="system:gallring", role=Role.ADMIN)
PURPOSE = "gallring: längre än källan eller dess syfte tillåter"
WITHDRAWN = "källan har tagit bort det"
#: Topics that hold a document's words or what was counted of them, by its id.
TOPICS = (*TEXT_TOPICS, JOURNAL)
#: Those of alerts, which may have been written after the withdrawal, of what came before it.
NOTED = (JOURNAL, EVIDENCE)
#: Versions beyond the last one: more edits than a source makes of anything.
_BEYOND, _HIGHEST = 10_000, 1_000_000


class Erased(Wire, frozen=True, kw_only=True, tag="erased"):
    """A document was erased (topic ``erased``, key = document id)."""

    source: str
    at: Instant
    purpose: str
    #: Version of the withdrawal: what comes with a lower one is not taken.
    revision: int


class _Withdrawal(Struct, frozen=True):
    """What items, documents and members of stories have in common."""

    withdrawn: bool = False


_withdrawals = msgspec.json.Decoder(_Withdrawal)


class Receipt(Wire, frozen=True, kw_only=True, tag="receipt"):
    """What was erased, and whether anything is left (topic ``receipts``, key = its moment). One without documents: nothing was to be."""

    at: Instant
    who: str
    purpose: str
    #: How many documents; their ids stand in topic ``erased`` alone, of what sources have withdrawn themselves in ``withdrawn``, with them.
    number: int = 0
    #: What the sources gave beside them that could not be read: never documents, only the letter of each among the dead was emptied.
    letters: int = 0
    documents: tuple[str, ...] = ()
    withdrawn: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)
    sources: tuple[str, ...] = ()
    #: Topic → records that held something of the documents before, and after; what alerts have told of them is not counted.
    before: dict[str, int] = {}  # noqa: RUF012
    after: dict[str, int] = {}  # noqa: RUF012
    #: Documents that search could find before, and can after.
    searchable_before: int = 0
    searchable_after: int = 0
    #: Whether the index's files were rewritten; else the pipeline that runs does so within the hour.
    rewritten: bool = False
    #: Archived answers that they were taken out of.
    answers: int = 0
    #: Days that counted them, and those of them whose exports were made anew.
    days: tuple[date, ...] = ()
    exports: tuple[date, ...] = ()
    #: Whether all was done and looked at, and nothing of them is left.
    is_complete: bool = False


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


def past_retention(bus: Bus, sources: Iterable[Source], now: datetime) -> dict[str, ItemState]:
    """Id → the last version, of what its source last gave longer ago than it may be kept (``retention_days``)."""
    limits = {source.id: now - timedelta(days=source.retention_days) for source in sources}
    done = erased(bus).keys()
    items = ((record.key, decode(record.value, ItemState)) for record in bus.read("items") if record.value)
    return {
        id_: item
        for id_, item in items
        if not item.withdrawn and id_ not in done and item.source in limits and item.seen < limits[item.source]
    }


def withdrawn(bus: Bus, since: datetime | None) -> dict[str, ItemState]:
    """Id → the last version, of what its source has withdrawn from ``since`` on, and no receipt is about yet."""
    done, noted = erased(bus).keys(), {id_: receipt.at for receipt in receipts(bus) for id_ in receipt.withdrawn}
    items = ((record.key, decode(record.value, ItemState)) for record in bus.read("items", since) if record.value)
    return {
        id_: item
        for id_, item in items
        if item.withdrawn and id_ not in done and not is_letter(id_, item)
        and (id_ not in noted or noted[id_] < item.seen)  # it may have been given again since
    }  # fmt: skip


def is_letter(id_: str, item: ItemState) -> bool:
    """Whether it never was a document: its source gave what could not be read."""
    return id_ == letter_id(item.source, item.content_hash)


def request(bus: Bus, items: Mapping[str, ItemState], receipt: Receipt) -> None:
    """Publish the withdrawals and what is known of the receipt; the stages do the rest.

    What was erased before stays so, and is not withdrawn again. Of what never was a document the letter is emptied, which no stage has to take.
    """
    done = erased(bus)
    new = {id_: item for id_, item in items.items() if id_ not in done}
    letters = {id_: item for id_, item in new.items() if is_letter(id_, item)}
    if letters:  # before it is noted that they are gone
        bus.erase((DEAD,), dict.fromkeys(letters, receipt.at))
    gone = [
        Record(topic="items", key=id_, value=encode(replace(item, withdrawn=True)), timestamp=receipt.at) for id_, item in letters.items()
    ]
    documents = {id_: item for id_, item in new.items() if id_ not in letters}
    withdrawals = [record for id_, item in documents.items() for record in withdrawal(id_, item, receipt.purpose, receipt.at)]
    bus.publish([_kept(receipt), *gone, *withdrawals])


def keep(bus: Bus, receipt: Receipt) -> None:
    """Store it in the place of what was known of it before."""
    bus.publish([_kept(receipt)])


def _kept(receipt: Receipt) -> Record:
    value = encode(replace(receipt, documents=()))
    return Record(topic="receipts", key=receipt.at.isoformat(), value=value, timestamp=receipt.at)


def receipts(bus: Bus) -> list[Receipt]:
    """All that are kept, earliest first, without the ids (:func:`documents_of`)."""
    last = {record.key: decode(record.value, Receipt) for record in bus.read("receipts")}
    return sorted(last.values(), key=lambda receipt: receipt.at)


def looked(kept: Iterable[Receipt]) -> datetime | None:
    """When last nothing (more) was past its retention, whoever looked; None if nobody ever did."""
    return max((one.at for one in kept if not one.sources and (one.who, one.purpose) != (SYSTEM.name, WITHDRAWN)), default=None)


def followed(kept: Iterable[Receipt]) -> datetime | None:
    """When the pipeline last began to follow what sources have withdrawn and came to its end; None if it never did."""
    return max((one.at for one in kept if not one.sources and one.who == SYSTEM.name), default=None)


def documents_of(bus: Bus, receipt: Receipt) -> dict[str, str]:
    """Id → source, of what it is about; without what had been erased before."""
    return receipt.withdrawn or {id_: one.source for id_, one in erased(bus).items() if one.at == receipt.at}


def erased(bus: Bus, since: datetime | None = None) -> dict[str, Erased]:
    """Id → what was erased, from ``since`` on if it is given."""
    return {record.key: decode(record.value, Erased) for record in bus.read("erased", since)}


def finish(bus: Bus, ids: Collection[str], at: datetime, now: datetime) -> None:
    """Once the stages have taken the withdrawals: empty what is older, and rewrite the bus's file so that no trace of it is in it.

    The index's files are rewritten by the stage that writes it: as it ends, and once an hour.

    :param at: when the withdrawals were published, which those who have not read them yet need.
    """
    bus.erase(TOPICS, dict.fromkeys(ids, at))
    bus.erase(NOTED, dict.fromkeys(ids, now))
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
    """The days that count them, or did before they were withdrawn: what they tell of happened then, or they were published then."""
    occurrences = (decode(record.value, Occurrence) for record in bus.read("events") if record.value)
    return {
        day_of(moment)
        for one in occurrences
        if any(sighting.document in ids for sighting in one.sightings)
        for moment in (one.event.time, *(sighting.time for sighting in one.sightings if sighting.document in ids))
    }


def revise(bus: Bus, ids: Collection[str]) -> int:
    """Take documents out of the events that they told of; returns out of how many.

    The stage ``spread`` does so with the events that it remembers, which are those of the last two weeks: not to be called before it has.
    """
    last = {record.key: record for record in bus.read("events") if record.value}
    records = []
    for record in last.values():
        occurrence = decode(record.value, Occurrence)
        left = tuple(sighting for sighting in occurrence.sightings if sighting.document not in ids)
        if len(left) < len(occurrence.sightings):
            event = replace(occurrence.event, time=min(sighting.time for sighting in left)) if left else occurrence.event
            revised = replace(occurrence, event=event, sightings=left)
            # as old as it is, so that it is kept no longer, and a stage that begins anew does not take it for news
            records.append(Record(topic="events", key=record.key, value=encode(revised), timestamp=record.timestamp))
    bus.publish(records)
    return len(records)


def withdrawal(id_: str, item: ItemState, purpose: str, now: datetime) -> Iterator[Record]:
    """What erases a document, for the bus."""
    revision = min(item.revision + _BEYOND, _HIGHEST)
    raw = RawItem(
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
    yield Record(topic="raw", key=id_, value=encode(raw), timestamp=now, shard=item.source)
    note = Erased(source=item.source, at=now, purpose=purpose, revision=revision)
    yield Record(topic="erased", key=id_, value=encode(note), timestamp=now)
    # the collector still knows it, so that it is not taken for new; under which address or of whom is forgotten
    yield Record(topic="items", key=id_, value=encode(replace(item, native_id="", author="")), timestamp=now)
