"""What a story is told by: the words of a document, and the stems that carry its meaning."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

import Stemmer
from spacy.lang.en.stop_words import STOP_WORDS as ENGLISH
from spacy.lang.sv.stop_words import STOP_WORDS as SWEDISH

#: Words of a text that are read: what a story is about stands at its beginning, and memory is bounded.
MOST_WORDS = 600
#: Longest stem, in characters: what is longer is an address or noise.
_LONGEST = 40
#: Words whose stems are remembered; all are forgotten when there are more.
_REMEMBERED = 100_000
#: A message of one incident: day, time, kind and place as its title, ``26 september 14:21, Brand, Kil``.
_NOTICE = re.compile(
    r"\d{1,2} (?:januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december) \d{1,2}[.:]\d\d\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
#: Addresses of pages and of people: they say where from, not what of.
_ADDRESS = re.compile(r"\W*(?:https?:|www\.|@)")
#: What stands around words.
_SIGNS = ".,:;!?()[]\"'”’“‘»«–-…|"
_POSSESSIVE = ("'s", "’s")


def is_notice(title: str) -> bool:
    """Whether the title is that of a message about one incident. Such messages share words, not occurrences."""
    return _NOTICE.match(title) is not None


def words_of(text: str) -> list[str]:
    """The first words as written, in lower case."""
    words = text.casefold().split(maxsplit=MOST_WORDS)
    del words[MOST_WORDS:]
    return words


class Stems(dict[str, tuple[str, ...]]):
    """Word in lower case, with its punctuation → its stems; none for a stop word.

    One stemmer for all languages: with the English one for English texts the stories are the same within half a point, and
    the language of a headline is often not to be told.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stemmer = Stemmer.Stemmer("swedish", 0)

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= _REMEMBERED:
            self.clear()
        stems = self[word] = tuple(self._stems(word))
        return stems

    def _stems(self, written: str) -> list[str]:
        plain = written.strip(_SIGNS)
        if plain.isalnum():
            words = [plain]
        elif _ADDRESS.match(written):
            return []
        else:
            words = [word.removesuffix(_POSSESSIVE[0]).removesuffix(_POSSESSIVE[1]) for word in _WORD.findall(plain)]
        return [self._stemmer.stemWord(word)[:_LONGEST] for word in words if len(word) > 1 and word not in _STOP]

    def count(self, *parts: list[str]) -> Counter[str]:
        """How many times each stem occurs in the words of these parts."""
        return Counter(chain.from_iterable(map(self.__getitem__, chain(*parts))))


#: Words that say nothing of what happened: those of spaCy, and what news add.
_NEWS = (
    "rt",
    "says",
    "said",
    "say",
    "new",
    "get",
    "gets",
    "got",
    "ny",
    "nya",
    "nytt",
    "får",
    "fick",
    "säger",
    "sa",
    "enligt",
    "kommer",
    "år",
)
_STOP = SWEDISH | ENGLISH | frozenset(_NEWS)
