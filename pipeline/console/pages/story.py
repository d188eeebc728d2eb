"""Händelse: a story with its documents in order, its places with their reasons, and how far it can be relied on."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from pipeline.console.ask import AskError
from pipeline.console.rows import DocumentRow, Named, Show, StoryRow
from pipeline.desk.merged import with_merged
from pipeline.desk.trust import Trust, trust
from pipeline.model import Alternative, Document, PlaceRole, Story
from pipeline.ports import Search

#: Most documents of a story that are shown; a story holds fewer.
_MOST = 200


class StoryAsked(Struct, frozen=True, kw_only=True):
    """Which story."""

    #: Its id; one that was merged leads to the one that it went into.
    story: str


class PlaceRow(Struct, frozen=True, kw_only=True):
    """A place that a document names, and why it is believed to be that place."""

    code: str
    name: str
    kind: str
    role: str
    score: float
    #: Words of the document, as they stand there; empty where the source's own data says it.
    words: str
    reason: str
    alternatives: tuple[Alternative, ...]


class Telling(Struct, frozen=True, kw_only=True):
    """A document of the story."""

    row: DocumentRow
    #: Whole text as HTML: escaped.
    text: str
    places: tuple[PlaceRow, ...]
    #: Words that gave its themes.
    evidence: tuple[str, ...]
    #: Kinds of personal data that were taken out of it.
    redacted: tuple[str, ...]
    fetched: datetime


class ChangeRow(Struct, frozen=True, kw_only=True):
    """A merge or a split."""

    at: datetime
    kind: str
    story: str
    documents: int


class StoryPage(Struct, frozen=True, kw_only=True):
    """A story."""

    story: StoryRow
    #: In the order of their publication.
    documents: tuple[Telling, ...]
    #: Documents that were withdrawn, or lie outside what the reader sees.
    hidden: int
    places: tuple[Named, ...]
    trust: Trust
    history: tuple[ChangeRow, ...]
    #: The story that was full when this one began.
    continues: str | None


def story(show: Show, asked: StoryAsked) -> StoryPage:
    """The story.

    :raises AskError: if there is none, or none that the reader sees.
    """
    found, documents = _story(show, asked.story)
    standing = [document for document in documents if not document.withdrawn]
    seen = [document for document in standing if show.sees(document)]
    if found is None or not seen or not show.sees_story(found):
        raise AskError("story", status=404, found=asked.story[:80])
    seen.sort(key=lambda document: (document.published, document.id))
    return StoryPage(
        story=show.story(found), documents=tuple(_telling(show, document) for document in seen), hidden=len(documents) - len(seen),
        places=show.places(found.places), trust=trust(found, documents), continues=found.continues,
        history=tuple(ChangeRow(at=one.at, kind=one.kind, story=one.story, documents=one.documents) for one in found.history),
    )  # fmt: skip


def _story(show: Show, id_: str) -> tuple[Story | None, list[Document]]:
    """The story with its documents; one that has always been alone in its story has no record."""
    found = show.room.state.story(id_)
    if found is not None:
        ids = sorted(found.documents, key=found.documents.__getitem__)[:_MOST]
        return found, [document for one in ids if (document := show.room.index.get(one))]
    if not (len(id_) == 16 and id_.isalnum()):
        return None, []
    hits = [
        hit.document
        for hit in show.room.index.search(Search(text=with_merged(f"story:{id_}", show.room.state), size=_MOST, order="newest")).hits
    ]
    return (_alone(id_, hits), hits) if hits else (None, [])


def _alone(id_: str, documents: Sequence[Document]) -> Story:
    codes = dict.fromkeys(place.code for document in documents for place in document.places if place.role is PlaceRole.HAPPENED)
    return Story(
        id=id_, documents={document.id: number for number, document in enumerate(documents)},
        first=min(document.published for document in documents), last=max(document.published for document in documents),
        places=dict.fromkeys(codes, 1), themes={documents[0].primary_theme: 1},
        originals={document.provenance.source: 1 for document in documents if document.copy_of is None},
    )  # fmt: skip


def _telling(show: Show, document: Document) -> Telling:
    return Telling(
        row=show.document(document), text=html.escape(document.text), fetched=document.fetched,
        places=tuple(_place(document, number) for number in range(len(document.places))),
        evidence=tuple(dict.fromkeys(word for theme in document.themes for word in theme.evidence)),
        redacted=tuple(redaction.kind for redaction in document.redactions),
    )  # fmt: skip


def _place(document: Document, number: int) -> PlaceRow:
    place = document.places[number]
    said = {"title": document.title, "text": document.text}.get(place.field, "")
    return PlaceRow(
        code=place.code, name=place.name, kind=place.kind.value, role=place.role.value, score=round(place.score, 2),
        words=said[place.start : place.end], reason=place.reason, alternatives=place.alternatives,
    )  # fmt: skip
