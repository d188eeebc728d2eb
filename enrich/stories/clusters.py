"""Open stories by the stems of their documents: which of them a document may belong to, and what falls apart.

A story is the sum S of the vectors of its n documents in the window. Of the stories whose cosine with a document reaches a floor
for their size, the one with the highest dot product / n^β is its own: a large story draws more than a small one (β < 1), and the
floor keeps it from growing into a lump.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from itertools import repeat
from math import log10, sqrt
from operator import itemgetter, mul
from typing import NamedTuple, TypeAlias

from enrich.stories.story import MOST_DOCUMENTS, Member, OpenStory

#: Power of the size that a dot product is divided by.
_BETA = 0.5
#: Least cosine with a story of 1, 10 and 200 documents; between them by the logarithm of the size.
_FLOORS = (0.32, 0.20, 0.12)
#: Least cosine of two stories that are merged, and of the halves of one that is not split: apart, so that nothing goes to and fro.
MERGED, _SPLIT = 0.32, 0.29
#: Entries of the inverted index that are looked at for one document, rarest stems first.
_LOOKED_AT = 300
#: Most stories that are compared exactly when not all stems were looked at.
_COMPARED = 16
#: Stems that are tried as the beginning of a half, rounds of 2-means, and least size of a half, in documents and as a share.
_BEGINNINGS, _ROUNDS, _FEWEST, _SHARE = 2, 2, 3, 0.1


def _floor(size: int) -> float:
    one, ten, many = _FLOORS
    logarithm = log10(size)
    if logarithm < 1:
        return one + (ten - one) * logarithm
    return ten + (many - ten) * min(1.0, (logarithm - 1) / 1.3)


_FLOOR = [0.0] + [_floor(size) for size in range(1, MOST_DOCUMENTS + 1)]
_SIZE = [0.0] + [size**-_BETA for size in range(1, MOST_DOCUMENTS + 1)]


_Having: TypeAlias = dict[str, dict[OpenStory, int]]
_rarest = itemgetter(0, 1)


class Candidate(NamedTuple):
    story: OpenStory
    #: Dot product / n^β.
    rank: float
    cosine: float
    #: Least cosine that belongs to it.
    floor: float


class Clusters:
    """The inverted index over the sums of the open stories, whose members are changed first. What it gives follows from the stories, not from how they came about."""

    def __init__(self) -> None:
        #: Stem → stories that have it, and its weight in their sums: those with a message about one incident apart, since such
        #: messages are never looked for among them.
        self._topics: _Having = {}
        self._incidents: _Having = {}

    def add(self, story: OpenStory, vector: Mapping[str, int]) -> None:
        """Add the vector to the sum of the story."""
        having = self._having(story)
        if not story.sums:
            story.sums = dict(vector)
            for stem, weight in vector.items():
                having.setdefault(stem, {})[story] = weight
            self._settle(story, sum([weight * weight for weight in vector.values()]))
            return
        sums, square = story.sums, story.square
        for stem, weight in vector.items():
            before = sums.get(stem, 0)
            after = sums[stem] = before + weight
            square += after * after - before * before
            stories = having.get(stem)
            if stories is None:
                having[stem] = {story: after}
            else:
                stories[story] = after
        self._settle(story, square)

    def subtract(self, story: OpenStory, vector: Mapping[str, int]) -> None:
        """Take the vector out of the sum of the story again."""
        having = self._having(story)
        sums, square = story.sums, story.square
        for stem, weight in vector.items():
            before = sums[stem]
            after = before - weight
            square += after * after - before * before
            if after:
                sums[stem] = having[stem][story] = after
            else:
                del sums[stem]
                _take_out(having, stem, story)
        self._settle(story, square)

    def _having(self, story: OpenStory) -> _Having:
        """Where the story stands; it is put there first if it has become one of an incident, or no longer is."""
        if story.filed is not story.incident:
            before, after = (self._topics, self._incidents) if story.incident else (self._incidents, self._topics)
            for stem, weight in story.sums.items():
                _take_out(before, stem, story)
                after.setdefault(stem, {})[story] = weight
            story.filed = story.incident
        return self._incidents if story.incident else self._topics

    @staticmethod
    def _settle(story: OpenStory, square: int) -> None:
        story.square, story.length = square, sqrt(square)
        story.floor = _FLOOR[len(story.members)] * story.length

    def candidates(self, vector: Mapping[str, int], *, incident: bool) -> list[Candidate]:
        """Stories whose cosine with the vector reaches the floor, best first; for what tells of one incident none that do so too."""
        dots, rest = self._dots(vector, (self._topics,) if incident else (self._topics, self._incidents))
        length = sqrt(sum([weight * weight for weight in vector.values()]))
        if rest:
            slack = sqrt(rest)
            likely = [
                (-dot / story.length, story.id, story) for story, dot in dots.items() if dot >= story.floor * length - slack * story.length
            ]
            dots = {story: _dot(vector, story.sums) for _, _, story in nsmallest(_COMPARED, likely)}
        found = []
        for story in [story for story, dot in dots.items() if dot >= story.floor * length]:
            dot, size = dots[story], len(story.members)
            found.append(Candidate(story, dot * _SIZE[size], dot / (length * story.length), _FLOOR[size]))
        found.sort(key=lambda candidate: (-candidate.rank, candidate.story.id))
        return found

    @staticmethod
    def _dots(vector: Mapping[str, int], indexes: Iterable[_Having]) -> tuple[dict[OpenStory, int], int]:
        """Dot products with the stories that share the rarer stems, and the square of the part that was not looked at."""
        entries = [(len(having[stem]), stem, having[stem]) for having in indexes for stem in vector if stem in having]
        entries.sort(key=_rarest)
        dots: dict[OpenStory, int] = {}
        looked_at = 0
        left: set[str] = set()
        for many, stem, stories in entries:
            looked_at += many
            if looked_at > _LOOKED_AT and dots:
                left.add(stem)
                continue
            weight = vector[stem]
            for story, total in stories.items():
                dots[story] = dots.get(story, 0) + weight * total
        return dots, sum([vector[stem] ** 2 for stem in left])


def _take_out(having: _Having, stem: str, story: OpenStory) -> None:
    del having[stem][story]
    if not having[stem]:
        del having[stem]


def similarity(one: OpenStory, other: OpenStory) -> float:
    """Cosine of two stories."""
    if len(one.sums) > len(other.sums):
        one, other = other, one
    return _dot(one.sums, other.sums) / (one.length * other.length or 1)


def apart(story: OpenStory) -> tuple[list[Member], list[Member]] | None:
    """The documents of the story in two halves, the larger first, if they are too unlike for one story.

    2-means on the sphere from several beginnings: those with and those without one of the story's heaviest stems.
    """
    members = [member for member in story.members.values() if member.vector]
    best: tuple[float, list[Member]] | None = None
    for stem in nsmallest(_BEGINNINGS, story.sums, key=lambda stem: (-story.sums[stem], stem)):
        half = _two_means(members, story.sums, stem)
        if half and len(half) >= max(_FEWEST, _SHARE * len(members)):
            one = _sum(half)
            other = _difference(story.sums, one)
            cosine = _dot(one, other) / (_length(one) * _length(other) or 1)
            if cosine < _SPLIT and (best is None or cosine < best[0]):
                best = (cosine, half)
    if best is None:
        return None
    leaving = {member.number for member in best[1]}
    return [member for member in story.members.values() if member.number not in leaving], best[1]


def _two_means(members: Sequence[Member], total: Mapping[str, int], stem: str) -> list[Member]:
    """The smaller half in the end; empty if all come together."""
    half = _smaller(members, [stem in member.vector for member in members])
    for _ in range(_ROUNDS):
        one = _sum(half)
        other = _difference(total, one)
        scale, opposite = 1 / (_length(one) or 1), 1 / (_length(other) or 1)
        pull = {stem: one.get(stem, 0) * scale - weight * opposite for stem, weight in other.items()}
        before = half
        half = _smaller(members, [sum(map(mul, m.vector.values(), map(pull.__getitem__, m.vector))) >= 0 for m in members])
        if half == before or not half:
            break
    return half


def _smaller(members: Sequence[Member], is_there: Sequence[bool]) -> list[Member]:
    side = 2 * sum(is_there) <= len(members)
    return [member for member, there in zip(members, is_there, strict=True) if there is side]


def _difference(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {stem: weight - other.get(stem, 0) for stem, weight in one.items()}


def _length(vector: Mapping[str, int]) -> float:
    return sqrt(_dot(vector, vector))


def _sum(members: Sequence[Member]) -> dict[str, int]:
    total: dict[str, int] = {}
    for member in members:
        for stem, weight in member.vector.items():
            total[stem] = total.get(stem, 0) + weight
    return total


def _dot(one: Mapping[str, int], other: Mapping[str, int]) -> int:
    return sum(map(mul, one.values(), map(other.get, one, repeat(0))))
