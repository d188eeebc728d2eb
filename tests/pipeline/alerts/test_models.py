"""Each type against a second, plain telling of what it does: over the whole history each time, with lists and no state that is moved on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.kinds.base import Event
from tests.pipeline.alerts.streams import NOON, at, rule, said, when

#: Seconds between documents: bursts, pauses, and exactly a timeframe.
_GAPS = st.sampled_from([0, 1, 20, 60, 120, 300, 600, 900, 3600])
_documents = st.lists(
    st.tuples(_GAPS, st.sampled_from([None, "a", "b"]), st.sampled_from([None, "x", "y", "z"]), st.sampled_from([None, 0, 1, 5, 30])),
    min_size=1,
    max_size=40,
)
_lengths = st.sampled_from([1, 5, 10, 30])


def _stream(documents: list[tuple[int, Any, Any, Any]]) -> list[Event]:
    events, seconds = [], 0
    for number, (gap, k, v, n) in enumerate(documents):
        seconds += gap
        fields = {name: one for name, one in (("k", k), ("v", v), ("n", n)) if one is not None}
        events.append(at(seconds / 60, **fields)._replace(id=str(number)))
    return events


def _runs(events: list[Event], minutes: int) -> Iterator[tuple[datetime, list[Event]]]:
    """Each run with its documents."""
    step = timedelta(minutes=minutes)
    run = NOON + -(-(events[0].time - NOON) // step) * step
    done = 0
    while done < len(events) or run == NOON + -(-(events[-1].time - NOON) // step) * step:
        batch = [event for event in events[done:] if event.time <= run]
        done += len(batch)
        yield run, batch
        run += step


def _key(event: Event, *, keyed: bool) -> str | None:
    return event.document.get("k") if keyed else None


def _compare(model: Callable[..., list[tuple[datetime, Any]]], made: Any, events: list[Event], **options: Any) -> None:
    expected = [((time - NOON) / timedelta(minutes=1), key) for time, key in model(events, **options)]
    assert when(said(made, *events)) == expected


def frequency(events: list[Event], *, keyed: bool, length: timedelta, many: int) -> list[tuple[datetime, Any]]:
    """Count back from each document to the last alert of its key."""
    found: list[tuple[datetime, Any]] = []
    begins: dict[Any, int] = {}
    for n, event in enumerate(events):
        key = _key(event, keyed=keyed)
        since = [one for one in events[begins.get(key, 0) : n + 1] if _key(one, keyed=keyed) == key and event.time - one.time < length]
        if len(since) >= many:
            found.append((event.time, key))
            begins[key] = n + 1
    return found


@settings(deadline=None, max_examples=60)
@given(documents=_documents, keyed=st.booleans(), length=_lengths, many=st.integers(2, 4))
def test_frequency(documents, keyed, length, many):
    """Runs change nothing in what a frequency says."""
    made = rule("frequency", num_events=many, timeframe={"minutes": length}, **({"query_key": "k"} if keyed else {}))
    _compare(frequency, made, _stream(documents), keyed=keyed, length=timedelta(minutes=length), many=many)


def change(events: list[Event], *, length: timedelta, ignore: bool) -> list[tuple[datetime, Any]]:
    """Look back for the last document of the key that counts."""
    found = []
    for n, event in enumerate(events):
        if ignore and not event.document.get("v"):
            continue
        key = _key(event, keyed=True)
        before = [one for one in events[:n] if _key(one, keyed=True) == key and (one.document.get("v") or not ignore)]
        if before and before[-1].document.get("v") != event.document.get("v") and event.time - before[-1].time <= length:
            found.append((event.time, key))
    return found


@settings(deadline=None, max_examples=60)
@given(documents=_documents, length=_lengths, ignore=st.booleans())
def test_change(documents, length, ignore):
    """A change is against the key's last document, however many of others lie between."""
    made = rule("change", query_key="k", compare_key="v", ignore_null=ignore, timeframe={"minutes": length})
    _compare(change, made, _stream(documents), length=timedelta(minutes=length), ignore=ignore)


def flatline(events: list[Event], length: timedelta, least: int, minutes: int) -> list[tuple[datetime, Any]]:
    """Without a key: at each run with documents once at the last of them, then at the run."""
    found: list[tuple[datetime, Any]] = []
    since: datetime | None = None
    come: list[Event] = []
    for run, batch in _runs(events, minutes):
        come += batch
        for moment in [batch[-1].time, run] if batch else [run]:
            since = since or moment
            count = sum(moment - one.time < length for one in come)
            if moment - since >= length and count < least:
                found.append((moment, None))
                since = moment - length
    return found


