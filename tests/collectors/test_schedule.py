from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors import schedule
from collectors.schedule import Schedule, delay_after
from pipeline.errors import BusError
from pipeline.model import Health, Source, SourceState


def _source(name: str = "s", **changes: Any) -> Source:
    values = {"id": name, "kind": "feed", "url": "https://example.org/feed", "name": "x", "purpose": "tests", "interval": 900}
    return Source(**{**values, **changes})


def _state(health: Health = Health.CHANGED, **changes: Any) -> SourceState:
    return SourceState(**{"source": "s", "url": "https://example.org/feed", "checked": datetime.now(UTC), "health": health, **changes})


def _rhythm(pause: int, number: int = 6, changed: timedelta = timedelta(hours=2), **changes: Any) -> SourceState:
    now = datetime.now(UTC)
    return _state(pauses=(pause,) * number, checked=now, changed=now - changed, **changes)


class Collects:
    """Collects nothing, in ``cost`` seconds, and says ``answer``."""

    def __init__(self, answer: SourceState | Exception, cost: float = 0.0, known: SourceState | None = None) -> None:
        self.answer, self.cost, self.known = answer, cost, known
        self.visits = self.inside = self.most = 0

    def state(self, source_id: str) -> SourceState | None:
        return self.known

    async def collect(self, source: Source) -> SourceState:
        self.visits += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(self.cost)
        self.inside -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "SPREAD", 0.0)
    monkeypatch.setattr(schedule, "FLOOR", 1.0)


@pytest.mark.parametrize(
    ("source", "state", "delay"),
    [
        (_source(), None, 900),
        (_source(interval=10, kind="polisen"), None, 60),
        (_source(), _state(), 900),
        (_source(), _state(wait=5000), 5000),
        (_source(), _state(wait=5), 900),
        (_source(), _state(Health.UNREACHABLE, failures=1), 1800),
        (_source(), _state(Health.UNREACHABLE, failures=3), 7200),
        (_source(), _state(Health.EMPTY, failures=1000), 6 * 3600),
        (_source(), _state(Health.BLOCKED, failures=1), 3600),
        (_source(), _state(Health.MALFORMED, failures=9), 24 * 3600),
        (_source(), _state(Health.BLOCKED, failures=1, wait=80_000), 80_000),
        (_source(), _state(Health.BLOCKED, failures=2, wait=1800), 3600),
        (_source(interval=7 * 86400), _state(Health.UNREACHABLE, failures=4), 7 * 86400),
    ],
)
def test_the_delay_follows_interval_answer_and_failures(source: Source, state: SourceState | None, delay: float) -> None:
    """Never below the floor of the kind, longer when the source asks, and growing with failures up to a ceiling."""
    assert delay_after(source, state) == delay


@pytest.mark.parametrize(
    ("source", "state", "pushed", "delay"),
    [
        (_source(), _rhythm(3600), False, 900),
        (_source(), _rhythm(5 * 3600), False, 1800),
        (_source(), _rhythm(12 * 3600), False, 3600),
        (_source(slowest=7200), _rhythm(12 * 3600), False, 4320),
        (_source(slowest=900), _rhythm(12 * 3600), False, 900),
        (_source(interval=4 * 3600), _rhythm(30 * 86400), False, 6 * 3600),
        (_source(), _rhythm(12 * 3600, number=3), False, 900),
        (_source(), _rhythm(12 * 3600, changed=timedelta(minutes=20)), False, 900),
        (_source(), _rhythm(12 * 3600, wait=5000.0), False, 5000),
        (_source(), _rhythm(3600), True, 3600),
    ],
)
def test_a_source_is_asked_by_its_own_rhythm(source: Source, state: SourceState, pushed: bool, delay: float) -> None:  # noqa: FBT001
    """About ten times a pause, between its interval and its slowest; at its interval while it is new, or something happens."""
    assert delay_after(source, state, pushed=pushed) == delay


