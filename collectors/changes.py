"""From the items of an answer to the records that say what is new about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from collectors.items import Bad, Item, Kind, Origin, Parsed, Stream, digest
from collectors.ledger import Ledger, Version
from pipeline.model import DeadLetter, ItemState, RawItem, Source, document_id, encode, letter_id
from pipeline.ports import Record

#: Characters of one item beyond which it is not published but kept among the dead.
MAX_BODY = 2_000_000


class Changes:
    """What one answer changes; the ledger is read here, and written only once the records are on the bus.

    The books: every record of the answer is exactly one of published, unchanged, dead. Where a native id occurs twice
    in one answer, the first counts, since sources list the newest first; the other is counted as unchanged.
    """

    def __init__(self, source: Source, kind: Kind | Stream, origin: Origin, now: datetime) -> None:
        self._source, self._kind, self._origin, self._now = source, kind, origin, now
        #: What is published.
        self.raws: list[RawItem] = []
        self._others: list[Record] = []
        #: Key → state, to be noted in the ledger after publication.
        self.states: dict[str, ItemState] = {}
        self.published = self.unchanged = self.dead = 0
        #: How many of ``published`` are withdrawals that no record of the answer states: the items were missing.
        self.noticed = 0
        self._seen: set[str] = set()

    @property
    def records(self) -> list[Record]:
        """All that the bus is to take."""
        return [*(self._record("raw", raw.document, encode(raw)) for raw in self.raws), *self._others]

    def redirect(self, targets: Mapping[str, str]) -> None:
        """Note where addresses lead that stand in what is published (see :mod:`collectors.shortened`)."""
        if targets:
            found = [redirected(targets, [raw.body]) for raw in self.raws]
            self.raws = [replace(raw, redirects=own) if own else raw for raw, own in zip(self.raws, found, strict=True)]

    def compare(self, parsed: Parsed, ledger: Ledger) -> None:
        """Find what is new in ``parsed``."""
        for item in parsed.items:
            self._item(item, ledger)
        for native_id in parsed.withdrawn:
            self._withdrawal(native_id, ledger)
        for bad in parsed.bad:
            self._bad(bad, ledger)
        if parsed.span or parsed.withdrawn_authors:
            self._missing(parsed, ledger)

    def _missing(self, parsed: Parsed, ledger: Ledger) -> None:
        """What is known, and either has to be in the answer and is not, or is of somebody whose posts all are withdrawn."""
        low, high = parsed.span or (1, 0)
        authors = set(parsed.withdrawn_authors)
        for key, (native_id, author) in list(ledger.standing(self._source.id).items()):
            if key in self._seen or key in self.states:
                continue
            if author in authors or (native_id.isdecimal() and low <= int(native_id) <= high):
                self._withdrawal(native_id, ledger)
                self.noticed += 1

    def _item(self, item: Item, ledger: Ledger) -> None:
        key = document_id(self._source.id, item.native_id)
        known = ledger.get(key)
        if key in self._seen or (known is not None and known.content_hash == item.content_hash and not known.withdrawn):
            self.unchanged += 1
        elif len(item.body) > MAX_BODY:
            self._oversized(key, item, known)
        else:
            self._publish(key, item, known)
        self._seen.add(key)

    def _publish(self, key: str, item: Item, known: Version | None, *, withdrawn: bool = False) -> None:
        revision = known.revision + 1 if known else 1
        raw = RawItem(
            document=key,
            source=self._source.id,
            native_id=item.native_id,
            revision=revision,
            fetched_url=self._origin.url,
            fetched=self._now,
            status=self._origin.status,
            format=self._kind.format,
            body=item.body,
            withdrawn=withdrawn,
            area=self._source.area,
            reliability=self._source.reliability,
        )
        kept = not withdrawn and (self._kind.keeps_ids or item.author)
        self._note(
            key,
            ItemState(
                source=self._source.id,
                content_hash=item.content_hash,
                revision=revision,
                seen=self._now,
                withdrawn=withdrawn,
                native_id=item.native_id if kept else "",
                author=item.author if kept else "",
            ),
        )
        self.raws.append(raw)
        self.published += 1

    def _oversized(self, key: str, item: Item, known: Version | None) -> None:
        """A letter with the key of the document, and a note that the document is known: its withdrawal erases the letter too."""
        reason = f"an item of {len(item.body):,} characters; at most {MAX_BODY:,} are taken (only its beginning is kept)"
        self._dead(key, item.content_hash, Bad(reason, item.body[:4096].encode()), revision=known.revision if known else 0)

    def _withdrawal(self, native_id: str, ledger: Ledger) -> None:
        """Once for each item that is known; what was never seen cannot be withdrawn."""
        key = document_id(self._source.id, native_id)
        known = ledger.get(key)
        if known is None or known.withdrawn or key in self._seen:
            self.unchanged += 1
            return
        self._publish(key, Item(native_id, "", known.content_hash), known, withdrawn=True)

    def _bad(self, bad: Bad, ledger: Ledger) -> None:
        """Once for each content: a record that stays in the answer is counted as unchanged from then on."""
        content_hash = digest(bad.original + bad.reason.encode())
        key = letter_id(self._source.id, content_hash)
        if ledger.get(key) is not None or key in self.states:
            self.unchanged += 1
            return
        self._dead(key, content_hash, bad)

    def _dead(self, key: str, content_hash: str, bad: Bad, revision: int = 0) -> None:
        letter = DeadLetter(stage="collect", reason=bad.reason, died=self._now, key=key, source=self._source.id, original=bad.original)
        self._note(key, ItemState(source=self._source.id, content_hash=content_hash, revision=revision, seen=self._now))
        self._others.append(self._record("dead", key, encode(letter)))
        self.dead += 1

    def _note(self, key: str, state: ItemState) -> None:
        self.states[key] = state
        self._others.append(Record(topic="items", key=key, value=encode(state), timestamp=self._now))

    def _record(self, topic: str, key: str, value: bytes) -> Record:
        return Record(topic=topic, key=key, value=value, timestamp=self._now, shard=self._source.id)


def redirected(targets: Mapping[str, str], bodies: Iterable[str]) -> dict[str, str]:
    """Those of the addresses that stand in one of the texts."""
    texts = tuple(bodies)
    return {address: target for address, target in targets.items() if any(address in text for text in texts)}
