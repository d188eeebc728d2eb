"""Places: names of the gazetteer in the text, each read as the place that the rest of the document speaks for.

Case counts: ``Vara`` is a town and ``vara`` a verb. The automaton runs over the raw string; only what it finds is looked at. Only where
it finds nothing, as in a post written without capitals, a well-known name after a word of place counts in lower case: ``i malmö``.
A hashtag counts in lower case anywhere: ``#malmö``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import ahocorasick_rs
from msgspec import Struct
from spacy.language import Language
from spacy.tokens import Doc

from enrich import attributes, context
from enrich.context import Clue
from enrich.gazetteer import Gazetteer, NamedPlace
from enrich.names import COMMON_WORDS, GIVEN_NAMES, LOWER_CASE_WORDS, SURNAMES
from enrich.resolve import Mention, resolve
from enrich.text import SEPARATOR, Frame
from pipeline.errors import FjarilError
from pipeline.model import Place, PlaceKind

#: Mentions of a document that are weighed against each other; what comes later is never its place.
_MOST_MENTIONS = 100
#: Inhabitants that a municipality needs for its name to count in lower case.
_WELL_KNOWN = 10_000
#: A word of place or direction, and the one or two words in lower case after it; no club follows.
_LOWER_CASE = re.compile(
    r"(?<!\w)(?i:i|på|vid|från|till|mot|utanför|nära|in|near)\s(?:(?:centrala|norra|södra|östra|västra)\s)?(?=([a-zåäöé-]+(?:\s[a-zåäöé-]+)?)(?!\w))"
)
_CLUB = re.compile(r"\s(?:ff|if|bk|ik|fk|hc|hk|fc|aif|bois|gif)\b")


#: Inhabitants that a locality needs to be known by a hashtag in lower case.
_TAGGED = 5_000
_HASHTAG = re.compile(r"(?<![\w#])#([a-zåäöé]{3,40})(?!\w)")
#: Favourable clues that stand against what a common word says.
_TELLING = frozenset({Clue.ADMINISTRATIVE, Clue.AT, Clue.BETWEEN, Clue.TOWARDS, Clue.OFFICE, Clue.DATELINE, Clue.COMPOUND})
#: Kinds of places whose names count in capitals too: ``MALMÖ``.
_IN_CAPITALS = frozenset({PlaceKind.MUNICIPALITY, PlaceKind.COUNTY, PlaceKind.ABROAD})
#: Names that are ordinary words in lower case or in capitals.
_ORDINARY = COMMON_WORDS | LOWER_CASE_WORDS
#: Ends of words that may be nouns in the definite form, as ``torget``: no such district counts as a hashtag in lower case.
_DEFINITE = ("n", "t")
_NAME = re.compile(r"[A-ZÅÄÖ][a-zåäöéø]+")


class Surface(Struct, frozen=True):
    """A way to write the name of one or more places."""

    text: str
    #: What it may mean: municipalities first, then the most populous.
    readings: tuple[NamedPlace, ...]
    #: It names the area as such: ``Lunds kommun``, ``Stockholms län``.
    administrative: bool = False
    #: It is an ordinary word too; written in capitals throughout, also one that is none at the beginning of a sentence.
    common: bool = False
    #: People bear it.
    surname: bool = False


class Finder:
    """Finds the names of a gazetteer in a text."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        self._surfaces = _surfaces(gazetteer.places)
        self._texts = frozenset(surface.text for surface in self._surfaces)
        self._well_known = {surface.text.lower(): surface for surface in self._surfaces if _is_well_known(surface)}
        self._tags = {surface.text.lower().replace(" ", ""): surface for surface in self._surfaces if _may_be_tag(surface)}
        self._automaton = ahocorasick_rs.AhoCorasick(
            [surface.text for surface in self._surfaces],
            matchkind=ahocorasick_rs.MatchKind.LeftmostLongest,
            implementation=ahocorasick_rs.Implementation.DFA,
        )

    def mentions(self, text: str) -> list[Mention]:
        """Every name in ``text`` that may be a place, in order; the first hundred."""
        found = []
        last = len(text) - 1
        for number, start, end in self._automaton.find_matches_as_indexes(text):
            if (start and text[start - 1].isalnum()) or (end <= last and text[end].isalnum() and not text.startswith("polis", end)):
                continue
            surface = self._surfaces[number]
            clue = Clue.ADMINISTRATIVE if surface.administrative else self._clue(text, start, end, surface)
            if clue is not Clue.NO_PLACE:
                found.append(Mention(start=start, end=end, clue=clue, readings=surface.readings, surface=surface.text))
                if len(found) == _MOST_MENTIONS:
                    break
        found = found or list(islice(self._in_lower_case(text), _MOST_MENTIONS))
        return found if "#" not in text else sorted((*found, *self._hashtags(text)), key=lambda mention: mention.start)[:_MOST_MENTIONS]

    def _hashtags(self, text: str) -> Iterator[Mention]:
        for match in _HASHTAG.finditer(text):
            if (surface := self._tags.get(match[1])) is not None:
                yield Mention(start=match.start(1), end=match.end(1), clue=Clue.TAG, readings=surface.readings, surface=surface.text)

    def _in_lower_case(self, text: str) -> Iterator[Mention]:
        for match in _LOWER_CASE.finditer(text):
            name = next((name for name in (match[1], match[1].partition(" ")[0]) if name in self._well_known), None)
            if name is None:
                continue
            start, end, surface = match.end(), match.end() + len(name), self._well_known[name]
            clue = Clue.ADMINISTRATIVE if surface.administrative else context.clue(text, start, end)
            if clue is not Clue.NO_PLACE and not _CLUB.match(text, end):
                yield Mention(start=start, end=end, clue=clue, readings=surface.readings, surface=surface.text)

    def _clue(self, text: str, start: int, end: int, surface: Surface) -> Clue:
        clue = self._joined(text, start, end) or context.clue(text, start, end)
        if surface.common and clue not in _TELLING:
            return Clue.NO_PLACE  # a common word that begins a sentence, or part of another name
        if clue is Clue.PLAIN and _is_surname(text, start, surface):
            return Clue.NO_PLACE
        return clue

    def _joined(self, text: str, start: int, end: int) -> Clue | None:
        """What a sign says that joins the name to what stands beside it; None if there is none."""
        before = text[start - 1] if start else ""
        if before == "#":
            return Clue.TAG
        if start > 1 and before in "-–" and text[start - 2].isalpha():
            return Clue.BETWEEN if text[start - 2].islower() else Clue.NO_PLACE
        if text[end : end + 1] in {"-", "–"} and self._stretches(text, end + 1):
            return Clue.BETWEEN
        return None

    def _stretches(self, text: str, start: int) -> bool:
        """Whether another name follows a hyphen: ``Stockholm-Uppsala``."""
        word = _NAME.match(text, start)
        return word is not None and word[0] in self._texts

    def places(self, framed: Frame) -> tuple[Place, ...]:
        """The places of a document, best first; spans refer to the frame's text."""
        mentions = self.mentions(framed.text)
        titled = self._titled(framed)
        return resolve(framed, [titled, *(m for m in mentions if m.start >= titled.end)] if titled else mentions, self.gazetteer)

    def _titled(self, framed: Frame) -> Mention | None:
        """A municipality or county that a title ends with, in any case: ``22 augusti 17.59, Brand, Upplands väsby``."""
        end = framed.body - len(SEPARATOR)
        start = framed.text.rfind(", ", 0, max(end, 0)) + 2
        if start < 2 or not framed.text[start].isupper():
            return None
        name = framed.text[start:end]
        place = self.gazetteer.municipality_by_name(name) or self.gazetteer.county_by_name(name)
        return Mention(start=start, end=end, clue=Clue.HEADING, readings=(place,), surface=name) if place else None


