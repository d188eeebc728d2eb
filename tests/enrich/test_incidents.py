"""Several incidents in one text: all texts are invented."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from enrich.attributes import PLACES
from enrich.incidents import Splitter
from enrich.nlp import analyse
from enrich.stage import Enrich
from enrich.text import frame
from pipeline.model import Document, Entry, Incident, RawItem, decode
from pipeline.model import encode as write
from pipeline.ports import Delivered

NOON = datetime(2026, 5, 2, 12, tzinfo=UTC)
TITLE = "2 maj 07.00, Sammanfattning natt, {}"


@pytest.fixture(scope="module")
def split(nlp):
    """The incidents of a text, with the places of the whole as the stage gives them."""
    splitter = Splitter(nlp)

    def incidents(text: str, title: str = TITLE.format("Skåne län"), area: str = "SE") -> tuple[Incident, ...]:
        (doc,) = analyse(nlp, [frame(title, text, area=area)])
        return splitter.incidents(title, text, places=PLACES.get(doc), area=area)

    return incidents


def test_the_stage_gives_a_document_its_incidents(nlp, gazetteer):
    """In the stored text, with the county that the source states; a notice about one thing has none."""
    text = "23.10 Malmö, brand En bil\n\n brinner.\n01.20 Lund, rån\nEn man rånades."
    given = (("Sammanfattning natt", text), ("Bilbrand", "En bil brinner i Lund."))
    items = [
        RawItem(document=f"{n}", source="a", native_id=f"{n}", revision=1, fetched_url="", fetched=NOON, format="entry",
                body=encode(Entry(title=title, text=body)).decode(), area="12")
        for n, (title, body) in enumerate(given)
    ]  # fmt: skip
    records = [Delivered(topic="raw", key=i.document, value=write(i), timestamp=NOON, shard="a", partition=0, offset=1) for i in items]
    first, second = (decode(record.value, Document) for record in Enrich(nlp, gazetteer).process(records))
    assert [first.text[i.start : i.end].split()[1] for i in first.incidents] == ["Malmö,", "Lund,"]
    assert {first.text[p.start : p.end] for i in first.incidents for p in i.places} == {"Malmö", "Lund"}
    assert second.incidents == ()
    whole = Enrich(nlp, gazetteer, incidents=False).process(records)
    assert [decode(record.value, Document).incidents for record in whole] == [(), ()]  # switched off


def seen(incidents: tuple[Incident, ...]) -> list[tuple[str, str | None, str]]:
    """(time, municipality, family of the theme) of each."""
    return [
        (i.time, next((p.municipality for p in i.places if p.municipality and p.role == "happened"), None), i.primary_theme.split(".")[0])
        for i in incidents
    ]


@pytest.mark.parametrize(
    "text",
    [
        "23.10 Malmö, brand\nEn bil brinner på en parkering.\n01.20 Lund, rån\nEn man rånades på sin telefon.",
        "Kl 23:10, Malmö\nEn bil brinner på en parkering.\nKl 01:20, Lund\nEn man rånades på sin telefon.",
        "23:10 Brand, Malmö:\nEn bil brinner på en parkering.\n01:20 Rån, Lund:\nEn man rånades på sin telefon.",
        "23.10 Malmö. Brand. En bil brinner på en parkering.\n01.20 Lund. Rån. En man rånades på sin telefon.",
        "23:10 brand, Malmö: En bil brinner på en parkering.\n01:20 rån, Lund: En man rånades på sin telefon.",
        "Brand, Malmö kl. 23.10\nEn bil brinner på en parkering.\nRån, Lund kl. 01.20\nEn man rånades på sin telefon.",
        "Brand, Malmö\n23.10. En bil brinner på en parkering.\nRån, Lund\n01.20. En man rånades på sin telefon.",
        "MALMÖ\n23.10: En bil brinner på en parkering.\nLUND\n01.20: En man rånades på sin telefon.",
        "• 23.10 Malmö – En bil brinner på en parkering.\n• 01.20 Lund – En man rånades på sin telefon.",
        "• 23.10 Malmö: En bil brinner på en parkering. • 01.20 Lund: En man rånades på sin telefon.",
        "23:10 En bil brinner i Malmö på en parkering.\n01:20 En man rånades i Lund på sin telefon.",
        "23.10 En bil brinner i Malmö på en parkering. 01.20 En man rånades i Lund på sin telefon.",
        "Malmö, 23.10. Brand.\n\nEn bil brinner på en parkering.\n\nLund, 01.20. Rån.\n\nEn man rånades på sin telefon.",
    ],
)
def test_two_incidents_are_told_in_many_forms(split, text):
    """Whatever the form, each has its time, municipality and theme, and the spans hold their texts."""
    first, second = split(text)
    assert seen((first, second)) == [("23:10", "1280", "fire"), ("01:20", "1281", "theft")]
    assert text[first.start : first.end].endswith("parkering.")
    assert text[second.start : second.end].endswith("telefon.")
    assert first.end <= second.start


def test_spans_hold_names_in_the_whole_text(split):
    """The places of every incident are spans of the document's text, also those of a heading above it."""
    text = "Lund\n01.20: En  bil brinner.\n02.30: En man rånades på Klostergården.\n03.40 Eslöv, stöld\nEn cykel stals i Marieholm."
    for incident in split(text):
        for place in incident.places:
            assert text[place.start : place.end] in {"Lund", "Klostergården", "Eslöv", "Marieholm"}


