"""Words that say that a term tells of nothing that happened here and now: it is denied, practised, invented, played or long past.

Each cue shades a part of the text; terms in a shade count a fraction of their weight. What is shaded is small on purpose: a denial its
own few words (``ingen misstanke om brott``), the others their sentence, and the whole text only where they stand in its title or first
sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import ahocorasick_rs


class Shade(NamedTuple):
    """Characters [start, end) of a text in which terms count ``factor`` of their weight, and why, as the duty officer reads it."""

    start: int
    end: int
    factor: float
    reason: str


class _Cue(NamedTuple):
    name: str
    factor: float
    #: With ``*`` at the end, the rest of a word.
    words: tuple[str, ...]
    #: A text with one of these tells of something that happened, whatever the cue says.
    unless: re.Pattern[str] | None = None


def _words(text: str) -> tuple[str, ...]:
    """One a line, or more between commas."""
    return tuple(word for part in text.split(",") if (word := " ".join(part.split())))


#: What nobody writes of a match, a film or a jubilee alone.
_REAL = re.compile(
    r"\b(?:polis(?:en|ens|patrull\w*|er)?|gripen|gripna|greps|gripits|anhållen|ambulans\w*|räddningstjänst\w*|misstänk\w+)\b"
)
_DENIAL = "nekas i texten"
_CUES = (
    _Cue(
        "övning",
        0.04,
        _words(
            """övning, övningen, övningar, övningarna, övningens, övar, övade, övat, öva, brandövning*, larmövning*, utrymningsövning*,
            räddningsövning*, krisövning*, samverkansövning*, insatsövning*, militärövning*, försvarsövning*, skjutövning*,
            totalförsvarsövning*, fullskaleövning*, skarpskjutning*, beredskapsövning*, katastrofövning*, polisövning*, gasövning*,
            sjöräddningsövning*, storövning*, larmtest*, testlarm*, provlarm*, övningslarm*, övningsscenario*, drill, fire drill, exercise,
            viktigt meddelande-test*, hesa fredrik testas, provas signalen"""
        ),
    ),
    _Cue(
        "film, bok eller spel",
        0.04,
        _words(
            """filmen, filmens, ny film, i en film, thrillern, långfilm*, kortfilm*, filmatiser*, filminspelning*, spelfilm*, skräckfilm*,
            actionfilm*, biopremiär*, på bio, romanen, roman, deckare, deckaren, deckarserie*, kriminalroman*, boken, ny bok, i en bok, novellen,
            författaren, författarens, tv-serie*, tv-serien, dramaserie*, kriminalserie*, i serien, nya serien, säsongen, avsnittet, säsongsavslutning*,
            huvudrollen, skådespelare*, teaterpjäs*, pjäsen, föreställningen, musikal*, operan, datorspel*, tv-spel*, rollspel*, i spelet, spelaren skjuter,
            regissör*, manusförfattare*, rekvisita, fiktiv*, påhittad*, novel, movie, tv series, video game"""
        ),
    ),
    _Cue(
        "sport",
        0.04,
        _words(
            """skott på mål, skottet gick i, skott i ribban, ribban, stolpen ut, straffspark*, straffområde*, målvakt*, hattrick*, halvlek*, allsvensk*,
            slutsignal*, nedsläpp*, powerplay*, slagskott*, handledsskott*, anfallare*, mittback*, mittfält*, hörna, frispark*, elitserie*, hockeyallsvensk*,
            serieledar*, slutspel*, kvartsfinal*, semifinal*, seriefinal*, världscup*, i sargen, perioden, målchans*, kvittering*, kvitterade, reducerade till,
            skottstatistik*, matchvinnar*, sköt hem segern, tränaren, segermål*, landslag*, skytte-vm, skidskytte*, biathlon"""
        ),
        unless=_REAL,
    ),
    _Cue(
        "historia",
        0.06,
        _words(
            """år efter, år sedan, årsdag*, årsdagen, minnesstund*, minneshögtid*, minnesceremoni*, minnesplats*, minnesmärke*, jubileum*, decennier sedan,
            århundrade*, 1600-talet, 1700-talet, 1800-talet, 1900-talet, på 1920-talet, på 1930-talet, på 1940-talet, på 1950-talet, på 1960-talet,
            på 1970-talet, på 1980-talet, på 1990-talet, andra världskriget, första världskriget, medeltiden, medeltida, historiker*, historiska museet,
            i historien, museet visar, palmemordet, estoniakatastrof*, diskoteksbranden, years ago, anniversary"""
        ),
    ),
)
#: What begins a denial, and what ends one.
_DENYING = ("ingen", "inget", "inga", "inte", "ej", "aldrig", "utan misstanke", "no", "not")
_DENIED = (
    "uteslutas",
    "uteslutet",
    "uteslöts",
    "utesluten",
    "avfärdas",
    "avfärdade",
    "avfärdats",
    "avskrivs",
    "avskrevs",
    "avskrivits",
    "falskt",
    "falsk",
)
_STOP = (
    r"(?:i|på|vid|efter|för|från|med|av|till|som|när|då|men|och|under|mot|eller|mellan|hos|in|at|after|for|the|utesluta\w*|uteslut\w*)\b"
)
_HEAD = r"(?:misstank\w+|fråga|handla\w*|handlat|rör\w*\ssig|rört\ssig|tal|tecken|indikation\w*|sprungen)\s(?:om|på|ur)|(?:som\s)?tyder\s(?:nu\s|längre\s)?på|evidence\sof"
#: The words of a denial: a few up to the first that begins another phrase, and a few after ``misstanke om``.
_DENIED_WORDS = re.compile(rf"\w+(?:\s(?!{_STOP}|{_HEAD})[\w-]+){{0,3}}(?:\s(?:{_HEAD})(?:\s(?!{_STOP})[\w-]+){{0,3}})?")
#: ``det är ingen övning`` says that it is none.
_CUE_DENIED = re.compile(r"(?:ingen|inte|inte\sen|inte\snågon|ej|no|not\sa)\s$")
_NOT_DENIED = re.compile(r"(?:inte|ej|inte\skunna|inte\skunnat|inte\slängre)\s$")
_CLAUSE = re.compile(r"[.,;:!?|]\s")
_SENTENCE_END = re.compile(r"[.!?]\s+(?=\S)|\s\|\s")


class Shader:
    """Finds the shades of a text in lower case."""

    def __init__(self) -> None:
        listed = [(word, cue) for cue in _CUES for word in cue.words]
        plain = [(word, words) for words in (_DENYING, _DENIED) for word in words]
        self._meanings: list[_Cue | tuple[str, ...]] = [meaning for _, meaning in (*listed, *plain)]
        self._open_ends = [word.endswith("*") for word, _ in (*listed, *plain)]
        self._automaton = ahocorasick_rs.AhoCorasick(
            [word.rstrip("*") for word, _ in (*listed, *plain)], implementation=ahocorasick_rs.Implementation.DFA
        )

    def shades(self, lowered: str, body: int) -> list[Shade]:
        """Every shade, in order of the words that cast it.

        :param body: offset where the text begins after its title.
        """
        found: list[Shade] = []
        for number, start, end in self._automaton.find_matches_as_indexes(lowered, overlapping=True):
            if (start and lowered[start - 1].isalnum()) or (lowered[end : end + 1].isalnum() and not self._open_ends[number]):
                continue
            found += self._cast(self._meanings[number], lowered, start, end, body)
        return found

    @staticmethod
    def _cast(meaning: _Cue | tuple[str, ...], lowered: str, start: int, end: int, body: int) -> Iterator[Shade]:
        if meaning is _DENYING:
            match = _DENIED_WORDS.match(lowered, start)
            if match is not None:
                yield Shade(start + 1, match.end(), 0.04, f"{_DENIAL} (»{match[0]}«)")
        elif meaning is _DENIED:
            if not _NOT_DENIED.search(lowered[max(0, start - 20) : start]):
                begin = max((m.end() for m in _CLAUSE.finditer(lowered, max(0, start - 80), start)), default=max(0, start - 80))
                yield Shade(begin, start, 0.04, f"{_DENIAL} (»{lowered[start:end]}«)")
        elif isinstance(meaning, _Cue) and _holds(meaning, lowered, start):
            yield Shade(*_scope(lowered, start, end, body), meaning.factor, f"{meaning.name} (»{lowered[start:end]}«)")


def _holds(cue: _Cue, lowered: str, start: int) -> bool:
    if _CUE_DENIED.search(lowered[max(0, start - 14) : start]):
        return False
    return cue.unless is None or not cue.unless.search(lowered)


def _scope(lowered: str, start: int, end: int, body: int) -> tuple[int, int]:
    """The whole text for what stands in its title or first sentence, else the sentence."""
    following = _SENTENCE_END.search(lowered, end)
    first = _SENTENCE_END.search(lowered, body)
    if start < body or first is None or start < first.start():
        return 0, len(lowered)
    begin = max((m.end() for m in _SENTENCE_END.finditer(lowered, max(body, start - 300), start)), default=max(body, start - 300))
    return begin, following.start() if following else len(lowered)
