"""Detection on small invented years."""

from __future__ import annotations

import numpy as np
import pytest

from enrich.spread.decoys import decoy
from enrich.spread.detect import detect
from enrich.spread.findings import findings
from enrich.spread.model import Grade
from enrich.spread.parameters import initial
from enrich.spread.significance import q_values, true_share, yearly
from enrich.spread.table import clean
from tests.enrich.spread.worlds import cascade, event, quiet


def found(events):
    return findings(detect(clean(events), decoys=20))


@pytest.fixture(scope="module")
def strongest():
    return found([*quiet(), *cascade()])[0]


def test_a_cascade_is_the_strongest_finding(strongest):
    """With its root, its places in order, a small q, and the grade linked."""
    assert strongest.root == "c0"
    assert set(strongest.events) >= {"c0", "c1", "c2", "c3", "c4"}
    assert list(strongest.events[:1]) == ["c0"]
    assert strongest.q <= 0.05
    assert strongest.expected_per_year < 1
    assert strongest.grade is Grade.LINKED


def test_edges_say_why(strongest):
    """Parts add up to the score, the link speaks for it, and lags are those of the events."""
    edges = {edge.to: edge for edge in strongest.edges}
    for edge in edges.values():
        parts = edge.parts
        assert edge.score == pytest.approx(parts.timing + parts.link + parts.prior + parts.burst, abs=1e-3)
    assert edges["c2"].from_ == "c0"
    assert edges["c2"].lag_hours == 9.0
    assert edges["c2"].via == ("story",)
    assert edges["c2"].parts.link > 2
    assert strongest.linked >= 4
    assert strongest.ratio_interval[0] < strongest.ratio < strongest.ratio_interval[1]


def test_less_than_two_hours_is_simultaneous():
    """Linked events within two hours are shown as that, not as spread."""
    events = [*quiet(), event("x0", 500, "0180"), event("x1", 501, "1480", "x0"), event("x2", 501.5, "1280", "x0")]
    said = [f for f in found(events) if "x0" in f.events and len(set(f.events) & {"x1", "x2"})]
    assert [f.grade for f in said] == [Grade.SIMULTANEOUS]
    assert said[0].kind == "simultaneous"


def test_no_event_in_two_findings():
    """Findings share no event."""
    events = [e for f in found([*quiet(), *cascade()]) if f.kind == "spread" for e in f.events]
    assert len(events) == len(set(events))


@pytest.mark.parametrize("events", [[], [event("a", 0, "0180")], [event("a", 0, "0180"), event("b", 5, "1480", "a")]])
def test_little_is_no_error(events):
    """No event, one, or two."""
    assert len(found(events)) <= 1


def test_decoys_keep_what_is_not_spread():
    """As many events by theme and hour, clusters of events by place, and links; a link goes to an earlier event of its theme."""
    table = clean([*quiet(), *cascade()]).table
    made = decoy(table, initial(table.vias, np.ones(1), tied=False), np.random.default_rng(3))
    order = np.lexsort((table.t, table.place, table.theme))
    apart = np.diff(table.place[order]) | np.diff(table.theme[order]) | (np.diff(table.t[order]) > 48)
    first = order[np.flatnonzero(np.append(1, apart))]
    assert np.array_equal(np.sort(made.place[first]), np.sort(table.place[first]))
    assert not np.array_equal(made.place, table.place)
    assert np.array_equal(made.t, table.t)
    assert len(made.source) >= len(table.source) - 1
    assert (made.theme[made.source] == made.theme[made.target]).all()
    assert (made.t[made.source] >= made.t[made.target]).all()


def test_significance_counts():
    """Expected findings a year and q by hand: two decoys with scores 3 and 1."""
    scores, decoys = np.array([4.0, 2.0, 0.5]), np.array([3.0, 1.0])
    assert yearly(scores, decoys, 2, 1.0).tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert q_values(scores, decoys, 2).tolist() == pytest.approx([0.5, 0.5, 0.5])
    points, share = true_share(scores, decoys, 2)
    assert (np.diff(share) >= 0).all()
    assert len(points) == len(share)
