"""What a word means to the pipeline: the official places of that name, what was learned of it, and what decides."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from spacy.language import Language

from enrich.attributes import PLACES
from enrich.gazetteer import Gazetteer
from enrich.learned.file import Learned, LearnedName
from enrich.names import COMMON_WORDS, LOWER_CASE_WORDS, SURNAMES
from enrich.nlp import analyse
from enrich.text import frame, normalise
from pipeline.model import Place, PlaceKind

#: Areas that are shown.
_MOST = 8


class Official(Struct, frozen=True, kw_only=True):
    """A place of the gazetteer with the name."""

    code: str
    name: str
    kind: PlaceKind
    #: The municipality, county or country that it lies in; empty for one of these.
    inside: str
    population: int


class Area(Struct, frozen=True, kw_only=True):
    """What notices with the name were about."""

    code: str
    name: str
    notices: int
    #: Of all notices with the name: its purity.
    share: float
    #: The notices, halved per half-life of their age.
    weight: float


class Lesson(Struct, frozen=True, kw_only=True):
    """What was learned of the name."""

    name: str
    #: Notices with it.
    support: int
    areas: tuple[Area, ...]
    #: Notices that have it as a word in lower case.
    common: int
    first: datetime
    last: datetime
    #: Ids of some of the latest documents with it.
    examples: tuple[str, ...]


class Meaning(Struct, frozen=True, kw_only=True):
    """All that is known of a word."""

    word: str
    official: tuple[Official, ...]
    #: What it is besides, in English.
    traps: tuple[str, ...]
    learned: Lesson | None
    #: Why nothing was learned; empty if something was.
    not_learned: str
    decides: str
    #: A plain sentence with the word, and what the pipeline makes of it.
    sentence: str
    places: tuple[Place, ...]


def explain(word: str, gazetteer: Gazetteer, learned: Learned | None, nlp: Language) -> Meaning:
    """What ``word`` means.

    :param nlp: the pipeline with what was learned.
    """
    name = normalise(word)
    official = tuple(
        Official(code=p.code, name=p.name, kind=p.kind, inside=_inside(p.code, gazetteer), population=p.population)
        for p in gazetteer.places
        if name.casefold() in {known.casefold() for known in p.names}
    )
    lesson = _lesson(name, gazetteer, learned)
    sentence = f"Polisen är på plats vid {lesson.name if lesson else name}."
    (doc,) = analyse(nlp, [frame("", sentence)])
    return Meaning(
        word=name,
        official=official,
        traps=_traps(name),
        learned=lesson,
        not_learned="" if lesson else _not_learned(learned),
        decides=_decides(official, lesson, learned),
        sentence=sentence,
        places=PLACES.get(doc),
    )


def _inside(code: str, gazetteer: Gazetteer) -> str:
    outer = gazetteer.describe(code.partition(":")[0]) if ":" in code else gazetteer.describe(code[:2]) if code[:1].isdigit() else None
    return outer.name if outer is not None and outer.code != code else ""


def _traps(name: str) -> tuple[str, ...]:
    said = (
        (COMMON_WORDS, "it is an ordinary word at the beginning of a sentence: it needs a word of place or an official form"),
        (LOWER_CASE_WORDS, "it is an ordinary word in lower case, where it is no place"),
        (SURNAMES, "people bear it: after a given name it is no place"),
    )
    return tuple(sentence for names, sentence in said if name.casefold() in {known.casefold() for known in names})


def _lesson(name: str, gazetteer: Gazetteer, learned: Learned | None) -> Lesson | None:
    names = learned.places.names if learned is not None and learned.places is not None else ()
    found = next((one for one in names if one.name == name), None) or next((o for o in names if o.name.casefold() == name.casefold()), None)
    if found is None:
        return None
    support = sum(count.notices for count in found.counts)
    return Lesson(
        name=found.name,
        support=support,
        areas=tuple(_areas(found, support, gazetteer))[:_MOST],
        common=found.common,
        first=found.first,
        last=found.last,
        examples=found.examples,
    )


def _areas(found: LearnedName, support: int, gazetteer: Gazetteer) -> list[Area]:
    areas = []
    for count in found.counts:
        place = gazetteer.describe(count.code)
        name = place.name if place is not None else count.code
        areas.append(Area(code=count.code, name=name, notices=count.notices, share=round(count.notices / support, 3), weight=count.weight))
    return areas


def _not_learned(learned: Learned | None) -> str:
    if learned is None:
        return "Nothing was learned yet: `fjaril learn` does."
    if learned.places is None:
        return f"No names were learned: {learned.places_part.why}"
    return "Nothing was learned of it: too few notices have it, or they are of too many places."


def _decides(official: tuple[Official, ...], lesson: Lesson | None, learned: Learned | None) -> str:
    if any(one.kind is PlaceKind.MUNICIPALITY for one in official):
        return "the official name of a municipality is never unlearned; where it says where something happened, nothing learned has a say"
    if lesson is None:
        return "the gazetteer alone" if official else "nothing: it is no place to the pipeline"
    if learned is None or not learned.places_part.used:
        return "the gazetteer alone: names that were learned are not used, as they were not better on the newest notices"
    return "all names of a text together, each by its share, weight and place in the text, beside what the gazetteer says"
