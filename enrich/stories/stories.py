"""Stories online: each document goes into one as it comes, in a sliding window; stories merge and split as more is known.

All that is remembered follows from the documents in the window and the records of their stories, so it can be folded back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from enrich.stories.clusters import MERGED, Candidate, Clusters, apart, similarity
from enrich.stories.near import NearDuplicates
from enrich.stories.places import affinity, share_municipality
from enrich.stories.story import MOST_DOCUMENTS, Member, OpenStory, Told, reopened, story_id
from enrich.stories.text import Stems, is_notice, words_of
from enrich.stories.weights import Weights
from pipeline.model import Story, StoryMember

#: How long a document is remembered after it came, and how far apart in publication a document and its story may be.
WINDOW = timedelta(hours=72)
#: Most documents that are remembered, which bounds memory: about 6 KB each.
MOST = 200_000
#: Least cosine, and a municipality in common, for a message about one incident and what else tells of it.
_INCIDENT = 0.35
#: Candidates after the best that are looked at for a merge.
_MERGES = 3
#: Sizes at which a story is looked at for a split.
_SPLIT_SIZES = frozenset(9 * 2**power for power in range(7))
#: A story still of at most so many documents is looked up again when so many have come after its first: by then it is better
#: known what the words weigh, and what else there is.
_SMALL, _LATER = 6, 1000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Changes(NamedTuple):
    """What has become of stories."""

    #: Those that were changed, with the time of the last change, in that order; none whose only document has always been alone.
    stories: list[tuple[datetime, OpenStory]]
    #: Document → story, of those that merges and splits have put into another one.
    moves: dict[str, str]


class Stories:
    """The open stories. Time is that of the documents, so what comes out does not depend on when it is done."""

    def __init__(self, window: timedelta = WINDOW, most: int = MOST) -> None:
        self._window, self._most = window, most
        self._seconds = int(window.total_seconds())
        self._now = _BEGINNING
        self._next = 1
        #: In order; the story of each; the number of each by document id.
        self._members: dict[int, Member] = {}
        self._story: dict[int, OpenStory] = {}
        self._numbers: dict[str, int] = {}
        self._order: deque[int] = deque()
        self._stems, self._weights = Stems(), Weights()
        self._near, self._clusters = NearDuplicates(self._seconds), Clusters()
        #: Stories that were changed since they were last asked for, and when.
        self._changed: dict[OpenStory, datetime] = {}
        #: Documents that were put into another story since they were last asked for.
        self._moved: dict[str, OpenStory] = {}

    def __len__(self) -> int:
        return len(self._members)

    def advance(self, moment: datetime) -> None:
        """Let time go on: what came longer ago than the window is forgotten."""
        self._now = max(self._now, moment)
        oldest = self._now - self._window
        while self._order:
            member = self._members.get(self._order[0])
            if member and member.arrived >= oldest and len(self._members) <= self._most:
                break
            self._order.popleft()
            if member:
                self._forget(member)

    def story_of(self, document: str) -> str:
        """Id of the story that the document is in; empty if it is not remembered."""
        number = self._numbers.get(document)
        return self._story[number].id if number else ""

    def put(self, told: Told, moment: datetime) -> StoryMember:
        """A document comes, or a new version of one, which stays in its story; returns what is to be remembered of it."""
        self.advance(moment)
        known = self._numbers.get(told.id)
        member = self._edit(told, self._members[known]) if known else self._come(told)
        return StoryMember(
            document=member.id, number=member.number, arrived=member.arrived, is_copy=member.is_copy, weights=member.vector
        )  # fmt: skip

    def remove(self, document: str, moment: datetime) -> StoryMember:
        """The document is withdrawn and leaves its story; returns what is to be remembered of it.

        Of one that is not in a story that is the last number given: what it had itself may be erased by now, with its number.
        """
        self.advance(moment)
        number = self._numbers.get(document)
        if not number:
            return StoryMember(document=document, number=self._next - 1, arrived=self._now, withdrawn=True)
        member, story = self._members[number], self._story[number]
        self._forget(member, leave=True)
        self._note(story)
        return StoryMember(document=member.id, number=number, arrived=member.arrived, withdrawn=True)

    def changes(self) -> Changes:
        """What has become of stories since the last call."""
        changed = [(moment, story) for story, moment in self._changed.items() if story.recorded]
        moves = {document: story.id for document, story in self._moved.items()}
        self._changed, self._moved = {}, {}
        return Changes(changed, moves)

    # --- a document comes ------------------------------------------------------------------------------------------------

    def _come(self, told: Told) -> Member:
        member = _member(told, self._next, self._now)
        self._next += 1
        title, text = words_of(told.title), words_of(told.text)
        near = self._near.add(member.number, title, text, member.published, member.places)
        member.is_copy = near is not None
        self._weigh(member, told, title, text)
        original = self._story[near] if near is not None else None
        found = self._possible(member) if original is None and member.vector else []
        if original and not original.is_full:
            story = original
        else:
            story = found[0].story if found else OpenStory(id=story_id(member), continues=original.id if original else None)
        self._enter(story, member)
        self._merge(story, [candidate.story for candidate in found[1 : 1 + _MERGES]])
        self._split(self._story[member.number])
        self._look_again(member.number - _LATER)
        return member

    def _weigh(self, member: Member, told: Told, title: list[str], text: list[str]) -> None:
        """Count its stems and give it its vector; a round-up, or a message about an incident without a place, is not linked by topic."""
        if told.incidents > 1 or (member.notice and not member.places):
            return
        counts = self._stems.count(title, text)
        if not counts:
            return
        member.stems = tuple(counts)
        self._weights.add(member.stems)
        member.vector = self._weights.vector(counts)

    def _enter(self, story: OpenStory, member: Member) -> None:
        self._members[member.number] = member
        self._numbers[member.id] = member.number
        self._order.append(member.number)
        self._story[member.number] = story
        story.enter(member)
        self._clusters.add(story, member.vector)
        self._note(story)

    def _possible(self, member: Member) -> list[Candidate]:
        """Stories that the document may belong to, best first, place weighed in."""
        found = []
        for candidate in self._clusters.candidates(member.vector, incident=member.notice):
            story = candidate.story
            if story.is_full or member.published < story.first - self._seconds or member.published > story.last + self._seconds:
                continue
            if (member.notice or story.incident) and (candidate.cosine < _INCIDENT or not share_municipality(member.places, story.places)):
                continue
            weight = affinity(member.places, story.places)
            if candidate.cosine * weight >= candidate.floor:
                found.append(candidate._replace(rank=candidate.rank * weight))
        found.sort(key=lambda candidate: (-candidate.rank, candidate.story.id))
        return found

    # --- stories merge and split -----------------------------------------------------------------------------------------

    def _merge(self, story: OpenStory, others: Iterable[OpenStory]) -> None:
        """Merge those that a document lies between, where they are alike enough themselves."""
        for other in others:
            if self._may_merge(story, other) and similarity(story, other) * affinity(story.places, other.places) >= MERGED:
                story = self._absorb(story, other)

    @staticmethod
    def _may_merge(one: OpenStory, other: OpenStory) -> bool:
        if one.incident or other.incident:
            together = not (one.incident and other.incident) and share_municipality(one.places, other.places)
            if not together or similarity(one, other) < _INCIDENT:
                return False
        return len(one.documents) + len(other.documents) <= MOST_DOCUMENTS

    def _absorb(self, one: OpenStory, other: OpenStory) -> OpenStory:
        """The one with more documents in the window, of equals the earlier, takes over the other; returns it."""
        smaller, larger = sorted((one, other), key=lambda story: (len(story.members), -next(iter(story.members))))
        many = len(smaller.documents)
        self._moved.update(dict.fromkeys(smaller.documents, larger))
        for number in smaller.members:
            self._story[number] = larger
        vector = dict(smaller.sums)
        larger.take_over(smaller)
        self._clusters.subtract(smaller, vector)
        self._clusters.add(larger, vector)
        larger.remember("merged", smaller.id, many, self._now)
        smaller.remember("merged_into", larger.id, many, self._now)
        smaller.dissolve(larger.id)
        self._note(smaller)
        self._note(larger)
        return larger

    def _split(self, story: OpenStory) -> None:
        halves = apart(story) if len(story.members) in _SPLIT_SIZES else None
        if halves is None:
            return
        _, leaving = halves
        new = OpenStory(id=story_id(leaving[0], f"split {self._next}"))
        story.incident &= not any(member.notice for member in leaving)
        for member in leaving:
            story.leave(member)
            self._clusters.subtract(story, member.vector)
            new.enter(member)
            self._clusters.add(new, member.vector)
            self._story[member.number] = new
            self._moved[member.id] = new
        story.remember("split", new.id, len(leaving), self._now)
        new.remember("split_from", story.id, len(leaving), self._now)
        self._note(story)
        self._note(new)

    def _look_again(self, number: int) -> None:
        """Look up the story that this document began, if it is still small, as if it came now."""
        story = self._story.get(number)
        if story is None or len(story.members) > _SMALL or next(iter(story.members)) != number:
            return
        for candidate in self._clusters.candidates(story.sums, incident=story.incident):
            other = candidate.story
            larger = other is not story and len(other.members) >= len(story.members)
            if larger and self._may_merge(story, other) and self._are_close(story, other, candidate):
                self._absorb(story, other)
                break

    def _are_close(self, story: OpenStory, other: OpenStory, candidate: Candidate) -> bool:
        near = other.first - self._seconds <= story.last and story.first <= other.last + self._seconds
        return near and candidate.cosine * affinity(story.places, other.places) >= candidate.floor

    def _note(self, story: OpenStory) -> None:
        self._changed.pop(story, None)
        self._changed[story] = self._now

    # --- a document changes or goes --------------------------------------------------------------------------------------

    def _edit(self, told: Told, before: Member) -> Member:
        """The new version in the place of the one before."""
        story = self._story[before.number]
        self._drop(before, story)
        member = _member(told, before.number, before.arrived)
        member.is_copy = before.is_copy
        title, text = words_of(told.title), words_of(told.text)
        self._near.add(member.number, title, text, member.published, member.places)
        self._weigh(member, told, title, text)
        self._members[member.number] = member
        story.replace(before, member)
        self._clusters.add(story, member.vector)
        self._note(story)
        return member

    def _forget(self, member: Member, *, leave: bool = False) -> None:
        story = self._story.pop(member.number)
        del self._members[member.number], self._numbers[member.id]
        if leave:
            story.leave(member)
        else:
            del story.members[member.number]
        self._drop(member, story)

    def _drop(self, member: Member, story: OpenStory) -> None:
        self._near.drop(member.number)
        if member.stems:
            self._weights.drop(member.stems)
        self._clusters.subtract(story, member.vector)

    # --- folding back ----------------------------------------------------------------------------------------------------

    def restore(self, now: datetime, members: Iterable[tuple[StoryMember, Told | None]], records: Iterable[Story]) -> None:
        """Become what the one that wrote these was at the time ``now``.

        :param members: what :meth:`put` has given, with the documents; None where one was withdrawn, is too old or its text is gone.
        """
        self.__init__(self._window, self._most)  # type: ignore[misc]
        holding: dict[str, list[Story]] = {}
        for written in records:
            for document in written.documents:
                holding.setdefault(document, []).append(written)
        reopen: dict[str, OpenStory] = {}
        for remembered, told in sorted(members, key=lambda pair: pair[0].number):
            self._next = remembered.number + 1
            if told is None:
                continue
            member = _member(told, remembered.number, remembered.arrived)
            member.is_copy = remembered.is_copy
            record = next((r for r in holding.get(member.id, ()) if r.documents[member.id] == member.number), None)
            story = reopen.setdefault(record.id, reopened(record)) if record else OpenStory(id=story_id(member))
            title, text = words_of(told.title), words_of(told.text)
            self._near.add(member.number, title, text, member.published, member.places)
            if remembered.weights:
                member.stems = tuple(self._stems.count(title, text))
                self._weights.add(member.stems)
                member.vector = remembered.weights
            if record:
                story.members[member.number] = member
            else:
                story.enter(member)
            self._members[member.number] = member
            self._numbers[member.id] = member.number
            self._order.append(member.number)
            self._story[member.number] = story
            self._clusters.add(story, member.vector)
        self.advance(now)


def _member(told: Told, number: int, arrived: datetime) -> Member:
    return Member(
        number=number, id=told.id, published=int(told.published.timestamp()), arrived=arrived, source=told.source, places=told.places,
        themes=told.themes, notice=is_notice(told.title),
    )  # fmt: skip
