"""Where no source works, nothing is known: ``fjaril spread`` says so instead of keeping silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.cli.findings import blind_spots
from pipeline.model import Health, SourceState, encode
from pipeline.ports import Record
from pipeline.settings import Settings

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def test_an_area_whose_sources_all_are_quiet_is_a_blind_spot(tmp_path):
    """A source that failed and one that gives nothing new are named; so is the area, unless another source of it works."""
    bus = SqliteBus(tmp_path / "bus.db", topics(Settings()))
    states = (
        SourceState(source="a", url="http://a.example", checked=NOON, changed=NOON, health=Health.CHANGED),
        SourceState(source="b", url="http://b.example", checked=NOON, changed=NOON - timedelta(days=20), health=Health.CHANGED),
        SourceState(source="c", url="http://c.example", checked=NOON, changed=NOON, health=Health.BLOCKED, detail="403"),
        SourceState(source="d", url="http://d.example", checked=NOON, changed=NOON - timedelta(days=20), health=Health.CHANGED),
    )
    bus.publish([Record(topic="sources", key=state.source, timestamp=NOON, value=encode(state)) for state in states])
    areas = {"a": "Skåne län", "b": "Skåne län", "c": "Dalarnas län", "d": "Dalarnas län"}
    told = blind_spots(bus, areas)
    assert [line.partition(" ")[0] for line in told] == ["b", "c", "d", "no"]
    assert told[-1] == "no source of Dalarnas län works: that nothing is found there says nothing"
    bus.close()
