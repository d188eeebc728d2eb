"""Which language a text is in."""

from __future__ import annotations

import pytest

from enrich.language import Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Det var en gång en liten katt som inte ville gå hem efter att det blev mörkt.", "sv"),
        ("There was once a small cat that would not go home after it was dark.", "en"),
        ("Det var en gang en liten katt som ikke ville gå hjem etter at det ble mørkt, og hun var også redd.", "nb"),
        ("Der var engang en lille kat, som ikke ville gå hjem efter at det blev mørkt, og hun var også bange af sig.", "da"),
        ("Olipa kerran pieni kissa, joka ei halunnut mennä kotiin, kun oli jo pimeää ja se oli väsynyt.", "fi"),
        ("Es war einmal eine kleine Katze, die nicht nach Hause gehen wollte, als es dunkel wurde.", "de"),
        ("Brand, Lund", "und"),
        ("", "und"),
    ],
)
def test_languages_are_told_apart(detector, text, code):
    """The languages of the region; too little text is ``und``."""
    assert detector.detect(text) == code


#: One sentence of news each, all invented: none may be taken for a neighbour's language, most must be told.
SENTENCES = {
    "sv": [
        "En man är gripen efter ett slagsmål i centrala Malmö.",
        "Polisen letar efter en försvunnen pojke.",
        "Brand i villa i Umeå, ingen person skadad.",
        "Två bilar har krockat på E6 vid Lund.",
        "Bilbrand i Örebro.",
        "Kvinna anmäld försvunnen.",
        "det brinner i malmö",
        "Regeringen lägger fram en ny budget i dag.",
        "Rån mot butik i Borås.",
        "Stöld av cyklar i Visby.",
        "Nattsammanfattning",
        "Våld i nära relation",
        "Ungdomar kastar sten mot bussen.",
        "Flickan hittades välbehållen.",
    ],
    "nb": [
        "En mann er pågrepet etter en slåsskamp i Oslo sentrum.",
        "Politiet leter etter en savnet gutt.",
        "Brann i enebolig på Sandnes, ingen personer skadet.",
        "To biler har kollidert på E6 ved Moss.",
        "Bilbrann i Drammen.",
        "Kvinne meldt savnet fra sykehjem.",
        "Trafikkulykke på riksvei 7, veien er stengt.",
        "Mann siktet for vold mot kjæresten sin.",
        "Nødetatene rykker ut til røykutvikling i en blokk.",
        "Ungdommer kastet stein mot bussen.",
        "Regjeringen legger fram nytt budsjett i dag.",
        "Politiet ber om tips fra publikum.",
        "Det brenner kraftig i et lagerbygg.",
        "Jenta ble funnet i god behold.",
        "Ran av butikk på Grünerløkka.",
        "Været blir bedre mot helgen.",
        "En person er kjørt til sykehus etter utforkjøring.",
        "Tyveri av sykler i Bergen.",
    ],
    "da": [
        "En mand er anholdt efter et slagsmål i København.",
        "Politiet leder efter en forsvundet dreng.",
        "Brand i villa i Odense, ingen personer er kommet til skade.",
        "To biler er stødt sammen på motorvejen ved Vejle.",
        "Bilbrand i Aarhus.",
        "Kvinde meldt savnet fra plejehjem.",
        "Færdselsuheld på hovedvej 7, vejen er spærret.",
        "Mand sigtet for vold mod sin kæreste.",
        "Beredskabet rykker ud til røgudvikling i en etageejendom.",
        "Unge kastede sten mod bussen.",
        "Regeringen fremlægger nyt budget i dag.",
        "Politiet beder om tips fra offentligheden.",
        "Det brænder kraftigt i en lagerbygning.",
        "Pigen blev fundet i god behold.",
        "Røveri mod butik på Nørrebro.",
        "Vejret bliver bedre hen mod weekenden.",
        "En person er kørt på sygehuset efter en ulykke.",
        "Tyveri af cykler i Aalborg.",
    ],
    "en": [
        "A man has been arrested after a fight in central London.",
        "Police are looking for a missing boy.",
        "House fire in Leeds, nobody hurt.",
        "Two cars collided on the M6 near Preston.",
        "Car fire in Bristol.",
        "Woman reported missing from care home.",
        "The government presents a new budget today.",
        "Warehouse ablaze in Manchester.",
        "Crash on motorway, road closed.",
    ],
    "de": [
        "Ein Mann wurde nach einer Schlägerei in Berlin festgenommen.",
        "Die Polizei sucht nach einem vermissten Jungen.",
        "Brand in einem Einfamilienhaus, niemand verletzt.",
        "Zwei Autos sind auf der A7 bei Kassel zusammengestoßen.",
        "Autobrand in Kiel.",
        "Frau aus Pflegeheim vermisst gemeldet.",
        "Die Regierung legt heute einen neuen Haushalt vor.",
        "Es brennt in einer Lagerhalle.",
        "Unfall auf der Autobahn, Straße gesperrt.",
    ],
    "fi": [
        "Mies otettiin kiinni tappelun jälkeen Helsingissä.",
        "Poliisi etsii kadonnutta poikaa.",
        "Tulipalo omakotitalossa, ei loukkaantuneita.",
        "Kaksi autoa törmäsi valtatiellä.",
        "Autopalo Turussa.",
        "Nainen katosi hoitokodista.",
        "Hallitus esittelee tänään uuden talousarvion.",
        "Varastohalli palaa Tampereella.",
        "Onnettomuus moottoritiellä, tie on suljettu.",
    ],
}


@pytest.mark.parametrize("code", SENTENCES)
def test_one_sentence_is_mostly_enough(detector, code):
    """Of each language at least two sentences in three are told, and none is taken for another."""
    found = [detector.detect(sentence) for sentence in SENTENCES[code]]
    assert set(found) <= {code, "und"}
    assert found.count(code) >= 2 / 3 * len(found)
