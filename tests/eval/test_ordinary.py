"""How often recorded counts lie outside the range that situation pictures call ordinary."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from enrich.spread.usual import Usual, ordinary
from pipeline.situation.figures import VARIES

#: The last days of the recording that are looked at.
DAYS = 600


@pytest.mark.real
@pytest.mark.parametrize("days", [7, 30])
def test_few_counts_are_outside_the_ordinary_range(shared_data, days):
    """Of the counts by type of event of a week or a month, each known from what came before alone, at most 2.5 % are above it and 2.5 % below.

    What is held to be unusual is so seldom by chance; a range that nothing ever left would say nothing, so some are outside.
    """
    with gzip.open(shared_data / "polisen" / "events.jsonl.gz", "rt", encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    came = sorted((datetime.fromisoformat(one["incident_time"] or one["published"]).astimezone(UTC), one["type"]) for one in events)
    usual, length = Usual[str](), timedelta(days=days)
    start, counted, above, below = came[-1][0] - timedelta(days=DAYS), 0, 0, 0
    rest = iter(came)
    inside: list[tuple[datetime, str]] = []
    types: set[str] = set()
    for moment, kind in rest:
        while moment >= start + length:
            found = Counter(kind for _, kind in inside)
            for one in types:
                expected = usual.expected(one, start + length - timedelta(seconds=1), length, start)._replace(varies=VARIES)
                if expected.mean >= 1:
                    low, high = ordinary(expected)
                    counted, above, below = counted + 1, above + (found[one] > high), below + (found[one] < low)
            for when, kind_ in inside:
                usual.add(when, [kind_])
                types.add(kind_)
            inside, start = [], start + length
        if moment >= start:
            inside.append((moment, kind))
        else:
            usual.add(moment, [kind])
            types.add(kind)
    assert counted > 1_000
    assert 0 < above <= 0.025 * counted, f"{above} of {counted} above"
    assert below <= 0.025 * counted, f"{below} of {counted} below"
    print(f"\n{days} days: {counted} counts, {above / counted:.2%} above, {below / counted:.2%} below")
