"""Many sources of mixed behaviour, on one process, in simulated time: small here, 1,000 of them for a day where TESTS_LONG is set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Sources, hosts, hours, and the seconds that they may take.
SIZE = (1000, 100, 24.0, 7200) if os.environ.get("TESTS_LONG") else (80, 30, 5.0, 300)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Of a process of its own, whose memory is its own."""
    sources, hosts, hours, seconds = SIZE
    memory = Path("/dev/shm")  # noqa: S108  # where files cost no waiting: time stands still meanwhile, but not here
    folder = memory if memory.is_dir() and os.access(memory, os.W_OK) else tmp_path_factory.mktemp("bus")
    command = [sys.executable, "-m", "tests.collectors.simulation", str(sources), str(hosts), str(hours)]
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True, env=environment)
    found: dict = json.loads(done.stdout)
    return found


def test_no_host_is_called_more_often_than_it_allows(report):
    """Across all its sources, redirects and robots.txt included; and not at all while it asks for peace."""
    assert report["least_spacing"] >= 1.999
    assert report["violations"] == []
    assert report["most_a_minute"] <= 31


def test_healthy_sources_are_on_rhythm(report):
    """Each is asked when it is due, but for the turns of its host; none is forgotten."""
    sources, hosts, hours, _ = SIZE
    assert report["lateness"] <= 2.0 * 3 * (sources / hosts) + 10
    assert report["healthy_visits"] >= hours * 3600 / 1900 - 2


def test_nothing_is_lost_or_doubled(report):
    """What a source still shows was collected, once; whatever else it did, and after an outage of an hour."""
    assert (report["missing"], report["doubled"]) == (0, 0)
    assert report["items"] > SIZE[0] * 5
    assert report["caught_up"] is True


def test_an_outage_is_caught_up_without_a_storm(report):
    """In no minute after it are there more calls to a host than it has sources, with a redirect each."""
    sources, hosts, _, _ = SIZE
    assert report["storm"] <= 2 * sources / hosts + 1


def test_each_trouble_has_its_name(report):
    """What is gone, broken, too large or a page is told apart, and the healthy are healthy."""
    conditions = report["conditions"]
    assert not [name for name in conditions if name.startswith("gone") and name != "gone gone"]
    assert not [name for name in conditions if name.startswith(("page", "huge")) and name.split()[1] not in {"malformed", "blocked"}]
    assert not [
        name
        for name in conditions
        if name.startswith("healthy") and name.split()[1] not in {"changed", "unchanged", "blocked", "unreachable"}
    ]


def test_one_process_is_enough(report):
    """Memory of the process, with the server and its hosts."""
    assert report["memory"] <= 500_000_000
