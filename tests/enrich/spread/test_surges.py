"""Surges and bursts: far more than usual, in many counties or in one place; neither is spread."""

from __future__ import annotations

import random

import pytest

from enrich.spread import usual as usual_module
from enrich.spread.model import Finding, Occurrence, Sighting
from enrich.spread.surges import Surges
from tests.enrich.spread.worlds import PLACES, at, event


def told(n: int | str, hours: float, place: str, theme: str = "rare", words: str = "") -> Occurrence:
    made = event(f"{theme}{n}", hours, place, theme=theme)
    return Occurrence(
        event=made, sightings=(Sighting(document=made.id, time=made.time, source="s", place=place, theme=theme, words=words),)
    )


@pytest.fixture
def usual() -> Surges:
    """Ten days of thefts anywhere, and a rare thing every second day."""
    chance, surges = random.Random(4), Surges()
    ordinary = [told(n, chance.uniform(0, 240), chance.choice(PLACES), "theft") for n in range(240)]
    ordinary += [told(n, 30 + n * 48, PLACES[n * 7]) for n in range(4)]
    for one in sorted(ordinary, key=lambda o: o.event.time):
        assert [f for f in surges.put(one) if f.theme == "rare"] == []
    return surges


def put(surges: Surges, *occurrences: Occurrence) -> list[list[Finding]]:
    return [surges.put(one) for one in occurrences]


def test_a_rare_thing_in_four_counties_is_a_surge_at_the_fourth(usual):
    """Not before, and it grows under its id."""
    found = put(usual, *(told(f"x{n}", 250 + n * 0.3, PLACES[n]) for n in range(8)))
    assert [bool(one) for one in found[:4]] == [False, False, False, True]
    (first,) = found[3]
    assert (first.kind, first.places) == ("surge", PLACES[:4])
    last = [finding for one in found for finding in one][-1]
    assert (last.id, last.version) == (first.id, len(last.history))
    assert last.expected_per_year < first.expected_per_year
    assert last.times[0] == at(250)


def test_copies_and_one_county_are_no_surge(usual):
    """The same words sent to eight counties, and eight events of one county."""
    assert put(usual, *(told(f"x{n}", 250 + n * 0.01, PLACES[n], words="same") for n in range(8))) == [[]] * 8
    own = put(usual, *(told(f"y{n}", 260 + n * 0.1, f"01{80 + n}", "scarce") for n in range(8)))
    assert not [finding for one in own for finding in one if finding.kind == "surge"]


def test_a_burst_is_of_one_place(usual):
    """Five in a day at a place that has none in a week; what was withdrawn does not count."""
    found = put(usual, *(told(f"x{n}", 250 + n, PLACES[3]) for n in range(5)))
    assert [finding.kind for one in found for finding in one][:1] == ["burst"]
    again = Surges()
    put(again, *(told(n, n * 6, PLACES[n], "theft") for n in range(30)))
    for n in range(2):
        again.put(told(f"x{n}", 250 + n, PLACES[3]))
        again.remove(f"rarex{n}")
    assert again.put(told("x2", 252, PLACES[3])) == []


def test_nothing_is_said_before_it_is_known_what_is_usual():
    """In the first days everything is new."""
    surges = Surges()
    put(surges, told("a", 0, PLACES[9], "theft"))
    assert put(surges, *(told(n, 50 + n * 0.1, PLACES[n]) for n in range(8))) == [[]] * 8


@pytest.mark.parametrize(("memory", "said"), [(usual_module._MEMORY, True), (1e6, False)], ids=["two months", "for ever"])
def test_what_is_usual_follows_the_season(memory, said, monkeypatch):
    """Twenty fires a day in spring are forgotten by the autumn, when two a day are usual: then fourteen in a day are a surge."""
    monkeypatch.setattr(usual_module, "_MEMORY", memory)
    chance, surges = random.Random(5), Surges()
    days = [(day, 20 if day < 60 else 2) for day in range(300)]
    fires = [told(f"{day}.{n}", day * 24 + chance.uniform(0, 24), chance.choice(PLACES), "fire") for day, many in days for n in range(many)]
    for one in sorted(fires, key=lambda one: one.event.time):
        surges.put(one)
    autumn = [told(f"autumn{n}", 300 * 24 + n * 1.5, PLACES[n * len(PLACES) // 14], "fire", words=f"{n}") for n in range(14)]
    found = [finding for some in put(surges, *autumn) for finding in some if finding.kind == "surge"]
    assert bool(found) is said
