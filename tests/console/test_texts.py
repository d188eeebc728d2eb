"""The texts are whole in each language, and pages name only texts that there are."""

from __future__ import annotations

import re

import pytest

from pipeline.access.roles import Action, Role
from pipeline.console.deeds import DEEDS
from pipeline.console.endpoint import ENDPOINTS
from pipeline.console.html import FOLDER
from pipeline.console.texts import LANGUAGES, texts
from pipeline.model import Health, PlaceRole, Reliability

SV, EN = (texts(language) for language in LANGUAGES)
#: ``t("key"``, in a template or the code; a key that goes on with a value ends in a dot there.
_NAMED = re.compile(r"""\bt\(\s*["']([a-z_.]+[a-z_])["']\s*[,)]""")


def test_both_languages_have_the_same_texts():
    """What is said in one language is said in the other, and needs the same values."""
    assert SV.keys == EN.keys
    assert {key: SV.needs(key) for key in SV.keys} == {key: EN.needs(key) for key in EN.keys}


def test_pages_name_texts_that_there_are():
    """A template or module that names a text names one of the catalogue, or both numbers of one."""
    named = {
        (path.name, key)
        for path in (*FOLDER.rglob("*.html"), *FOLDER.rglob("*.py"))
        for key in _NAMED.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 150
    assert not {(file, key) for file, key in named if not (SV.has(key) or (SV.has(f"{key}.one") and SV.has(f"{key}.many")))}


@pytest.mark.parametrize(
    ("above", "values"),
    [
        ("grade", Reliability),
        ("health", Health),
        ("role", PlaceRole),
        ("rank", Role),
        ("action", [action.value.replace(".", "_") for action in Action]),
        ("figure", ["count", "value", "percentage", "cardinality", "old_value", "spike_count", "silent_hours", "hours", "places", "q"]),
        ("via", ["url", "repost", "text", "story", "mention", "hashtag"]),
    ],
)
def test_what_the_data_may_hold_has_a_name(above, values):
    """Every grade, state, role and action that can come has a text."""
    assert not [value for value in values if not SV.has(f"{above}.{value}")]


def test_every_page_of_the_menu_has_a_name():
    """A page that stands in the menu says what it is called."""
    assert not [one.name for one in ENDPOINTS if one.menu and not SV.has(f"{one.name}.menu")]


def test_names_of_endpoints_are_unique():
    """A name stands for one address: the API's description goes by it."""
    names = [one.name for one in (*ENDPOINTS, *DEEDS)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("value", "swedish", "english"),
    [(12345, "12\u202f345", "12\u202f345"), (0.25, "0,25", "0.25"), (3.14159, "3,1", "3.1"), (0.00001, "1e-05", "1e-05"), (2.0, "2", "2")],
)
def test_numbers_are_written_as_people_do(value, swedish, english):
    """Comma in Swedish, point in English, a thin space between thousands."""
    assert (SV.number(value), EN.number(value)) == (swedish, english)
