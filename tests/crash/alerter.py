"""Alerts as a process that can be killed: stage, clock and deliverer over a folder, until it is."""

from __future__ import annotations

import time
from pathlib import Path

from pipeline import app
from pipeline.alerts.current import Current
from pipeline.alerts.live.deliver import Deliverer
from pipeline.alerts.live.stage import Alerts
from pipeline.alerts.live.ticks import Ticks
from pipeline.alerts.load import load as load_rules
from pipeline.alerts.rota.load import load as load_rota
from pipeline.clock import SystemClock
from pipeline.ports import Bus
from pipeline.runner import Runner, StageWorker
from pipeline.settings import Alerts as AlertSettings
from pipeline.settings import Settings

#: Small, so that there are many boundaries to be killed at.
_BATCH = 5


def settings_of(folder: Path) -> Settings:
    """Rules and rota stand in the folder."""
    return Settings(data_dir=folder, rota=folder / "rota.yaml", alerts=AlertSettings(rules=folder / "rules.yaml"))


def open_bus(folder: Path) -> Bus:
    """The folder's bus."""
    return app.open_bus(settings_of(folder))


def alert(folder: Path) -> None:
    """Tell what comes, for ever."""
    bus, clock = open_bus(folder), SystemClock()
    stage = Alerts(Current(folder / "rules.yaml", load_rules), Current(folder / "rota.yaml", load_rota))
    deliverer = Deliverer(bus, Current(folder / "rota.yaml", load_rota), {}, clock)
    runner = Runner(bus, [Ticks(bus, clock), StageWorker(stage, bus, _BATCH), deliverer])
    runner.start()
    while runner.failure is None:
        time.sleep(1)
    raise runner.failure
