"""What each type of rule does, example by example."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from pipeline.alerts.rule import AnyType
from tests.pipeline.alerts.streams import NOON, at, rule, said, when

MINUTES_10 = {"minutes": 10}


def test_any_speaks_of_each_document_once_a_minute_and_key():
    """The default silence is one minute for each key, from the run that sent the alert."""
    made = rule("any", query_key="k", realert={"minutes": 1})
    alerts = said(made, at(0.1, k="a"), at(0.2, k="a"), at(0.3, k="b"), at(1.5, k="a"), at(1.6))
    assert when(alerts) == [(0.1, "a"), (0.3, "b"), (1.5, "a"), (1.6, None)]


def test_a_list_is_what_may_or_may_not_be():
    """A blacklist speaks of what is on it, a whitelist of what is not, of nothing unless that is ignored."""
    events = [at(1, v="x"), at(2, v="y"), at(3), at(4, v=["y", "x"])]
    assert when(said(rule("blacklist", compare_key="v", blacklist=["x"]), *events)) == [(1, None), (4, None)]
    assert when(said(rule("whitelist", compare_key="v", whitelist=["y"], ignore_null=True), *events)) == [(1, None), (4, None)]
    assert when(said(rule("whitelist", compare_key="v", whitelist=["y"], ignore_null=False), *events)) == [(1, None), (3, None), (4, None)]


def test_a_change_is_against_the_last_document_of_the_key():
    """Within the timeframe, inclusive; a document without the value is passed over where that is asked."""
    made = rule("change", query_key="k", compare_key="v", ignore_null=True, timeframe=MINUTES_10)
    events = [at(0, k="a", v=1), at(1, k="b", v=2), at(5, k="a"), at(10, k="a", v=2), at(21, k="a", v=1), at(22, k="a", v=2)]
    alerts = said(made, *events)
    assert when(alerts) == [(10, "a"), (22, "a")]
    assert alerts[0].figures == {"old_value": [1], "new_value": [2]}


def test_a_frequency_begins_anew_once_told():
    """The window is open at its old end: what is exactly a timeframe old does not count."""
    made = rule("frequency", num_events=3, timeframe=MINUTES_10)
    alerts = said(made, at(0), at(5), at(10), at(11), at(12), at(13), at(14))
    assert when(alerts) == [(11, None), (14, None)]
    assert alerts[0].ids == ("5", "10", "11")


@pytest.mark.parametrize(("kind", "expected"), [("up", [(20, None)]), ("down", []), ("both", [(20, None)])])
def test_a_spike_is_told_with_the_oldest_of_the_current_window(kind, expected):
    """Once twice the timeframe has passed since the first document."""
    made = rule("spike", timeframe=MINUTES_10, spike_height=2, spike_type=kind, threshold_ref=1)
    alerts = said(made, at(0), at(12), at(20), at(21), at(22), at(23))
    assert when(alerts) == expected


def test_a_key_that_comes_late_may_speak_at_once():
    """With alert_on_new_data, when some key has filled its windows."""
    events = [*(at(n, k="a") for n in range(0, 30, 3)), at(30.1, k="b"), at(30.2, k="b")]
    options = {"timeframe": MINUTES_10, "spike_height": 2, "spike_type": "up", "query_key": "k", "threshold_cur": 2}
    assert when(said(rule("spike", **options), *events)) == []
    assert when(said(rule("spike", **options, alert_on_new_data=True), *events)) == [(30.1, "b")]


def test_a_flatline_repeats_until_there_are_enough():
    """It looks at every run, also when nothing comes."""
    made = rule("flatline", timeframe=MINUTES_10, threshold=1, run_every={"minutes": 5})
    assert when(said(made, at(0), at(30), until=35)) == [(10, None), (15, None), (20, None), (25, None)]
    keyed = rule("flatline", timeframe=MINUTES_10, threshold=1, query_key="k", forget_keys=True, run_every={"minutes": 5})
    assert when(said(keyed, at(0, k="a"), at(30, k="a"), until=60)) == [(10, "a"), (40, "a")]


def test_a_new_term_is_told_once_and_never_forgotten():
    """What came before the start is known; of several fields each is new for itself; a missing one can be told of."""
    made = rule("new_term", fields=["v", "w"])
    events = [at(-5, v="x"), at(1, v="x", w="x"), at(2, v="y", w="x"), at(90_000, v="y")]
    assert when(said(made, *events, start=0)) == [(1, None), (2, None)]
    assert when(said(rule("new_term", fields="w", alert_on_missing_field=True), *events, start=0)) == [(1, None), (90_000, None)]
    assert when(said(rule("new_term", fields=[["v", "w"]]), *events, start=0)) == [(1, None), (2, None)]


def test_cardinality_counts_different_values():
    """A value exactly a timeframe old still counts; a minimum waits for the timeframe."""
    most = rule("cardinality", cardinality_field="v", max_cardinality=2, timeframe=MINUTES_10)
    assert when(said(most, at(0, v=1), at(5, v=2), at(10, v=3), at(20.1, v=3))) == [(10, None)]
    least = rule("cardinality", cardinality_field="v", min_cardinality=2, timeframe=MINUTES_10, run_every={"minutes": 5})
    assert when(said(least, at(0, v=1), at(11, v=1))) == [(11, None)]


def test_a_metric_is_looked_at_once_a_run():
    """Bounds are exclusive; of no documents a sum is 0 and a mean is nothing."""
    events = [at(1, n=5), at(2, n=7), at(11, n=20)]
    options = {"metric_agg_key": "n", "run_every": {"minutes": 5}}
    assert when(said(rule("metric_aggregation", metric_agg_type="sum", max_threshold=12, **options), *events)) == [(15, None)]
    assert when(said(rule("metric_aggregation", metric_agg_type="sum", min_threshold=1, **options), *events)) == [(10, None)]
    assert when(said(rule("metric_aggregation", metric_agg_type="avg", min_threshold=7, **options), *events)) == [(5, None)]


def test_a_share_needs_a_denominator():
    """Too few documents are no share."""
    made = rule(
        "percentage_match", match_bucket_filter=[{"term": {"v": "x"}}], max_percentage=50, min_denominator=3, run_every={"minutes": 5}
    )
    events = [
        at(1, v="x"),
        at(2, v="x"),
        at(6, v="x"),
        at(7, v="x"),
        at(8, v="y"),
        at(11, v="x"),
        at(12, v="y"),
        at(13, v="y"),
        at(14, v="x"),
    ]
    assert when(said(made, *events)) == [(10, None)]


def test_the_silence_doubles_for_what_goes_on():
    """Up to the longest that the rule states."""
    made = rule("any", realert={"minutes": 1}, exponential_realert={"minutes": 8})
    assert [minute for minute, _ in when(said(made, *(at(n) for n in range(1, 30))))] == [1, 2, 4, 8, 16, 24]


def test_a_finding_is_told_again_when_it_has_come_to_more_places():
    """Only of its kind, as sure as asked, and of a grade that is asked for."""
    finding = {"kind": "spread", "expected_per_year": 2.0, "q": 0.05, "grade": "linked", "events": ["1", "2"]}
    made = rule("spread", places=2, q=0.1, grades=["linked"])
    events = [
        at(1, id="f", **finding, places=["1488"]),
        at(2, id="f", **finding, places=["1488", "0180"]),
        at(3, id="f", **finding, places=["1488", "0180"]),
        at(4, id="f", **finding, places=["1488", "0180", "1280"]),
        at(5, id="g", **finding | {"q": 0.4}, places=["1488", "0180"]),
        at(6, id="h", **finding | {"kind": "surge"}, places=["1488", "0180"]),
    ]
    events = [event._replace(id=str(event.document["id"])) for event in events]
    assert when(said(made, *events)) == [(2, None), (4, None)]


def test_silence_goes_by_the_rhythm_of_the_key():
    """One alert for each silence; what has no rhythm yet is not told of."""
    made = rule("silence", query_key="source", factor=3, least={"minutes": 5}, pauses=5, run_every={"minutes": 5})
    steady = [at(10 * n, source="a") for n in range(11)]
    rare = [at(50 * n, source="b") for n in range(3)]
    again = [at(200, source="a"), at(205, source="a")]
    assert when(said(made, *steady, *rare, *again, until=240)) == [(135, "a"), (240, "a")]


#: Documents of each hour, and the hours in which an alert is sent: two hours against the two before.
_QUARTER = {"spike_height": 4, "threshold_cur": 15}
_TWICE = {"spike_height": 2, "threshold_ref": 5}


@pytest.mark.parametrize(
    ("options", "hours", "told"),
    [
        (_QUARTER, (5, 5, 10, 35), [4]),  # four times as many, at least fifteen, and both windows have had time to fill
        (_QUARTER, (20, 21, 19, 23), []),  # as many as before
        (_QUARTER, (10, 0, 0, 30, 5), [5]),  # three times as many is too few; an hour later nothing was before
        (_TWICE, (10, 0, 0, 40), [4]),  # twice as many as at least five
        (_TWICE, (4, 2, 1, 11), [4]),
        (_TWICE, (1, 1, 0, 40), []),  # two before are too few
        (_TWICE, (10, 10, 5, 4), []),  # fewer is no rise
        (_QUARTER | _TWICE | {"spike_height": 4}, (6, 4, 10, 50), [4]),  # both thresholds
        ({"spike_height": 2, "spike_type": "down", "threshold_ref": 10}, (10, 10, 2, 1), [4]),
        ({"spike_height": 2, "spike_type": "both", "threshold_ref": 10}, (10, 10, 2, 1), [4]),
    ],
)
def test_a_spike_hour_by_hour(options, hours, told):
    """What is compared is two hours with the two before, once twice the timeframe has passed since the first document."""
    moments = [0.0]
    for hour, many in enumerate(hours):
        moments += [60 * (hour + (number + 1) / many) for number in range(many)][1 if hour == 0 else 0 :]
    made = rule("spike", timeframe={"hours": 2}, **({"spike_type": "up"} | options))
    alerts = said(made, *map(at, moments), until=60 * len(hours))
    assert sorted({-(-(alert.sent - NOON) // timedelta(hours=1)) for alert in alerts}) == told


def test_a_window_is_open_at_its_old_end_and_that_of_values_is_not():
    """(t − timeframe, t] for what is counted; a value exactly a timeframe old still counts."""
    assert when(said(rule("frequency", num_events=2, timeframe=MINUTES_10), at(0), at(10))) == []
    most = rule("cardinality", cardinality_field="v", max_cardinality=1, timeframe=MINUTES_10)
    assert when(said(most, at(0, v=1), at(10, v=2))) == [(10, None)]


def test_zero_against_zero_fires_both_ways():
    """The bounds of a spike are inclusive: where nothing is asked for, nothing is as many times as much as nothing."""
    for kind in ("up", "down"):
        made = rule("spike", timeframe=MINUTES_10, spike_height=3, spike_type=kind)
        assert said(made, at(0), at(1), until=60)


def test_a_spike_of_a_field_compares_means_and_ignores_the_thresholds():
    """Zero, or nothing, never fires."""
    options = {"timeframe": MINUTES_10, "spike_height": 2, "spike_type": "up", "field_value": "n", "threshold_cur": 99, "threshold_ref": 99}
    assert when(said(rule("spike", **options), at(0, n=1), at(12, n=1), at(25, n=3))) == [(25, None)]
    assert when(said(rule("spike", **options), at(0, n=0), at(12, n=0), at(25, n=3))) == []


def test_a_flatline_without_a_key_needs_no_document():
    """The clock starts with the first look."""
    made = rule("flatline", timeframe=MINUTES_10, threshold=1, run_every={"minutes": 5})
    assert when(said(made, start=0, until=20)) == [(10, None), (15, None), (20, None)]


def test_an_empty_window_is_zero_for_a_sum_and_nothing_for_a_mean():
    """Absent keys are not looked at; of a percentage what is below the denominator is not."""
    options = {"metric_agg_key": "n", "run_every": {"minutes": 5}, "min_threshold": 1}
    for kind, many in (("sum", 1), ("value_count", 1), ("cardinality", 1), ("avg", 0), ("min", 0), ("max", 0)):
        assert len(said(rule("metric_aggregation", metric_agg_type=kind, **options), at(1, n=5), at(11, n=5))) == many
    keyed = rule("metric_aggregation", metric_agg_type="sum", query_key="k", **options)
    assert said(keyed, at(1, n=5, k="a"), at(11, n=5)) == []


def test_a_missing_key_is_a_group_of_its_own():
    """Its key is null; keys of several fields are joined by a comma."""
    made = rule("frequency", num_events=2, timeframe=MINUTES_10, query_key="k")
    assert when(said(made, at(0), at(1, k="a"), at(2))) == [(2, None)]
    both = rule("frequency", num_events=2, timeframe=MINUTES_10, query_key=["k", "v"])
    assert when(said(both, at(0, k="a", v="x"), at(1, k="a", v="y"), at(2, k="a", v="x"))) == [(2, "a, x")]


def test_with_aggregation_nothing_is_silent():
    """Without it a key is silent for a minute."""
    moments = [at(number / 10) for number in range(1, 4)]
    text = {"name": "prov", "purpose": "prova", "type": "any"}
    assert len(said(msgspec.convert(text, AnyType), *moments)) == 1
    assert len(said(msgspec.convert(text | {"aggregation": {"minutes": 5}}, AnyType), *moments)) == 3
