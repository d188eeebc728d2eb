"""Events as columns: what is tested and what is set aside."""

from __future__ import annotations

import numpy as np

from enrich.spread.model import Link
from enrich.spread.table import NEVER, Geography, clean
from tests.enrich.spread.worlds import event


def links_of(cleaned) -> set[tuple[str, str]]:
    table = cleaned.table
    return {(table.ids[a], table.ids[b]) for a, b in zip(table.source, table.target, strict=True)}


def test_round_ups_weigh_nothing():
    """A link of a document that names three places or more is dropped; one that names two is kept."""
    events = [
        event("a", 0, "0180"),
        event("b", 5, "1480", Link(to="a", places_named=3)),
        event("c", 9, "1280", Link(to="a", places_named=2)),
    ]
    assert links_of(clean(events)) == {("c", "a")}


def test_what_an_announcement_caused_is_set_aside():
    """Events at several places that point to one event without place are a common source, also when the announcement is a round-up."""
    stops = [event(f"s{n}", 100 + n * 30, place, Link(to="tour", places_named=9)) for n, place in enumerate(("0180", "1480", "1280"))]
    cleaned = clean([event("tour", 0, None), *stops, event("other", 50, "0580", "s0")])
    assert cleaned.common == {"tour": ("s0", "s1", "s2")}
    assert cleaned.table.ids == ("other",)
    assert links_of(cleaned) == set()


def test_links_to_nothing_to_itself_and_to_other_themes_are_dropped():
    """A link needs another event of the same theme that is there."""
    events = [event("a", 0, "0180"), event("b", 5, "1480", "gone", "b", "a", theme="theft")]
    assert links_of(clean(events)) == set()


def test_the_last_of_an_id_counts():
    """A later version of an event replaces the earlier one."""
    cleaned = clean([event("a", 0, "0180"), event("a", 3, "1480")])
    assert [cleaned.places.codes[p] for p in cleaned.table.place] == ["1480"]


def test_classes_of_pairs():
    """Same county never; ties forwards, backwards and none; near ones apart."""
    positions = {"0180": (59.3, 18.1), "0380": (59.9, 17.6), "1480": (57.7, 12.0), "0181": (59.2, 17.6)}
    kinds = Geography([("0180", "1480")], positions.get).kinds(tuple(positions), tuple(positions))
    assert kinds.tolist() == [[NEVER, 3, 2, NEVER], [3, NEVER, 0, 3], [1, 0, NEVER, 0], [NEVER, 3, 0, NEVER]]


def test_nothing_gives_nothing():
    """An empty set of events is no error."""
    assert clean([]).table.t.shape == np.zeros(0).shape
