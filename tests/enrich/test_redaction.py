"""Personal data that is never stored. All numbers are invented; only their check digits are right."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich.redaction import public_id, public_links, redact


def luhn(nine: str) -> str:
    """The digit that completes nine digits of an identity number."""
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(nine))
    return str(-total % 10)


NUMBER = st.builds(
    lambda year, month, day, serial, coordination: f"{year:02}{month:02}{day + 60 * coordination:02}{serial:03}",
    st.integers(0, 99),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 999),
    st.booleans(),
).map(lambda nine: nine + luhn(nine))


BIRTH = "900118980" + luhn("900118980")
COORDINATION = "900178980" + luhn("900178980")


@pytest.mark.parametrize(
    "number",
    [
        f"19{BIRTH[:6]}-{BIRTH[6:]}",
        f"{BIRTH[:6]}-{BIRTH[6:]}",
        BIRTH,
        f"19{BIRTH}",
        f"{BIRTH[:6]}+{BIRTH[6:]}",
        f"{COORDINATION[:6]}-{COORDINATION[6:]}",
    ],
)
def test_an_identity_number_becomes_a_marker(number):
    """With and without century and hyphen, with plus, and as a coordination number."""
    assert redact(f"Mannen ({number}) greps.").text == "Mannen ([personnummer]) greps."


@given(NUMBER, st.sampled_from(["", "-", "+"]), st.sampled_from(["", "19"]), st.text(alphabet="ab .,-\n", max_size=10))
def test_no_identity_number_remains(number, sign, century, around):
    """Whatever stands around it, the digits are gone."""
    redacted = redact(f"{around} {century}{number[:6]}{sign}{number[6:]} {around}").text
    assert not re.search(r"\d{4}", redacted)


@given(st.text(alphabet="0123456789+-() @a.b", max_size=60))
def test_redaction_is_idempotent(text):
    """What was redacted once has nothing more to redact."""
    once = redact(text).text
    assert redact(once).text == once


@given(st.text(alphabet="0123456789-@a.b åÖ", max_size=60))
def test_the_markers_stand_where_it_is_said(text):
    """Each redaction's span is its marker."""
    redacted = redact(text)
    assert {redacted.text[r.start : r.end] for r in redacted.redactions} <= {"[personnummer]", "[telefon]", "[e-post]"}


@pytest.mark.parametrize(
    "number", [f"{BIRTH[:6]}-{BIRTH[6:9]}{(int(BIRTH[9]) + 1) % 10}", "901318-9801", "900230-9801", "12345678", "1234567890123456"]
)
def test_an_ordinary_number_is_no_identity_number(number):
    """A wrong check digit, month or day, or another length: it stays."""
    assert "[personnummer]" not in redact(f"Ärende {number} är öppnat.").text


@pytest.mark.parametrize(
    "number",
    [
        "08-123 45 67",
        "070-123 45 67",
        "0701234567",
        "+46 70 123 45 67",
        "+46 (0)8 123 45 67",
        "0046 8 123 4567",
        "0485-123 45",
        "+1 202 555 0143",
    ],
)
def test_a_telephone_number_becomes_a_marker(number):
    """Swedish and international forms."""
    assert redact(f"Ring {number} i dag.").text == "Ring [telefon] i dag."


@pytest.mark.parametrize(
    "text",
    [
        "Ring 112, 114 14, 1177 eller 113 13.",
        "Klockan 07.30 den 12 maj 2024 på riksväg 40 och länsväg 1223.",
        "Mellan 2023-03-21 och 2024-01-02, kl. 12:00-13:00.",
        "Skadorna uppgår till 1 500 000 kronor och 10 000 000 euro.",
        "E4 vid 0,5 promille; 120 km/h på 80-väg, K123456-24.",
    ],
)
def test_numbers_that_help_stay(text):
    """Emergency numbers, times, dates, roads and amounts are not touched."""
    assert redact(text).text == text


def test_an_address_becomes_a_marker():
    """E-mail addresses, whatever stands around them."""
    assert redact("Skriv till (anna.svensson+x@exempel.example), tack.").text == "Skriv till ([e-post]), tack."


def test_links_to_people_are_left_out():
    """mailto:, tel: and sms: are addresses of people; the others stay in order."""
    assert public_links(["https://a.example/", "mailto:x@a.example", "TEL:0701234567", "https://b.example/"]) == (
        "https://a.example/",
        "https://b.example/",
    )


@pytest.mark.parametrize(
    "text", ["a" * 100_000 + "@", "1 " * 50_000, "0" * 100_000, "a.b" * 30_000 + "@a.a.a.a", "+4" * 50_000, "0-" * 50_000]
)
def test_no_text_takes_long(text):
    """Long runs of what a pattern begins with do not multiply the time."""
    begin = process_time()
    redact(text)
    assert process_time() - begin < 2


