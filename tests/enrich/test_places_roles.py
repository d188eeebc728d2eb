"""What a place is to a text (happened, reported from, mentioned), and forms of names beside the plain one. All texts are invented."""

from __future__ import annotations

import pytest

from enrich.places import Finder
from enrich.text import frame
from pipeline.model import Place, PlaceKind


@pytest.fixture(scope="module")
def finder(gazetteer) -> Finder:
    return Finder(gazetteer)


def found(finder, text, title="", **known) -> dict[str, Place]:
    """Code → place; of a place inside a municipality the municipality's code with its name: ``0180 Rinkeby``."""
    places = finder.places(frame(title, text, **known))
    return {p.code if ":" not in p.code or p.kind is PlaceKind.REGION else f"{p.code.split(':')[0]} {p.name}": p for p in places}


def roles(finder, text, **known) -> dict[str, str]:
    return {code: str(place.role) for code, place in found(finder, text, **known).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # datelines
        ("MALMÖ. En man har gripits i Lund.", {"1280": "reported", "1281": "happened"}),
        ("Göteborg (TT). En skola i Alingsås brinner.", {"1480": "reported", "1489": "happened"}),
        ("STOCKHOLM – Regeringen presenterade förslaget.", {"0180": "reported"}),
        ("Göteborg/TT En skola brinner.", {"1480": "reported"}),
        ("LUND. En cykel har hittats.", {"1281": "reported"}),
        ("Lund. En cykel har hittats.", {}),
        ("Malmö. En cykel har hittats.", {"1280": "happened"}),
        # districts
        ("Skott i Rinkeby.", {"0180 Rinkeby": "happened"}),
        ("Brand på Rosengård.", {"1280 Rosengård": "happened"}),
        ("Bilar brinner i Gottsunda.", {"0380 Gottsunda": "happened"}),
        ("Rån i Hammarkullen i Göteborg.", {"1480 Hammarkullen": "happened", "1480": "happened"}),
        # regions
        ("Snökaos i Norrland.", {"SE:norrland": "happened"}),
        ("Många larm i Skåne.", {"12": "happened"}),
        ("Tågstopp i Mälardalen.", {"SE:malardalen": "happened"}),
        ("Skogsbrand i Bergslagen.", {"SE:bergslagen": "happened"}),
        ("Översvämning i Bohuslän.", {"14:bohuslan": "happened"}),
        ("Strömavbrott på Öland.", {"08:oland": "happened"}),
        # roads
        ("Olycka på E6 vid Kungsbacka.", {"1384": "happened"}),
        ("Olycka på riksväg 40 i höjd med Borås.", {"1490": "happened"}),
        ("Krock på länsväg 222 utanför Nacka.", {"0182": "happened"}),
        ("Långa köer på E4 mot Gävle.", {"2180": "mentioned"}),
        ("Olycka på E22 mellan Kristianstad och Karlshamn.", {"1290": "mentioned", "1082": "mentioned"}),
        # abroad
        ("Explosion i Köpenhamn.", {"DK Köpenhamn": "happened"}),
        ("Explosion i København.", {"DK Köpenhamn": "happened"}),
        ("Blast in Copenhagen.", {"DK Köpenhamn": "happened"}),
        ("Skottlossning i Oslo.", {"NO Oslo": "happened"}),
        ("Brand i Helsingfors, Finland.", {"FI Helsingfors": "happened", "FI": "happened"}),
        ("Tulipalo Turussa.", {"FI Åbo": "mentioned"}),
        ("Mannen greps i Malmö efter en explosion i Köpenhamn.", {"1280": "happened", "DK Köpenhamn": "mentioned"}),
        ("Bilen kom från Norge.", {"NO": "mentioned"}),
        ("Färjan går till Fredrikshamn i Danmark.", {"DK Fredrikshamn": "mentioned", "DK": "mentioned"}),
        # other languages
        ("Tukholma: mielenosoitus.", {"0180": "happened"}),
        ("Mielenosoitus Tukholmassa.", {"0180": "happened"}),
        ("Riots in Gothenburg.", {"1480": "happened"}),
        ("Flooding in Scania.", {"12": "happened"}),
        # hashtags
        ("Bråk på torget #malmö", {"1280": "happened"}),
        ("Bråk på torget #Malmö", {"1280": "happened"}),
        ("Bråk på torget #göteborg #brand", {"1480": "happened"}),
        ("stökigt nu #rosengård", {"1280 Rosengård": "happened"}),
        ("#upplandsväsby brinner", {"0114": "happened"}),
        ("kan det vara sant #vara #mark #sala #mora #malmöff #torget", {}),
        ("https://exempel.example/#malmö-brinner", {"1280": "happened"}),
        # compounds and stretches
        ("Malmö-polisen söker vittnen.", {"1280": "happened"}),
        ("Göteborgspolisen söker vittnen.", {"1480": "happened"}),
        ("Stökigt i Göteborgs-området.", {"1480": "happened"}),
        ("Signalfel på sträckan Stockholm-Uppsala.", {"0180": "mentioned", "0380": "mentioned"}),
        ("Stockholm-Uppsala har stopp i tågtrafiken.", {"0180": "mentioned", "0380": "mentioned"}),
        ("En Lund-bo berättar.", {"1281": "happened"}),
        # capitals
        ("BRAND I MALMÖ NU", {"1280": "happened"}),
        ("DET SKA VARA MARK OCH BERG HÄR", {}),
        # traps
        ("Vara eller inte vara.", {}),
        ("Mark Berg och Ed Lund vittnade.", {}),
        ("Karin Hallberg utreder.", {}),
        ("Öster brinner himlen.", {}),
        ("Sala in pengarna.", {}),
        ("Polisregion Nord söker folk.", {}),
        ("Polisregion Bergslagen söker folk.", {}),
        ("Göteborgs-Posten rapporterar.", {}),
        ("GÖTEBORGS-POSTEN rapporterar.", {}),
        ("Målvakten lämnar IFK Göteborg.", {}),
        ("Åtal vid Malmö tingsrätt.", {}),
        ("Moss växer på taket.", {}),
        ("Bergen är höga.", {}),
        ("Vanda Ek hördes.", {}),
        ("Rom serverades.", {}),
    ],
)
def test_roles(finder, text, expected):
    """Every place of the text with its role, and no other."""
    assert roles(finder, text) == expected


