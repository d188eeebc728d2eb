"""Places: names of the gazetteer in the text, each read as the place that the rest of the document speaks for.

Case counts: ``Vara`` is a town and ``vara`` a verb. The automaton runs over the raw string; only what it finds is looked at. Only where
it finds nothing, as in a post written without capitals, a well-known name after a word of place counts in lower case: ``i malmö``.
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
from enrich.text import Frame
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


class Surface(Struct, frozen=True):
    """A way to write the name of one or more places."""

    text: str
    #: What it may mean: municipalities first, then the most populous.
    readings: tuple[NamedPlace, ...]
    #: It names the area as such: ``Lunds kommun``, ``Stockholms län``.
    administrative: bool = False


class Finder:
    """Finds the names of a gazetteer in a text."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        self._surfaces = _surfaces(gazetteer.places)
        self._well_known = {surface.text.lower(): surface for surface in self._surfaces if _is_well_known(surface)}
        self._automaton = ahocorasick_rs.AhoCorasick(
            [surface.text for surface in self._surfaces], matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        )

    def mentions(self, text: str) -> list[Mention]:
        """Every name in ``text`` that may be a place, in order; the first hundred."""
        found = []
        last = len(text) - 1
        for number, start, end in self._automaton.find_matches_as_indexes(text):
            if (start and text[start - 1].isalnum()) or (end <= last and text[end].isalnum()):
                continue
            surface = self._surfaces[number]
            clue = Clue.ADMINISTRATIVE if surface.administrative else self._clue(text, start, end, surface.text)
            if clue is not Clue.NO_PLACE:
                found.append(Mention(start=start, end=end, clue=clue, readings=surface.readings, surface=surface.text))
                if len(found) == _MOST_MENTIONS:
                    break
        return found or list(islice(self._in_lower_case(text), _MOST_MENTIONS))

    def _in_lower_case(self, text: str) -> Iterator[Mention]:
        for match in _LOWER_CASE.finditer(text):
            name = next((name for name in (match[1], match[1].partition(" ")[0]) if name in self._well_known), None)
            if name is None:
                continue
            start, end, surface = match.end(), match.end() + len(name), self._well_known[name]
            clue = Clue.ADMINISTRATIVE if surface.administrative else context.clue(text, start, end)
            if clue is not Clue.NO_PLACE and not _CLUB.match(text, end):
                yield Mention(start=start, end=end, clue=clue, readings=surface.readings, surface=surface.text)

    @staticmethod
    def _clue(text: str, start: int, end: int, name: str) -> Clue:
        if start and text[start - 1] in "-–" and start > 1 and text[start - 2].isalpha():
            return Clue.BETWEEN if text[start - 2].islower() else Clue.NO_PLACE
        clue = context.clue(text, start, end)
        if clue in {Clue.PLAIN, Clue.START, Clue.HEADING} and name in COMMON_WORDS:
            return Clue.NO_PLACE  # a common word that begins a sentence, or part of another name
        if clue is Clue.PLAIN and context.follows_given_name(text, start, GIVEN_NAMES):
            return Clue.NO_PLACE
        if clue is Clue.PLAIN and name in SURNAMES and context.follows_capital(text, start):
            return Clue.NO_PLACE
        return clue

    def places(self, framed: Frame) -> tuple[Place, ...]:
        """The places of a document, best first; spans refer to the frame's text."""
        return resolve(framed, self.mentions(framed.text), self.gazetteer)


def _surfaces(places: Iterable[NamedPlace]) -> list[Surface]:
    """Names, genitives and official forms, each once."""
    readings: dict[str, list[NamedPlace]] = {}
    administrative: set[str] = set()
    for place in places:
        for name in place.names:
            for form, official in _forms(name, place.kind):
                readings.setdefault(form, []).append(place)
                if official:
                    administrative.add(form)
    return [Surface(form, _ordered(found), form in administrative) for form, found in readings.items()]


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
