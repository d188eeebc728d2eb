"""How far a story can be relied on, in parts, each with what it rests on: the Admiralty grading and what stands beside it.

Credibility is graded as NATO's AJP-2.1 has it, by rules that can be read off the story alone: 1 confirmed by sources that do not
repeat each other, 6 where nothing can be said. It is the grade of what is told, not of those who tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from pipeline.model import Document, Place, PlaceKind, PlaceRole, Reliability, Story

_GOOD, _FAIR = frozenset({Reliability.A, Reliability.B}), frozenset({Reliability.A, Reliability.B, Reliability.C})
_FINE = {PlaceKind.DISTRICT: "district", PlaceKind.LOCALITY: "locality", PlaceKind.MUNICIPALITY: "municipality"}


class SourceGrade(Struct, frozen=True, kw_only=True):
    """A source that tells of the story."""

    source: str
    reliability: Reliability
    documents: int
    #: Its documents that are in words of its own; 0: it only repeats others.
    originals: int


class Credibility(Struct, frozen=True, kw_only=True):
    """1 confirmed, 2 probably true, 3 possibly true, 4 doubtful, 5 improbable, 6 cannot be judged."""

    grade: Literal[1, 2, 3, 4, 5, 6]
    #: Why: ``confirmed``, ``several``, ``official``, ``fair``, ``weak``, ``withdrawn`` or ``unknown``.
    reason: str


class Precision(Struct, frozen=True, kw_only=True):
    """How exactly it is known where it happened."""

    #: ``district``, ``locality``, ``municipality``, ``county``, ``several`` (documents say different municipalities) or ``none``.
    kind: str
    place: str
    #: 0–1, and why that place is meant.
    score: float
    reason: str


class Edits(Struct, frozen=True, kw_only=True):
    """What became of the documents after they came."""

    #: Documents that were changed since they came, and versions in all.
    changed: int
    versions: int
    withdrawn: int


class Trust(Struct, frozen=True, kw_only=True):
    """The parts."""

    sources: tuple[SourceGrade, ...]
    credibility: Credibility
    #: Sources that have told of it in words of their own, and documents that repeat one before them.
    independent: int
    copies: int
    edits: Edits
    precision: Precision


def trust(story: Story, documents: Sequence[Document]) -> Trust:
    """What speaks for a story and against it.

    :param documents: all of the story's that the index has; withdrawn ones, too.
    """
    standing = [document for document in documents if not document.withdrawn]
    sources = _sources(story, standing)
    return Trust(
        sources=sources,
        credibility=_credibility(sources, standing),
        independent=story.independent,
        copies=sum(document.copy_of is not None for document in standing),
        edits=Edits(
            changed=sum(document.revision > 1 for document in standing),
            versions=sum(document.revision for document in standing),
            withdrawn=len(documents) - len(standing),
        ),
        precision=_precision(standing),
    )


def _sources(story: Story, documents: Sequence[Document]) -> tuple[SourceGrade, ...]:
    told: dict[str, list[Document]] = {}
    for document in documents:
        told.setdefault(document.provenance.source, []).append(document)
    grades = [
        SourceGrade(
            source=source, reliability=mine[-1].provenance.reliability, documents=len(mine), originals=story.originals.get(source, 0)
        )
        for source, mine in told.items()
    ]
    return tuple(sorted(grades, key=lambda grade: (grade.reliability, grade.source)))


def _credibility(sources: Sequence[SourceGrade], documents: Sequence[Document]) -> Credibility:
    if not documents:
        return Credibility(grade=6, reason="withdrawn")
    agreeing = _agreeing(documents)
    own = [source.reliability for source in sources if source.originals and source.source in agreeing]
    if len(own) >= 2:
        confirmed = bool(_GOOD.intersection(own)) and sum(one in _FAIR for one in own) >= 2
        return Credibility(grade=1, reason="confirmed") if confirmed else Credibility(grade=2, reason="several")
    best = min(own or [source.reliability for source in sources])
    if best in _GOOD:
        return Credibility(grade=2, reason="official")
    if best is Reliability.C:
        return Credibility(grade=3, reason="fair")
    return Credibility(grade=6, reason="unknown") if best is Reliability.F else Credibility(grade=4, reason="weak")


def _municipalities(document: Document) -> set[str]:
    return {place.municipality for place in document.places if place.role is PlaceRole.HAPPENED and place.municipality}


def _agreeing(documents: Sequence[Document]) -> set[str]:
    """Sources that tell of the municipality that most tell of, and those that name none: what happened elsewhere confirms nothing."""
    telling: dict[str, set[str]] = {}
    silent: set[str] = set()
    for document in documents:
        named = _municipalities(document)
        for code in named:
            telling.setdefault(code, set()).add(document.provenance.source)
        if not named:
            silent.add(document.provenance.source)
    return silent | max(telling.values(), key=len, default=set())


def _precision(documents: Sequence[Document]) -> Precision:
    named = [codes for document in documents if (codes := _municipalities(document))]
    if named and not set.intersection(*named):
        return Precision(kind="several", place="", score=0.0, reason="")
    places = [place for document in documents for place in document.places if place.role is PlaceRole.HAPPENED]
    if not places:
        return Precision(kind="none", place="", score=0.0, reason="")
    order = list(_FINE)

    def fineness(place: Place) -> tuple[int, float]:
        return (order.index(place.kind) if place.kind in _FINE else len(order), -place.score)

    best = min(places, key=fineness)
    return Precision(kind=_FINE.get(best.kind, "county"), place=best.name, score=round(best.score, 2), reason=best.reason)
