"""A story while it is open, and a document in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from pipeline.model import ChangeKind, Story, StoryChange, fingerprint

#: Documents of one story. What comes after them begins a new one, which names it: a flood is told in chapters.
MOST_DOCUMENTS = 1000
#: Merges and splits that a story remembers, the last ones.
_REMEMBERED = 20


class Told(NamedTuple):
    """A document as stories see it."""

    id: str
    title: str
    text: str
    published: datetime
    source: str = ""
    #: Codes of where it happened.
    places: frozenset[str] = frozenset()
    #: Ids, best first.
    themes: tuple[str, ...] = ()
    #: How many incidents it tells of. A round-up of several is like none of them: it is linked to its copies only.
    incidents: int = 1


@dataclass(slots=True, eq=False)
class Member:
    """A document in the window."""

    #: Its place in the order in which documents came, from 1.
    number: int
    id: str
    #: Seconds since 1970.
    published: int
    arrived: datetime
    source: str
    places: frozenset[str]
    themes: tuple[str, ...]
    notice: bool
    #: Its different stems, as counted in :class:`~enrich.stories.weights.Weights`; none where it cannot be linked by topic.
    stems: tuple[str, ...] = ()
    #: Its heaviest stems.
    vector: dict[str, int] = field(default_factory=dict)
    #: Whether it is a near-duplicate of one before it: coverage, no independent original.
    is_copy: bool = False


@dataclass(slots=True, eq=False)
class OpenStory:
    """A story with at least one document in the window."""

    id: str
    #: Its documents in the window, by number.
    members: dict[int, Member] = field(default_factory=dict)
    #: Sum of their vectors, its square, its length, and the least projection on it of what may belong to it: what follows from ``members`` alone.
    sums: dict[str, int] = field(default_factory=dict)
    square: int = 0
    length: float = 0.0
    floor: float = 0.0
    #: All its documents, those before the window too: id → number.
    documents: dict[str, int] = field(default_factory=dict)
    #: Seconds since 1970 of the earliest and the latest publication.
    first: int = 0
    last: int = 0
    places: dict[str, int] = field(default_factory=dict)
    themes: dict[str, int] = field(default_factory=dict)
    #: Documents that are no copies, by source.
    originals: dict[str, int] = field(default_factory=dict)
    #: Whether it holds a message about one incident.
    incident: bool = False
    #: What ``incident`` was when the story was put into the inverted index.
    filed: bool = False
    continues: str | None = None
    into: str | None = None
    history: tuple[StoryChange, ...] = ()
    #: Whether it has, or is to have, a record: more is to be said of it than what follows from one document.
    recorded: bool = False

    @property
    def is_full(self) -> bool:
        """Whether it takes no more documents."""
        return len(self.documents) >= MOST_DOCUMENTS

    def enter(self, member: Member) -> None:
        """The document belongs to it from now on."""
        if self.documents:
            self.first, self.last = min(self.first, member.published), max(self.last, member.published)
        else:
            self.first = self.last = member.published
        self.members[member.number] = member
        self.documents[member.id] = member.number
        self.incident |= member.notice
        self.recorded |= len(self.documents) > 1
        self._tally(member, 1)

    def leave(self, member: Member) -> None:
        """The document does not belong to it any more."""
        del self.members[member.number], self.documents[member.id]
        self._tally(member, -1)

    def replace(self, before: Member, after: Member) -> None:
        """A new version of a document takes the place of the one before."""
        self.first, self.last = min(self.first, after.published), max(self.last, after.published)
        self._tally(before, -1)
        self.members[after.number] = after
        self.incident |= after.notice
        self.recorded = True
        self._tally(after, 1)

    def dissolve(self, into: str) -> None:
        """All of its documents have gone into another story."""
        self.into = into
        self.members, self.documents = {}, {}
        self.places, self.themes, self.originals = {}, {}, {}

    def _tally(self, member: Member, one: int) -> None:
        if member.places:
            _count(self.places, member.places, one)
        if member.themes:
            _count(self.themes, member.themes, one)
        if not member.is_copy:
            _count(self.originals, (member.source,), one)

    def take_over(self, other: OpenStory) -> None:
        """All of the other's documents belong to it from now on."""
        self.members = dict(sorted((self.members | other.members).items()))
        self.documents |= other.documents
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        for tally, more in ((self.places, other.places), (self.themes, other.themes), (self.originals, other.originals)):
            for key, many in more.items():
                _count(tally, (key,), many)
        self.incident |= other.incident
        self.recorded = True

    def remember(self, kind: ChangeKind, other: str, documents: int, moment: datetime) -> None:
        """Note a merge or a split: with which story, how many documents came or went."""
        self.history = (*self.history, StoryChange(kind=kind, story=other, documents=documents, at=moment))[-_REMEMBERED:]
        self.recorded = True

    def record(self) -> Story:
        """It as others read it."""
        return Story(
            id=self.id, documents=dict(self.documents), first=_moment(self.first), last=_moment(self.last), places=_most(self.places),
            themes=_most(self.themes), originals=_most(self.originals), incident=self.incident, into=self.into,
            continues=self.continues, history=self.history,
        )  # fmt: skip


def reopened(record: Story) -> OpenStory:
    """The story of a record, without its members."""
    return OpenStory(
        id=record.id, documents=dict(record.documents), first=int(record.first.timestamp()), last=int(record.last.timestamp()),
        places=dict(record.places), themes=dict(record.themes), originals=dict(record.originals), incident=record.incident,
        continues=record.continues, history=record.history, recorded=True,
    )  # fmt: skip


def story_id(first: Member, why: str = "") -> str:
    """16 hexadecimal digits, the same wherever the same documents come in the same order."""
    return fingerprint("story", first.id, first.arrived.isoformat(), why)[:16]


def _count(tally: dict[str, int], keys: Iterable[str], many: int) -> None:
    for key in keys:
        tally[key] = tally.get(key, 0) + many
        if not tally[key]:
            del tally[key]


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _most(tally: Mapping[str, int]) -> dict[str, int]:
    """Most first, then by name: the same for the same contents."""
    return dict(sorted(tally.items(), key=lambda item: (-item[1], item[0])))
