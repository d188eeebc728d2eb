"""How a text that tells of several incidents is laid out: lines, times, headings, and what is said of the night as a whole.

Knows words and signs only, no places. The forms are those of Swedish authorities' and newsrooms' round-ups:

====================================  ====================================================================================
``00.56 Halmstad, stöld``             time and heading, the paragraphs below it belong to it; also ``Kl 00:20, Umeå``,
                                      ``Misshandel, Borlänge kl. 23.57``, ``• MALMÖ``
``22.02 Sunne. Misshandel. En …``     heading and text in one line; also ``02:33 rån, Göteborg: Vid …``, ``Malmö – En bil …``
``23:12 Polisen larmades …``          time and text
``Utöver detta har polisen …``        of the night as a whole, as is ``Övrigt:``
====================================  ====================================================================================
"""

from __future__ import annotations

import re
from enum import Enum

import ahocorasick_rs
from msgspec import Struct

#: Longest heading, in characters and words.
_HEADING_CHARACTERS = 90
_HEADING_WORDS = 10
#: Longest sentence of a heading that stands before text in the same line, in words.
_SHORT = 4

_BULLETS = frozenset("*•·■▪►")
_ENDS = frozenset({"", ".", "!", "?", ":"})
_MARK = r"[\s*•·■▪►>–—-]*"
_CLOCK = r"(?:[Kk]l(?:ockan)?\.?\s*)?(?P<hour>[01]?\d|2[0-4])[.:](?P<minute>[0-5]\d)(?!\d)"
_TIME = re.compile(_MARK + _CLOCK + r"(?P<until>\s*[-–]\s*\d{1,2}(?:[.:]\d\d)?(?!-))?[\s.,:;–-]*")
_TIME_INSIDE = re.compile(r"(?:^|[\s,(])" + _CLOCK)
_BULLET = re.compile(_MARK)
_BULLET_SIGN = re.compile("•")
#: A time that begins a sentence. A pattern that begins with a set of characters is searched for fastest.
_INLINE = re.compile(r"[.!?][ \t]+(?=(?:[Kk]l(?:ockan)?\.?\s*)?\d\d[.:]\d\d[.,:]?[ \t]+[A-ZÅÄÖ])")
_SENTENCE = re.compile(r"[.!?]\s+(?=[A-ZÅÄÖ\d])")
_SHORT_SENTENCES = re.compile(r"(?:[A-ZÅÄÖ][^.!?:]{1,45}[.:]\s+){1,3}(?=\S)")
_COLON = re.compile(r"[^.:!?]{2,80}:(?=\s)")
_DASHES = re.compile(r"[–—-]\s")
_DASH = re.compile(r"[^.:!?]{2,60}?\s[–—-]\s")
_VERB = re.compile(
    r"\b(?:har|är|ska|skall|kan|blir|blev|finns|får|fick|var|hade|kommer|larmas|larmades|grips|greps|stoppas|misstänks|upprättas|utreds)\b"
)

