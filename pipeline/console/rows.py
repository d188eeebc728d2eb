"""What several pages show: documents, stories, findings and blind spots as rows, with names in the reader's language."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from enrich.spread.model import Finding
from pipeline.access.roles import Principal
from pipeline.console.room import Room
from pipeline.desk.findings import BlindSpot, blind_spots
from pipeline.model import Document, PlaceRole, Story
from pipeline.ports import Hit

#: Letters of a passage, and of the headline of what has none.
_PASSAGE, _HEADLINE = 220, 80


class Named(Struct, frozen=True, kw_only=True):
    """A place, theme or source with what people call it."""

    id: str
    name: str


class DocumentRow(Struct, frozen=True, kw_only=True):
    """A document as lists show it."""

    id: str
    title: str
    #: A passage of its text as HTML: escaped, with what matched in <mark>; empty where the title is all of it.
    passage: str
    published: datetime
    source: str
    #: Letter of the Admiralty grading.
    reliability: str
    places: tuple[Named, ...]
    themes: tuple[Named, ...]
    story: str
    url: str | None
    revision: int
    copy_of: str | None
    incidents: int
    language: str


class StoryRow(Struct, frozen=True, kw_only=True):
    """A story as lists show it."""

    id: str
    #: Title of its first document that is still there.
    title: str
    first: datetime
    last: datetime
    coverage: int
    #: Sources that have told of it in words of their own.
    independent: int
    places: tuple[Named, ...]
    themes: tuple[Named, ...]


class FindingRow(Struct, frozen=True, kw_only=True):
    """A finding as lists show it."""

    id: str
    kind: str
    grade: str
    theme: Named
    #: In the order in which they were reached; each once.
    places: tuple[Named, ...]
    #: Events that it is made of.
    events: int
    first: datetime
    last: datetime
    #: When it was first said.
    said: datetime
    expected_per_year: float
    ratio: float
    #: What the last nightly run said of it; empty before the first.
    verdict: str
    withdrawn: bool


class BlindRow(Struct, frozen=True, kw_only=True):
    """A source that nothing can be said from, or an area that no other source tells of."""

    kind: str
    source: str
    area: Named | None
    #: Since when it has given nothing, or failed.
    since: datetime | None
    detail: str


class Show:
    """Makes rows for one reader."""

    def __init__(self, room: Room, who: Principal, language: str) -> None:
        self.room, self.who, self.language = room, who, language

    def place(self, code: str) -> Named:
        """A place with its name."""
        return Named(id=code, name=self.room.names.place(code))

    def places(self, codes: Iterable[str]) -> tuple[Named, ...]:
        """Places with their names, each once."""
        return tuple(map(self.place, dict.fromkeys(codes)))

    def theme(self, theme: str) -> Named:
        """A theme with its name."""
        return Named(id=theme, name=self.room.names.theme(theme, self.language))

    def document(self, document: Document, highlight: str = "") -> DocumentRow:
        """A document as a row."""
        text, title = document.text, headline(document)
        passage = highlight or (html.escape(text[:_PASSAGE]) + ("…" if len(text) > _PASSAGE else ""))
        happened = [place.code for place in document.places if place.role is PlaceRole.HAPPENED]
        return DocumentRow(
            id=document.id, title=title, revision=document.revision, copy_of=document.copy_of, language=document.language,
            passage="" if title == text else passage, published=document.published,
            source=document.provenance.source, reliability=document.provenance.reliability.value, story=document.story, url=document.url,
            places=self.places(happened or [place.code for place in document.places])[:4], incidents=len(document.incidents),
            themes=tuple(self.theme(theme.id) for theme in document.themes[:3]),
        )  # fmt: skip

    def hits(self, hits: Iterable[Hit]) -> tuple[DocumentRow, ...]:
        """What a search found."""
        return tuple(self.document(hit.document, hit.highlight) for hit in hits)

    def sees(self, document: Document) -> bool:
        """Whether it names a place that the reader sees."""
        return not self.who.is_bounded or any(self.who.sees(place.code) for place in document.places)

    def sees_story(self, story: Story) -> bool:
        """Whether the reader sees a place of it."""
        return not self.who.is_bounded or any(map(self.who.sees, story.places))

    def story(self, story: Story) -> StoryRow:
        """A story as a row."""
        return StoryRow(
            id=story.id, title=self._title(story), first=story.first, last=story.last, coverage=story.coverage, independent=story.independent,
            places=self.places(story.places)[:4], themes=tuple(self.theme(theme) for theme in list(story.themes)[:3]),
        )  # fmt: skip

    def _title(self, story: Story) -> str:
        for id_ in sorted(story.documents, key=story.documents.__getitem__)[:5]:
            document = self.room.index.get(id_)
            if document and not document.withdrawn and self.sees(document) and (document.title or document.text):
                return headline(document)
        return ""

    def sees_finding(self, finding: Finding) -> bool:
        """Whether it came to a place that the reader sees."""
        return not self.who.is_bounded or any(map(self.who.sees, finding.places))

    def finding(self, finding: Finding) -> FindingRow:
        """A finding as a row."""
        return FindingRow(
            id=finding.id, kind=finding.kind, grade=finding.grade.value, theme=self.theme(finding.theme), places=self.places(finding.places),
            events=len(finding.events), first=min(finding.times), last=max(finding.times), verdict=finding.verdict, ratio=finding.ratio,
            said=finding.history[0].at if finding.history else min(finding.times), expected_per_year=finding.expected_per_year,
            withdrawn=finding.is_withdrawn,
        )  # fmt: skip

    def blind(self) -> tuple[BlindRow, ...]:
        """What cannot be seen now."""
        states = list(self.room.state.sources.values())
        areas = {state.source: code for state in states if (code := self.room.area_of(state.source))}
        return tuple(map(self._blind, blind_spots(states, areas)))

    def _blind(self, spot: BlindSpot) -> BlindRow:
        state, code = spot.state, spot.area or self.room.area_of(spot.source)
        since = None if state is None else state.failed if spot.kind == "failing" else state.changed
        return BlindRow(
            kind=spot.kind, source=spot.source, area=self.place(code) if code else None, since=since,
            detail="" if state is None or spot.kind == "silent" else state.detail or state.failure,
        )  # fmt: skip


def headline(document: Document) -> str:
    """Its title; of what has none, as posts, its first words."""
    return document.title or textwrap.shorten(document.text, _HEADLINE, placeholder=" …")