def _is_surname(text: str, start: int, surface: Surface) -> bool:
    return context.follows_given_name(text, start, GIVEN_NAMES) or (surface.surname and context.follows_capital(text, start))


def _surfaces(places: Iterable[NamedPlace]) -> list[Surface]:
    """Names, genitives and official forms, and names in capitals, each once."""
    readings: dict[str, list[NamedPlace]] = {}
    administrative: set[str] = set()
    capitals: set[str] = set()
    for place in places:
        for name in place.names:
            for form, official in _forms(name, place.kind):
                readings.setdefault(form, []).append(place)
                if official:
                    administrative.add(form)
            if place.kind in _IN_CAPITALS and not name.isupper():
                for form in dict.fromkeys((name.upper(), genitive(name).upper())):
                    readings.setdefault(form, []).append(place)
                    capitals.add(form)
    return [
        Surface(
            form,
            _ordered(found),
            form in administrative,
            form in COMMON_WORDS or (form in capitals and form.title() in _ORDINARY),
            form in SURNAMES,
        )
        for form, found in readings.items()
    ]


def _may_be_tag(surface: Surface) -> bool:
    """Whether it is a name that a hashtag in lower case means: known, of one place, and no other word."""
    place = surface.readings[0]
    if surface.common or place.name in _ORDINARY or (len(surface.readings) > 1 and place.kind is not PlaceKind.MUNICIPALITY):
        return False
    if place.kind is PlaceKind.LOCALITY:
        return place.population >= _TAGGED
    return place.kind is not PlaceKind.DISTRICT or not place.name.endswith(_DEFINITE)


