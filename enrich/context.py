"""What stands around a name says whether it is a place, and whether something happened there.

All patterns look at a few characters before or after a name, never at the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from enrich.names import words
from enrich.text import SEPARATOR

#: Characters before a name that are looked at.
BEFORE = 36
#: Characters after it.
AFTER = 28

_INNER = r"(?:(?:centrala|norra|södra|östra|västra|centrum av|närheten av|utkanten av|höjd med|hela|trakten av|stadsdelen|området|orten|byn|samhället)\s+)*"
_AT = re.compile(
    r"(?:^|[\s(\"”|/])(?:i|I|på|På|utanför|Utanför|nära|Nära|vid|Vid|inom|strax|norr\s+om|söder\s+om|öster\s+om|väster\s+om"
    r"|sydväst\s+om|sydost\s+om|nordväst\s+om|nordost\s+om|Norr\s+om|Söder\s+om|Öster\s+om|Väster\s+om|stadsdelen|orten|byn|samhället"
    r"|in|near|outside|at)\s+" + _INNER + r"$"
)
_TOWARDS = re.compile(r"(?:^|\s)(?:mot|Mot|till|Till|från|Från|riktning|to|from|towards)\s+" + _INNER + r"$")
_BETWEEN = re.compile(r"(?:^|\s)(?:mellan|Mellan|between)\s+" + _INNER + r"(?:[\w-]+\s+(?:och|till|-|–)\s+)?$")
#: An office or a home, however the word begins: ``universitetssjukhuset i``.
_OFFICES = (
    *words(
        "sjukhuset sjukhus lasarettet åklagare åklagaren åklagarkammaren åklagarmyndigheten tingsrätten häktet arresten polisstationen"
        " polishuset mediecenter ledningscentralen regionledningscentralen redaktionen presstalesperson universitetet boende bosatt"
        " hemmahörande född bor kommer"
    ),
    "hör hemma",
)
_OFFICE_IN = re.compile(r"\s+(?:i|på|vid|från)\s+(?:centrala\s+)?$", re.IGNORECASE)
_CLUB_BEFORE = re.compile(
    r"(?:^|[\s(])(?:IFK|IF|IK|BK|FK|FC|HC|HK|GIF|AIK|SK|BoIS|FF|[Pp]olisregion|Polisområde|[Rr]egion|Radio|P4|SVT|Nya|Gamla|[Dd]omkyrkan)\s+$"
)
_NAME_BEFORE = re.compile(r"(?:^|[\s(])([A-ZÅÄÖ][a-zåäöé]+)\s+$")
_ORGANISATION_AFTER = re.compile(
    r"-(?:[A-ZÅÄÖ]\w|\s)|[:']s\s|\s+(?:tingsrätts?|hovrätts?|kammarrätts?|förvaltningsrätts?|universitets?|universitetssjukhus\w*|tidning(?:en)?s?"
    r"|Tidning(?:en)?|Allehanda|Dagblad|Nyheter|Kuriren|Posten|stift|FF|IF|BK|IK|FK|HC|HK|FC|AIF|BoIS|GIF|Hockey|Basket|Energi|[Aa]irport|Universitet"
    r"|lasarett|sjukhus|[vV]äg(?:en)?|[gG]at(?:a|an)|gränd|[aA]llé|torg|plan|nation)\b"
)
_ADMINISTRATIVE_AFTER = re.compile(r"\s+(?:kommun|stad|tätort|centrum|centralort|innerstad|norra|södra|östra|västra|[Cc](?=[\s.,]))\b")
#: ``Sala backe`` is a part of Uppsala, ``Halmstad by`` a village.
_LONGER_AFTER = re.compile(
    r"\s(?:[Bb]ac(?:ke?)?|sjöstad|by|kyrkby|strand|park|gård|hed|torp|Södra|Norra|Östra|Västra|[A-ZÅÄÖ][a-z]+gården)\b"
)
_LONGER_BEFORE = re.compile(
    r"(?:^|[\s(])(?:Norra|Södra|Östra|Västra|Stora|Lilla|Gamla|Nya|Munka|Trolle|Övre|Nedre|Yttre|Inre|Sankt|S:t|[Tt]rafikplats|Väne|Kyrk|Ö|V|N|S)\s+$"
)
#: Between a part and the whole: ``Östermalm i Västerås``, ``Hammarby, Västerås``.
PART_OF = re.compile(r"(?:,|\s+(?:i|utanför|i centrala|på))\s+")
_HEADING_AFTER = re.compile(r"\s*(?:[,:;|–]|-\s)")
_SENTENCE_BEFORE = re.compile(r"(?:^|[.!?|:•]\s+[\"”]?|^\W*\d{1,2}[.:]\d\d:?\s+)$")
_LAST_OF_LIST = re.compile(r",\s+$")
_END_AFTER = re.compile(r"\s*(?:[.|]|$)")


#: ``MALMÖ. En man …``, ``Göteborg (TT)``: where the report comes from.
_AGENCY = re.compile(r"\s?(?:\(TT(?:-\w+)?\)|/TT\b)")
_DATED = re.compile(r"\s?(?:[.:]\s|[–—-]\s)")
#: ``Malmö-polisen`` and ``Malmöpolisen`` act for the town, ``Malmö-området`` is the town.
_COMPOUND_AFTER = re.compile(r"-?polis(?:en|ens)?(?!\w)|-(?!området|trakten|regionen)[a-zåäö]")
_JOINS = frozenset("-p")
#: What a longer name goes on with: most names stand before a full stop or a comma.
_LEADS_ON = frozenset(" -:'")
_DIGIT = re.compile(r"\d")
#: A road, and the words of place between it and a name: ``E6 vid``, ``riksväg 40 i höjd med``.
_ROAD = re.compile(
    r"\b(E ?\d{1,2}(?:\.\d+)?|(?:[Rr]iksväg|[Ll]änsväg|[Vv]äg|[Rr]v|[Ll]v) ?\d{1,4})(?:an)?,?"
    r"\s(?:(?:norrgående|södergående|östgående|västgående|österut|norrut|söderut|västerut|strax|precis)\s)*"
    r"(?:(?:vid|i|nära|utanför|genom|i\s+höjd\s+med|förbi|norr\s+om|söder\s+om|öster\s+om|väster\s+om|mellan)\s+)?(?:trafikplats\s+)?$"
)


class Clue(Enum):
    """What the words around a name say of it, as the duty officer reads it."""

    NO_PLACE = "en person, en klubb, en domstol eller en tidning"
    ADMINISTRATIVE = "ett ord för området följer"
    AT = "ett platsord står före"
    HEADING = "namnet står som rubrik eller sist i en"
    PLAIN = "inget runt namnet talar för eller emot"
    TAG = "namnet är en hashtag"
    COMPOUND = "de som handlar har namn efter platsen"
    BETWEEN = "namnet är ena änden av en sträcka"
    TOWARDS = "någon är på väg dit eller därifrån"
    OFFICE = "en myndighet finns eller någon bor där"
    START = "namnet inleder en mening"
    DATELINE = "texten är daterad där"

    __hash__ = object.__hash__  # each is one object; Enum's own hash runs in Python and is asked for six times a name


#: Clues that something happened there, most telling first, with the probability that they give (tuned on the police notices).
SCORES = {
    Clue.ADMINISTRATIVE: 0.97,
    Clue.AT: 0.93,
    Clue.HEADING: 0.92,
    Clue.DATELINE: 0.9,
    Clue.START: 0.86,
    Clue.PLAIN: 0.84,
    Clue.TAG: 0.8,
    Clue.COMPOUND: 0.55,
    Clue.BETWEEN: 0.45,
    Clue.TOWARDS: 0.35,
    Clue.OFFICE: 0.3,
    Clue.NO_PLACE: 0.0,
}

#: Last words of what the patterns below ask for; without one of them they need not be tried.
_GUIDES = words(
    "i på utanför nära vid inom om stadsdelen orten byn samhället området in near outside at mot till från riktning to from towards"
    " mellan between och - – centrala norra södra östra västra av med hela strax"
)
_LOWER_NAMES = frozenset({"polisregion", "region", "domkyrkan", "trafikplats"})
#: How most of what :data:`_AT` asks for ends; looking for these first is fast.
_DIRECTLY = tuple(f" {word} " for word in words("i I på På utanför Utanför nära Nära vid Vid inom strax in near outside at"))


def _office(before: str) -> bool:
    """Whether an office in the place is named, or people are said to live there."""
    guide = _OFFICE_IN.search(before)
    return guide is not None and before[: guide.start()].lower().endswith(_OFFICES)


def _at(before: str) -> bool:
    """Whether a word of place stands before the name."""
    return before.endswith(_DIRECTLY) or _AT.search(before) is not None


#: What comes before a name, and what it says; the first that fits.
_CLUES: tuple[tuple[Callable[[str], object], Clue], ...] = (
    (_office, Clue.OFFICE),
    (_BETWEEN.search, Clue.BETWEEN),
    (_TOWARDS.search, Clue.TOWARDS),
    (_at, Clue.AT),
)
#: Those that can end with a word; all of them for the other guides.
_ENDING_WITH = {
    **dict.fromkeys(("i", "på", "vid"), (_CLUES[0], _CLUES[3])),
    **dict.fromkeys(("utanför", "nära", "inom", "om", "in", "near", "at"), (_CLUES[3],)),
    **dict.fromkeys(("mot", "riktning", "to", "towards"), (_CLUES[2],)),
    **dict.fromkeys(("mellan", "between", "och", "-", "–"), (_CLUES[1],)),
    "till": (_CLUES[1], _CLUES[2]),
    "från": (_CLUES[0], _CLUES[2]),
}


def clue(text: str, start: int, end: int) -> Clue:
    """What the words around ``text[start:end]`` say."""
    before, after = text[max(0, start - BEFORE) : start], text[end : end + AFTER]
    if (not before or before.endswith(SEPARATOR)) and _is_dateline(text[start:end], after):
        return Clue.DATELINE
    if after[:1] in _JOINS and _COMPOUND_AFTER.match(after):
        return Clue.COMPOUND
    if after[:1] in _LEADS_ON and (_ORGANISATION_AFTER.match(after) or _LONGER_AFTER.match(after)):
        return Clue.NO_PLACE
    word = before.rstrip().rpartition(" ")[2]
    if (word[:1].isupper() or word in _LOWER_NAMES) and (_CLUB_BEFORE.search(before) or _LONGER_BEFORE.search(before)):
        return Clue.NO_PLACE
    return _favourable(before, after, word)


def _is_dateline(name: str, after: str) -> bool:
    """Whether a text that begins with ``name`` says so where it was written."""
    return _AGENCY.match(after) is not None or (name.isupper() and _DATED.match(after) is not None)


def road(text: str, start: int) -> str:
    """The road that is said to pass the name at ``start``: ``E6`` in ``på E6 vid Kungsbacka``; empty if none is."""
    before = text[max(0, start - 2 * BEFORE) : start]
    match = _ROAD.search(before) if _DIGIT.search(before) else None
    return match[1] if match else ""


def _favourable(before: str, after: str, word: str) -> Clue:
    """What speaks for a place; one of place or direction as the word before is worth a closer look."""
    if after[:1] == " " and _ADMINISTRATIVE_AFTER.match(after) and not (_TOWARDS.search(before) or _office(before)):
        return Clue.ADMINISTRATIVE
    guide = word.lower()
    if guide in _GUIDES:
        for says, said in _ENDING_WITH.get(guide, _CLUES):
            if says(before):
                return said
    starts = not before or (not word[-1:].isalpha() and _SENTENCE_BEFORE.search(before))
    if (starts and _HEADING_AFTER.match(after)) or (word.endswith(",") and _LAST_OF_LIST.search(before) and _END_AFTER.match(after)):
        return Clue.HEADING
    return Clue.START if starts else Clue.PLAIN


def follows_given_name(text: str, start: int, given_names: frozenset[str]) -> bool:
    """Whether a given name stands directly before: ``Anna Berg``."""
    match = _NAME_BEFORE.search(text[max(0, start - BEFORE) : start])
    return match is not None and match[1] in given_names


def follows_capital(text: str, start: int) -> bool:
    """Whether a capitalised word stands directly before, other than at the start of a sentence: part of a longer name."""
    before = text[max(0, start - BEFORE) : start]
    match = _NAME_BEFORE.search(before)
    return match is not None and not _SENTENCE_BEFORE.search(before[: match.start() + 1] or "")
