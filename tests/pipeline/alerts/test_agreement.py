"""The types of rules against a plain telling of what each does, with keys, bounds and silences: whole histories and lists, nothing moved on.

With TESTS_LONG thousands of streams a type.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.kinds.base import Event
from tests.pipeline.alerts.streams import NOON, at, rule, said, when

EXAMPLES = 3_000 if os.environ.get("TESTS_LONG") else 60
many = settings(deadline=None, max_examples=EXAMPLES)
_GAPS = st.sampled_from([0, 1, 20, 60, 120, 300, 600, 900, 3600])
_fields = st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from([None, "x", "y", "z"]), st.sampled_from([None, 0, 1, 5, 30]))
lengths = st.sampled_from([1, 5, 10, 30]).map(lambda minutes: timedelta(minutes=minutes))
everies = st.sampled_from([1, 5])
Said = list[tuple[datetime, Any]]


def _stream(rows: list[tuple[int, tuple[Any, Any, Any]]]) -> list[Event]:
    events, seconds = [], 0
    for number, (gap, (k, v, n)) in enumerate(rows):
        seconds += gap
        fields = {name: one for name, one in (("k", k), ("v", v), ("n", n)) if one is not None}
        events.append(at(seconds / 60, **fields)._replace(id=str(number)))
    return events


streams = st.lists(st.tuples(_GAPS, _fields), min_size=1, max_size=40).map(_stream)


def _runs(events: list[Event], minutes: int) -> Iterator[tuple[datetime, list[Event]]]:
    """Each run with its documents, from the first document to the last."""
    step = timedelta(minutes=minutes)
    number = math.ceil((events[0].time - NOON) / step)
    last = math.ceil((events[-1].time - NOON) / step)
    before: datetime | None = None
    for run in (NOON + n * step for n in range(number, last + 1)):
        yield run, [event for event in events if event.time <= run and (before is None or event.time > before)]
        before = run


def _key(event: Event, *, keyed: bool) -> Any:
    return event.document.get("k") if keyed else None


def _options(*, keyed: bool, minutes: int, **options: Any) -> dict[str, Any]:
    return ({"query_key": "k"} if keyed else {}) | {"run_every": {"minutes": minutes}} | options


def _minutes(span: timedelta) -> dict[str, float]:
    return {"minutes": span / timedelta(minutes=1)}


def _alike(expected: Said, made: Any, events: list[Event]) -> None:
    assert when(said(made, *events)) == [((time - NOON) / timedelta(minutes=1), key) for time, key in expected]


# --- one document at a time, and the silence -------------------------------------------------------------------------------


def silenced(matches: list[tuple[datetime, datetime, Any]], realert: timedelta, longest: timedelta | None) -> Said:
    """Of (run, time, key) those that are sent: not while silent; the silence doubles for what goes on, halves for what does not."""
    until: dict[Any, datetime] = {}
    power: dict[Any, int] = {}
    sent: Said = []
    for run, time, key in matches:
        if key in until and run < until[key]:
            continue
        sent.append((time, key))
        if not realert:
            continue
        exponent = power.get(key, 0)
        if key not in until or longest is None:
            until[key], power[key] = run + realert, 0
            continue
        quiet = run - until[key]
        if quiet < realert * 2**exponent:
            exponent += 1
        else:
            while exponent > 0 and quiet > realert * 2**exponent:
                quiet -= realert * 2**exponent
                exponent -= 1
        wait = realert * 2**exponent
        if wait >= longest:
            wait, exponent = longest, exponent - 1
        until[key], power[key] = run + wait, exponent
    return sent


@many
@given(
    events=streams, keyed=st.booleans(), minutes=everies, kind=st.sampled_from(["any", "blacklist", "whitelist"]), null=st.booleans(),
    realert=st.sampled_from([0, 1, 3, 10]), longest=st.sampled_from([None, 8, 60]),
)  # fmt: skip
def test_lists_and_silences(events, keyed, minutes, kind, null, realert, longest):
    """any, blacklist, whitelist; realert and exponential_realert for each key."""
    told = {
        "any": lambda v: True,
        "blacklist": lambda v: v in {"x", "y"},
        "whitelist": lambda v: not null if v is None else v not in {"x", "y"},
    }[kind]
    options: dict[str, Any] = {"realert": {"minutes": realert}}
    if longest is not None:
        options["exponential_realert"] = {"minutes": longest}
    if kind != "any":
        options |= {"compare_key": "v", kind: ["x", "y"]}
    if kind == "whitelist":
        options["ignore_null"] = null
    matches = [
        (run, event.time, _key(event, keyed=keyed))
        for run, batch in _runs(events, minutes) for event in batch if told(event.document.get("v"))
    ]  # fmt: skip
    expected = silenced(matches, timedelta(minutes=realert), None if longest is None else timedelta(minutes=longest))
    _alike(expected, rule(kind, **_options(keyed=keyed, minutes=minutes, **options)), events)


@many
@given(events=streams, before=streams, missing=st.booleans(), days=st.sampled_from([1, 30]))
def test_new_term(events, before, missing, days):
    """What the window before the start had is known, and what is learned is never forgotten; one alert for each field."""
    earlier = [event._replace(time=NOON - timedelta(hours=30) + (event.time - NOON) / 50) for event in before]
    expected: Said = []
    for field in ("v", "n"):
        known = {one.document.get(field) for one in earlier if one.time >= NOON - timedelta(days=days) and one.document.get(field)}
        for event in events:
            found = event.document.get(field) or None
            if found is None and missing:
                expected.append((event.time, (field, event.id)))
            if found is not None and found not in known:
                expected.append((event.time, (field, event.id)))
                known.add(found)
    made = rule("new_term", fields=["v", "n"], terms_window_size={"days": days}, alert_on_missing_field=missing)
    alerts = said(made, *earlier, *events, start=0)
    assert sorted((alert.time, (alert.figures["field"], alert.ids[0])) for alert in alerts) == sorted(expected)


@many
@given(events=streams, keyed=st.booleans(), length=st.none() | lengths, ignore=st.booleans())
def test_change_of_any_of_several(events, keyed, length, ignore):
    """Any of the fields differs; an event without one of them is passed over altogether where that is asked."""
    expected: Said = []
    last: dict[Any, Event] = {}
    for event in events:
        pair = [event.document.get(name) for name in ("v", "n")]
        if ignore and any(not one for one in pair):
            continue
        key = _key(event, keyed=True)
        known = last.get(key)
        if known and [known.document.get(name) for name in ("v", "n")] != pair and (length is None or event.time - known.time <= length):
            expected.append((event.time, key))
        last[key] = event
    options = {} if length is None else {"timeframe": _minutes(length)}
    _alike(expected, rule("change", query_key="k", compare_key=["v", "n"], ignore_null=ignore, **options), events)


# --- within a time -----------------------------------------------------------------------------------------------------


@many
@given(events=streams, keyed=st.booleans(), length=lengths, least=st.integers(1, 3), minutes=everies)
def test_too_few_different(events, keyed, length, least, minutes):  # noqa: C901  (that is the type)
    """Once more than the timeframe has passed since the key's first document; after an alert since its next.

    Values that are too old leave when time is looked at: at a run, and at a document that may be one too few; then all keys are looked at.
    """
    expected: Said = []
    first: dict[Any, datetime] = {}
    last: dict[Any, dict[Any, datetime]] = {}

    def is_odd(key: Any, now: datetime) -> bool:
        return len(last[key]) < least and now - first.get(key, now) > length

    def look(now: datetime, keys: list[Any]) -> None:
        for key in keys:
            if is_odd(key, now):
                expected.append((now, key))
                del first[key]

    def clean(now: datetime) -> None:
        for key in list(last):
            last[key] = {value: time for value, time in last[key].items() if now - time <= length}
            look(now, [key])

    for run, batch in _runs(events, minutes):
        for event in batch:
            key = _key(event, keyed=keyed)
            last.setdefault(key, {})
            first.setdefault(key, event.time)
            if "v" in event.document:
                last[key][event.document["v"]] = event.time
                if is_odd(key, event.time):
                    clean(event.time)
                    look(event.time, [key])
        clean(run)
    made = rule(
        "cardinality", **_options(keyed=keyed, minutes=minutes, cardinality_field="v", min_cardinality=least, timeframe=_minutes(length))
    )
    told = [((time - NOON) / timedelta(minutes=1), key) for time, key in expected]
    assert sorted(when(said(made, *events)), key=str) == sorted(told, key=str)


@many
@given(events=streams, length=lengths, least=st.integers(1, 3), minutes=everies, forget=st.booleans())
def test_a_flatline_of_keys(events, length, least, minutes, forget):
    """Per batch at the last document's key and time, then each key at the run; forgotten until it is seen again."""
    expected: Said = []
    first: dict[Any, datetime] = {}
    come: dict[Any, list[datetime]] = {}

    def look(key: Any, now: datetime) -> None:
        first.setdefault(key, now)
        count = sum(now - one < length for one in come[key])
        if now - first[key] >= length and count < least:
            expected.append((now, key))
            if forget:
                del first[key], come[key]
            else:
                first[key] = now - length

    for run, batch in _runs(events, minutes):
        for event in batch:
            come.setdefault(event.document.get("k"), []).append(event.time)
        if batch:
            look(batch[-1].document.get("k"), batch[-1].time)
        for key in list(come):
            look(key, run)
    made = rule("flatline", **_options(keyed=True, minutes=minutes, threshold=least, timeframe=_minutes(length), forget_keys=forget))
    told = [((time - NOON) / timedelta(minutes=1), key) for time, key in expected]
    assert sorted(when(said(made, *events)), key=str) == sorted(told, key=str)


