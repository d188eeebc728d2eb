"""Which place each name means, how sure that is, and where the event happened.

One name can mean several places. What decides, in this order: the place that the source states, a place that the text names
without doubt in the same municipality or county, the area that the source writes about, and the number of inhabitants.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct

from enrich import context
from enrich.context import PART_OF, SCORES, Clue
from enrich.gazetteer import Gazetteer, NamedPlace
from enrich.text import Frame
from pipeline.model import Alternative, Place, PlaceKind, PlaceRole

#: Most places kept of a document: longer lists are registers, not events.
MOST = 12
#: How many times as populous the likeliest reading must be to be taken without other evidence.
_DOMINANT = 8
_LEAST_HAPPENED = 0.5
_AWAY = frozenset({Clue.TOWARDS, Clue.OFFICE})
#: Words that say that it happened abroad; in Swedish texts a country is more often only named.
_ABROAD = frozenset({Clue.AT, Clue.HEADING})
_STATED = "Källan själv anger platsen."


class Mention(Struct, frozen=True, kw_only=True):
    """A name found in a text, with what it may mean."""

    start: int
    end: int
    clue: Clue
    #: Likeliest first, without other evidence.
    readings: tuple[NamedPlace, ...]
    surface: str


class Reading(Struct, frozen=True, kw_only=True):
    """A mention read as one place."""

    mention: Mention
    place: NamedPlace
    #: Probability that this reading is right.
    trust: float
    reason: str
    #: What speaks against the other readings.
    against: str = ""


def resolve(framed: Frame, mentions: Sequence[Mention], gazetteer: Gazetteer) -> tuple[Place, ...]:
    """The places of a document, best first, each once. Spans refer to the frame's text."""
    stated = gazetteer.describe(framed.stated) if framed.stated else None
    places = [_stated(stated)] if stated is not None else []
    if mentions:
        firm = {m.readings[0].code[:4] for m in mentions if len(m.readings) == 1}
        readings = [_read(mention, framed, firm, stated) for mention in _without_parts(framed.text, mentions)]
        places += [place for place in _judge(framed, readings, stated) if stated is None or place.code != stated.code]
    return tuple(sorted(places, key=lambda place: -place.score)[:MOST])


