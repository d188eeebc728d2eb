"""An erasure from beginning to end, by whoever asks for it: what is noted first, what is done once the stages have withdrawn the documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from itertools import islice

from msgspec.structs import replace

from pipeline import app, disk, erase
from pipeline.access.roles import Action, Principal
from pipeline.erase import SYSTEM, WITHDRAWN, Receipt
from pipeline.export import write
from pipeline.model import ItemState
from pipeline.ports import Bus, Index
from pipeline.settings import Settings, sources_of

#: The stages that take a withdrawal; nobody is told of an alert by it.
STAGES = ("enrich", "relate", "spread", "index")
#: A collector stamps what it has read with the time at which it began to, and publishes it later.
_STAMPED_BEFORE = timedelta(days=1)
#: Documents of one erasure where there are many: what is withdrawn at once holds the collectors back.
_AT_ONCE = 2_000


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the data directory for erasing.

    :raises UsageError: if another process does.
    """
    path = settings.data_dir / "erase.lock"
    with disk.hold(path, f"{path}: another fjaril erases in this data directory; wait until it has finished"):
        yield


def due(settings: Settings, bus: Bus, now: datetime) -> dict[str, ItemState]:
    """Id → the last version, of what is past its retention; not too many at once."""
    return dict(islice(erase.past_retention(bus, sources_of(settings), now).items(), _AT_ONCE))


def begin(
    settings: Settings, bus: Bus, index: Index, items: Mapping[str, ItemState], *, who: Principal, purpose: str, now: datetime
) -> Receipt:
    """Log it, note what there is, and publish the withdrawals; the stages take them from there. Nothing to erase is noted, too.

    :raises AuditError: if it cannot be logged; then nothing is erased.
    """
    letters = {id_ for id_, item in items.items() if erase.is_letter(id_, item)}
    documents = tuple(id_ for id_ in items if id_ not in letters)
    # somebody names documents; what is past its retention would fill the log, and stands in topic erased
    _log(settings, _numbers(items, letters) if who == SYSTEM else items, who, purpose, now)
    receipt = Receipt(
        at=now, who=who.name, purpose=purpose, number=len(documents), letters=len(letters), documents=documents,
        sources=tuple(sorted({item.source for item in items.values()})),
        before=erase.traces(bus, documents), searchable_before=sum(not erase.is_gone(index, id_) for id_ in documents),
        days=tuple(sorted(erase.days(bus, documents))), is_complete=not items,
    )  # fmt: skip
    erase.request(bus, items, receipt)
    return receipt


def _numbers(items: Mapping[str, ItemState], letters: Collection[str]) -> list[str]:
    """For each source, how many documents, and how many records that never were any."""
    documents = Counter(item.source for id_, item in items.items() if id_ not in letters)
    unread = Counter(items[id_].source for id_ in letters)
    return [
        f"{source}: {documents[source]}{f' (+ {unread[source]} unread)' if unread[source] else ''}" for source in sorted(documents | unread)
    ]


def follow(settings: Settings, bus: Bus, since: datetime | None, now: datetime) -> list[Receipt]:
    """Begin to take what sources have withdrawn out of what the stages do not look after: old events, and exports.

    :param since: when that was last done (:func:`pipeline.erase.followed`); what came shortly before is looked at again, and followed once.
    :raises AuditError: if it cannot be logged; then nothing is begun.
    """
    items = iter(erase.withdrawn(bus, since - _STAMPED_BEFORE if since else None).items())
    begun: list[Receipt] = []
    while some := dict(islice(items, _AT_ONCE)):
        sources = Counter(item.source for item in some.values())
        _log(settings, [f"{source}: {number}" for source, number in sorted(sources.items())], SYSTEM, WITHDRAWN, now)
        # after `now`, at which stands the receipt that nothing more was to be followed
        receipt = Receipt(
            at=now + timedelta(microseconds=1 + len(begun)), who=SYSTEM.name, purpose=WITHDRAWN, number=len(some),
            withdrawn={id_: item.source for id_, item in some.items()}, sources=tuple(sorted(sources)),
            days=tuple(sorted(erase.days(bus, some))),
        )  # fmt: skip
        erase.keep(bus, receipt)
        begun.append(receipt)
    return begun


def finish(
    settings: Settings, bus: Bus, index: Index, receipt: Receipt, wanted: Mapping[str, str], now: datetime, *, rewritten: bool
) -> Receipt:
    """Once the stages have taken the withdrawals: empty what is older everywhere, and look at what is left. May be done again.

    :param wanted: id → source, of what the receipt is about.
    :param rewritten: whether the index's files were written anew.
    :raises UsageError: if another process exports; then the receipt stays as it was.
    """
    if not receipt.withdrawn:
        erase.finish(bus, wanted, receipt.at, now)
    erase.revise(bus, wanted.keys())
    answers = app.forget_answers(settings, wanted)
    # what a source withdraws is emptied by the stage that takes it out of the index; what rules counted of it, they remember
    after = {} if receipt.withdrawn else erase.traces(bus, wanted)
    left = sum(not erase.is_gone(index, id_) for id_ in wanted)
    found = replace(
        receipt, after=after, searchable_after=left, rewritten=rewritten, answers=receipt.answers + answers,
        exports=_exported_anew(settings, bus, receipt.days), is_complete=not any(after.values()) and not left,
    )  # fmt: skip
    erase.keep(bus, found)
    return found


def _log(settings: Settings, subjects: Iterable[str], who: Principal, purpose: str, now: datetime) -> None:
    with closing(app.open_access(settings)) as access:
        for subject in subjects:
            access.audit.append(who, purpose, Action.ERASE, subject, now)


def _exported_anew(settings: Settings, bus: Bus, days: Collection[date]) -> tuple[date, ...]:
    directory = settings.export_path
    if not days or not directory.is_dir():
        return ()
    with write.only_one(directory):  # a day that is being exported now was read before, and is not listed until it is there
        done = sorted(set(days) & set(write.days(directory)))
    for day in done:
        app.export(settings, bus, day)
    return tuple(done)