class Spikes:
    """Points of one key: what is in the current window, and what left it since the last alert."""

    def __init__(self, length: timedelta, measure: Callable[[list[float]], float | None]) -> None:
        self._length, self._measure = length, measure
        self.points: list[tuple[datetime, float | None]] = []
        self.cleared = 0

    def add(self, moment: datetime, amount: float | None) -> None:
        """None: time has come so far."""
        self.points.append((moment, amount))

    def windows(self) -> tuple[list[tuple[datetime, float | None]], list[tuple[datetime, float | None]]]:
        now = self.points[-1][0]
        current = [point for point in self.points if now - point[0] < self._length]
        left = self.points[self.cleared : len(self.points) - len(current)]
        return current, [point for point in left if left[-1][0] - point[0] < self._length]

    def figures(self) -> tuple[float | None, float | None]:
        current, reference = self.windows()
        both = ([amount for _, amount in some if amount is not None] for some in (reference, current))
        reference_, current_ = (self._measure(amounts) for amounts in both)
        return reference_, current_

    def clear(self) -> None:
        self.cleared = len(self.points) - len(self.windows()[0])


def _differ(pair: tuple[float | None, float | None], height: float, kind: str, thresholds: tuple[float, float] | None) -> bool:
    reference, current = pair
    if reference is None or current is None:
        return False
    if thresholds is None and not (reference and current):
        return False
    if thresholds is not None and (reference < thresholds[0] or current < thresholds[1]):
        return False
    return (kind != "down" and current >= reference * height) or (kind != "up" and current <= reference / height)


