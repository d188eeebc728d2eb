"""Which posts of a stream are wanted: by language and by words, decided before anything of them is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ahocorasick_rs import AhoCorasick, MatchKind
from msgspec import Struct

#: Whether a text holds one of the words.
Matcher = Callable[[str], bool]


class Wanted(Struct, frozen=True):
    """:class:`Filters` made ready."""

    languages: frozenset[str]
    matches: Matcher | None

    def takes(self, text: str, languages: Sequence[str] | None) -> bool:
        """Whether a post is wanted. One that does not say its language must have one of the words, if there are any; else it is left."""
        spoken = {language[:2].lower() for language in languages or ()}
        if self.languages and not (spoken & self.languages) and (spoken or self.matches is None):
            return False
        return self.matches is None or self.matches(text)


class Filters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of sources that give more than anyone wants."""

    #: ISO 639-1; without any, all.
    languages: tuple[str, ...] = ()
    #: Words, in whatever case; ``brand*`` and ``*brand`` may go on at that side. Without any, all.
    words: tuple[str, ...] = ()

    def wanted(self) -> Wanted:
        """Ready to be asked."""
        return Wanted(frozenset(language.lower() for language in self.languages), matcher(self.words))


def matcher(words: Sequence[str]) -> Matcher | None:
    """Whether a text holds one of the words; None without words."""
    if not words:
        return None
    stems = [word.strip("*").lower() for word in words]
    opened = [(word.startswith("*"), word.endswith("*")) for word in words]
    search = AhoCorasick(stems, matchkind=MatchKind.Standard).find_matches_as_indexes

    def matches(text: str) -> bool:
        lowered = text.lower()
        for number, start, end in search(lowered, overlapping=True):
            left, right = opened[number]
            before, after = lowered[start - 1 : start], lowered[end : end + 1]
            if (left or not before.isalnum()) and (right or not after.isalnum()):
                return True
        return False

    return matches