_COUNT = r"(?:en|ett|två|tre|fyra|fem|sex|sju|åtta|nio|tio|elva|tolv|några|flera|flertalet|ett antal|ett flertal|\d+)"
#: What begins so is said of the whole: greetings, sums, what was done besides, where to read more.
_GENERAL = re.compile(
    r"""(?:
      god\s*morgon | i\ övrigt | övrigt | utöver\ (?:detta|det|ovan|ovanstående) | dessutom\ har\ (?:polis|patrull)
    | (?:här|nedan)\ (?:följer|kommer|är)|nedanstående | dagens\ presstalesperson | läs\ mer | om\ du\ | tips\ till\ | följ\ oss
    | (?:polisen\ har\ )?inga?\ (?:\w+\ )?(?:grova|grövre|större|allvarliga?|särskilda|andra|övriga|anmärkningsvärda|händelser?|ärenden?|incidenter|våldsbrott)
    | (?:det\ har\ (?:\w+\ ){0,3})?(?:varit|en|relativt|mycket|överlag|i\ stort(?:\ sett)?)\ (?:\w+\ ){0,3}lugn
    | (?:natten|kvällen|dygnet|sammantaget|lugn|ärendena|arbetet|merparten)\b
    | det\ (?:har|finns|är)\ (?:\w+\ ){0,4}(?:lugn|inträffat|hanterats|genomförts|rört|ärenden|viltolyck|inga)
    | (?:det\ har\ )?(?:även|också)\ (?:har\ )?
    | (?:polis\w*|patrull\w*|vi|man|region\w*)\ (?:\w+\ ){0,3}?har\ (?:\w+\ ){0,6}?(?:hanterat|utfört|genomfört|kontrollerat|ägnat|jobbat|arbetat|registrerat|rapporterat)
    | (?:polis\w*|patrull\w*|vi)\ har\ (?:\w+\ ){0,2}?(?:utöver\ detta|dessutom|(?:även|också|bland\ annat)\ gjort)\b
    | (?:under|sedan|från|mellan|kl\.?|klockan|för)\ [^.]{0,60}?(?:natt|kväll|morgon|midnatt|klockan|dygn|\d\d)[^.]*?
      (?:ärende|kontroll|rutin|patrull|viltolyck|lugn|omhändert|medtag|händelse|rapporterat)
    | (?:polisens\ regionlednings|polisens\ lednings)
    | """
    + _COUNT
    + r"""\ (?:\w+\ ){0,2}?(?:viltolyck|person|individ|män|kvinn|förare|trafikkontroll|fylleri|berusad)\w*\ (?:har|är)\ (?:\w+\ ){0,3}?
      (?:omhändertag|medtag|anmäl|rapporter|inträffa|inkommit|kontrollera|hantera)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
#: Names of the whole: no headings of an incident.
_WHOLE = re.compile(r"natt(?:en)? (?:till|mot)\b|(?:natt)?sammanfattning(?! av polisens)|polisområde\b|-+$|\d*$", re.IGNORECASE)
_OF_THE_WHOLE = ("nattens", "urval av")
#: An update goes on with what was told before.
_UPDATE = re.compile(r"uppdater", re.IGNORECASE)
_TURN = re.compile(r"(?:under (?:natten|kvällen|dygnet|morgonen)|även|också|vidare|dessutom|tidigare|strax|samtidigt)\b", re.IGNORECASE)
_ANNOUNCES = re.compile(r"\bkommer att (?:behandlas|redovisas|publiceras|sammanfattas)\b")
_BACK = re.compile(r"(?:den|det|de|dessa|denna|olyckan|händelsen|branden)\b", re.IGNORECASE)
#: A report on a public event holds together whatever is told in it.
_REPORT = re.compile(r"sammanfattning av |insatsen (?:i|vid|under) ", re.IGNORECASE)
#: What a text or title that is a round-up says of itself.
_ROUND_UP_SAYS = (
    "sammanfattning",
    "nattens händelser",
    "dygnets händelser",
    "urval av",
    "natt till",
    "utöver detta har",
    "regionledningscentral",
    "veckan som",
    "händelser i korthet",
    "övrigt:",
    "i övrigt",
    "natten hanterat",
    "polisens kännedom",
)
#: As they stand in a sentence and at its beginning: a text in lower case is dearer to make than to search.
_ROUND_UP = ahocorasick_rs.AhoCorasick([form for phrase in _ROUND_UP_SAYS for form in (phrase, phrase.capitalize())])


class Kind(Enum):
    """What a line is."""

    HEADING = "a heading that the lines below it belong to"
    LED = "text that a time or a heading leads"
    REPORT = "the heading of a report that holds together"
    GENERAL = "of the whole"
    TEXT = "text"


class Line(Struct, frozen=True, kw_only=True):
    """A line of a text, or a part of one: characters [start, end), without the white space around it."""

    start: int
    end: int
    kind: Kind
    #: ``HH:MM`` where it begins with a time, or its heading has one.
    time: str = ""
    #: Characters of its heading without the time before it; both 0 if it has none.
    head: tuple[int, int] = (0, 0)


def is_round_up(text: str) -> bool:
    """Whether a title or text says that it sums up several events."""
    return bool(_ROUND_UP.find_matches_as_indexes(text))


def may_be_list(text: str) -> bool:
    """Whether two lines of a text look like headings, or one begins with a time: a quick look, which saves the close one."""
    found = 0
    for line in text.split("\n"):
        if line and (line[0].isdigit() or line[0] in _BULLETS or line[:2] in {"Kl", "kl"}):
            return True
        bare = len(line) <= _HEADING_CHARACTERS and line[-1:] not in _ENDS
        found += bare or ":" in line[:_HEADING_CHARACTERS] or " – " in line[:_HEADING_CHARACTERS]
    return found > 1


def lines(text: str) -> list[Line]:
    """The lines of a text that are not empty, in order."""
    spans = [span for span in _pieces(text) if span[0] < span[1]]
    return [_line(text, start, end, last=(start, end) == spans[-1]) for start, end in spans]


def sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """[start, end) of each sentence of ``text[start:end]``."""
    starts = [start, *(match.end() for match in _SENTENCE.finditer(text, start, end))]
    return [_stripped(text, begin, stop) for begin, stop in zip(starts, [*starts[1:], end], strict=True)]


def is_general(sentence: str) -> bool:
    """Whether a sentence is said of the whole, not of an incident."""
    if _GENERAL.match(sentence) or _WHOLE.match(sentence):
        return True
    return any(phrase in sentence for phrase in _OF_THE_WHOLE)


def turns(paragraph: str) -> bool:
    """Whether a paragraph begins as one that may turn to something else."""
    return _TURN.match(paragraph) is not None


def announces(sentence: str) -> bool:
    """Whether a sentence says where something will be told: ``Evenemanget i … kommer att behandlas i en separat text``."""
    return _ANNOUNCES.search(sentence) is not None


def refers_back(sentence: str) -> bool:
    """Whether a sentence goes on about what the one before it told: ``Den inträffade …``."""
    return _BACK.match(sentence) is not None


def segments(head: str) -> list[str]:
    """The parts of a heading between its signs: ``Bråk``, ``Väster``, ``Örebro``."""
    head = _TIME_INSIDE.sub(",", head)
    return [part.strip() for part in re.split(r"[,.:;/()]|\s[–—-]\s|\s(?:i|på|vid)\s", head) if part.strip()]


def _pieces(text: str) -> list[tuple[int, int]]:
    found, at = [], 0
    for line in text.split("\n"):
        cuts = _cuts(line) if ". " in line or "•" in line else ()
        ends = [at + cut for cut in (*cuts, len(line))]
        found += [_stripped(text, start, end) for start, end in zip([at, *ends], ends, strict=False)]
        at += len(line) + 1
    return found


def _cuts(line: str) -> list[int]:
    """Where a line is cut into several: before each bullet, and before a time that begins a sentence."""
    cuts = [cut.start() for cut in _BULLET_SIGN.finditer(line)]
    cuts += [cut.start() + 1 for cut in _INLINE.finditer(line) if line[cut.start() - 2 : cut.start()] != "kl"]
    return sorted(cuts)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    said = text[start:end]
    begin = end - len(said.lstrip())
    return begin, max(begin, start + len(said.rstrip()))


def _line(text: str, start: int, end: int, *, last: bool) -> Line:
    line = text[start:end]
    clock = _TIME.match(line)
    if clock is not None and (clock["until"] is None or line[clock.end() : clock.end() + 1].isupper()):
        return _timed(line, start, end, clock)
    begin = _BULLET.match(line).end()  # type: ignore[union-attr]  # it matches everything, if only at the beginning
    said, at = line[begin:], start + begin
    kind = _kind(said, ranged=clock is not None)
    if kind is not Kind.TEXT:
        return Line(start=start, end=end, kind=kind, head=(at, end) if kind is Kind.REPORT else (0, 0))
    if not last and len(said) <= _HEADING_CHARACTERS and not _UPDATE.match(said):
        inside = _TIME_INSIDE.search(said)
        if _is_heading(said, timed=inside is not None):
            return Line(start=start, end=end, kind=Kind.HEADING, time=_clock(inside) if inside else "", head=(at, end))
    lead = _lead(said)
    return Line(start=start, end=end, kind=Kind.LED if lead else Kind.TEXT, head=(at, at + lead) if lead else (0, 0))


def _kind(said: str, *, ranged: bool) -> Kind:
    """What a line without a time is by its words; TEXT also where its form makes it something else."""
    if _REPORT.match(said):
        return Kind.REPORT
    return Kind.GENERAL if ranged or is_general(said) else Kind.TEXT


def _timed(line: str, start: int, end: int, clock: re.Match[str]) -> Line:
    said = line[clock.end() :]
    at = start + clock.end()
    if _is_heading(said, timed=True):
        return Line(start=start, end=end, kind=Kind.HEADING, time=_clock(clock), head=(at, end))
    lead = _lead(said)
    return Line(start=start, end=end, kind=Kind.LED, time=_clock(clock), head=(at, at + lead) if lead else (0, 0))


def _clock(match: re.Match[str]) -> str:
    return f"{int(match['hour']) % 24:02}:{match['minute']}"


def _is_heading(said: str, *, timed: bool) -> bool:
    if not said or len(said) > _HEADING_CHARACTERS or len(said.split()) > _HEADING_WORDS or _VERB.search(said) or is_general(said):
        return False
    if said[-1] in "!?" or not (timed or said[0].isupper()):
        return False
    if said[-1] != ".":
        return True
    return "," in said and all(len(part.split()) <= _SHORT for part in segments(said))


def _lead(said: str) -> int:
    """Length of the heading that stands before the text in the same line; 0 without one."""
    colon = _COLON.match(said) if ":" in said[:_HEADING_CHARACTERS] else None
    if colon and len(colon[0].split()) <= _HEADING_WORDS and not _VERB.search(colon[0]):
        return colon.end()
    short = _SHORT_SENTENCES.match(said)
    if short:
        length = 0
        for part in re.finditer(r"[^.:]+[.:]\s+", short[0]):
            if len(part[0].split()) > _SHORT or _VERB.search(part[0]):
                break
            length = part.end()
        return length
    dash = _DASH.match(said) if _DASHES.search(said, 0, _HEADING_CHARACTERS) else None
    return dash.end() if dash and len(dash[0].split()) <= _SHORT + 1 and not _VERB.search(dash[0]) else 0
