"""A pipeline that ends with alerts: the real stage on a real bus, in a time that goes by only when told to. All persons are invented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from pipeline.alerts.current import Current
from pipeline.alerts.live import desk
from pipeline.alerts.live.model import Alert, Outgoing, Tick
from pipeline.alerts.live.stage import Alerts
from pipeline.alerts.load import load as load_rules
from pipeline.alerts.rota.load import load as load_rota
from pipeline.alerts.topics import ALERTS, NOTIFICATIONS, TICKS
from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.model import Document, Place, PlaceKind, PlaceRole, Provenance, Reliability, Theme, decode, encode
from pipeline.ports import Bus, Record
from pipeline.runner import StageWorker
from pipeline.settings import Alerts as AlertSettings
from pipeline.settings import Settings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROTA = """\
timezone: Europe/Stockholm
channels:
  sms: {kind: sms, url: "http://127.0.0.1:9/sms", form: {to: "{to}", text: "{text}", key: "{key}"}}
  jour: {kind: sms, url: "http://127.0.0.1:9/jour", form: {to: "{to}", text: "{text}", key: "{key}"}}
officers:
  anna: {name: Anna Exempel, channels: {sms: "+46701740605", jour: "+46701740605"}}
  bo: {name: Bo Exempel, channels: {sms: "+46701740606"}}
  desk: {name: Desk Example, language: en, channels: {sms: "+46701740609"}}
fallback: [desk]
regions:
  väst:
    shifts:
    - {from: "mon 00:00", to: "mon 00:00", officers: [anna]}
    escalation:
    - {after: {minutes: 10}, to: bo}
    - {after: {minutes: 20}, to: fallback}
"""
FIRE = """\
name: brand
purpose: prova
type: any
filter:
- term: {themes.id: fire}
realert: {seconds: 0}
"""


def document(
    id_: str, at: datetime, *, revision: int = 1, theme: str = "fire.vehicle", place: str = "1480", source: str = "a",
    published: datetime | None = None, withdrawn: bool = False, text: str = "Brand i en bil.", story: str = "",
) -> Document:  # fmt: skip
    """A document that came at that time."""
    where = Place(code=place, name=f"Ort {place}", kind=PlaceKind.MUNICIPALITY, role=PlaceRole.HAPPENED, score=0.9)
    return Document(
        id=id_, revision=revision, content_hash=f"{revision}", title="" if withdrawn else "Brand", text="" if withdrawn else text,
        published=published or at, fetched=at, places=() if withdrawn else (where,), withdrawn=withdrawn, story=story,
        themes=() if withdrawn else (Theme(id=theme, score=0.8),), url=None if withdrawn else f"https://press.example/{id_}",
        provenance=Provenance(source=source, native_id=id_, fetched_url="https://press.example/", status=200, reliability=Reliability.B, area="SE"),
    )  # fmt: skip


class World:
    """The stage, its bus and its files."""

    def __init__(self, folder: Path, rules: str = FIRE, rota: str | None = ROTA, batch: int = 100, bus: Bus | None = None) -> None:
        self.folder, self._batch = folder, batch
        folder.mkdir(parents=True, exist_ok=True)
        self.rules = folder / "rules.yaml"
        self.rules.write_text(rules, encoding="utf-8")
        self.rota = folder / "rota.yaml" if rota else None
        if self.rota is not None and rota is not None:
            self.rota.write_text(rota, encoding="utf-8")
        settings = Settings(data_dir=folder, rota=self.rota, alerts=AlertSettings(rules=self.rules))
        self.bus: Bus = bus or SqliteBus(folder / "bus.db", topics(settings))
        self.now = NOON
        self.begin()

    def begin(self) -> None:
        """A process that knows nothing."""
        rota = Current(self.rota, load_rota) if self.rota else None
        self.stage = Alerts(Current(self.rules, load_rules), rota)
        self.worker = StageWorker(self.stage, self.bus, self._batch)

    def come(self, *documents: Document, run: bool = True) -> None:
        """Documents come, each at the time at which it was fetched."""
        self.bus.publish([Record(topic="related", key=one.id, value=encode(one), timestamp=one.fetched) for one in documents])
        self.now = max(self.now, *(one.fetched for one in documents))
        if run:
            self.run()

    def fire(self, id_: str, minutes: float = 0, **options: Any) -> None:
        """A document so many minutes after noon."""
        self.come(document(id_, NOON + timedelta(minutes=minutes), **options))

    def tick(self, minutes: float) -> None:
        """Time goes on to so many minutes after noon."""
        self.now = max(self.now, NOON + timedelta(minutes=minutes))
        self.bus.publish([Record(topic=TICKS, key="alerts", timestamp=self.now, value=encode(Tick(at=self.now)))])
        self.run()

    def run(self) -> None:
        """The stage takes what there is."""
        while self.worker.step():
            pass

    # --- what came of it -----------------------------------------------------------------------------------------------

    @property
    def board(self) -> desk.Board:
        return desk.board(self.bus)

    @property
    def messages(self) -> list[Outgoing]:
        return [decode(record.value, Outgoing) for record in self.bus.read(NOTIFICATIONS)]

    @property
    def told(self) -> list[tuple[float, str, str, int]]:
        """(minutes after noon, kind, officer, alerts) of each message."""
        return [
            ((one.notification.sent - NOON) / timedelta(minutes=1), str(one.notification.kind), one.officer, one.notification.alerts)
            for one in self.messages
        ]

    @property
    def alert(self) -> Alert:
        """The only one."""
        [one] = self.board.alerts.values()
        return one

    def changes(self, alert: str) -> list[str]:
        return [decode(record.value, Alert).change.what for record in self.bus.read(ALERTS) if record.key == alert]

    def close(self) -> None:
        self.bus.close()


def rule(name: str, kind: str, **options: Any) -> str:
    """A rule as YAML; JSON is."""
    given = {"name": name, "purpose": "prova", "type": kind, "realert": {"seconds": 0}} | options
    return "---\n" + msgspec.json.encode(given).decode() + "\n"


def steps() -> st.SearchStrategy[list[tuple[float, str]]]:
    """Minutes that pass, and what then comes."""
    return st.lists(st.tuples(st.sampled_from([0, 0.5, 1, 4, 11, 300]), st.sampled_from("abcdefgh")), max_size=30)


def worlds(folder: Path) -> Iterator[World]:
    """A world that is closed in the end: for fixtures."""
    made = World(folder)
    yield made
    made.close()
