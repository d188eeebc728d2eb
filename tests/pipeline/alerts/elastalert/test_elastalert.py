"""The types of rules against ElastAlert2's own classes, which are fetched once and run in a process of their own.

``EXAMPLES`` streams a type, with keys, gaps, missing fields, silences and every option of docs/rules.md.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.alerts.kinds.base import Event
from tests.pipeline.alerts.elastalert import theirs
from tests.pipeline.alerts.streams import NOON, at, rule, said

EXAMPLES = 1_000
PACKAGES = """
elastalert2==2.19.0 --hash=sha256:63fb7eecff500cb23b956c1132743f8ba59b51bd9dc5de39f5a41b68746bb336
six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
"""
GAPS = ([0, 1, 20, 60, 120, 300], [0, 1, 20, 60, 120, 300, 600, 900, 3600], [0, 5, 10], [60, 300, 600, 3600, 7200])
FIELDS: dict[str, list[Any]] = {"k": [None, "a", "b", "b", "c"], "v": [None, "x", "y", "z", "x"], "n": [None, 0, 1, 5, 30, 2, 7]}
METRICS = ("min", "max", "avg", "sum", "cardinality", "value_count")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ElastAlert2 is, without what it depends on: its classes need little, and not the versions that it pins."""
    folder = tmp_path_factory.mktemp("elastalert")
    wanted = folder / "requirements.txt"
    wanted.write_text(PACKAGES)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", wanted, "--target", folder], check=True
    )
    return folder


def stream(made: random.Random) -> list[Event]:
    """Up to 80 documents."""
    gaps, seconds, events = made.choice(GAPS), 0, []
    for number in range(made.choice([1, 3, 8, 20, 40, 80])):
        seconds += made.choice(gaps)
        fields = {name: value for name, values in FIELDS.items() if (value := made.choice(values)) is not None}
        events.append(at(seconds / 60, **fields)._replace(id=str(number)))
    return events


def options(kind: str, made: random.Random) -> dict[str, Any]:
    """A rule of the type, its options at random."""

    def span() -> dict[str, int]:
        return {"minutes": made.choice([1, 2, 5, 10, 30, 60])}

    def maybe(chance: float, **some: Any) -> dict[str, Any]:
        return some if made.random() < chance else {}

    def bounds(low: str, high: str, values: list[int]) -> dict[str, Any]:
        found = maybe(0.6, **{high: made.choice(values)})
        return found | maybe(0.5 if found else 1, **{low: made.choice(values)})

    spike = {"spike_height": made.choice([1, 1.5, 2, 3]), "spike_type": made.choice(["up", "down", "both"])}
    spike |= maybe(0.5, threshold_ref=made.choice([1, 2, 5])) | maybe(0.5, threshold_cur=made.choice([1, 2, 5]))
    measured = {"metric_agg_key": "n", "metric_agg_type": made.choice(METRICS), "buffer_time": span()}
    null = made.random() < 0.5
    several: dict[str, dict[str, Any]] = {
        "any": {},
        "blacklist": {"compare_key": "v", "blacklist": ["x", "y"]},
        "whitelist": {"compare_key": "v", "whitelist": ["x", "y"], "ignore_null": null},
        "change": {"query_key": "k", "compare_key": made.choice(["v", "n", ["v", "n"]]), "ignore_null": null}
        | maybe(0.5, timeframe=span()),
        "frequency": {"num_events": made.choice([1, 2, 3, 5]), "timeframe": span()},
        "spike": spike | {"timeframe": span()} | maybe(0.2, field_value="n") | maybe(0.3, alert_on_new_data=True, query_key="k"),
        "flatline": {"timeframe": span(), "threshold": made.choice([1, 2, 3, 5])} | maybe(0.3, forget_keys=True),
        "new_term": {"fields": made.choice(["v", ["v", "n"], [["v", "n"]], ["k", "v"]])} | maybe(0.3, alert_on_missing_field=True),
        "cardinality": {"timeframe": span(), "cardinality_field": made.choice(["v", "n"])}
        | made.choice([{"max_cardinality": made.choice([1, 2, 3])}, {"min_cardinality": made.choice([1, 2, 3])}]),
        "metric_aggregation": measured | bounds("min_threshold", "max_threshold", [1, 2, 5, 10]),
        "spike_aggregation": spike | measured | {"timeframe": span()},
        "percentage_match": {"match_bucket_filter": [{"term": {"v": "x"}}], "buffer_time": span()}
        | bounds("min_percentage", "max_percentage", [10, 20, 50, 75])
        | maybe(0.4, min_denominator=made.choice([2, 5])),
    }
    found = {"run_every": {"minutes": made.choice([1, 5])}, "realert": {"minutes": 0}} | several[kind]
    if "query_key" not in found:
        found |= maybe(0.5, query_key="k" if kind in theirs.AGGREGATING or made.random() < 0.8 else ["k", "v"])
    if made.random() < 0.3:
        found |= {"realert": {"minutes": made.choice([1, 3, 10, 60])}} | maybe(
            0.4, exponential_realert={"minutes": made.choice([8, 60, 600])}
        )
    return found


def runs(events: list[Event], every: timedelta) -> Iterator[dict[str, Any]]:
    """Each run with its documents, from the first document's to the last one's."""
    left = list(events)
    first, last = (math.ceil((event.time - NOON) / every) for event in (events[0], events[-1]))
    for end in (NOON + number * every for number in range(first, last + 1)):
        taken = [event for event in left if event.time <= end]
        left = left[len(taken) :]
        documents = [{theirs.TIME: event.time.isoformat(), **event.document} for event in taken]
        yield {"end": end.isoformat(), "documents": documents}


@pytest.mark.long
@pytest.mark.parametrize("kind", theirs.CLASSES)
def test_alike(kind: str, unpacked: Path) -> None:
    """The same (time, key) for at least 98 of 100 streams, and most streams say something.

    A ``spike`` keyed by a field that a document lacks is the one known difference: at a tick its group is called ``other``
    there, and at a document nothing; here nothing at both. The comparison calls both nothing.
    """
    made, cases, ours = random.Random(kind), [], []
    for _ in range(EXAMPLES):
        events, chosen = stream(made), options(kind, made)
        cases.append({"rule": {"type": kind, **chosen}, "runs": list(runs(events, timedelta(**chosen["run_every"])))})
        ours.append([(alert.time, alert.key) for alert in said(rule(kind, **chosen), *events)])
    lines = "\n".join(map(json.dumps, cases))
    done = subprocess.run([sys.executable, theirs.__file__, unpacked], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    fallen = sum(some is None for some in told)  # theirs cannot compare what a metric of nothing is
    assert fallen < 0.2 * EXAMPLES
    expected = [
        None if some is None else [(datetime.fromisoformat(time), None if key == "other" else key) for time, key in some] for some in told
    ]
    unlike = [
        case
        for case, one, other in zip(cases, expected, ours, strict=True)
        if one is not None and sorted(one, key=str) != sorted(other, key=str)
    ]
    assert sum(map(bool, told)) > 0.1 * EXAMPLES
    print(f"{kind}: {EXAMPLES - fallen - len(unlike)} of {EXAMPLES - fallen} alike")
    assert len(unlike) <= 0.02 * EXAMPLES, json.dumps(unlike[0])
