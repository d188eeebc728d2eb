"""Alerts as people use them: ``fjaril run`` tells them, ``fjaril alerts`` acts, ``fjaril replay --rules`` compares."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import app
from pipeline.clock import SystemClock
from pipeline.model import Document, encode
from pipeline.ports import Record
from pipeline.settings import Alerts, Settings
from tests.e2e.commands import FJARIL, fjaril, fjaril_json
from tests.pipeline.alerts.live.world import FIRE, ROTA, document
from tests.pipeline.alerts.notify.receivers import receiving


def until(holds: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.1)
    return found


class Place:
    """A data directory with rules and a rota, and a pipeline that runs in it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.rules, self.rota = folder / "rules.yaml", folder / "rota.yaml"
        self.rules.write_text(FIRE, encoding="utf-8")
        self.rota.write_text(ROTA.replace("http://127.0.0.1:9/sms", url), encoding="utf-8")
        config = f"rota: {self.rota}\nalerts: {{rules: {self.rules}}}\nconsole: {{address: ''}}\n"
        (self.data / "fjaril.yaml").write_text(config, encoding="utf-8")
        self.settings = Settings(data_dir=self.data, rota=self.rota, alerts=Alerts(rules=self.rules))

    def come(self, *documents: Document) -> None:
        bus = app.open_bus(self.settings)
        bus.publish([Record(topic="related", key=one.id, value=encode(one), timestamp=one.fetched) for one in documents])
        bus.close()

    def alerts(self) -> list[dict[str, Any]]:
        return fjaril_json("alerts", "list", "--all", data=self.data)


@pytest.fixture
def place(tmp_path):
    with receiving() as receiver:
        made = Place(tmp_path, receiver.url)
        app.open_bus(made.settings).close()
        log = (tmp_path / "log").open("w")
        running = subprocess.Popen(
            [FJARIL, "--data", made.data, "run", "alerts"], stdout=log, stderr=log, env=os.environ | {"NO_COLOR": "1"}
        )
        made.got = receiver.got
        yield made
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0, (tmp_path / "log").read_text(encoding="utf-8")[-2000:]
        log.close()


def test_from_a_document_to_an_officer_and_back(place, tmp_path):
    """A fire is told; acknowledged it is quiet; a silence, a mark and the rule's test show up; other rules are compared with what was told."""
    until(lambda: _rules_in_force(place))
    now = SystemClock().now()
    place.come(document("d1", now))
    until(lambda: place.got)
    [alert] = place.alerts()
    assert alert["state"] == "firing"
    short = alert["id"][:10]
    assert "acknowledged by anna" in fjaril("alerts", "ack", short, "--who", "anna", "--why", "på väg", data=place.data).stdout
    until(lambda: place.alerts()[0]["state"] == "acknowledged")
    until(lambda: len(place.got) == 2)
    shown = fjaril_json("alerts", "show", short, data=place.data)
    assert [made["what"] for made in shown["history"]] == ["detected", "told", "acknowledged"]
    assert shown["history"][-1]["why"] == "på väg"
    assert [one["officer"] for one in shown["deliveries"]] == ["anna", "anna"]
    assert "Anna Exempel" in fjaril("alerts", "show", short, data=place.data).stdout

    silenced = fjaril("alerts", "silence", "--county", "14", "--reason", "övning", "--for", "1h", "--who", "bo", data=place.data).stdout
    until(lambda: "övning" in fjaril("alerts", "list", data=place.data).stdout)
    place.come(document("d2", SystemClock().now()))
    held = until(lambda: [one for one in place.alerts() if one["held"]])
    assert held[0]["held"].startswith("silenced by bo")
    fjaril("alerts", "unsilence", silenced.split()[1], data=place.data)
    until(lambda: not [one for one in place.alerts() if one["held"]])

    fjaril("alerts", "mark", short, "--not-useful", "--why", "det var en övning", data=place.data)
    fjaril("alerts", "resolve", short, "--why", "släckt", data=place.data)
    until(lambda: {one["state"] for one in place.alerts() if one["causes"] == ["d1"]} == {"resolved"})
    assert "is resolved since" in fjaril("alerts", "ack", short, data=place.data, code=2).stderr
    assert "there is no such alert" in fjaril("alerts", "ack", "ffff", data=place.data, code=2).stderr

    same = fjaril_json("replay", "--rules", place.rules, "--since", "1d", data=place.data)
    assert [(one["before"], one["now"], one["both"]) for one in same] == [(2, 2, 2)]
    other = tmp_path / "other.yaml"
    other.write_text(FIRE.replace("fire}", "theft}"), encoding="utf-8")
    [one] = fjaril_json("replay", "--rules", other, "--since", "1d", data=place.data)
    assert (one["before"], one["now"], [alert["causes"] for alert in one["no_longer"]]) == (2, 0, [["d1"], ["d2"]])
    assert "no longer: brand" in fjaril("replay", "--rules", other, "--since", "1d", data=place.data).stdout


def _rules_in_force(place: Place) -> list[Any]:
    """Published once the stage has run; the first tick is enough."""
    bus = app.open_bus(place.settings)
    try:
        return [json.loads(record.value) for record in bus.read("alert_rules")]
    finally:
        bus.close()


def test_a_bad_rule_is_shown_and_the_old_ones_stay(place):
    """With file, line and key, to whoever lists the alerts."""
    until(lambda: _rules_in_force(place))
    place.rules.write_text(FIRE.replace("any", "anyone"), encoding="utf-8")
    until(lambda: "not in force" in (said := fjaril("alerts", "list", data=place.data).stdout) and "rules.yaml:3" in said.replace("\n", ""))
    place.come(document("d1", SystemClock().now() + timedelta(seconds=1)))
    until(place.alerts)
    assert place.alerts()[0]["rule"] == "brand"
