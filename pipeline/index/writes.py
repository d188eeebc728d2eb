"""Decides what a batch of documents changes, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from pipeline.model import Document
from pipeline.ports import Written


class Plan(Struct, frozen=True):
    """The last revision of each document that is newer than what is stored, and what to report."""

    documents: tuple[Document, ...]
    written: Written


def plan(documents: Sequence[Document], stored: Mapping[str, int]) -> Plan:
    """What the batch does, as if its documents were written one by one in their order.

    Of two equal revisions the first stays: an id and a revision name one content.

    :param stored: id → revision of what is there.
    """
    revisions = dict(stored)
    last: dict[str, Document] = {}
    created = updated = erased = 0
    for document in documents:
        before = revisions.get(document.id)
        if before is not None and document.revision <= before:
            continue
        created += before is None and not document.withdrawn
        updated += before is not None and not document.withdrawn
        erased += document.withdrawn
        revisions[document.id] = document.revision
        last[document.id] = _without_text(document) if document.withdrawn else document
    stale = len(documents) - created - updated - erased
    return Plan(tuple(last.values()), Written(created=created, updated=updated, erased=erased, stale=stale))


def _without_text(tombstone: Document) -> Document:
    """A tombstone never brings text back, even if whoever made it left some."""
    empty: tuple[()] = ()
    return replace(
        tombstone,
        title="",
        text="",
        url=None,
        links=empty,
        tags=empty,
        places=empty,
        themes=empty,
        incidents=empty,
        redactions=empty,
        category="",
        copy_of=None,
        story="",
    )
