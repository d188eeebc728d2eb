"""What must hold of spread while it happens, whatever comes: order, edits, withdrawals, restarts, ids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from enrich.spread.detect import detect
from enrich.spread.live import Live
from enrich.spread.model import Event, Finding
from enrich.spread.night import night
from enrich.spread.table import clean
from tests.enrich.spread.worlds import PLACES, cascade, event, quiet

EVENTS = sorted([*quiet(60), *cascade(), *cascade(1200.0, "d")], key=lambda e: (e.time, e.id))
FEW = settings(max_examples=12, deadline=None)
some = st.integers(0, len(EVENTS) - 1)


@pytest.fixture(scope="module")
def learned():
    return night(detect(clean([*quiet(seed=2), *cascade()]), decoys=20))


def play(live: Live, events: list[Event]) -> list[Finding]:
    return [finding for e in events for finding in live.put(e)]


def said(live: Live) -> dict[str, tuple[tuple[str, ...], float]]:
    """What is said now, without how it came to be."""
    return {finding.root: (finding.events, pytest.approx(finding.score, abs=1e-3)) for finding in live.findings}


@FEW
@given(which=some, order=st.randoms(use_true_random=False))
def test_order_within_a_batch(learned, which, order):
    """Six hours' events give the same findings in whatever order they come."""
    batch = [e for e in EVENTS if 0 <= (e.time - EVENTS[which].time).total_seconds() < 6 * 3600]
    before = EVENTS[: EVENTS.index(batch[0])]
    shuffled = order.sample(batch, len(batch))
    one, other = Live(learned), Live(learned)
    play(one, [*before, *batch])
    play(other, [*before, *shuffled])
    assert {f.root: f.events for f in one.findings} == {f.root: f.events for f in other.findings}


@FEW
@given(which=some, links=st.lists(some, max_size=3), place=st.sampled_from([None, *PLACES[:20]]))
def test_withdrawn_is_as_if_never_there(learned, which, links, place):
    """An event, or an announcement, that comes and is withdrawn leaves no trace in what is said later."""
    live, never = Live(learned), Live(learned)
    play(live, EVENTS[:which])
    play(never, EVENTS[:which])
    play(live, [replace(event("x", 0, place, *(EVENTS[n].id for n in links)), time=EVENTS[which].time)])
    live.withdraw("x")
    play(live, EVENTS[which:])
    play(never, EVENTS[which:])
    assert said(live) == said(never)


@FEW
@given(which=some, place=st.sampled_from([None, *PLACES[:20]]), theme=st.sampled_from(["fire", "theft"]))
def test_edited_is_as_if_so_from_the_beginning(learned, which, place, theme):
    """An event that was first told with another place, theme or without links is in the end as told last."""
    one, other = Live(learned), Live(learned)
    first = replace(EVENTS[which], place=place, theme=theme, links=())
    play(one, [*EVENTS[:which], first, *EVENTS[which:]])
    play(other, EVENTS)
    assert said(one) == said(other)


@FEW
@given(cut=some, edited=some)
def test_a_restart_disturbs_nothing(learned, cut, edited):
    """One that was folded back from the events and what was said goes on as one that never stopped."""
    events = [*EVENTS, replace(EVENTS[edited], place=PLACES[7])]
    undisturbed = Live(learned)
    before = play(undisturbed, events[:cut])
    restarted = Live(learned)
    play(restarted, events[:cut])
    restarted.resume(before)
    assert play(restarted, events[cut:]) == play(undisturbed, events[cut:])


@FEW
@given(order=st.randoms(use_true_random=False))
def test_ids_are_stable(learned, order):
    """Versions of an id follow each other without a gap and keep their past; no two findings said now share an id or an event."""
    late = sorted(EVENTS, key=lambda e: e.time.timestamp() + order.choice((0, 0, 30)) * 3600)
    live, last = Live(learned), {}
    for finding in play(live, late):
        old = last.get(finding.id)
        assert finding.version == (old.version + 1 if old else 1)
        assert finding.history[:-1] == (old.history if old else ())
        last[finding.id] = finding
    now = [e for finding in live.findings for e in finding.events]
    assert len({finding.id for finding in live.findings}) == len(live.findings)
    assert len(now) == len(set(now))
