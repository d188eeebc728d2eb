"""Spread while it happens: order, revisions, withdrawals, memory."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from enrich.spread.detect import detect
from enrich.spread.live import KEPT, Live
from enrich.spread.night import night
from enrich.spread.table import clean
from tests.enrich.spread.worlds import PLACES, cascade, event, quiet


@pytest.fixture(scope="module")
def learned():
    return night(detect(clean([*quiet(seed=2), *cascade()]), decoys=20))


def told(live, events):
    """The last version of each finding, by id."""
    return {finding.id: finding for e in events for finding in live.put(e)}


def in_order(*events):
    return sorted(events, key=lambda e: (e.time, e.id))


def about(live, *ids):
    """Findings said now that hold any of the events."""
    return [finding for finding in live.findings if set(ids) & set(finding.events)]


def test_a_finding_grows(learned):
    """It is said with the event that makes it, keeps its id, and counts its versions with the reason."""
    live = Live(learned)
    versions = [finding for e in in_order(*quiet(45), *cascade()) for finding in live.put(e) if finding.root == "c0"]
    assert {finding.id for finding in versions} == {versions[0].id}
    assert [finding.version for finding in versions] == list(range(1, len(versions) + 1))
    assert versions[0].history[0].reason == "found"
    assert versions[-1].history[-1].reason == "grew"
    assert set(versions[-1].events) >= {"c0", "c1", "c2", "c3", "c4"}
    assert len(versions[0].events) < len(versions[-1].events)


def test_late_and_out_of_order(learned):
    """Whatever the order of a cascade's events, the same ones are said in the end."""
    for seed in range(5):
        events = cascade()
        random.Random(seed).shuffle(events)
        live = Live(learned)
        told(live, [*in_order(*(e for e in quiet(60) if e.time < events[0].time))])
        told(live, events)
        assert any(set(f.events) >= {e.id for e in cascade()} for f in live.findings)


def test_withdrawn(learned):
    """A finding without its root is said to be withdrawn; what is left of it may be said anew."""
    live = Live(learned)
    told(live, in_order(*quiet(40), *cascade()))
    changed = live.withdraw("c0")
    assert not about(live, "c0")
    assert any(f.history[-1].reason == "withdrawn" and f.root == "c0" and f.q == 1 for f in changed)
    assert live.withdraw("c0") == []
    assert live.withdraw("never came") == []


def test_revised(learned):
    """An event that moves to another place, or loses its link, changes the finding; the same again changes nothing."""
    live = Live(learned)
    told(live, in_order(*quiet(40), *cascade()))
    before = about(live, "c0")[0]
    assert live.put(cascade()[2]) == []
    changed = live.put(replace(cascade()[2], place=PLACES[30]))
    assert [f.id for f in changed if f.root == "c0"] == [before.id]
    assert PLACES[30] in about(live, "c0")[0].places
    assert about(live, "c0")[0].history[-1].reason == "revised"


def test_an_announcement_takes_it_back(learned):
    """Events that turn out to share a source without place are no longer said to be spread."""
    live = Live(learned)
    stops = [replace(e, links=(*e.links, *event("", 0, None, "tour").links)) for e in cascade()]
    told(live, in_order(*quiet(40), *stops))
    assert about(live, "c0")
    live.put(event("tour", 900, None))
    assert not about(live, "c0", "c1", "c2")


def test_memory_is_bounded(learned):
    """After a year no more is remembered than a fortnight and a little of it."""
    live = Live(learned)
    events = quiet(365, each=0.01)
    told(live, events)
    a_fortnight = max(sum(0 <= (b.time - a.time).total_seconds() < KEPT * 3600 for b in events) for a in events[::200])
    assert len(live) <= 2 * a_fortnight
    assert sum(map(len, live._pointing.values())) <= len(live)
    assert not [f for f in live.findings if f.root not in live._seen]


def test_too_late_is_ignored(learned):
    """An event from before the window changes nothing."""
    live = Live(learned)
    told(live, in_order(*quiet(60)))
    assert live.put(event("old", 10, PLACES[1])) == []
    assert "old" not in live._seen


def test_before_the_first_night():
    """Without a night a plain cascade is said too."""
    live = Live()
    told(live, in_order(*quiet(45), *cascade()))
    assert any(set(f.events) >= {"c0", "c1", "c2", "c3", "c4"} for f in live.findings)


def test_places_that_were_not_known(learned):
    """A place that the night did not know is reached like any other."""
    live = Live(learned)
    events = [replace(e, place=f"new-{e.id}") if e.id != "c0" else e for e in cascade()]
    told(live, in_order(*quiet(45), *events))
    assert about(live, "c0")