@pytest.mark.parametrize(
    "text", ["Ring 070-1234567: Anna", "Ring 070-123 45 67: Anna", "Ring 0046701234567: nu", "070\u2011123 45 67", "850709\u20109805"]
)
def test_a_colon_or_another_hyphen_hides_no_number(text):
    """What follows a number, and which of the hyphens stands in it, makes no difference: no digit of it stays."""
    found = redact(text)
    assert len(found.redactions) == 1
    assert not any(sign.isdigit() for sign in found.text)


def test_times_and_years_are_no_numbers():
    """A time after a number-like run stays what it is."""
    for text in ("08-12 14:30", "08-12 2024: läget"):
        assert redact(text).text == text


@pytest.mark.parametrize(
    "link",
    [
        "mailto:anna@exempel.example",
        "skype:anna",
        "https://exempel.example/?m=anna%40exempel.example",
        "https://wa.me/46701740605",
        "https://exempel.example/ut//wa.me/46701740605",
        "https://exempel.example/p/tel:070-1740605",
        "https://API.whatsapp.com/send/46701740605",
    ],
)
def test_links_to_somebody_are_left_out(link):
    """A link that is, or holds, an address or a telephone of somebody is no link to a page."""
    assert public_links(["https://exempel.example/2026/03/615853", link]) == ("https://exempel.example/2026/03/615853",)


@pytest.mark.parametrize(
    "text",
    [
        f"pnr.{BIRTH[:6]}-{BIRTH[6:]}",
        f"{BIRTH[:6]}\u2014{BIRTH[6:]}",
        f"{BIRTH[:6]} \u2015 {BIRTH[6:]}",
        f"{BIRTH[:6]}\uff0d{BIRTH[6:]}",
        f"{BIRTH[:4]}\u200b{BIRTH[4:6]}-\u2060{BIRTH[6:]}",
        "070.123.45.67",
        "070.1234567",
        "070.123 45 67",
        "08.123.45.67",
        "070\u2014123 45 67",
        "0\u00ad7\u200b0-12\ufeff3 45 67",
        "anna%40exempel.example",
        "https://a.example/?next=%2F%3Fm%3Danna%2540exempel.example",
        "anna\u200b@exempel.exa\u00admple",
        "anna\uff20exempel.example",
    ],
)
def test_no_writing_hides_what_is_personal(text):
    """What stands before it, dots, long and wide hyphens, characters without width, an escaped @: one marker, nothing of it left."""
    redacted = redact(f"Se {text} här.")
    (marker,) = redacted.redactions
    assert redacted.text[marker.start : marker.end].startswith("[")
    assert not re.search(r"\d|anna|exempel", redacted.text.replace("https://a.example/?next=%2F%3F", "").replace("%2540", ""))


@pytest.mark.parametrize(
    "text",
    [
        "Öppet 08.00-12.00, 13.00\u201417.00 och 01.02.2024.",
        "Familjen \U0001f468\u200d\U0001f469\u200d\U0001f467 bor vid 59.32938, 18.06871.",
        "Mål B\u00a01234-24, ärende 5000-K850709-24; 1.850709 procent av 40 000\u2014500 000 kronor.",
        "Klockan 08.15.30 mättes 0.123.456 och 45%40 stycken.",
    ],
)
def test_times_coordinates_and_amounts_stay(text):
    """Numbers with dots and dashes that are nobody's, and pictures that are joined without width, stay as they are."""
    assert redact(text).text == text


@pytest.mark.parametrize(
    "link",
    [
        "https://a.example/?tel=0701234567",
        "https://a.example/?phone_number=1&mobil=%2B46701234567",
        "https://a.example/out?to=tel%3A070-1234567",
        f"https://a.example/?pnr={BIRTH[:6]}\u2014{BIRTH[6:]}",
        "https://a.example/?next=%2F%3Fm%3Danna%2540exempel.example",
    ],
)
def test_links_that_call_somebody_are_left_out(link):
    """A telephone by its name, a number behind another hyphen, an address in a link within a link."""
    assert public_links(["https://a.example/hotel=1234567", link]) == ("https://a.example/hotel=1234567",)


@pytest.mark.parametrize(
    ("native", "stored"),
    [
        ("https://a.example/2026/03/6158531", "https://a.example/2026/03/6158531"),
        ("https://a.example/?m=anna@exempel.example", ""),
        ("anna@exempel.example/7", "[e-post]/7"),
        ("070-123 45 67", "[telefon]"),
        (f"tag:a.example,2026:{BIRTH}", "tag:a.example,2026:[personnummer]"),
        ("615853", "615853"),
    ],
)
def test_a_sources_own_id_names_nobody(native, stored):
    """A link is kept or left out as other links are; any other id has markers as text has them."""
    assert public_id(native) == stored
