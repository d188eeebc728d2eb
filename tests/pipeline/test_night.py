"""The nightly run over the real bus: when it is due, what it reads, and what it tells the stage."""

from __future__ import annotations

import asyncio
import multiprocessing
from datetime import UTC, datetime, timedelta

import pytest

from enrich.spread.model import Influence, Occurrence, Sighting
from enrich.spread.nightly import Nightly
from pipeline import app
from pipeline.cli.findings import followed
from pipeline.errors import NightError
from pipeline.model import decode, encode
from pipeline.night import last_night, look, look_again, tell_night
from pipeline.nightly import night_is_due
from pipeline.ports import Record
from pipeline.settings import Settings
from tests.enrich.spread.worlds import START, cascade, event, quiet

NIGHT = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        (NIGHT, None, True),
        (NIGHT + timedelta(minutes=55), None, False),
        (NIGHT + timedelta(minutes=70), None, True),
        (NIGHT, NIGHT - timedelta(minutes=4), False),
        (NIGHT, NIGHT - timedelta(days=1), True),
        (NIGHT + timedelta(hours=12), NIGHT - timedelta(days=1), True),
        (NIGHT + timedelta(hours=11), NIGHT, False),
    ],
)
def test_once_a_night(now, last, due):
    """In the hour after one o'clock, once a day; at any hour once a night was missed, or none ever was and it has run for an hour."""
    assert night_is_due(now, last, NIGHT + timedelta(minutes=10)) is due


def test_a_night_over_the_bus(tmp_path):
    """The last version of each event counts, withdrawn ones do not; the stage is told, and the next night knows of it."""
    settings = Settings(data_dir=tmp_path)
    bus = app.open_bus(settings)
    gone = event("gone", 10, "0180", theme="fire")
    told = [(e, True) for e in (*quiet(), *cascade(), gone)] + [(gone, False)]
    bus.publish([Record(topic="events", key=e.id, value=encode(_occurrence(e, known=known)), timestamp=START) for e, known in told])
    at = START + timedelta(days=130)
    assert last_night(bus) is None
    tell_night(bus, at, look(settings, bus, at))
    (found,) = (decode(delivered.value, Nightly) for delivered in bus.read("nights"))
    assert (found.at, found.events, last_night(bus)) == (at, len(told) - 2, at)
    assert found.findings[0].root == "c0"
    assert bus.lag("spread", ("nights",)) == {"nights": 1}
    bus.close()


def test_in_a_process_of_its_own(tmp_path):
    """The same is found there, and told by the pipeline; stopped, it tells nothing and leaves no process."""
    settings = Settings(data_dir=tmp_path)
    bus = app.open_bus(settings)
    told = [Record(topic="events", key=e.id, value=encode(_occurrence(e, known=True)), timestamp=START) for e in (*quiet(), *cascade())]
    bus.publish(told)
    at = START + timedelta(days=130)

    async def stopped() -> None:
        async with asyncio.timeout(0.2):
            await look_again(settings, bus, at)

    with pytest.raises(TimeoutError):
        asyncio.run(stopped())
    assert last_night(bus) is None
    assert not [process for process in multiprocessing.active_children() if process.name == "night"]
    asyncio.run(look_again(settings, bus, at))
    assert [delivered.value for delivered in bus.read("nights")] == [look(settings, bus, at)]
    bus.close()


def test_a_death_is_an_error_that_says_so(tmp_path):
    """A directory that is no directory: its error stands above, and the exit code is told."""
    bus = app.open_bus(Settings(data_dir=tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(NightError, match="exit code 1"):
        asyncio.run(look_again(Settings(data_dir=tmp_path / "file"), bus, NIGHT))
    assert last_night(bus) is None
    bus.close()


def test_the_last_network_counts(tmp_path):
    """Who is followed by whom is what the last night found."""
    bus = app.open_bus(Settings(data_dir=tmp_path))
    assert followed(bus) == ()
    pair = Influence(from_="1488", to="2180", theme="fire", share=0.5, score=9.0, expected_per_year=0.1, q=0.02)
    for day, network in enumerate(((), (pair,))):
        at = NIGHT + timedelta(days=day)
        bus.publish([Record(topic="nights", key="night", value=encode(Nightly(at=at, night=None, network=network)), timestamp=at)])
    assert followed(bus) == (pair,)
    bus.close()


def _occurrence(one, *, known: bool) -> Occurrence:
    sighting = Sighting(document=one.id, time=one.time, source="s", place=one.place, theme=one.theme)
    return Occurrence(event=one, sightings=(sighting,) if known else ())
