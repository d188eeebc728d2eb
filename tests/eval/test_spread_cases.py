"""Real cases, one by one, through ``fjaril replay``: what is said of them, and what is not. docs/spread.md tells them in words."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from enrich.spread.detect import detect
from enrich.spread.findings import findings
from enrich.spread.surges import Surges
from enrich.spread.table import clean
from tests.e2e.commands import fjaril, fjaril_json
from tests.eval import police_polls, protests

pytestmark = pytest.mark.real

#: Days before and after an episode that are replayed with it, and its longest part.
BEFORE, AFTER, LONGEST = timedelta(days=21), timedelta(days=2), timedelta(days=14)
#: One of them in the short form, all with TESTS_LONG.
EPISODES: tuple[str, ...] = (
    "control_press_hours_2024-02",
    "control_press_2024-07",
    "control_newyear_2023",
    "control_traffic_week_2024-03",
    "ice_2023-11-27",
    "ice_2024-01-17",
    "snow_2024-04-02",
)


def replayed(folder: Path, polls: Path) -> list[dict[str, Any]]:
    """What is said in the end, with every version's line in its history."""
    fjaril("replay", str(polls), data=folder)
    return fjaril_json("spread", "--size", "1000", data=folder)


def alerts(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What may alert: spread with the grade linked."""
    return [finding for finding in found if finding["kind"] == "spread" and finding["grade"] == "linked"]


def test_powder_letters_are_found_by_the_fourth_county(shared_data, tmp_path):
    """A surge, said when the fourth of eighteen counties tells of it; no alert of spread, and no other surge in two weeks."""
    found = replayed(tmp_path, shared_data / "polisen" / "polls_2023-03.jsonl.xz")
    (surge,) = (finding for finding in found if finding["kind"] == "surge")
    assert surge["theme"] == "weapons.suspicious_object"
    assert surge["history"][0]["places"] == 4
    assert len({place[:2] for place in surge["places"]}) >= 10
    assert surge["expected_per_year"] < 1e-3
    assert alerts(found) == []


def test_an_outage_of_the_collector_is_nothing(shared_data, tmp_path):
    """Two empty answers and 67 hours without any: neither spread nor a surge when everything comes at once."""
    found = replayed(tmp_path, shared_data / "polisen" / "polls.jsonl.xz")
    assert alerts(found) == []
    assert [finding for finding in found if finding["kind"] == "surge"] == []


@pytest.mark.parametrize("episode", EPISODES if os.environ.get("TESTS_LONG") else EPISODES[:1])
def test_controls_and_weather_give_no_alert(shared_data, tmp_path, episode):
    """Opening hours of the press centre, its telephone numbers, fireworks, the traffic week; ice and snow."""
    episodes = msgspec.json.decode((shared_data / "spread" / "polisen_episodes.json").read_bytes())
    (one,) = (e for e in (episodes if isinstance(episodes, list) else episodes["episodes"]) if e["id"] == episode)
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in one["window"])
    polls = tmp_path / "polls.jsonl"
    police_polls.record(shared_data / "polisen" / "events.jsonl.gz", first - BEFORE, min(last, first + LONGEST) + AFTER, polls)
    found = replayed(tmp_path / "data", polls)
    assert alerts(found) == []
    surges = [f for f in found if f["kind"] == "surge" and first <= datetime.fromisoformat(f["times"][0]) <= last + timedelta(days=1)]
    assert bool(surges) == (episode == "snow_2024-04-02" or "ice_2024" in episode)


def test_protests_run_as_events(shared_data):
    """Without links nothing is called spread; the wave from St. Louis is a surge on its second day."""
    told = protests.occurrences(shared_data / "spread" / "us_protest_2017_2019.csv.gz")
    surges, said = Surges(), []
    for occurrence in told:
        said += surges.put(occurrence)
    wave = next(finding for finding in said if finding.kind == "surge")
    assert "St. Louis, MO" in wave.places
    assert f"{wave.times[0]:%Y-%m-%d}" == "2017-09-16"
    assert findings(detect(clean(one.event for one in told), decoys=20)) == []
