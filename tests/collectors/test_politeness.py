from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from collectors.failures import Blocked
from collectors.politeness import Gate
from pipeline.clock import VirtualClock
from tests.collectors.world import START


def _times(host: str, calls: int, host_delay: float = 1.0, crawl_delay: float = 0.0) -> list[float]:
    """Seconds after the start at which each of ``calls`` simultaneous calls begins."""
    clock = VirtualClock(START)
    gate = Gate(clock, host_delay)
    begun: list[float] = []

    async def call() -> None:
        async with gate.turn(host, crawl_delay):
            begun.append((clock.now() - START).total_seconds())

    async def main() -> None:
        await asyncio.gather(*(call() for _ in range(calls)))

    asyncio.run(main())
    return begun


def test_calls_to_one_host_are_spaced() -> None:
    """At least ``host_delay`` lies between two calls, however many want to go at once."""
    assert _times("example.org", 4, host_delay=2.0) == [0, 2, 4, 6]


def test_a_longer_crawl_delay_counts() -> None:
    """The greater of our delay and the site's."""
    assert _times("example.org", 3, host_delay=2.0, crawl_delay=5.0) == [0, 5, 10]


@pytest.mark.parametrize("host", ["polisen.se", "www.polisen.se"])
def test_polisen_allows_a_call_in_ten_seconds_60_an_hour_and_1440_a_day(host: str) -> None:
    """Its published limits hold in every stretch of time, and on every host of the domain."""
    begun = _times(host, 2000)
    assert all(later - earlier >= 10 for earlier, later in pairwise(begun))
    assert all(begun[n + 60] - begun[n] >= 3600 for n in range(len(begun) - 60))
    assert all(begun[n + 1440] - begun[n] >= 86400 for n in range(len(begun) - 1440))
    assert begun[59] == 590


def test_a_name_that_only_ends_alike_is_another_site() -> None:
    """notpolisen.se has nothing to do with polisen.se."""
    assert _times("notpolisen.se", 2, host_delay=0.0) == [0, 0]


def test_one_call_at_a_time_for_a_host_and_no_waiting_for_others() -> None:
    """While one host is being called another can be."""
    gate = Gate(VirtualClock(START), 0.0)
    inside: dict[str, int] = {"a": 0, "b": 0}
    most: dict[str, int] = {"a": 0, "b": 0, "both": 0}

    async def call(host: str) -> None:
        async with gate.turn(host):
            inside[host] += 1
            most[host] = max(most[host], inside[host])
            most["both"] = max(most["both"], sum(inside.values()))
            await asyncio.sleep(0.001)
            inside[host] -= 1

    async def main() -> None:
        await asyncio.gather(*(call(host) for host in "abababab"))

    asyncio.run(main())
    assert most == {"a": 1, "b": 1, "both": 2}


def test_a_hold_is_waited_for_or_said() -> None:
    """A short Retry-After is waited for; a long one is the source's state, with the time that is left."""
    clock = VirtualClock(START)
    gate = Gate(clock, 0.0)

    async def main() -> None:
        gate.hold("h", 20)
        async with gate.turn("h"):
            assert clock.now() == START + timedelta(seconds=20)
        gate.hold("h", 3600)
        clock.advance_to(clock.now() + timedelta(seconds=600))
        with pytest.raises(Blocked) as caught:
            async with gate.turn("h"):
                pass
        assert caught.value.wait == 3000
        clock.advance_to(clock.now() + timedelta(seconds=3000))
        async with gate.turn("h"):
            pass

    asyncio.run(main())


def test_calls_of_an_earlier_process_count() -> None:
    """A restart does not give the right to call again at once."""
    clock = VirtualClock(START)
    gate = Gate(clock, 1.0)

    async def main() -> None:
        gate.remember("polisen.se", START - timedelta(seconds=4))
        async with gate.turn("polisen.se"):
            assert clock.now() == START + timedelta(seconds=6)

    asyncio.run(main())


def test_a_clock_that_was_set_back_is_not_waited_for() -> None:
    """A call in what is now the future counts as one of now."""
    clock = VirtualClock(START)
    gate = Gate(clock, 1.0)

    async def main() -> None:
        gate.remember("polisen.se", START + timedelta(days=365))
        async with gate.turn("polisen.se"):
            assert clock.now() == START + timedelta(seconds=10)

    asyncio.run(main())
