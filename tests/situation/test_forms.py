"""The forms of a picture: page, PDF, Atom, GeoJSON; Swedish and English."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import defusedxml.ElementTree
import feedparser
import pytest
import shapely

from enrich.borders import municipalities
from pipeline.errors import UsageError
from pipeline.situation import words as words_module
from pipeline.situation.feeds import atom, geojson
from pipeline.situation.html import page
from pipeline.situation.model import Assessment, Spot
from pipeline.situation.pdf import pages, pdf
from pipeline.situation.pictures import _apart, _ticks
from pipeline.situation.words import Words
from tests.situation.conftest import END

ATTACK = '</blockquote><script>alert("x")</script> #include "fel" $x$ *fet* \\'


class _Tags(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def whole(picture):
    """A picture with an assessment that tries to be something else."""
    from msgspec.structs import replace

    return replace(picture(), assessments=(Assessment(id=1, at=END, who="anna", agency="polisen", text=ATTACK),))


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_page_stands_by_itself(whole, language):
    """Nothing is fetched and no script runs, whatever a person wrote; its language is said; each picture says in words what it shows."""
    parsed = _Tags()
    made = page(whole, Words(language))
    parsed.feed(made)
    names = [tag for tag, _ in parsed.tags]
    assert "script" not in names
    assert "link" not in names
    assert "&lt;script&gt;" in made
    assert not [attrs for _, attrs in parsed.tags if any(name in attrs for name in ("src", "href", "xlink:href", "onload", "onclick"))]
    assert dict(parsed.tags)["html"]["lang"] == language
    figures = [attrs for tag, attrs in parsed.tags if tag == "figure"]
    assert len(figures) == 2
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 10 for attrs in figures)


def test_machine_and_people_are_told_apart(whole):
    """What a person wrote stands in a section of its own, which says so; no other section does."""
    made = page(whole, Words("sv"))
    (people,) = re.findall(r'<section id="(\w+)" class="people"', made)
    assert people == "assessments"
    assert made.count("Bedömt av människor") == 1


@pytest.mark.parametrize("language", ["sv", "en"])
def test_paper_is_tagged_and_the_same_each_time(whole, language):
    """PDF/UA with its language and title, fonts of its own, the same bytes; what a person wrote is no markup."""
    made = pdf(whole, Words(language))
    assert made == pdf(whole, Words(language))
    assert made.startswith(b"%PDF-1.7")
    for mark in (b"/MarkInfo", b"/StructTreeRoot", b"pdfuaid:part", f"({language})".encode()):
        assert mark in made
    drawn = pages(whole, Words(language), ppi=40)
    assert all(one.startswith(b"\x89PNG") for one in drawn)
    assert 2 <= len(drawn) <= 3


def test_a_feed_is_read_by_others(whole):
    """A parser of feeds takes it without complaint; each municipality has its point, latitude first; ids are of each thing alone."""
    made = atom(whole, Words("sv"))
    read = feedparser.parse(made)
    assert not read.bozo
    assert read.feed.title == "Lägesbild Umeå"
    (place,) = [entry for entry in read.entries if "place" in entry.id]
    assert place.where["coordinates"] == pytest.approx((20.2, 63.9), abs=0.3)
    ids = [entry.id for entry in read.entries]
    assert len(set(ids)) == len(ids) > 5
    entries = defusedxml.ElementTree.fromstring(made).findall("{http://www.w3.org/2005/Atom}entry")
    assert all(isinstance(entry, ET.Element) and entry.find("{http://www.w3.org/2005/Atom}updated") is not None for entry in entries)


def test_geojson_has_the_borders_of_the_area_alone(picture):
    """Each municipality of the county with its count; polygons are sound, exterior rings counterclockwise (RFC 7946)."""
    made = json.loads(geojson(picture("24")))
    assert len(made["features"]) == 15
    assert {feature["id"]: feature["properties"]["count"] for feature in made["features"]}["2480"] == 9
    for feature in made["features"]:
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shape.is_valid
        for polygon in getattr(shape, "geoms", [shape]):
            assert polygon.exterior.is_ccw
    assert len(json.loads(geojson(picture("2480")))["features"]) == 1


def test_both_languages_have_the_same_words():
    """Each text twice, with the same values to fill in, and none left out."""
    for key, (swedish, english) in words_module._TEXTS.items():
        assert swedish.strip(), key
        assert english.strip(), key
        assert set(re.findall(r"{\w+}", swedish)) == set(re.findall(r"{\w+}", english)), key
    with pytest.raises(UsageError, match="'fi'"):
        Words("fi")


def test_numbers_and_times_are_written_as_people_do():
    """A comma in Swedish, Swedish time."""
    swedish, english = Words("sv"), Words("en")
    assert (swedish.number(1.25), english.number(1.25), swedish.number(1234.5)) == ("1,2", "1.2", "1234")
    assert (swedish.time(END), english.time(END)) == ("16 mars 2026 kl. 00.00", "16 March 2026 00:00 (CET)")


def test_axes_count_in_whole_numbers():
    """At most five of them, evenly, up to the highest."""
    for highest in (1, 4, 5.5, 6, 23, 100, 12_345):
        ticks = _ticks(highest)
        assert ticks[0] == 0
        assert ticks[-1] >= highest
        assert len(ticks) <= 5
        assert len({b - a for a, b in itertools.pairwise(ticks)}) == 1


def test_names_on_the_map_cover_none_another(picture):
    """The largest is named; of two in one place the other one is not."""
    land = municipalities({"24"})
    spots = [
        Spot(code=code, name=name, latitude=lat, longitude=20.2, count=n)
        for code, name, lat, n in (("2480", "Umeå", 63.9, 9), ("2401", "Nära", 63.92, 2), ("2482", "Norr", 65.0, 1))
    ]
    assert _apart(spots, land) == [True, False, True]