@settings(deadline=None, max_examples=60)
@given(documents=_documents, length=_lengths, least=st.integers(1, 4), minutes=st.sampled_from([1, 5]))
def test_flatline(documents, length, least, minutes):
    """It repeats for as long as there are too few."""
    made = rule("flatline", timeframe={"minutes": length}, threshold=least, run_every={"minutes": minutes})
    _compare(flatline, made, _stream(documents), length=timedelta(minutes=length), least=least, minutes=minutes)


def most_different(events: list[Event], *, keyed: bool, length: timedelta, most: int) -> list[tuple[datetime, Any]]:
    """The values of the last ``length``, its beginning included."""
    found = []
    for n, event in enumerate(events):
        if event.document.get("v") is None:
            continue
        key = _key(event, keyed=keyed)
        there = {
            one.document["v"]
            for one in events[: n + 1]
            if _key(one, keyed=keyed) == key and one.document.get("v") is not None and event.time - one.time <= length
        }
        if len(there) > most:
            found.append((event.time, key))
    return found


@settings(deadline=None, max_examples=60)
@given(documents=_documents, keyed=st.booleans(), length=_lengths, most=st.integers(1, 2))
def test_cardinality(documents, keyed, length, most):
    """Each document that comes while there are too many is told of."""
    options = {"query_key": "k"} if keyed else {}
    made = rule("cardinality", cardinality_field="v", max_cardinality=most, timeframe={"minutes": length}, **options)
    _compare(most_different, made, _stream(documents), keyed=keyed, length=timedelta(minutes=length), most=most)


def sums(events: list[Event], minutes: int, most: int) -> list[tuple[datetime, Any]]:
    """The sum of each run's documents."""
    return [(run, None) for run, batch in _runs(events, minutes) if sum(one.document.get("n", 0) for one in batch) > most]


@settings(deadline=None, max_examples=60)
@given(documents=_documents, minutes=st.sampled_from([1, 5]), most=st.sampled_from([0, 5, 30]))
def test_metric_aggregation(documents, minutes, most):
    """A bound that is just reached is not crossed."""
    made = rule("metric_aggregation", metric_agg_key="n", metric_agg_type="sum", max_threshold=most, run_every={"minutes": minutes})
    _compare(sums, made, _stream(documents), minutes=minutes, most=most)


def spike(events: list[Event], length: timedelta, height: float, kind: str, minutes: int) -> list[tuple[datetime, Any]]:
    """Without a key. The reference begins with what left the current window since the last alert, and is as long as its own newest says."""
    found: list[tuple[datetime, Any]] = []
    points: list[tuple[datetime, int]] = []
    since: datetime | None = None
    cleared = 0  # points that had left the current window at the last alert
    for run, batch in _runs(events, minutes):
        for moment, counts in [*((one.time, 1) for one in batch), (run, 0)]:
            since = since or moment
            points.append((moment, counts))
            inside = [point for point in points if moment - point[0] < length]
            left = points[cleared : len(points) - len(inside)]
            reference = [point for point in left if left[-1][0] - point[0] < length] if left else []
            current, before = sum(one for _, one in inside), sum(one for _, one in reference)
            up, down = current >= before * height, current <= before / height
            if moment - since >= 2 * length and ((up and kind != "down") or (down and kind != "up")):
                found.append((next((time for time, one in inside if one), inside[-1][0]), None))
                cleared, since = len(points) - len(inside), None
    return found


@settings(deadline=None, max_examples=100)
@given(
    documents=_documents,
    length=_lengths,
    height=st.sampled_from([1.5, 2, 3]),
    kind=st.sampled_from(["up", "down", "both"]),
    minutes=st.sampled_from([1, 5]),
)
def test_spike(documents, length, height, kind, minutes):
    """A spike is told once, and not again before both windows are filled anew."""
    made = rule("spike", timeframe={"minutes": length}, spike_height=height, spike_type=kind, run_every={"minutes": minutes})
    _compare(spike, made, _stream(documents), length=timedelta(minutes=length), height=height, kind=kind, minutes=minutes)


@pytest.mark.parametrize("kind", ["any", "new_term"])
@settings(deadline=None, max_examples=40)
@given(documents=_documents)
def test_batches_do_not_matter(kind, documents):
    """However often a rule is run, it says the same of documents that it looks at one at a time."""
    options = {"fields": "v"} if kind == "new_term" else {}
    events = _stream(documents)
    told = [when(said(rule(kind, run_every={"minutes": minutes}, **options), *events)) for minutes in (1, 7, 600)]
    assert told[0] == told[1] == told[2]
