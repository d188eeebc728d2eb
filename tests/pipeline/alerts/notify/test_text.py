"""What notifications say, word by word, and what always holds of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.engine import _KINDS
from pipeline.alerts.notify import gsm7, text
from pipeline.alerts.notify.message import Certainty, Kind, Named, Notification, Why
from pipeline.alerts.notify.phrases import LANGUAGES
from tests.pipeline.alerts.notify.samples import LINK, SENT, course, notifications, sample

ENGLISH = (Named("fire.vehicle", "Vehicle fire"),)
GOLDEN = Path(__file__).parents[3] / "golden" / "alerts" / "notifications.txt"


def cases() -> dict[str, Notification]:
    """What the golden file tells of."""
    return {
        "first, sv": sample(),
        "first, en": sample(language="en", timezone="UTC", themes=ENGLISH),
        "with a link to acknowledge by": sample(acknowledge=LINK),
        "nothing known": sample(
            places=(), themes=(), certainty=Certainty(), links=(), sources=0, why=Why(type="frequency"), severity="low"
        ),
        "a finding": sample(
            why=Why(type="spread", figures={"places": 4}), certainty=Certainty(score=0.7, q=0.051, grade="linked"), severity="critical"
        ),
        "a finding, en": sample(
            why=Why(type="spread", figures={"places": 4}),
            certainty=Certainty(score=0.7, q=0.051, grade="linked"),
            language="en",
            themes=ENGLISH,
        ),
        "a silent source": sample(
            places=(), themes=(), rule="tyst-källa", why=Why(type="silence", figures={"silent_hours": 9.5, "rhythm_hours": 1.25}), sources=0
        ),
        "a grouped message": sample(alerts=1000),
        "a long name, marks that GSM lacks, characters that end lines": sample(
            places=(Named("2510", "Jåhkåmåhkke/Jokkmokk, Sápmi – Kvikkjokk, Saltoluokta och Vuollerim"),),
            themes=(Named("fire.wild", "Skogs- eller\r\nBcc: gräsbrand"),),
            rule="bränder\u202eok\x1b[31m",
        ),
        "a link with a password": sample(links=("https://me:pw@ont.example/", "javascript:alert(1)", "https://polisen.example/1")),
    } | {f"course, {one.kind}": one for one in course()[1:]}


def written() -> str:
    """All cases, as they stand in the golden file."""
    return "".join(
        f"=== {name}\n--- subject\n{text.subject(one)}\n--- sms, {gsm7.septets(text.sms(one))}\n{text.sms(one)}\n--- mail\n"
        + "\n".join(text.lines(one))
        + "\n"
        for name, one in cases().items()
    )


def test_what_is_said_stays_as_it_was_read():
    """Subject, SMS and mail of each case, as they were read through and stored."""
    assert written() == GOLDEN.read_text(encoding="utf-8")


@given(notifications)
@settings(max_examples=1500, deadline=None)
def test_an_sms_is_one_and_names_where_and_what(one):
    """At most 160 septets of the GSM alphabet, on one line, with the first place and theme as far as there is room for them."""
    said = text.sms(one)
    assert gsm7.septets(said) <= 160
    assert said.isprintable()
    place, matter = (gsm7.plain(name) for name in (text.where(one, 1), text.what(one)))
    assert matter
    assert place
    assert f" {gsm7.cut(place, 48)}: {gsm7.cut(matter, 48)}." in said
    assert said.startswith(LANGUAGES[one.language].kinds[one.kind])


@given(notifications)
@settings(max_examples=500, deadline=None)
def test_no_line_is_more_than_one(one):
    """Nothing of a name ends a line, turns it around or controls a terminal; so no header of a mail can be added by one."""
    for line in [text.subject(one), *text.lines(one)]:
        assert not line or all(
            character.isprintable() or character == "\u00a0" or not text._UNPRINTABLE.match(character) for character in line
        )
        assert "\n" not in line
        assert "\r" not in line


def test_the_link_to_acknowledge_is_in_the_sms():
    """It is what the reader needs; the rest stands beside it as far as there is room."""
    said = text.sms(sample(acknowledge=LINK))
    assert said.endswith(f" {LINK}")
    assert "Malmö" in said
    assert "Fordonsbrand" in said


def test_a_link_that_does_not_fit_is_left_out_whole():
    """Half a link is worse than none."""
    assert "https://" not in text.sms(sample(acknowledge=None, links=("https://a.example/" + "x" * 160,)))


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_type_of_rule_has_its_words(language):
    """And every kind of message and severity, in both languages."""
    words = LANGUAGES[language]
    types = {str(rule.__struct_config__.tag) for rule in _KINDS}
    assert types == set(words.reasons)
    assert set(words.kinds) == set(Kind)
    assert set(words.severities) == {"low", "medium", "high", "critical"}


def test_the_reader_sees_the_times_of_their_own_clock():
    """Summer and winter."""
    summer = sample(since=SENT - timedelta(days=180), language="en")
    assert "Since: 2026-06-27 04:05" in "\n".join(text.lines(summer))
    assert "Since 27/6 04:05." in text.sms(summer)


@given(st.text())
@settings(max_examples=500)
def test_any_text_can_be_written_in_the_alphabet(given_):
    """What is of it stays as it is; the rest becomes something alike."""
    plain = gsm7.plain(given_)
    assert gsm7.plain(plain) == plain
    assert gsm7.septets(plain) >= len(plain)


@given(st.text(), st.integers(2, 60))
@settings(max_examples=500)
def test_a_cut_text_fits(given_, room):
    """Also where a character counts double."""
    assert gsm7.septets(gsm7.cut(gsm7.plain(given_), room)) <= room


def test_septets_are_those_of_the_standard():
    """Å, ä and ö take one, € and brackets two; what is not of the alphabet has none."""
    assert gsm7.septets("Åäö @") == 5
    assert gsm7.septets("[€]") == 6
    assert gsm7.plain("Sápmi – “å” … Žďár 火") == 'Sapmi - "å" ... Zdar ?'
    with pytest.raises(ValueError, match="á"):
        gsm7.septets("á")
