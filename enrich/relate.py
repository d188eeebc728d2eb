"""The stage ``relate``: what a document is to those before it. Which version it is, and whether it copies another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from pipeline.dead import dead_record
from pipeline.errors import WireError
from pipeline.model import Books, Document, decode, encode, fingerprint
from pipeline.ports import Delivered, Reading, Record

#: Shorter texts are alike by chance: "Polisen söker vittnen." says nothing of where it comes from. In characters.
SHORTEST_COPY = 60
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Known:
    """What is remembered of a document: which versions came, and the text of the newest."""

    #: Bit n is set when version n came.
    revisions: int = 0
    newest: int = 0
    #: The version with which it was withdrawn; 0 if it never was.
    gone: int = 0
    text: bytes | None = None

    def had(self, revision: int) -> bool:
        """Whether the version came before. What came before a withdrawal is erased, and nobody can tell: it had."""
        return bool(self.revisions >> revision & 1) or revision < self.gone


class Relate:
    """Finds repeated versions and exact copies; counts what became of every document.

    Reads ``documents``; writes each version once to ``related``, and the counts of each partition to ``books``. Time is that
    of the records, so what it makes of them does not depend on when it does.
    """

    name = "relate"
    inputs = ("documents",)
    #: A copy that comes later than this after the original is an occurrence of its own for all that can be said.
    window = timedelta(days=60)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        #: Text → the documents that have it now and when they got it, the earliest first.
        self._holders: dict[bytes, dict[str, datetime]] = {}
        self._books: dict[int, Books] = {}
        self._now = self._swept = _BEGINNING

    def restore(self, read: Reading) -> None:
        """Fold back the versions seen and the counts, whole: a late edit of an old document must not count as a new one."""
        self.__init__()  # type: ignore[misc]
        for delivered in read("related", whole=True):
            if delivered.value:  # erased ones are followed by their tombstone
                self._remember(decode(delivered.value, Document), delivered.timestamp)
        for delivered in read("books", whole=True):
            books = decode(delivered.value, Books)
            self._books[books.partition] = books

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        """Each new version with ``copy_of`` set, then the counts of the partitions that the records came from."""
        outputs: list[Record] = []
        touched: dict[int, Delivered] = {}
        for delivered in records:
            if delivered.value:
                outputs += self._relate(delivered)
                touched.pop(delivered.partition, None)  # in the order of the last record: the same however the batches fall
                touched[delivered.partition] = delivered
        return outputs + [_books_record(self._books[partition], last) for partition, last in touched.items()]

    def _relate(self, delivered: Delivered) -> list[Record]:
        try:
            document = decode(delivered.value, Document)
        except WireError as error:
            self._count(delivered.partition, None)
            return [dead_record(self.name, str(error), delivered)]
        known = self._known.get(document.id)
        if known and known.had(document.revision):
            self._count(delivered.partition, "duplicates")
            return []
        self._count(delivered.partition, "tombstones" if document.withdrawn else "revisions" if known else "documents")
        original = self._remember(document, delivered.timestamp)
        value = encode(msgspec.structs.replace(document, copy_of=original)) if original else delivered.value
        return [Record(topic="related", key=document.id, shard=delivered.shard, timestamp=delivered.timestamp, value=value)]

    def _remember(self, document: Document, moment: datetime) -> str | None:
        """Note the version; the id of the document that had its text first, if that is another one."""
        self._advance(moment)
        known = self._known.setdefault(document.id, _Known())
        known.revisions |= 1 << document.revision
        if document.withdrawn:
            known.gone = max(known.gone, document.revision)
        if document.revision <= known.newest:
            return None
        before, known.newest, known.text = known.text, document.revision, text_key(document)
        if before and before != known.text:
            self._holders.get(before, {}).pop(document.id, None)
        if known.text is None:
            return None
        holders = self._holders[known.text] = self._recent(self._holders.get(known.text, {}))
        holders.setdefault(document.id, moment)
        original = next(iter(holders))
        return original if original != document.id else None

    def _recent(self, holders: dict[str, datetime]) -> dict[str, datetime]:
        return {document: since for document, since in holders.items() if since >= self._now - self.window}

    def _advance(self, moment: datetime) -> None:
        """Let time go on; once a day what is too old to be copied is forgotten."""
        self._now = max(self._now, moment)
        if self._now - self._swept >= _DAY:
            self._swept = self._now
            self._holders = {text: recent for text, holders in self._holders.items() if (recent := self._recent(holders))}

    def _count(self, partition: int, what: str | None) -> None:
        books = self._books.get(partition) or Books(partition=partition)
        self._books[partition] = msgspec.structs.replace(books, **{what: getattr(books, what) + 1}) if what else books


def text_key(document: Document) -> bytes | None:
    """What two documents with exactly the same text share, letter case and white space aside; None for short texts."""
    text = " ".join(f"{document.title} {document.text}".casefold().split())
    return bytes.fromhex(fingerprint(text)) if len(text) >= SHORTEST_COPY else None


def _books_record(books: Books, last: Delivered) -> Record:
    return Record(topic="books", key=str(books.partition), timestamp=last.timestamp, value=encode(books))
