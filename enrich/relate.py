"""The stage ``relate``: what a document is to those before it. Which version it is, what it copies, and to which story it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from enrich.stories.stories import WINDOW, Stories
from enrich.stories.story import Told
from enrich.text import normalise
from pipeline.dead import dead_record
from pipeline.errors import WireError
from pipeline.model import Books, Document, PlaceRole, Story, StoryMember, Versions, decode, encode, fingerprint
from pipeline.ports import Delivered, Reading, Record

#: Shorter texts are alike by chance: "Polisen söker vittnen." says nothing of where it comes from. In characters.
SHORTEST_COPY = 60
#: A copy that comes later than this after the original is an occurrence of its own for all that can be said.
COPY_WINDOW = timedelta(days=60)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_DAY, _MONTH = timedelta(days=1), timedelta(days=30)


@dataclass(slots=True)
class _Known:
    """What is remembered of a document: the fields of :class:`~pipeline.model.Versions`, the text as bytes."""

    newest: int = 0
    missing: tuple[int, ...] = ()
    gone: int = 0
    text: bytes | None = None
    since: datetime = _BEGINNING
    order: int = 0

    def had(self, revision: int) -> bool:
        """Whether the version came before. What came before a withdrawal is erased, and nobody can tell: it had."""
        return revision < self.gone or (revision <= self.newest and revision not in self.missing)

    @property
    def standing(self) -> bool:
        """Whether there is a version, and the newest is not a withdrawal."""
        return self.newest > self.gone

    def note(self, revision: int, *, withdrawn: bool) -> bool:
        """Take note that the version came; returns whether it is the newest."""
        newer = revision > self.newest
        if newer:
            self.missing += tuple(range(self.newest + 1, revision))
            self.newest = revision
        if withdrawn:
            self.gone = max(self.gone, revision)
        self.missing = tuple(n for n in self.missing if n != revision and n > self.gone)
        return newer


class Relate:
    """Finds repeated versions, exact copies and stories; counts what became of every document.

    Reads ``documents``; writes each version once to ``related``, what is known of its document to ``versions`` and
    ``story_members``, the stories to ``stories``, and the counts of each partition to ``books``. Time is that of the records,
    so what it makes of them does not depend on when it does.
    """

    name = "relate"
    inputs = ("documents",)

    def __init__(self, *, stories: bool = True) -> None:
        """:param stories: whether documents are put into stories; those of before are kept as they are."""
        self._tells = stories
        self._known: dict[str, _Known] = {}
        #: Text → the documents that have it now and when they got it, the earliest first.
        self._holders: dict[bytes, dict[str, datetime]] = {}
        #: How many times a document got a text.
        self._texts = 0
        self._books: dict[int, Books] = {}
        self._stories = Stories()
        self._now = self._swept = _BEGINNING

    def restore(self, read: Reading) -> None:
        """Fold back which versions came, who has which text, the open stories, and the counts."""
        self.__init__(stories=self._tells)  # type: ignore[misc]
        for delivered in read("books"):
            books = decode(delivered.value, Books)
            self._books[books.partition] = books
            self._now = max(self._now, books.latest)
        for delivered in read("versions"):
            versions = decode(delivered.value, Versions)
            self._known[versions.document] = _Known(
                newest=versions.newest, missing=versions.missing, gone=versions.gone, order=versions.order, since=versions.since,
                text=bytes.fromhex(versions.text) if versions.text else None,
            )  # fmt: skip
        for document, known in sorted(self._known.items(), key=lambda item: item[1].order):
            self._texts = max(self._texts, known.order)
            if known.text and self._is_recent(known.since):
                self._holders.setdefault(known.text, {})[document] = known.since
        self._restore_stories(read)

    def _restore_stories(self, read: Reading) -> None:
        """From the members of the window, their texts, and the records of their stories."""
        members = {delivered.key: decode(delivered.value, StoryMember) for delivered in read("story_members") if delivered.value}
        recent = {key for key, member in members.items() if member.arrived >= self._now - WINDOW and not member.withdrawn}
        told: dict[str, Told] = {}
        for delivered in read("related", self._now - WINDOW - _DAY) if recent else ():
            if delivered.value and delivered.key in recent:
                document = decode(delivered.value, Document)
                if document.revision == self._known[document.id].newest and not document.withdrawn:
                    told[document.id] = _told(document)
        records = (decode(delivered.value, Story) for delivered in read("stories"))
        self._stories.restore(self._now, [(member, told.get(member.document)) for member in members.values()], records)

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        """Each new version with ``copy_of`` set, then the counts of the partitions that the records came from."""
        outputs: list[Record] = []
        touched: dict[int, Delivered] = {}
        for delivered in records:
            if delivered.value:
                outputs += self._relate(delivered)
                touched.pop(delivered.partition, None)  # in the order of the last record: the same however the batches fall
                touched[delivered.partition] = delivered
        for moment, story in self._stories.changes().stories:
            outputs.append(Record(topic="stories", key=story.id, timestamp=moment, value=encode(story.record())))
        return outputs + [_books_record(self._books[partition], last) for partition, last in touched.items()]

    def _relate(self, delivered: Delivered) -> list[Record]:
        self._advance(delivered.timestamp)
        try:
            document = decode(delivered.value, Document)
        except WireError as error:
            self._count(delivered)
            return [dead_record(self.name, str(error), delivered)]
        known = self._known.get(document.id)
        if known and known.had(document.revision):
            self._count(delivered, "duplicates")
            return []
        what = "tombstones" if document.withdrawn else "revisions" if known else "documents"
        known = self._known.setdefault(document.id, _Known())
        before = known.standing
        original = self._note(known, document, delivered.timestamp)
        self._count(delivered, what, known.standing - before)
        member = self._tell(document, delivered.timestamp) if document.revision == known.newest else None
        story = self._stories.story_of(document.id)
        value = encode(msgspec.structs.replace(document, copy_of=original, story=story)) if original or story else delivered.value
        outputs = [
            Record(topic="related", key=document.id, shard=delivered.shard, timestamp=delivered.timestamp, value=value),
            Record(topic="versions", key=document.id, timestamp=delivered.timestamp, value=encode(_versions(document.id, known))),
        ]
        if member:
            outputs.append(Record(topic="story_members", key=document.id, timestamp=delivered.timestamp, value=encode(member)))
        return outputs

    def _tell(self, document: Document, moment: datetime) -> StoryMember | None:
        """Put the newest version of a document into its story, or take it out."""
        if document.withdrawn:
            return self._stories.remove(document.id, moment)
        return self._stories.put(_told(document), moment) if self._tells or self._stories.story_of(document.id) else None

    def _note(self, known: _Known, document: Document, moment: datetime) -> str | None:
        """Take note of the version; the id of the document that had its text first, if that is another one."""
        if not known.note(document.revision, withdrawn=document.withdrawn):
            return None
        text = text_key(document)
        if text != known.text:
            if known.text:
                self._leave(known.text, document.id)
            known.text = text
        if text is None:
            return None
        holders = self._holders[text] = self._recent(self._holders.get(text, {}))
        if document.id not in holders:
            self._texts += 1
            known.since, known.order = moment, self._texts
            holders[document.id] = moment
        original = next(iter(holders))
        return original if original != document.id else None

    def _leave(self, text: bytes, document: str) -> None:
        holders = self._holders.get(text, {})
        holders.pop(document, None)
        if not holders:
            self._holders.pop(text, None)

    def _is_recent(self, since: datetime) -> bool:
        return since >= self._now - COPY_WINDOW

    def _recent(self, holders: dict[str, datetime]) -> dict[str, datetime]:
        return {document: since for document, since in holders.items() if self._is_recent(since)}

    def _advance(self, moment: datetime) -> None:
        """Let time go on for stories too; once a month what is too old to be copied is forgotten."""
        self._now = max(self._now, moment)
        self._stories.advance(self._now)
        if self._now - self._swept >= _MONTH:
            self._swept = self._now
            self._holders = {text: recent for text, holders in self._holders.items() if (recent := self._recent(holders))}

    def _count(self, delivered: Delivered, what: str | None = None, standing: int = 0) -> None:
        """Count a record of its partition as ``what``, and how many more documents stand for it."""
        books = self._books.get(delivered.partition) or Books(partition=delivered.partition)
        counted = {what: getattr(books, what) + 1} if what else {}
        self._books[delivered.partition] = msgspec.structs.replace(
            books, standing=books.standing + standing, latest=max(books.latest, delivered.timestamp), **counted
        )


def text_key(document: Document) -> bytes | None:
    """What two documents with exactly the same text share, letter case and white space aside; None for short texts."""
    text = normalise(f"{document.title} {document.text}".casefold())
    return bytes.fromhex(fingerprint(text)) if len(text) >= SHORTEST_COPY else None


def _told(document: Document) -> Told:
    return Told(
        id=document.id, title=document.title, text=document.text, published=document.published, source=document.provenance.source,
        places=frozenset(place.code for place in document.places if place.role is PlaceRole.HAPPENED),
        themes=tuple(theme.id for theme in document.themes), incidents=len(document.incidents) or 1,
    )  # fmt: skip


def _versions(document: str, known: _Known) -> Versions:
    return Versions(
        document=document, newest=known.newest, missing=known.missing, gone=known.gone, since=known.since, order=known.order,
        text=known.text.hex() if known.text else None,
    )  # fmt: skip


def _books_record(books: Books, last: Delivered) -> Record:
    return Record(topic="books", key=str(books.partition), timestamp=last.timestamp, value=encode(books))
