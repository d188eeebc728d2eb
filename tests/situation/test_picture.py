"""What a situation picture says, of an invented spring on a real bus."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from enrich.spread.usual import Expected, ordinary, ratio, tail
from pipeline.desk.state import State
from pipeline.errors import UsageError
from pipeline.model import Reliability
from pipeline.situation.areas import find
from pipeline.situation.make import Maker
from pipeline.situation.model import Section
from pipeline.situation.period import begin, days_of
from pipeline.situation.sheet import sheet
from pipeline.situation.words import Words
from tests.situation.conftest import END, THEMES


def test_more_than_usual_is_said_with_what_was_expected(picture):
    """Five fires where there were none in eight weeks are more; an accident every second day is as usual. Two sources each: confirmed."""
    figures = {figure.theme: figure for figure in picture().figures}
    fire, traffic = figures["fire"], figures["traffic"]
    assert (fire.count, fire.verdict, fire.confirmed) == (5, "more", 5)
    assert fire.expected < 1
    assert (traffic.count, traffic.verdict, traffic.confirmed) == (3, "usual", 0)
    assert 2.5 < traffic.expected < 4.5
    assert traffic.low <= 3 <= traffic.high
    assert traffic.ratio_low < traffic.ratio < traffic.ratio_high


def test_what_came_in_the_period_changes_nothing_of_what_is_expected(picture):
    """Expected is from the past alone: the numbers are those of a picture that ends before the fires."""
    figures = {figure.theme: figure.expected for figure in picture(days=6).figures}
    assert figures["fire"] < 1


def test_nothing_is_expected_before_it_is_known(picture):
    """In the first days: counts without anything to compare with."""
    until = END - timedelta(days=60)
    for figure in picture(until=until).figures:
        assert (figure.expected, figure.verdict) == (None, "unknown")


def test_trends_add_up_to_the_figures(picture):
    """Of each group that is told; seven days in Swedish time, each with what was expected."""
    situation = picture()
    counts = {figure.theme: figure.count for figure in situation.figures}
    assert next(trend.theme for trend in situation.trends) == "fire"
    for trend in situation.trends:
        assert sum(day.count for day in trend.days) == counts[trend.theme]
        assert [day.date for day in trend.days] == [f"2026-03-{day:02}" for day in range(9, 16)]
    traffic = next(trend for trend in situation.trends if trend.theme == "traffic")
    expected = next(figure.expected for figure in situation.figures if figure.theme == "traffic")
    assert sum(day.expected for day in traffic.days) == pytest.approx(expected, abs=0.1)


def test_a_county_holds_its_municipalities_and_a_municipality_no_county(picture):
    """What is known by its county alone counts there, and is said to be missing in the municipality."""
    umea, county = picture("2480"), picture("Västerbottens län")
    assert "violence" not in {figure.theme for figure in umea.figures}
    assert next(figure.count for figure in county.figures if figure.theme == "violence") == 1
    assert [(line.what, line.count) for line in umea.blind if line.kind == "unplaced"] == [("Västerbottens län", 1)]
    assert not [line for line in county.blind if line.kind == "unplaced"]


def test_an_own_area_is_what_the_settings_name(picture):
    """Two municipalities of two counties: both count, each once, however often it is named."""
    situation = picture("nord och syd", own={"nord och syd": ("2480", "12", "1280")})
    assert next(figure.count for figure in situation.figures if figure.theme == "fire") == 6
    assert {spot.code for spot in situation.spots} == {"2480", "1280"}
    assert situation.area.kind == "own"


def test_spread_says_where_it_came_from_and_went(picture):
    """Through Umeå it came and went; from Malmö it went; to Luleå it came; elsewhere nothing is said."""
    assert [line.direction for line in picture("2480").spread] == ["both"]
    assert [line.direction for line in picture("1280").spread] == ["out"]
    assert [line.direction for line in picture("2580").spread] == ["in"]
    assert picture("0180").spread == ()
    (line,) = picture("2480").spread
    assert (line.places, line.linked, line.steps) == (("Malmö", "Umeå", "Luleå"), 2, 2)


def test_blind_spots_are_those_of_the_area(picture):
    """What fails and what is silent, among those that tell of it; one of another county is not named."""
    blind = {(line.kind, line.what) for line in picture("2480").blind}
    assert ("failing", "Norra bladet (påhittad)") in blind
    assert ("silent", "Riksbladet (påhittad)") in blind
    assert not [what for _, what in blind if "Skåne" in what]
    assert "stopped" not in {kind for kind, _ in blind}


def test_a_pipeline_that_stood_still_is_a_blind_spot(picture):
    """Six hours without any source being asked: nothing that follows means calm."""
    blind = picture(until=END + timedelta(hours=7)).blind
    assert next((line.kind, line.since) for line in blind) == ("stopped", END - timedelta(minutes=5))


def test_sources_have_grade_and_what_they_told(picture):
    """Those of the area, most told first, each with its letter."""
    lines = {line.id: line for line in picture("2480").sources}
    assert set(lines) == {"polisen-ac", "bladet", "rikstidning"}
    assert (lines["bladet"].told, lines["bladet"].reliability, lines["bladet"].health) == (6, "C", "unreachable")
    assert (lines["rikstidning"].told, lines["polisen-ac"].told) == (0, 8)


def test_a_source_that_the_settings_do_not_list_keeps_its_grade(state, gazetteer):
    """Its grade is the one it was last fetched with, and the picture says that; without that it is F."""
    fetched = dict(state.sources) | {"bladet": replace(state.sources["bladet"], reliability=Reliability.C)}
    maker = Maker(State({**state.folded, "sources": fetched}, 1), [], gazetteer, THEMES)
    made = maker.make(find("2480", gazetteer, {}), begin(END, 7), END, END)
    assert {line.id: (line.reliability, line.listed) for line in made.sources} == {"bladet": ("C", False), "polisen-ac": ("F", False)}
    (part,) = [part for part in sheet(made, Words("sv"), None).parts if part.key == "sources"]
    assert part.blocks[0].rows[1][1] == "C *"
    assert "inte i inställningarna" in part.blocks[-1].text


def test_an_area_that_no_source_is_there_for_is_a_blind_spot(state, gazetteer):
    """Where nothing is fetched that tells of it, "nothing in the period" is not all that is said."""
    made = Maker(state, [], gazetteer, THEMES).make(find("0980", gazetteer, {}), begin(END, 7), END, END)
    assert (made.figures, made.sources) == ((), ())
    assert [(line.kind, line.what) for line in made.blind if line.kind == "area"] == [("area", "Gotland")]


def test_what_stands_out_is_said_first(picture):
    """In short: what is more than usual, against what; spread; blind spots. Nothing of a section that is withheld."""
    made = picture()
    more, spread, blind = sheet(made, Words("sv"), None).brief
    assert re.fullmatch(r"Fler än vanligt: Brand \(5, vanligt 0–\d\)\.", more)
    assert (spread, blind.partition(".")[0]) == ("Fynd förenliga med spridning som berör området: 1.", f"Blinda fläckar: {len(made.blind)}")
    assert sheet(replace(made, withheld=tuple(Section)), Words("sv"), None).brief == ()


def test_the_same_input_gives_the_same_picture(picture):
    """Byte for byte."""
    assert msgspec.json.encode(picture()) == msgspec.json.encode(picture())


@pytest.mark.parametrize(("text", "days"), [("7d", 7), ("4w", 28), ("1d", 1), ("400d", 400)])
def test_periods_are_whole_days_of_swedish_time(text, days):
    """They begin with a midnight, also across the change of the clocks."""
    assert days_of(text) == days
    until = datetime(2026, 3, 31, 12, tzinfo=UTC)  # two days after the clocks changed
    assert begin(until, 4) == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert begin(until, 1) == datetime(2026, 3, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "401d", "-7d", "7h", "sju dagar", "٣d"])
def test_another_period_is_refused(text):
    """Naming it, and what is allowed."""
    with pytest.raises(UsageError, match="--period: found"):
        days_of(text)


@pytest.mark.parametrize("text", ["Lilleby", "", "DK", "2480:teg", "SE"])
def test_another_area_is_refused(text, gazetteer):
    """Naming it, and the areas of the settings."""
    with pytest.raises(UsageError, match="norra distriktet"):
        find(text, gazetteer, {"norra distriktet": ("24",)})


def test_an_own_area_of_no_place_is_refused(gazetteer):
    """The code is named."""
    with pytest.raises(UsageError, match="'9999'"):
        find("fel", gazetteer, {"fel": ("9999",)})


@pytest.mark.parametrize(("mean", "known"), [(0.3, 0.5), (3, 40), (50, 200)])
def test_the_ordinary_range_holds_what_it_says(mean, known):
    """At most 2.5 % on either side of it, and the range cannot be smaller; the ratio's interval holds the ratio."""
    expected = Expected(mean, known, 0.1)
    low, high = ordinary(expected)
    assert tail(high + 1, expected) <= 0.025 < tail(high, expected)
    assert 1 - tail(low, expected) < 0.025 <= 1 - tail(low + 1, expected)
    for count in (0, 1, low, high, high + 10):
        times, least, most = ratio(count, expected)
        assert least <= times <= most
        assert times == count / mean


def test_what_was_before_the_first_news_is_not_seen(picture):
    """A period that begins before anything was collected says so; one that begins later does not."""
    assert "begun" in {line.kind for line in picture(days=90).blind}
    assert "begun" not in {line.kind for line in picture(days=7).blind}