def test_a_place_heading_holds_for_the_times_below_it(split):
    """Until the next heading; a name that is common in the country is read in the heading's municipality."""
    text = "Örebro\n22.10: En bil brinner i Sörby.\n23.10: En man rånades i centrum.\nKumla\n00.10: En cykel stals.\nI övrigt lugnt."
    assert seen(split(text, TITLE.format("Örebro län"))) == [
        ("22:10", "1880", "fire"),
        ("23:10", "1880", "theft"),
        ("00:10", "1881", "theft"),
    ]


def test_a_heading_may_be_an_ordinary_word(split):
    """Berg, Vara and Sala alone in a heading are municipalities."""
    for name, code, county in (("Berg", "2326", "Jämtlands"), ("Vara", "1470", "Västra Götalands"), ("Sala", "1981", "Västmanlands")):
        assert seen(split(f"22:19, {name}\nEn bil brinner.", TITLE.format(f"{county} län"))) == [("22:19", code, "fire")]


def test_what_is_said_of_the_whole_is_no_incident(split):
    """Introductions, sums, what was done besides and where to read more."""
    text = (
        "Polisens regionledningscentral har mellan 22.00 och 07.00 hanterat ett 50-tal ärenden som rör länet.\n"
        "Här följer ett urval av nattens händelser:\n23.10 Malmö, brand\nEn bil brinner.\nÖvrigt:\n"
        "Två personer har omhändertagits för fylleri.\nPolisen har även utfört kontroller som inte resulterat i någon brottsmisstanke.\n"
        "Utöver detta har polisen hanterat ett antal viltolyckor.\nInga grövre våldsbrott har kommit till polisens kännedom."
    )
    (incident,) = split(text)
    assert text[incident.start : incident.end] == "23.10 Malmö, brand\nEn bil brinner."
    assert split("God morgon! Det har varit en lugn natt i länet. Inga grova brott har kommit till polisens kännedom.") == ()


def test_a_sentence_on_the_whole_may_tell_of_a_place(split):
    """Then the sentence is the incident, not its paragraph."""
    text = "Under natten har en man gripits i Lund misstänkt för misshandel. Här följer ett urval av nattens händelser:\n23.10 Malmö\nEn bil brinner."
    first, second = split(text)
    assert text[first.start : first.end] == "Under natten har en man gripits i Lund misstänkt för misshandel."
    assert seen((first, second)) == [("", "1281", "violence"), ("23:10", "1280", "fire")]


