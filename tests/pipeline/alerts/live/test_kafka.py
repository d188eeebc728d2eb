"""The stage on the real broker: what it knows is folded back from there, too."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.alerts.live import desk
from pipeline.alerts.live.model import State
from pipeline.app import topics
from pipeline.bus.kafka.bus import KafkaBus
from pipeline.settings import Alerts, Settings
from tests.pipeline.alerts.live.world import FIRE, NOON, World, rule
from tests.real_servers import servers


@pytest.mark.long
def test_alerts_on_kafka(tmp_path):
    """Told, restarted, escalated, acknowledged, withdrawn: as on one machine."""
    rules = FIRE + rule("tre", "frequency", num_events=3, timeframe={"hours": 1}, query_key="places.county")
    settings = Settings(data_dir=tmp_path, rota=tmp_path / "rota.yaml", alerts=Alerts(rules=tmp_path / "rules.yaml"))
    prefix = "t" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
    world = World(tmp_path, rules, bus=KafkaBus(f"kafka://{servers().kafka}/{prefix}", topics(settings)))
    try:
        world.fire("d1")
        world.fire("d2", 1)
        world.begin()
        world.tick(10)
        assert ("trigger", "bo") in [one[1:3] for one in world.told]
        world.fire("d3", 11)
        counted = next(one for one in world.board.open if one.rule == "tre")
        assert counted.causes == ("d1", "d2", "d3")
        single = next(one for one in world.board.open if one.causes == ("d1",))
        desk.acknowledge(world.bus, single.id, "anna", "", NOON)
        world.run()
        assert world.board.alerts[single.id].state is State.ACKNOWLEDGED
        world.begin()
        world.fire("d2", 12, revision=2, withdrawn=True)
        assert world.board.alerts[counted.id].state is State.CANCELLED
        keys = [(one.notification.key, one.officer) for one in world.messages]
        assert len(keys) == len(set(keys))
    finally:
        world.close()