def _run(collects: Collects, *sources: Source, seconds: float = 0.3, **changes: Any) -> dict[str, datetime]:
    async def main() -> dict[str, datetime]:
        async with Schedule(collects, sources, **changes) as running:
            await asyncio.sleep(seconds)
            return running.next_visits

    return asyncio.run(main())


def test_each_enabled_source_is_visited_and_comes_again() -> None:
    """The first visit comes soon, the next after the interval and at most its jitter; disabled sources are left alone."""
    collects, told = Collects(_state()), []
    ahead = _run(collects, _source("a"), _source("b"), _source("c", enabled=False), visited=lambda source, _: told.append(source.id))
    assert (collects.visits, sorted(told), sorted(ahead)) == (2, ["a", "b"], ["a", "b"])
    for moment in ahead.values():
        assert abs((moment - datetime.now(UTC)).total_seconds() - 900) < 100


def test_a_source_that_asks_to_wait_is_put_off() -> None:
    """The next visit is when the answer said."""
    ahead = _run(Collects(_state(wait=5000)), _source("a"))
    assert 4990 < (ahead["a"] - datetime.now(UTC)).total_seconds() <= 5000


def test_a_source_that_is_gone_is_not_visited_again() -> None:
    """Its job ends."""
    assert _run(Collects(_state(Health.GONE)), _source("a")) == {}


def test_a_restart_keeps_the_rhythm() -> None:
    """What was visited a minute ago is not visited at once again; what is overdue is."""
    recent = Collects(_state(), known=_state(checked=datetime.now(UTC) - timedelta(seconds=60)))
    ahead = _run(recent, _source("a"))
    assert recent.visits == 0
    assert 800 < (ahead["a"] - datetime.now(UTC)).total_seconds() <= 840
    overdue = Collects(_state(), known=_state(checked=datetime.now(UTC) - timedelta(days=30)))
    _run(overdue, _source("a"))
    assert overdue.visits == 1


def test_after_an_overload_a_source_is_visited_once() -> None:
    """One visit at a time, and not one for every time that was missed."""
    collects = Collects(_state(), cost=2.5)
    _run(collects, _source("a", interval=10), seconds=0.1)
    assert collects.most == 1

    async def main() -> int:
        async with Schedule(collects, [_source("a", interval=10)]) as running:
            running._scheduler.pause()
            running._move("a", datetime.now(UTC) - timedelta(hours=5))  # as after a suspension of five hours
            collects.visits, collects.cost = 0, 0.0
            running._scheduler.resume()
            await asyncio.sleep(0.3)
            return collects.visits

    assert asyncio.run(main()) == 1


def test_back_pressure_is_waited_for() -> None:
    """No visit begins before the runner is ready."""
    collects = Collects(_state())

    async def main() -> tuple[int, int]:
        gate = asyncio.Event()
        async with Schedule(collects, [_source("a")], ready=lambda: gate.wait()):  # noqa: PLW0108  (wait gives a bool)
            await asyncio.sleep(0.2)
            before = collects.visits
            gate.set()
            await asyncio.sleep(0.2)
            return before, collects.visits

    assert asyncio.run(main()) == (0, 1)


def test_a_bus_that_fails_does_not_end_the_schedule() -> None:
    """The visit is lost, the next one stands."""
    collects = Collects(BusError("disk full"))
    ahead = _run(collects, _source("a"))
    assert (collects.visits, list(ahead)) == (1, ["a"])


def test_a_clock_set_back_does_not_silence_a_source() -> None:
    """A job that lies further ahead than was planned is brought back."""

    async def main() -> float:
        async with Schedule(Collects(_state()), [_source("a")]) as running:
            await asyncio.sleep(0.2)
            running._move("a", datetime.now(UTC) + timedelta(days=2))  # what the clock's going back two days looks like
            running.check_clock()
            return (running.next_visits["a"] - datetime.now(UTC)).total_seconds()

    assert asyncio.run(main()) <= 900 + 60