@many
@given(
    events=streams, length=lengths, height=st.sampled_from([1.5, 2, 3]), kind=st.sampled_from(["up", "down", "both"]), minutes=everies,
    keyed=st.booleans(), ref=st.sampled_from([0, 1, 2]), cur=st.sampled_from([0, 1, 3]), fresh=st.booleans(), field=st.booleans(),
)  # fmt: skip
def test_spikes_of_keys(events, length, height, kind, minutes, keyed, ref, cur, fresh, field):  # noqa: C901  (that is the type)
    """Each key has its windows; one that emptied keeps its first time; new ones may speak at once where that is asked; counts, or means."""

    def mean(amounts: list[float]) -> float | None:
        return sum(amounts) / len(amounts) if amounts else None

    measure = mean if field else lambda amounts: float(sum(amounts))
    thresholds = None if field else (ref, cur)
    expected: Said = []
    there: dict[Any, Spikes] = {}
    first: dict[Any, datetime] = {}
    quiet: dict[Any, datetime] = {}
    filled = False

    def add(key: Any, moment: datetime, amount: float | None) -> None:
        nonlocal filled
        first.setdefault(key, moment)
        one = there.setdefault(key, Spikes(length, measure))
        one.add(moment, amount)
        if moment - first[key] >= 2 * length:
            filled = True
        elif not (filled and keyed and fresh and moment >= quiet.get(key, moment)):
            return
        if _differ(one.figures(), height, kind, thresholds):
            current = one.windows()[0]
            counted = [time for time, amount in current if (amount is not None if field else amount)]
            told = counted[0] if counted else current[-1][0]
            expected.append((told, key))
            one.clear()
            del first[key]
            quiet[key] = told + 2 * length

    for run, batch in _runs(events, minutes):
        for event in batch:
            amount = event.document.get("n") if field else 1
            if amount is not None:
                add(_key(event, keyed=keyed), event.time, amount)
        for key, one in list(there.items()):
            current, reference = one.windows()
            if keyed and not sum(amount or 0 for _, amount in (*current, *reference)):
                del there[key]
            else:
                add(key, run, None)
    options: dict[str, Any] = {"timeframe": _minutes(length), "spike_height": height, "spike_type": kind, "alert_on_new_data": fresh}
    options |= {"field_value": "n"} if field else {"threshold_ref": ref, "threshold_cur": cur}
    made = rule("spike", **_options(keyed=keyed, minutes=minutes, **options))
    told = [((time - NOON) / timedelta(minutes=1), key) for time, key in expected]
    assert sorted(when(said(made, *events)), key=str) == sorted(told, key=str)


