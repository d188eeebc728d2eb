"""Drawings of findings: labels do not cover each other, arrows end at their marks, time goes from left to right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.console.drawing import arrow, labels, spot_names, timeline
from pipeline.console.land import HEIGHT, WIDTH, point
from pipeline.console.pages.spread import Stop
from pipeline.console.rows import Named
from pipeline.situation.model import Spot

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
SWEDEN = st.tuples(st.floats(13.0, 19.5), st.floats(55.4, 69.0))


def stop(number: int, position: tuple[float, float], hours: float = 0.0, after: int = 0) -> Stop:
    place = Named(id=f"{number:04}", name=f"Ort {number}")
    return Stop(
        number=number, place=place, position=position, time=NOON + timedelta(hours=hours), after=place if after else None, after_number=after,
        lag_hours=hours, score=0.0, timing=0.0, link=0.0, prior=0.0, burst=0.0, via=(), rejected=(), witnesses=(), more=0,
    )  # fmt: skip


def test_sweden_lies_on_the_picture():
    """Its ends lie within, and the north is up."""
    ends = [point(11.13, 58.9), point(24.16, 65.8), point(13.0, 55.34), point(20.5, 69.05)]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in ends)
    assert ends[3][1] < ends[2][1]


def test_two_places_close_to_each_other_are_told_apart():
    """Gävle and Borlänge: the one's label is not written over the other's, nor over its mark."""
    one, other = labels([stop(1, (17.14, 60.67)), stop(2, (15.43, 60.48))])
    assert one.anchor == "start"
    assert other.anchor != "start"


@given(st.lists(SWEDEN, min_size=1, max_size=12))
def test_every_place_has_its_label_on_the_picture(positions):
    """However they lie, each has one label that begins and ends on the picture."""
    made = labels([stop(number, position) for number, position in enumerate(positions, 1)])
    assert [one.stop.number for one in made] == list(range(1, len(positions) + 1))
    for one in made:
        assert 0 <= one.x <= WIDTH
        assert 0 <= one.y <= HEIGHT


@given(SWEDEN, SWEDEN)
def test_an_arrow_ends_at_its_mark(start, end):
    """Its head lies between the two, close to the mark that it points to; there and back are two lines."""
    made = arrow(start, end)
    tip = tuple(map(float, made.head[1:].split("L")[0].split()))
    x, y = point(*end)
    assert abs(tip[0] - x) <= 10.2
    assert abs(tip[1] - y) <= 10.2
    if abs(point(*start)[0] - x) > 5 or abs(point(*start)[1] - y) > 5:
        assert made.path != arrow(end, start).path


def test_time_goes_from_left_to_right():
    """Later events stand further to the right, each place on a row of its own, with a tick at each midnight."""
    stops = [stop(1, (17.0, 60.0)), stop(2, (18.0, 60.0), 30, 1), stop(3, (19.0, 60.0), 60, 2)]
    made = timeline(stops, timedelta(hours=1))
    assert [dot.x for dot in made.dots] == sorted({dot.x for dot in made.dots})
    assert len({dot.y for dot in made.dots}) == 3
    assert [tick.label for tick in made.ticks] == ["2026-03-10", "2026-03-11", "2026-03-12"]
    assert len(made.arrows) == 2
    assert made.ticks[0].x == pytest.approx(10 + 11 / 60 * 540, abs=1)


@given(st.lists(st.tuples(SWEDEN, st.integers(1, 500)), min_size=1, max_size=30), st.floats(2, 12))
def test_names_of_municipalities_do_not_cover_each_other(places, tall):
    """The one with most is named always; each further one where it covers none before it."""
    spots = [
        Spot(code=f"{number:04}", name=f"Ort {number}", longitude=lon, latitude=lat, count=count)
        for number, ((lon, lat), count) in enumerate(places)
    ]
    made = spot_names(spots, tall)
    most = max(spots, key=lambda one: (one.count, -int(one.code)))
    assert made[0].text == f"{most.name} {most.count}"
    for number, one in enumerate(made):
        for other in made[:number]:
            letters = max(len(one.text), len(other.text))
            assert abs(one.y - other.y) >= tall - 0.2 or abs(one.x - other.x) >= tall * 0.4 * letters
