"""The demo with two alerts that stand, and the example's rota."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

import pipeline.settings
from pipeline.alerts.live.model import Alert, Made, State
from pipeline.alerts.notify.message import Named
from pipeline.alerts.topics import ALERTS
from pipeline.console.room import Room, opened
from pipeline.model import encode
from pipeline.ports import Record

KEY = "en nyckel som är minst trettiotvå tecken lång"
ROTA = Path(__file__).resolve().parents[2] / "deploy" / "rota.yaml"


@contextmanager
def alerting(folder: Path) -> Iterator[Room]:
    """A room over the directory, which is changed."""
    settings = pipeline.settings.load(data=folder)
    settings = settings.model_copy(update={"rota": ROTA, "secrets": {"acknowledge": SecretStr(KEY)}})
    with opened(settings) as made:
        now = made.clock.now()
        cause = max(made.bus.read("related"), key=lambda one: one.offset).key
        for number, severity in enumerate(("medium", "critical")):
            one = Alert(
                id=f"{number}a{'0' * 30}", state=State.FIRING, rule=f"bilbrand {number}", rule_hash="x", kind="frequency", purpose="prov",
                severity=severity, group="g", causes=(cause, "gone"), places=(Named("1488", "Trollhättan"),), themes=(Named("fire.vehicle", "Bilbrand"),),
                sources=("demo-polisen",), figures={"count": 2}, found=now, since=now, first=now, last=now, news=now + timedelta(seconds=number),
                change=Made(what="told", at=now),
            )  # fmt: skip
            made.bus.publish([Record(topic=ALERTS, key=one.id, value=encode(one), timestamp=now)])
        yield made