# --- all of a time at once ---------------------------------------------------------------------------------------------


def figure(kind: str, numbers: list[float]) -> float | None:
    """Of nothing 0, or nothing."""
    if kind in {"value_count", "cardinality"}:
        return len(numbers) if kind == "value_count" else len(set(numbers))
    if kind == "sum":
        return sum(numbers)
    if not numbers:
        return None
    return {"avg": sum(numbers) / len(numbers), "min": min(numbers), "max": max(numbers)}[kind]


def _groups(events: list[Event], begin: datetime, run: datetime, *, keyed: bool) -> dict[Any, list[Event]]:
    there = [event for event in events if begin < event.time <= run]
    if not keyed:
        return {None: there}
    groups: dict[Any, list[Event]] = {}
    for event in there:
        if "k" in event.document:
            groups.setdefault(event.document["k"], []).append(event)
    return groups


METRICS = st.sampled_from(["min", "max", "avg", "sum", "cardinality", "value_count"])


@many
@given(
    events=streams, keyed=st.booleans(), kind=METRICS, minutes=everies, buffer=st.none() | lengths, most=st.none() | st.sampled_from([0, 1, 5]),
    least=st.sampled_from([None, 1, 2]),
)  # fmt: skip
def test_metrics_of_keys(events, keyed, kind, minutes, buffer, most, least):
    """Of what came within the buffer; beyond a bound, not at it; keys without documents are not looked at."""
    if most is None and least is None:
        most = 1
    expected: Said = []
    for run, _ in _runs(events, minutes):
        begin = run - (buffer or timedelta(minutes=minutes))
        for key, group in _groups(events, begin, run, keyed=keyed).items():
            found = figure(kind, [one.document["n"] for one in group if "n" in one.document])
            if found is not None and ((most is not None and found > most) or (least is not None and found < least)):
                expected.append((run, key))
    options: dict[str, Any] = {"metric_agg_key": "n", "metric_agg_type": kind}
    options |= {name: bound for name, bound in (("max_threshold", most), ("min_threshold", least)) if bound is not None}
    if buffer is not None:
        options["buffer_time"] = _minutes(buffer)
    _alike(expected, rule("metric_aggregation", **_options(keyed=keyed, minutes=minutes, **options)), events)


@many
@given(
    events=streams,
    keyed=st.booleans(),
    kind=METRICS,
    minutes=everies,
    length=lengths,
    height=st.sampled_from([1.5, 3]),
    fresh=st.booleans(),
)
def test_spikes_of_metrics(events, keyed, kind, minutes, length, height, fresh):
    """The figures of the runs are what is in the windows; they are compared as their kind is: sums of them, means, least or greatest."""
    measures: dict[str, Callable[[list[float]], float | None]] = {
        "avg": lambda amounts: sum(amounts) / len(amounts) if amounts else None,
        "min": lambda amounts: min(amounts, default=None),
        "max": lambda amounts: max(amounts, default=None),
    }
    measure = measures.get(kind, lambda amounts: float(sum(amounts)))
    expected: Said = []
    there: dict[Any, Spikes] = {}
    first: dict[Any, datetime] = {}
    quiet: dict[Any, datetime] = {}
    filled = False
    for run, _ in _runs(events, minutes):
        for key, group in _groups(events, run - timedelta(minutes=minutes), run, keyed=keyed).items():
            found = figure(kind, [one.document["n"] for one in group if "n" in one.document])
            if found is None:
                continue
            first.setdefault(key, run)
            one = there.setdefault(key, Spikes(length, measure))
            one.add(run, found)
            if run - first[key] >= 2 * length:
                filled = True
            elif not (filled and keyed and fresh and run >= quiet.get(key, run)):
                continue
            if _differ(one.figures(), height, "both", (0, 0)):
                current = one.windows()[0]
                told = next((time for time, amount in current if amount), current[-1][0])
                expected.append((told, key))
                one.clear()
                del first[key]
                quiet[key] = told + 2 * length
    options = {"metric_agg_key": "n", "metric_agg_type": kind, "timeframe": _minutes(length), "spike_height": height, "spike_type": "both"}
    _alike(expected, rule("spike_aggregation", **_options(keyed=keyed, minutes=minutes, alert_on_new_data=fresh, **options)), events)


