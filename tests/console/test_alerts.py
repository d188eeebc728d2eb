"""Alerts on the page: what stands, what is done with it is a command that the stage does, and a link acknowledges once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from pipeline.alerts.live.model import Command
from pipeline.alerts.notify import acknowledge
from pipeline.alerts.topics import COMMANDS
from pipeline.console.room import Room
from pipeline.model import decode
from tests.console.alerting import KEY, alerting
from tests.console.serving import served

CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@pytest.fixture
def room(copied) -> Iterator[Room]:
    with alerting(copied()) as made:
        yield made


@pytest.fixture
def client(room) -> Iterator[httpx.Client]:
    with served(room) as made:
        yield made


def commands(room: Room) -> list[Command]:
    return [decode(record.value, Command) for record in room.bus.read(COMMANDS)]


def test_what_stands_is_shown_most_severe_first(client):
    """Open alerts with state and cause, who is on duty now by the rota, and no fault of its file."""
    page = client.get("/larm").text
    assert page.index("bilbrand 1") < page.index("bilbrand 0")
    assert "Vakthavande nu" in page
    found = client.get("/api/v1/alerts").json()
    assert found["faults"] == []
    assert {row["region"] for row in found["duty"]} >= {"nord"}
    assert all(row["officers"] for row in found["duty"])
    assert [one["severity"] for one in client.get("/api/v1/alerts?severity=medium").json()["alerts"]] == ["medium"]


def test_an_alert_shows_what_it_rests_on(client):
    """Its documents with source and grade; those that are gone are not hidden."""
    page = client.get("/larm/1a").text
    assert "återkallat eller borta" in page
    assert "Trollhättan" in page
    assert client.get("/larm/" + "1a" + "0" * 30).status_code == 200


@pytest.mark.parametrize(
    ("path", "data", "what"),
    [
        ("kvittera", {"why": "Ringer räddningstjänsten"}, "acknowledge"),
        ("avsluta", {"why": "Släckt"}, "resolve"),
        ("nytta", {"useful": "false"}, "mark"),
        ("tysta", {"by": "municipality", "hours": "1.5", "why": "Känd övning"}, "silence"),
    ],
)
def test_what_is_done_is_a_command(client, room, path, data, what):
    """The form publishes who does what, and why; the page says that it is sent, not that it is done."""
    csrf = CSRF.search(client.get("/larm/1a").text)[1]
    answer = client.post(f"/larm/1a/{path}", data=data | {"csrf": csrf})
    assert answer.status_code == 303
    (command,) = commands(room)
    assert (command.what, command.who, command.why) == (what, "local", data.get("why", ""))
    assert "skicka" in client.get(answer.headers["location"]).text
    if what == "silence":
        assert command.silence.labels == {"municipality": "1488"}
        assert command.silence.ends - command.silence.begins == timedelta(hours=1.5)


def test_a_silence_without_reason_is_refused_and_kept(client, room):
    """What was filled in stands in the form that comes back; nothing was published."""
    csrf = CSRF.search(client.get("/larm/1a").text)[1]
    answer = client.post("/larm/1a/tysta", data={"csrf": csrf, "by": "rule", "hours": "9999", "why": "Övning i veckan"})
    assert answer.status_code == 400
    assert 'value="9999"' in answer.text
    assert "Övning i veckan" in answer.text
    assert commands(room) == []


def test_a_link_acknowledges_when_it_is_pressed(client, room):
    """A link in a message shows what it is for, without a login; only its button does it; a false one does nothing."""
    token = acknowledge.make(KEY.encode(), "1a" + "0" * 30, "vakt-nord", datetime.now(UTC) + timedelta(hours=1))
    assert "vakt-nord" in client.get(f"/kvittera/{token}").text
    assert commands(room) == []
    assert "Larmet är kvitterat" in client.post(f"/kvittera/{token}").text
    (command,) = commands(room)
    assert (command.what, command.who) == ("acknowledge", "vakt-nord")
    assert client.get(f"/kvittera/{token[:-2]}xx").status_code == 410
    assert client.post(f"/kvittera/{token}", headers={"sec-fetch-site": "cross-site"}).status_code == 403