def test_an_announcement_is_no_incident(split):
    """Where something will be told is not where it happened."""
    assert split("Under natten hanterades ett 50-tal ärenden. Knivdådet i Lund kommer att behandlas i en separat text.") == ()


def test_a_list_of_places_is_an_incident_each(split):
    """With what its beginning says as their theme."""
    text = "Övrigt: Två viltolyckor har rapporterats. De inträffade på E22 i Eslövs kommun samt i Tomelilla kommun. Ingen skadades."
    found = split(text)
    assert [text[i.start : i.end] for i in found] == ["på E22 i Eslövs kommun", "i Tomelilla kommun"]
    assert seen(found) == [("", "1285", "traffic"), ("", "1270", "traffic")]


def test_a_report_holds_together(split):
    """A festival's evening is one incident, whatever happened there."""
    text = "23.10 Lund\nEn bil brinner.\nSammanfattning av polisens arbete under festivalen i Malmö:\nTvå personer misstänks för stöld.\nEn person har omhändertagits."
    found = split(text)
    assert len(found) == 2
    assert text[found[1].start : found[1].end].endswith("omhändertagits.")


def test_a_week_of_a_municipality_is_a_list_of_its_parts(split):
    """Headings of districts, in the area of the source."""
    text = "Händelser i korthet\nRosengård\nEn bil brann på en parkering.\nLimhamn\nEn cykel stals vid stationen."
    assert [municipality for _, municipality, _ in seen(split(text, "Veckan som gick", area="1280"))] == ["1280", "1280"]


@pytest.mark.parametrize(
    "text",
    [
        "En bil brinner i Malmö på en parkering. Ingen är skadad.",
        "En bil brinner i Malmö.\nUppdatering 13.50: Branden är släckt.\nUppdatering 14:10: En man är gripen.",
        "14.05 Räddningstjänsten är på plats.\n14.30 Branden är släckt.\n15.10 En man är gripen, skriver polisen i Lund.",
        "En man från Lund greps i Malmö.\nHan förs till häktet i Ystad.\nÅklagaren i Malmö leder utredningen.",
        "",
    ],
)
def test_one_event_has_no_incidents(split, text):
    """Not for its updates, nor for the places that it names."""
    assert split(text, "Bilbrand i Malmö") == ()


def test_a_collected_notice_is_split_without_being_called_one(split):
    """Several headings with places are enough."""
    text = "16.10, E22, Eslöv\nEn bil har kolliderat med ett rådjur.\n17.20, Länsväg 13, Hörby\nEn lastbil har kolliderat med en älg."
    assert seen(split(text, "")) == [("16:10", "1285", "traffic"), ("17:20", "1266", "traffic")]


def test_the_same_text_gives_the_same_incidents(split):
    """Nothing is remembered from one text to the next."""
    text = "23.10 Malmö, brand\nEn bil brinner.\n01.20 Lund, rån\nEn man rånades."
    first = split(text)
    split("22.10 Sundsvall\nEn man rånades.", TITLE.format("Västernorrlands län"))
    assert split(text) == first


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["23.10 Malmö, brand", "En bil brinner i Lund.", "Övrigt:", "\n", " • ", "Under natten", "samt på E6", "i Lund", "Eslöv", ", ", "Två viltolyckor inträffade ", ":", "a"]), max_size=14).map("".join))  # fmt: skip
def test_spans_are_in_order_and_inside(split, text):
    """Whatever the text, incidents come in its order, do not overlap, and hold something."""
    end = 0
    for incident in split(text):
        assert end <= incident.start < incident.end <= len(text)
        assert all(0 <= place.start < place.end <= len(text) for place in incident.places)
        end = incident.end


@pytest.mark.parametrize(
    "piece", ["23.10 Malmö, brand\n", "i Lund, ", "inträffade i Lund samt på ", "• ", "Under natten i Lund. ", "\n", "12.12 "]
)
def test_no_text_takes_long(split, piece):
    """A hundred thousand characters of anything are split in a bounded time."""
    begin = process_time()
    split(piece * (100_000 // len(piece)))
    assert process_time() - begin < 10
