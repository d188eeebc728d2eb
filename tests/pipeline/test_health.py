"""How a source does: silence by its own rhythm, changes of volume, one word for it."""

from __future__ import annotations

import random
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import health
from pipeline.health import Change, Condition, condition, counted, patience, paused, silent_from, told, volume_change
from pipeline.model import Health, SourceState
from pipeline.observe import Metrics

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
HOUR = 3600


def state(word: Health = Health.UNCHANGED, **changes: Any) -> SourceState:
    return SourceState(**{"source": "s", "url": "https://example.org/", "checked": NOW, "health": word, "changed": NOW} | changes)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (state(), Condition.HEALTHY),
        (state(Health.CHANGED, took=5.5), Condition.SLOW),
        (state(moved=True, took=5.5), Condition.MOVED),
        (state(Health.SHRUNK, moved=True), Condition.SHRUNK),
        (state(Health.SHRUNK, changed=NOW - timedelta(days=4)), Condition.SILENT),
        (state(Health.BLOCKED, changed=NOW - timedelta(days=4)), Condition.BLOCKED),
        (state(Health.UNKNOWN), Condition.UNKNOWN),
        *((state(word), Condition(word.value)) for word in Health if word.is_failure),
    ],
)
def test_one_word_for_each_state(given: SourceState, expected: Condition) -> None:
    """The worst of what holds; whether its silence says nothing goes with it."""
    assert condition(given, NOW) is expected
    assert expected.is_blind is (expected in {Condition.SILENT, Condition.UNKNOWN} or given.health.is_failure)


def test_a_source_is_silent_by_its_own_rhythm() -> None:
    """A newspaper after a day, a municipality after weeks, one that is new after three days; never within six hours."""
    assert patience((20 * 60,) * 30) == timedelta(hours=6)
    assert patience((HOUR,) * 28 + (10 * HOUR,) * 2) == timedelta(hours=15)
    assert patience((6 * 86400,) * 10) == timedelta(days=18)
    assert patience((HOUR,) * 4) == timedelta(days=3)
    assert silent_from(state(changed=None)) is None
    quiet = state(pauses=(HOUR,) * 10, changed=NOW - timedelta(hours=7))
    assert condition(quiet, NOW) is Condition.SILENT
    assert "nothing new since 2026-03-09 05:00" in told(quiet, NOW)


def test_a_working_week_is_no_silence() -> None:
    """A source that writes in office hours is not silent at night or over a weekend, after a fortnight of learning; it is in its holidays."""
    made = random.Random(7)
    pauses: tuple[int, ...] = ()
    last: datetime | None = None
    moment, false = datetime(2026, 1, 5, tzinfo=UTC), []
    while moment < datetime(2026, 6, 1, tzinfo=UTC):
        moment += timedelta(minutes=30)
        if last and moment > datetime(2026, 1, 20, tzinfo=UTC) and moment - last >= patience(pauses):
            false.append(moment)
        if moment.weekday() < 5 and 8 <= moment.hour < 17 and made.random() < 0.15:
            pauses, last = paused(pauses, last, moment), moment
    assert not false
    assert patience(pauses) < timedelta(days=9)


def test_what_comes_together_is_one_occasion() -> None:
    """A stream stores every second; a pause is at least a minute, and forty are remembered."""
    assert paused((), None, NOW) == ()
    assert paused((1,), NOW - timedelta(seconds=59), NOW) == (1,)
    assert paused((1,), NOW - timedelta(seconds=61), NOW) == (1, 61)
    assert len(paused((5,) * 40, NOW - timedelta(hours=1), NOW)) == health.PAUSES


def test_days_are_counted() -> None:
    """Days without a visit are days without anything; so many are remembered; a clock set back loses nothing."""
    assert counted((), NOW, NOW, 3) == (3,)
    assert counted((3,), NOW, NOW + timedelta(hours=1), 2) == (5,)
    assert counted((3,), NOW, NOW + timedelta(days=2), 2) == (3, 0, 2)
    assert counted((3,), NOW, NOW - timedelta(days=2), 2) == (5,)
    assert len(counted((1,) * 36, NOW, NOW + timedelta(days=400), 1)) == health.DAYS


def test_a_source_that_gives_less_or_more_is_seen() -> None:
    """A fall to a third within four days, to nothing within two, a rise to threefold; the day under way does not count."""
    steady = (20, 18, 22, 21, 19, 20, 23, 17, 20, 21, 19, 22, 18, 20, 21, 20)
    assert volume_change((*steady, 0)) is None
    assert volume_change((*steady, 0, 0, 3)) == Change(2, 0.0)
    found = volume_change((*steady, 7, 6, 8, 7, 0))
    assert found is not None
    assert (found.days, 0.3 < found.ratio < 0.4) == (4, True)
    assert (volume_change((*steady, 60, 58, 0)) or Change(0, 0)).ratio > 2.5
    assert volume_change((0,) * 36) is None
    assert volume_change((1, 2)) is None


@pytest.mark.parametrize("weekend", [1.0, 0.3])
def test_chance_seldom_looks_like_a_change(weekend: float) -> None:
    """Of 30 steady sources, with and without quiet weekends, fewer than one in five years says that it has changed."""
    made, false = random.Random(11), 0
    for _ in range(30):
        rate = made.choice((1, 5, 20, 100))
        days = [sum(made.random() < rate * (weekend if day % 7 > 4 else 1.0) / 400 for _ in range(400)) for day in range(365 + health.DAYS)]
        before = False
        for end in range(health.DAYS, len(days)):
            now = volume_change(days[end - health.DAYS : end]) is not None
            false += now and not before
            before = now
    assert false < 6


def test_metrics_tell_how_a_source_does() -> None:
    """Condition, last news, time of an answer and volume, as Prometheus reads them over HTTP."""
    metrics = Metrics(0, "127.0.0.1")
    try:
        metrics.source(state(took=6.0, failures=0))
        metrics.source(state(Health.BLOCKED, source="b", failures=3))
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics._server.server_port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        metrics.close()
    assert 'fjaril_source_condition{fjaril_source_condition="slow",source="s"} 1.0' in text
    assert 'fjaril_source_condition{fjaril_source_condition="blocked",source="b"} 1.0' in text
    assert 'fjaril_source_condition{fjaril_source_condition="healthy",source="b"} 0.0' in text
    assert 'fjaril_source_failures{source="b"} 3.0' in text
    assert 'fjaril_source_answer_seconds{source="s"} 6.0' in text
    (changed,) = (line for line in text.splitlines() if line.startswith('fjaril_source_changed_seconds{source="s"}'))
    assert float(changed.split()[-1]) == NOW.timestamp()