def _without_parts(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """Without names that the text puts into another municipality than any we know: ``Östermalm i Västerås``.

    A country is as far away as the town in it that somebody only goes to: ``till Fredrikshamn i Danmark``.
    """
    kept, last = [], mentions[0]
    for following in mentions[1:]:
        part_of = PART_OF.fullmatch(text, last.end, following.start)
        if not part_of or _may_lie_in(last, following.readings[0]):
            kept.append(last)
        away = part_of is not None and last.clue in _AWAY and following.readings[0].kind is PlaceKind.ABROAD
        last = msgspec.structs.replace(following, clue=last.clue) if away else following
    return [*kept, last]


def _may_lie_in(mention: Mention, whole: NamedPlace) -> bool:
    """Whether one of the readings lies in ``whole``, which need not be larger than a locality."""
    if mention.readings[0].kind in {PlaceKind.MUNICIPALITY, PlaceKind.COUNTY} or whole.kind is not PlaceKind.MUNICIPALITY:
        return True
    return any(reading.code.startswith(whole.code) for reading in mention.readings)


def _stated(place: NamedPlace) -> Place:
    return Place(
        code=place.code,
        name=place.name,
        kind=place.kind,
        role=PlaceRole.HAPPENED,
        score=1.0,
        field="source",
        reason=_STATED,
        latitude=place.latitude,
        longitude=place.longitude,
    )


def _read(mention: Mention, framed: Frame, firm: set[str], stated: NamedPlace | None) -> Reading:
    """The mention as the place that the rest speaks for."""
    readings = mention.readings
    if len(readings) == 1:
        return Reading(mention=mention, place=readings[0], trust=1.0, reason="bara en plats heter så")
    codes = ([stated.code] if stated is not None else []) + sorted(firm)
    for length, why in ((4, "texten nämner dess kommun"), (2, "texten nämner dess län")):
        near = [place for place in readings if any(len(c) >= length and c[:length] == place.code[:length] for c in codes)]
        if len(near) == 1:
            trust = 0.97 if length == 4 else 0.92
            return Reading(mention=mention, place=near[0], trust=trust, reason=why, against="inget i texten pekar dit")
    area = [place for place in readings if framed.area != "SE" and place.code.startswith(framed.area)]
    if len(area) == 1:
        against = "ligger utanför källans område"
        return Reading(mention=mention, place=area[0], trust=0.9, reason="källan skriver om detta område", against=against)
    return _likeliest(mention)


def _likeliest(mention: Mention) -> Reading:
    first, second = mention.readings[:2]
    if first.kind is PlaceKind.MUNICIPALITY:
        reason, against = "en kommun går före en mindre plats med samma namn", "mindre plats med samma namn som en kommun"
        return Reading(mention=mention, place=first, trust=0.97, reason=reason, against=against)
    unknown = any(place.kind is PlaceKind.DISTRICT for place in mention.readings)  # nobody counted its inhabitants
    if not unknown and first.population >= _DOMINANT * max(second.population, 1):
        reason, against = "den är i särklass störst av dem som heter så", "har mycket färre invånare"
        return Reading(mention=mention, place=first, trust=0.8, reason=reason, against=against)
    reason = "flera platser heter så och inget avgör"
    return Reading(mention=mention, place=first, trust=0.3, reason=reason, against="lika möjlig: inget avgör")


def _judge(framed: Frame, readings: Sequence[Reading], stated: NamedPlace | None) -> list[Place]:
    """Each place that is read, once, with score and role: its best mention, the first of equals."""
    codes = {reading.place.code for reading in readings}
    supported = {code for code in codes if _supported(code, codes)}
    best: dict[str, tuple[float, Reading]] = {}
    for order, reading in enumerate(readings):
        code, score = reading.place.code, SCORES[reading.mention.clue] * reading.trust
        if code in supported:
            score += 0.3 * (1 - score)
        score *= 0.985**order
        if code not in best or score > best[code][0]:
            best[code] = score, reading
    places = [_place(framed, reading, score, stated) for score, reading in best.values()]
    return places if stated is None and not any(map(_in_sweden, places)) else [_only_named(place) for place in places]


def _in_sweden(place: Place) -> bool:
    return place.role is PlaceRole.HAPPENED and place.kind is not PlaceKind.ABROAD


def _only_named(place: Place) -> Place:
    """A place abroad is only named where the same text tells of what happened in Sweden."""
    if place.kind is not PlaceKind.ABROAD or place.role is not PlaceRole.HAPPENED:
        return place
    return msgspec.structs.replace(place, role=PlaceRole.MENTIONED)


def _supported(code: str, support: Iterable[str]) -> bool:
    """Whether another name of the text lies in the same municipality, or is its county."""
    return any(other != code and (other[:4] == code[:4] or (len(other) == 2 and other == code[:2])) for other in support)


def _place(framed: Frame, reading: Reading, score: float, stated: NamedPlace | None) -> Place:
    mention, place = reading.mention, reading.place
    return Place(
        code=place.code,
        name=place.name,
        kind=place.kind,
        role=_role(reading, score, stated),
        score=round(min(score, 0.99), 3),
        start=mention.start,
        end=mention.end,
        field=framed.field(mention.start),
        reason=_reason(framed, reading),
        alternatives=_alternatives(reading) if len(mention.readings) > 1 else (),
        latitude=place.latitude,
        longitude=place.longitude,
    )


def _alternatives(reading: Reading) -> tuple[Alternative, ...]:
    why = _sentence(reading.against)
    others = [place for place in reading.mention.readings[:5] if place is not reading.place]
    return tuple([Alternative(code=other.code, name=other.name, reason=why) for other in others])


def _reason(framed: Frame, reading: Reading) -> str:
    return _said(reading.reason, reading.mention.clue, context.road(framed.text, reading.mention.start))


@lru_cache(maxsize=1_000)
def _said(reason: str, clue: Clue, road: str) -> str:
    return _sentence(f"{reason}; {clue.value}{f' ({road})' if road else ''}")


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _role(reading: Reading, score: float, stated: NamedPlace | None) -> PlaceRole:
    """Happened, unless the words say otherwise, or the source states another municipality."""
    place, clue = reading.place, reading.mention.clue
    if clue is Clue.DATELINE:
        return PlaceRole.REPORTED
    if clue in _AWAY or score < _LEAST_HAPPENED or (place.kind is PlaceKind.ABROAD and clue not in _ABROAD):
        return PlaceRole.MENTIONED
    if stated is not None and not (place.code.startswith(stated.code) or stated.code.startswith(place.code)):
        return PlaceRole.MENTIONED
    return PlaceRole.HAPPENED
