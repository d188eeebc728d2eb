"""The stage ``relate``: what a document is to those before it. Which version it is, and whether it copies another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from pipeline.dead import dead_record
from pipeline.errors import WireError
from pipeline.model import Books, Document, decode, encode, fingerprint
from pipeline.ports import Delivered, Record

#: Shorter texts are alike by chance: "Polisen söker vittnen." says nothing of where it comes from. In characters.
SHORTEST_COPY = 60


@dataclass
class _Known:
    """What is remembered of a document: which versions came, and the text of the newest."""

    revisions: set[int] = field(default_factory=set)
    newest: int = 0
    text: bytes | None = None


class Relate:
    """Finds repeated versions and exact copies; counts what became of every document.

    Reads ``documents``; writes each version once to ``related``, and the counts of each partition to ``books``.
    """

    name = "relate"
    inputs = ("documents",)
    #: A copy printed later than this after the original is an occurrence of its own for all that can be said.
    window = timedelta(days=60)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._originals: dict[bytes, str] = {}
        self._books: dict[int, Books] = {}

    def restore(self, read: Callable[[str], Iterator[Delivered]]) -> None:
        """Fold back the versions seen and the counts."""
        self.__init__()  # type: ignore[misc]
        for delivered in read("related"):
            if delivered.value:  # erased ones are followed by their tombstone
                self._remember(decode(delivered.value, Document))
        for delivered in read("books"):
            books = decode(delivered.value, Books)
            self._books[books.partition] = books

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        """Each new version with ``copy_of`` set, then the counts of the partitions that the records came from."""
        outputs: list[Record] = []
        touched: dict[int, Delivered] = {}
        for delivered in records:
            if delivered.value:
                outputs += self._relate(delivered)
                touched[delivered.partition] = delivered
        return outputs + [_books_record(self._books[partition], last) for partition, last in touched.items()]

    def _relate(self, delivered: Delivered) -> list[Record]:
        try:
            document = decode(delivered.value, Document)
        except WireError as error:
            self._count(delivered.partition, None)
            return [dead_record(self.name, str(error), delivered)]
        known = self._known.get(document.id)
        if known and document.revision in known.revisions:
            self._count(delivered.partition, "duplicates")
            return []
        self._count(delivered.partition, "tombstones" if document.withdrawn else "revisions" if known else "documents")
        original = self._remember(document)
        related = msgspec.structs.replace(document, copy_of=original) if original else document
        return [
            Record(topic="related", key=document.id, shard=delivered.shard, timestamp=delivered.timestamp, value=encode(related)),
        ]

    def _remember(self, document: Document) -> str | None:
        """Note the version; the id of the document that had its text first, if that is another one."""
        known = self._known.setdefault(document.id, _Known())
        known.revisions.add(document.revision)
        if document.revision <= known.newest:
            return document.copy_of
        if known.text and self._originals.get(known.text) == document.id:
            del self._originals[known.text]
        known.newest, known.text = document.revision, text_key(document)
        if known.text is None:
            return None
        original = self._originals.setdefault(known.text, document.copy_of or document.id)
        return original if original != document.id else None

    def _count(self, partition: int, what: str | None) -> None:
        books = self._books.get(partition) or Books(partition=partition)
        self._books[partition] = msgspec.structs.replace(books, **{what: getattr(books, what) + 1}) if what else books


def text_key(document: Document) -> bytes | None:
    """What two documents with exactly the same text share, letter case and white space aside; None for short texts."""
    text = " ".join(f"{document.title} {document.text}".casefold().split())
    return bytes.fromhex(fingerprint(text)) if len(text) >= SHORTEST_COPY else None


def _books_record(books: Books, last: Delivered) -> Record:
    return Record(topic="books", key=str(books.partition), timestamp=last.timestamp, value=encode(books))