def test_a_title_ends_with_the_place(finder):
    """What a notice's title ends with is its place in any case, also a name that is an ordinary word."""
    for name, code in (("Upplands väsby", "0114"), ("Lund", "1281"), ("Mark", "1463"), ("Skåne län", "12"), ("Östra göinge", "1256")):
        place = found(finder, "En man är gripen.", title=f"3 maj 11.20, Brand, {name}")[code]
        assert (place.role, place.field) == ("happened", "title")


def test_no_title_takes_a_word_for_a_place(finder):
    """A lower-case word at the end of a title, or a title of one name that is an ordinary word, is none."""
    assert roles(finder, "Text.", title="En bok om skog, mark") == {}
    assert roles(finder, "Text.", title="Vara") == {}


def test_the_reason_names_the_road(finder):
    """A place beside a road says so; the next sentence's does not."""
    assert "(E6)" in found(finder, "Olycka på E6 vid Kungsbacka.")["1384"].reason
    assert "(riksväg 40)" in found(finder, "Krock, riksväg 40 i höjd med Borås.")["1490"].reason
    assert "(" not in found(finder, "Köer på E6. I Kungsbacka snöar det.")["1384"].reason


def test_a_rejected_reading_says_why(finder):
    """Each alternative has a reason of its own, which depends on what decided."""
    by_text = found(finder, "Rån på Östermalm. Polisen i Västerås söker vittnen.")["1980 Östermalm"]
    assert {a.reason for a in by_text.alternatives} == {"Inget i texten pekar dit."}
    by_area = found(finder, "Rån på Östermalm.", area="1490")["1490 Östermalm"]
    assert {a.reason for a in by_area.alternatives} == {"Ligger utanför källans område."}
    assert len(by_text.alternatives) >= 2


def test_a_region_and_a_town_abroad_belong_to_no_municipality(finder):
    """Their codes are in nobody's statistics but their own: a region of one county is that county's, a town abroad its country's."""
    (norrland,) = found(finder, "Snökaos i Norrland.").values()
    (oland,) = found(finder, "Strömavbrott på Öland.").values()
    (oslo,) = found(finder, "Brand i Oslo.").values()
    assert (norrland.municipality, norrland.county, norrland.kind) == (None, None, PlaceKind.REGION)
    assert (oland.municipality, oland.county, oland.kind) == (None, "08", PlaceKind.REGION)
    assert (oslo.municipality, oslo.county, oslo.kind, oslo.code) == (None, None, PlaceKind.ABROAD, "NO:3143244")
