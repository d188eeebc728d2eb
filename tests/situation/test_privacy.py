"""Nobody is singled out: the rule for small numbers, and what a picture cannot hold."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.situation.feeds import atom, geojson
from pipeline.situation.html import page
from pipeline.situation.words import Words


def test_few_occurrences_of_a_personal_theme_are_not_told(picture):
    """Two rapes in a municipality: no count, no expected number, no trend, no dot, no source that told only of them."""
    situation = picture()
    figure = next(figure for figure in situation.figures if figure.theme == "sexual")
    assert (figure.count, figure.expected, figure.low, figure.ratio, figure.confirmed) == (None,) * 5
    assert "sexual" not in {trend.theme for trend in situation.trends}
    (spot,) = situation.spots
    assert spot.count == 9  # 5 fires, 3 accidents, 1 missing: without the two
    assert {line.id: line.told for line in situation.sources}["polisen-ac"] == 8
    told = sum(figure.count or 0 for figure in situation.figures)
    assert spot.count == told  # no count is larger than what is told together
    for lang in ("sv", "en"):
        shown = page(situation, Words(lang))
        assert Words(lang)("hidden", n=3) in shown


def test_none_is_told(picture):
    """That nothing happened says it of nobody."""
    assert all(figure.count is not None for figure in picture("0180").figures)


def test_a_story_of_one_persons_fate_is_left_out(picture):
    """One missing in the municipality: no story of it; the fires are told, by day and municipality, without title or words."""
    (line,) = picture().stories
    assert (line.theme, line.places, line.first, line.last) == ("fire", ("Umeå",), "2026-03-14", "2026-03-15")
    assert set(msgspec.to_builtins(line)) == {"id", "theme", "places", "first", "last", "coverage", "independent"}


@pytest.mark.parametrize(
    "make", [lambda s: page(s, Words("sv")).encode(), lambda s: atom(s, Words("sv")), geojson], ids=["html", "atom", "geojson"]
)
def test_no_form_says_more_than_the_picture(picture, make):
    """No id of a document, no place inside a municipality, no theme by itself, no hour of a story."""
    made = make(picture()).decode()
    for private in ("brand0", "a0", "2480:teg", "Teg", "fire.vehicle", "rescue.missing", "sexual.rape"):
        assert private not in made
