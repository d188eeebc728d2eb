"""Places in running text: what is found, what it is taken to be, and what is no place. All texts are invented."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.places import Finder
from enrich.text import frame
from pipeline.model import PlaceKind, PlaceRole


@pytest.fixture(scope="module")
def finder(gazetteer) -> Finder:
    return Finder(gazetteer)


def codes(finder, text, role=None, **known):
    return [place.code for place in finder.places(frame("", text, **known)) if role in (None, place.role)]


def happened(finder, text, **known):
    """Code of the best place where it happened, None without one."""
    return next(iter(codes(finder, text, PlaceRole.HAPPENED, **known)), None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("En bil brinner i Lund.", "1281"),
        ("Lunds kommun varnar för halka.", "1281"),
        ("Branden härjade i Upplands Väsby.", "0114"),
        ("Inbrott i Lilla Edets centrum.", "1462"),
        ("Olycka i Stockholms län.", "01"),
        ("Många larm i Skåne under natten.", "12"),
        ("Trafikolycka utanför Huskvarna.", "0680"),
        ("Fire in central Gothenburg.", "1480"),
        ("Rån mot butik, Borås.", "1490"),
        ("Bråk i Vara.", "1470"),
        ("Brand i Mark kommun.", "1463"),
        ("Olycka i Göteborgs stad.", "1480"),
    ],
)
def test_a_place_is_found(finder, text, code):
    """Names, genitives, official forms, provinces and localities."""
    assert happened(finder, text)[:4] == code


@pytest.mark.parametrize(
    "text",
    [
        "Vara försiktig när du kör.",
        "Mark och vatten skadades.",
        "Berg sprängdes vid bygget.",
        "Ed avlades inför rätten.",
        "Ale serverades på puben.",
        "Öster om vägen brann det.",
        "Polisregion Nord kallade på förstärkning.",
        "Stockholms tingsrätt dömde mannen.",
        "Göteborgs-Posten skriver om saken.",
        "IFK Göteborg vann matchen.",
        "Malmö FF förlorade.",
        "Vittnet Anna Lund hördes.",
        "Advokaten Erik Berg svarade.",
        "Hallberg utreder saken.",
        "Uppsala universitet har öppet.",
        "Polis på Stockholmsvägen och Lundagatan.",
        "att vara i sala och mark och mora",
    ],
)
def test_a_trap_is_no_place(finder, text):
    """Common words, surnames, clubs, courts, newspapers, regions and streets."""
    assert happened(finder, text) is None


def test_lower_case_without_a_word_of_place_is_no_place(finder, gazetteer):
    """Not one name of the gazetteer counts in lower case by itself."""
    text = " . ".join(place.name.lower() for place in gazetteer.places if " i " not in place.name)
    assert finder.mentions(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("det brinner i malmö", "1280"),
        ("nu brinner det i upplands väsby igen", "0114"),
        ("I lund brinner det", "1281"),
        ("rån i centrala örebro!!", "1880"),
        ("bråk i malmös centrum", "1280"),
        ("översvämning i stockholms län", "01"),
        ("mycket regn i skåne", "12"),
        ("fire in malmö", "1280"),
    ],
)
def test_a_post_without_capitals_has_its_place(finder, text, code):
    """A well-known name after a word of place counts in lower case where the text has no name with a capital."""
    assert happened(finder, text) == code


@pytest.mark.parametrize(
    "text",
    [
        "inbrott i boden",
        "vi sitter på klippan",
        "det luktar i mark och jord",
        "en match i malmö ff",
        "i en lund",
        "malmö brinner",
        "i berg",
        "rattfylleri i malmöfyllan",
        "Brand i Eslöv men inte i lund",
    ],
)
def test_a_lower_case_trap_is_no_place(finder, text):
    """Words of another meaning, small or ambiguous names, clubs, other words around it, and texts that do use capitals."""
    assert "1281" not in codes(finder, text)
    assert codes(finder, text) in ([], ["1285"])


@pytest.mark.parametrize("text", ["i ", "i a", "i malmö ", "i malmö-", "på\n"])
def test_no_lower_case_text_takes_long(finder, text):
    """A hundred thousand characters of what the pattern begins with take less than a second."""
    begin = process_time()
    finder.mentions(text * (100_000 // len(text)))
    assert process_time() - begin < 1


def test_the_source_decides(finder):
    """A place that the source states has score 1 and comes first; another municipality is then only mentioned."""
    places = finder.places(frame("", "En bil från Malmö brann i Lund.", stated="0180"))
    assert (places[0].code, places[0].score, places[0].field) == ("0180", 1.0, "source")
    assert {place.role for place in places[1:]} == {PlaceRole.MENTIONED}


def test_the_text_decides_between_homonyms(finder):
    """Östermalm is in Stockholm, Västerås and Borås: the town named beside it decides."""
    assert happened(finder, "Rån på Östermalm. Polisen i Västerås söker vittnen.")[:4] == "1980"
    assert codes(finder, "Rån på Östermalm.", PlaceRole.HAPPENED) == []


def test_the_area_of_the_source_decides_between_homonyms(finder):
    """Without a town in the text, the area that the source writes about decides."""
    assert happened(finder, "Rån på Östermalm.", area="1490")[:4] == "1490"


def test_an_unknown_part_of_a_known_town(finder):
    """A name that the text puts into another municipality than any we know is no place of its own."""
    assert happened(finder, "Bråk på Jakobsberg i Sala.") == "1981"


def test_where_somebody_goes_is_not_where_it_happened(finder):
    """Direction, hospital and court are mentioned only."""
    assert happened(finder, "Olycka på E4 i riktning mot Gävle.") is None
    assert happened(finder, "Mannen fördes till sjukhus i Umeå.") is None
    assert happened(finder, "Bilen kom från Malmö och krockade i Lund.") == "1281"


def test_a_country_is_mentioned(finder):
    """What the police of a Swedish town do with Denmark does not happen in Denmark."""
    places = finder.places(frame("", "En man från Danmark greps i Malmö."))
    assert [(p.code, p.role) for p in places] == [("1280", PlaceRole.HAPPENED), ("DK", PlaceRole.MENTIONED)]
    assert places[1].kind is PlaceKind.ABROAD


def test_a_place_says_why(finder):
    """Each place has a sentence of reason, and the readings that were rejected."""
    place = finder.places(frame("", "Brand i Nykvarn."))[0]
    assert place.reason.endswith(".")
    assert all(other.code != place.code for other in place.alternatives)


def test_a_document_has_at_most_twelve(finder, gazetteer):
    """A register of places is cut off."""
    names = [p.name for p in gazetteer.places if p.kind is PlaceKind.MUNICIPALITY]
    assert len(codes(finder, "Larm i " + ", ".join(names))) == 12


NAMES = ["Lund", "Lunds", "Upplands Väsby", "Stockholms län", "Vara", "Östermalm", "Ås", "Borås", "Göteborgs-Posten", "Malmö"]


@settings(max_examples=200)
@given(st.lists(st.sampled_from([*NAMES, "i", "brand", ".", ",", "mot", "kommun", "\n", "vara"]), max_size=15).map(" ".join))
def test_a_span_is_the_name_that_stands_there(finder, text):
    """Each span of the frame is one of the names of its place, or a form of it."""
    framed = frame("", text)
    for place in finder.places(framed):
        found = framed.text[place.start : place.end]
        assert found[0].isupper()
        assert found.split()[0].removesuffix("s") in {word.removesuffix("s") for word in (place.name, place.name.split()[0])}