def _is_well_known(surface: Surface) -> bool:
    """Whether it means a county, or a municipality of some size, and is no word of another meaning in lower case."""
    place = surface.readings[0]
    known = place.kind is PlaceKind.COUNTY or (place.kind is PlaceKind.MUNICIPALITY and place.population >= _WELL_KNOWN)
    return known and place.name not in LOWER_CASE_WORDS


def _forms(name: str, kind: PlaceKind) -> list[tuple[str, bool]]:
    """(form, whether it names the area as such)."""
    possessive = genitive(name)
    forms = [(name, kind is PlaceKind.COUNTY)]
    if possessive != name:
        forms.append((possessive, kind is PlaceKind.COUNTY))
    if kind is PlaceKind.MUNICIPALITY:
        forms += [(f"{form} {word}", True) for form in dict.fromkeys((name, possessive)) for word in ("kommun", "kommuns")]
    return forms


def genitive(name: str) -> str:
    """``Lunds`` of ``Lund``; a name that ends in s, x or z stays as it is."""
    return name if name[-1] in "sxz" else name + "s"


def _ordered(found: list[NamedPlace]) -> tuple[NamedPlace, ...]:
    """Municipalities first, then by population; a locality that has its own municipality's name is that municipality."""
    municipalities = {place.code for place in found if place.kind is PlaceKind.MUNICIPALITY}
    kept = {p.code: p for p in found if p.code[:4] not in municipalities or p.kind is PlaceKind.MUNICIPALITY}
    by_area: dict[str, NamedPlace] = {}
    for place in sorted(kept.values(), key=lambda p: (p.kind is not PlaceKind.MUNICIPALITY, -p.population, p.code)):
        by_area.setdefault(place.code[:4], place)
    return tuple(by_area.values())


@Language.factory("fjaril_places", assigns=["doc._.places"])
class PlacesComponent(attributes.Component):
    """Sets ``doc._.places``, with spans in the frame's text."""

    def __init__(self, nlp: Language, name: str) -> None:
        self.name, self.vocab = name, nlp.vocab
        self.finder: Finder | None = None

    def use(self, gazetteer: Gazetteer) -> None:
        """Find the names of this gazetteer."""
        self.finder = Finder(gazetteer)

    def __call__(self, doc: Doc) -> Doc:
        """The document, with its places set.

        :raises FjarilError: if no gazetteer was given.
        """
        if self.finder is None:
            raise FjarilError(f"component {self.name}: it has no gazetteer; build the pipeline with enrich.nlp.build")
        attributes.PLACES.set(doc, self.finder.places(attributes.framed(doc)))
        return doc
