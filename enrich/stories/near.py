"""Near-duplicates: texts that are mostly the same words in the same order.

MinHash signatures (Broder 1997) by rensa, cut into bands (locality-sensitive hashing); what shares a band is compared exactly.
The bands are kept here instead of in rensa's own index: its lists grow without bound where one text comes ten thousand times,
and a document must leave it when the window has passed.
"""

from __future__ import annotations

import struct
from array import array
from bisect import insort
from collections import Counter
from dataclasses import dataclass
from operator import concat

from rensa import RMinHash  # type: ignore[attr-defined]  # its names come from a compiled module

from enrich.stories.places import apart

#: Permutations and bands of a signature: at a Jaccard index of .5 a pair shares a band with 64 %, at .7 with 99 %.
_PERMUTATIONS, _BANDS = 64, 16
_SEED = 20260301
#: Least Jaccard index of the word pairs of two near-duplicates. Notices that police re-issued have .6 or more; the pairs of
#: distinct incidents with .5 to .6 are .4 %.
LEAST = 0.5
#: A text of fewer words is compared together with its title: "Polisen söker vittnen." is no text of one occurrence.
_FEWEST_WORDS = 8
#: Newest entries of a band that are looked at for as many that may be it, and most candidates that are compared.
_LOOKED_AT, _NEWEST, _COMPARED = 12, 3, 6
_pack = struct.Struct(f"{_PERMUTATIONS}I").pack
_cut = struct.Struct(f"{4 * _PERMUTATIONS // _BANDS}s" * _BANDS).unpack
_NONE: Counter[int] = Counter()


@dataclass(slots=True, frozen=True)
class _Entry:
    shingles: array[int]
    signature: bytes
    moment: int
    places: frozenset[str]


class _Possible:
    """Which texts may tell of the same occurrence as one: all but those from elsewhere in other words."""

    def __init__(self, entries: dict[int, _Entry], entry: _Entry) -> None:
        self._entries, self._entry = entries, entry
        self._known: dict[int, bool] = {}

    def __call__(self, number: int) -> bool:
        if not self._entry.places:
            return True
        known = self._known.get(number)
        if known is None:
            other = self._entries[number]
            is_same = other.signature == self._entry.signature and set(other.shingles) == set(self._entry.shingles)
            known = self._known[number] = is_same or not apart(self._entry.places, other.places)
        return known


class NearDuplicates:
    """Numbered texts; finds for a text the one before it that is most like it, within ``window`` seconds of publication."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._entries: dict[int, _Entry] = {}
        #: Band of a signature → numbers of the texts that have it, in order; one number alone stands for itself. Bands of different
        #: rows have different permutations, so none can be taken for another.
        self._bands: dict[bytes, int | list[int]] = {}

    def add(self, number: int, title: list[str], text: list[str], moment: int, places: frozenset[str] = frozenset()) -> int | None:
        """Take a text in by its words; the number of its near-duplicate if it has one. Empty texts are like none.

        :param places: where it happened; what happened elsewhere is another occurrence, unless it says the same word for word.
        """
        words = text if len(text) >= _FEWEST_WORDS else title + text
        shingles = set(map(concat, words, words[1:])) or set(words)
        if not shingles:
            return None
        minhash = RMinHash(num_perm=_PERMUTATIONS, seed=_SEED)
        minhash.update(list(shingles))
        signature = _pack(*minhash.digest())
        entry = self._entries[number] = _Entry(array("q", map(hash, shingles)), signature, moment, places)
        shared = self._enter(number, entry)
        return self._best(shared, entry) if shared else None

    def _enter(self, number: int, entry: _Entry) -> Counter[int]:
        """How many bands the newest texts with the same bands share, of those that may be the same occurrence."""
        shared: list[int] = []
        bands, may_be = self._bands, _Possible(self._entries, entry)
        for band in _cut(entry.signature):
            there = bands.setdefault(band, number)
            if there is number:
                continue
            if isinstance(there, int):
                shared += filter(may_be, (there,))
                bands[band] = sorted((there, number))
            else:
                shared += list(filter(may_be, there[-_LOOKED_AT:]))[-_NEWEST:]
                insort(there, number)
        return Counter(shared) if shared else _NONE

    def _best(self, shared: Counter[int], entry: _Entry) -> int | None:
        """The most similar of those that share most bands; of equals the newest."""
        best, found = LEAST, None
        hashes = set(entry.shingles)
        for number in sorted(shared, key=lambda n: (-shared[n], -n))[:_COMPARED]:
            other = self._entries[number]
            if abs(other.moment - entry.moment) > self._window:
                continue
            common = len(hashes.intersection(other.shingles))
            jaccard = common / (len(hashes) + len(other.shingles) - common)
            if jaccard > best or (jaccard == best and (found is None or number > found)):
                best, found = jaccard, number
        return found

    def drop(self, number: int) -> None:
        """Forget a text; one that is not there, too."""
        entry = self._entries.pop(number, None)
        if entry is None:
            return
        bands = self._bands
        for band in _cut(entry.signature):
            there = bands[band]
            if isinstance(there, int):
                del bands[band]
            else:
                there.remove(number)
                if len(there) == 1:
                    bands[band] = there[0]
