"""What a finding rests on: each of its events in order, with the documents that tell of it and what links them to the cause."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct

from enrich.spread.model import Edge, Finding, Occurrence, Sighting
from enrich.spread.sightings import address
from pipeline.model import Document
from pipeline.ports import Index

#: Documents of an event whose words are shown, and characters around what is shown.
_SHOWN, _AROUND = 4, 70


class Witness(Struct, frozen=True, kw_only=True):
    """A document that tells of an event."""

    source: str
    time: datetime
    #: None: it was withdrawn.
    document: Document | None = None
    #: Its words around the place that it compares itself with, else its beginning; verbatim.
    passage: str = ""
    #: Addresses that a document of the cause has, too.
    shares: tuple[str, ...] = ()


class Step(Struct, frozen=True, kw_only=True):
    """An event of a finding."""

    #: 1 for the one that it began with.
    number: int
    place: str
    time: datetime
    #: What makes it follow another one; None where it follows none.
    edge: Edge | None
    #: Code of the place that it follows; empty where it follows none.
    after: str
    witnesses: tuple[Witness, ...]
    #: Documents that are not shown.
    more: int


def steps(finding: Finding, event: Callable[[str], Occurrence | None], index: Index, name: Callable[[str], str]) -> Iterator[Step]:
    """The evidence of a finding, step by step.

    :param event: gives the event of an id; None if it is no longer there.
    :param name: what people call the place of a code.
    """
    edges = {edge.to: edge for edge in finding.edges}
    at = dict(zip(finding.events, finding.places, strict=True))
    for number, (id_, place, moment) in enumerate(zip(finding.events, finding.places, finding.times, strict=True), 1):
        edge, happened = edges.get(id_), event(id_)
        cause = event(edge.from_) if edge else None
        after = at[edge.from_] if edge else ""
        sightings = _sightings(happened, cause)
        shared = _items(cause)
        yield Step(
            number=number, place=place, time=moment, edge=edge, after=after, more=max(0, len(sightings) - _SHOWN),
            witnesses=tuple(_witness(one, shared, index, name(after) if after else "") for one in sightings[:_SHOWN]),
        )  # fmt: skip


def _items(event: Occurrence | None) -> set[str]:
    return {item for sighting in event.sightings for item in sighting.items} if event else set()


def _sightings(event: Occurrence | None, cause: Occurrence | None) -> list[Sighting]:
    """Those that link to the cause first."""
    shared, code = _items(cause), cause.event.place if cause else None
    return sorted(event.sightings if event else (), key=lambda s: (not shared & set(s.items), code not in s.mentions, s.time))


def _witness(sighting: Sighting, shared: set[str], index: Index, place: str) -> Witness:
    document = index.get(sighting.document)
    if document is None or document.withdrawn:
        return Witness(source=sighting.source, time=sighting.time)
    shares = tuple(link for link in document.links if address(link) in shared and address(link) in sighting.items)
    return Witness(source=sighting.source, time=document.published, document=document, passage=_passage(document, place), shares=shares)


def _passage(document: Document, place: str) -> str:
    text = document.text or document.title
    at = text.find(place) if place else -1
    if at < 0:
        at = match.start() if place and (match := re.search(re.escape(place), text, re.IGNORECASE)) else 0
    start, end = max(0, at - _AROUND), at + _AROUND + len(place)
    return f"{'…' if start else ''}{' '.join(text[start:end].split())}{'…' if end < len(text) else ''}"