@many
@given(
    events=streams, keyed=st.booleans(), minutes=everies, buffer=st.none() | lengths, most=st.sampled_from([None, 0, 50]), least=st.sampled_from([None, 50, 100]),
    denominator=st.sampled_from([0, 2, 3]),
)  # fmt: skip
def test_percentages_of_keys(events, keyed, minutes, buffer, most, least, denominator):
    """A share of nothing, or of too little, is none; beyond a bound, not at it."""
    if most is None and least is None:
        most = 50
    expected: Said = []
    for run, _ in _runs(events, minutes):
        begin = run - (buffer or timedelta(minutes=minutes))
        for key, group in _groups(events, begin, run, keyed=keyed).items():
            if not group or len(group) < denominator:
                continue
            share = 100 * sum(one.document.get("v") == "x" for one in group) / len(group)
            if (most is not None and share > most) or (least is not None and share < least):
                expected.append((run, key))
    options: dict[str, Any] = {"match_bucket_filter": [{"term": {"v": "x"}}], "min_denominator": denominator}
    options |= {name: bound for name, bound in (("max_percentage", most), ("min_percentage", least)) if bound is not None}
    if buffer is not None:
        options["buffer_time"] = _minutes(buffer)
    _alike(expected, rule("percentage_match", **_options(keyed=keyed, minutes=minutes, **options)), events)


# --- our own -----------------------------------------------------------------------------------------------------------


@many
@given(events=streams, minutes=everies, factor=st.sampled_from([1, 3]), least=lengths, pauses=st.integers(1, 4))
def test_silences_of_keys(events, minutes, factor, least, pauses):
    """Longer than so many times the pause that nineteen of twenty are no longer than, and than the least; once for each silence."""
    expected: Said = []
    told: set[Any] = set()
    for run, batch in _runs(events, minutes):
        told -= {event.document.get("k") for event in batch}
        for key in dict.fromkeys(event.document.get("k") for event in events if event.time <= run):
            times = [event.time for event in events if event.time <= run and event.document.get("k") == key]
            gaps = sorted(b - a for a, b in pairwise(times) if b > a)
            if key in told or len(gaps) < pauses:
                continue
            if run - times[-1] > max(gaps[int(0.95 * (len(gaps) - 1))] * factor, least):
                told.add(key)
                expected.append((run, key))
    made = rule("silence", query_key="k", factor=factor, least=_minutes(least), pauses=pauses, run_every={"minutes": minutes})
    _alike(expected, made, events)


@many
@given(
    rows=st.lists(st.tuples(st.sampled_from("fg"), st.integers(1, 5), st.sampled_from([0.5, 20]), st.sampled_from([0.05, 0.5]), st.sampled_from(["linked", "temporal only"]), st.sampled_from(["spread", "surge", "burst"])), max_size=20),
    kind=st.sampled_from(["spread", "surge", "burst"]), least=st.integers(1, 3), share=st.none() | st.just(0.1), grades=st.none() | st.just(["linked"]),
)  # fmt: skip
def test_findings_of_a_kind(rows, kind, least, share, grades):
    """Of the kind, as sure, as linked and as far as asked; again when it has come further than when it was told of."""
    events, expected, told = [], [], {}
    for number, (one, places, yearly, q, grade, found) in enumerate(rows):
        body = {"kind": found, "expected_per_year": yearly, "q": q, "grade": grade, "places": [f"{n:04}" for n in range(places)]}
        events.append(at(number, **body)._replace(id=one))
        right = found == kind and yearly <= 12 and places >= least and (share is None or q <= share) and (grades is None or grade in grades)
        if right and places > told.get(one, 0):
            told[one] = places
            expected.append((NOON + timedelta(minutes=number), None))
    options = ({} if share is None else {"q": share}) | ({} if grades is None else {"grades": grades})
    if events:
        _alike(expected, rule(kind, places=least, **options), events)
