"""Collectors of Swedish authorities. There are no recordings: each answer is synthetic, made from the documented shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pipeline.model import Health
from tests.collectors.server import Asked, Reply
from tests.collectors.world import World, event, events, in_world

SMHI = [
    {
        "id": 4711,
        "normalProbability": True,
        "event": {"sv": "Vind", "en": "Wind", "code": "WIND", "mhoClassification": {"code": "MET"}},
        "descriptions": [],
        "warningAreas": [
            {
                "id": 1,
                "approximateStart": "2026-03-02T06:00:00.000Z",
                "approximateEnd": "2026-03-02T18:00:00.000Z",
                "published": "2026-03-01T11:00:00.000Z",
                "normalProbability": True,
                "areaName": {"sv": "Skåne län", "en": "Skåne County"},
                "warningLevel": {"sv": "Gul", "en": "Yellow", "code": "YELLOW"},
                "eventDescription": {"sv": "Kuling", "en": "Gale", "code": "GALE"},
                "affectedAreas": [{"id": 12, "sv": "Skåne län", "en": "Skåne County"}],
                "descriptions": [{"title": {"sv": "Vad", "en": "What", "code": "WHAT"}, "text": {"sv": "Det blåser.", "en": "It blows."}}],
                "area": {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": []}, "properties": {}},
            },
            {
                "id": 2,
                "published": "2026-03-01T11:00:00.000Z",
                "areaName": {"sv": "Kattegatt", "en": "Kattegat"},
                "warningLevel": {"code": "MESSAGE"},
                "affectedAreas": [{"id": "43", "sv": "Kattegatt", "en": "Kattegat"}],
            },
        ],
    },
    {"id": "not a number"},
]


def alert(number: int, **changes: Any) -> dict[str, Any]:
    """A VMA as the interface documents it."""
    info = {
        "language": "sv-SE", "category": ["Fire"], "event": "Brand i påhittad fabrik", "urgency": "Immediate", "severity": "Severe",
        "certainty": "Observed", "senderName": "Påhittad räddningstjänst", "description": "Röken är farlig. Gå inomhus.",
        "web": "https://example.org/vma", "area": [{"areaDesc": "Ale kommun", "geocode": [{"valueName": "Kommun", "value": "1440"}]}],
    }  # fmt: skip
    return {
        "identifier": f"VMA-{number}", "sender": "https://vmaapi.example", "sent": "2026-03-01T13:00:00+01:00", "status": "Actual",
        "msgType": "Alert", "scope": "Public", "references": None, "incidents": None, "info": [info], **changes,
    }  # fmt: skip


def test_vma_alerts_cancellations_and_exercises() -> None:
    """An alert says its municipality; a cancellation, which has no info, is a message of its own; exercises are left out, unless asked for."""

    async def main(w: World) -> None:
        cancelled = alert(2, msgType="Cancel", references="https://vmaapi.example,VMA-1,2026-03-01T13:00:00+01:00", info=None)
        alerts = [alert(1), cancelled, alert(3, status="Exercise"), alert(4, status="Draft"), {"identifier": ""}]
        w.server.routes["/alerts"] = Reply(200, json.dumps({"timestamp": "2026-03-01T13:00:00Z", "alerts": alerts}).encode())
        await w.collector.collect(w.source("vma", "/alerts"))
        first, second = w.bus.entries()
        assert (first.title, first.place, first.category) == ("Brand i påhittad fabrik", "1440", "VMA")
        assert first.text == "Röken är farlig. Gå inomhus.\nOmråde: Ale kommun"
        assert first.published == datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert "faran är över" in second.title
        assert "VMA-1" in second.text
        assert len(w.bus.dead()) == 1
        assert not [raw for raw in w.bus.raw() if raw.withdrawn]
        await w.collector.collect(w.source("vma", "/alerts", id="with-tests", options={"tests": True}))
        assert [entry.title for entry in w.bus.entries()[2:] if entry.category == "Övning"] == ["ÖVNING: Brand i påhittad fabrik"]
        w.balance("vma")

    in_world(main)


def test_no_alarm_is_no_fault() -> None:
    """Empty lists of alerts and warnings are what is usual."""

    async def main(w: World) -> None:
        w.server.routes |= {"/vma": Reply(200, b'{"timestamp":"x","alerts":[]}'), "/smhi": Reply(200, b"[]")}
        for kind in ("vma", "smhi"):
            assert (await w.collector.collect(w.source(kind, f"/{kind}"))).health is Health.UNCHANGED

    in_world(main)


def test_smhi_warnings_by_area() -> None:
    """Each area is an item with its level; the one county that it is about is stated; areas of the sea are not; numbers may be text."""

    async def main(w: World) -> None:
        w.server.routes["/warning.json"] = Reply(200, json.dumps(SMHI).encode())
        state = await w.collector.collect(w.source("smhi", "/warning.json"))
        first, second = w.bus.entries()
        assert (first.title, first.place, first.tags) == ("Gul varning: Kuling, Skåne län", "12", ("yellow",))
        assert first.text.splitlines()[:2] == ["Vad: Det blåser.", "Område: Skåne län"]
        assert (second.title, second.place, second.category) == ("Meddelande: Vind, Kattegatt", "", "Vädermeddelande")
        assert "1 could not be read" in state.detail
        SMHI[0]["warningAreas"][0]["warningLevel"]["code"] = "ORANGE"  # type: ignore[index]
        w.server.routes["/warning.json"] = Reply(200, json.dumps(SMHI).encode())
        await w.collector.collect(w.source("smhi", "/warning.json"))
        assert [raw.revision for raw in w.bus.raw()] == [1, 1, 2]

    in_world(main)


def test_krisinformation_in_whatever_case() -> None:
    """Names of fields are read in any case; areas but the nation stand in the text; what has no identifier dies."""
    message = {
        "Identifier": "kris-1", "PushMessage": "", "Updated": "2026-03-01T14:00:00+01:00", "Published": "2026-03-01T13:00:00+01:00",
        "Headline": "Påhittad storm", "Preamble": "Det blåser.", "BodyText": "<p>Stanna inne, <a href='https://example.org/rad'>råd</a></p>",
        "Web": "https://www.krisinformation.example/1", "Language": "sv", "Event": "Storm", "SenderName": "Påhittad myndighet",
        "Area": [
            {"Type": "County", "Description": "Skåne län", "Coordinate": "13,55", "GeometryInformation": None},
            {"Type": "Country", "Description": "Sverige"},
        ],
        "BodyLinks": [{"Url": "https://example.org/mer"}],
    }  # fmt: skip

    async def main(w: World) -> None:
        records = [message, {name.lower(): value for name, value in message.items()} | {"identifier": "kris-2"}, {"Headline": "x"}]
        w.server.routes["/news"] = Reply(200, json.dumps(records).encode())
        await w.collector.collect(w.source("krisinformation", "/news"))
        first, second = w.bus.entries()
        assert first == second
        assert first.text == "Det blåser.\nStanna inne, råd\nOmråde: Skåne län"
        assert first.links == ("https://example.org/mer", "https://example.org/rad")
        assert (len(w.bus.dead()), first.category) == (1, "Storm")

    in_world(main)


def situation(number: int, *deviations: dict[str, Any], deleted: bool = False) -> dict[str, Any]:
    return {"Id": f"SE_{number}", "Deleted": deleted, "Deviation": list(deviations)}


def deviation(number: int, **changes: Any) -> dict[str, Any]:
    values = {
        "Id": f"D_{number}", "Header": "Påhittad olycka", "Message": "Två bilar på väg 40.", "MessageType": "Olycka", "RoadNumber": "Väg 40",
        "CountyNo": [14], "StartTime": "2026-03-01T13:00:00.000+01:00", "Geometry": {"Point": {"WGS84": "POINT (12.9 57.7)"}},
    }  # fmt: skip
    return values | changes


def traffic(last: int, *situations: dict[str, Any]) -> bytes:
    return json.dumps({"RESPONSE": {"RESULT": [{"Situation": list(situations), "INFO": {"LASTCHANGEID": str(last)}}]}}).encode()


def test_trafikverket_is_asked_by_its_own_count() -> None:
    """The key and the last count go in the body; deviations are filtered again; what a situation no longer has is withdrawn."""
    asked: list[bytes] = []
    answers = iter(
        [
            traffic(7, situation(1, deviation(1), deviation(2, MessageType="Vägarbete"), deviation(3, CountyNo=[3]))),
            traffic(9, situation(1, deleted=True), situation(2, deviation(4))),
            traffic(9),
        ]
    )

    def answer(request: Asked) -> Reply:
        asked.append(request.body)
        return Reply(200, next(answers))

    async def main(w: World) -> None:
        w.server.routes["/v2/data.json"] = answer
        source = w.source("trafikverket", "/v2/data.json", options={"counties": [14]})
        states = [await w.collector.collect(source) for _ in range(3)]
        assert [state.cursor for state in states] == ["7", "9", "9"]
        assert [f'changeid="{count}"'.encode() in body for count, body in zip((0, 7, 9), asked, strict=True)] == [True] * 3
        assert all(b'authenticationkey="invented-key"' in body for body in asked)
        assert [(raw.native_id, raw.withdrawn) for raw in w.bus.raw()] == [("SE_1:D_1", False), ("SE_2:D_4", False), ("SE_1:D_1", True)]
        entry = w.bus.entries()[0]
        assert (entry.title, entry.place, entry.point) == ("Olycka: Påhittad olycka", "14", (12.9, 57.7))
        assert all(b"invented-key" not in record.value for record in w.bus.records())
        w.balance("trafikverket")

    in_world(main)


def test_a_key_that_is_missing_or_refused_is_said() -> None:
    """The state names the setting; the interface's refusal is no crash."""

    async def main(w: World) -> None:
        w.server.routes["/v2/data.json"] = Reply(200, b'{"RESPONSE":{"RESULT":[{"ERROR":{"SOURCE":"Authentication","MESSAGE":"no"}}]}}')
        refused = await w.collector.collect(w.source("trafikverket", "/v2/data.json"))
        assert (refused.health, refused.detail) == (Health.BLOCKED, "the interface refuses: Authentication: no")
        odd = await w.collector.collect(w.source("trafikverket", "/v2/data.json", id="odd", options={"county": 14}))
        assert "county" in odd.detail
        assert "counties" in odd.detail

    in_world(main)


def test_pages_of_police_events_are_read_once() -> None:
    """Only those of new events, without the line that names the writer; an event whose page cannot be had keeps its summary."""
    page = (
        "<h1>01 mars 08.01, Trafikolycka</h1><p class='preamble'>Kort.</p><div class='text-body editorial-html'><p>En bil körde av vägen.</p>"
        "<p>Text av Påhittad Person</p></div>"
    )

    async def main(w: World) -> None:
        w.server.routes["/api/events"] = Reply(200, events(event(1), event(2)))
        w.server.routes["/aktuellt/handelser/2026/mars/1/1"] = Reply(200, page.encode())
        source = w.source("polisen", "/api/events", options={"details": True})
        for _ in range(2):
            await w.collector.collect(source)
            w.server.routes["/api/events"] = Reply(200, events(event(1), event(2), event(3)))
        first, second, _ = w.bus.raw()
        assert json.loads(first.body)["details"] == "En bil körde av vägen."
        assert "details" not in json.loads(second.body)
        assert w.server.paths().count("/aktuellt/handelser/2026/mars/1/1") == 1
        assert b"Person" not in b"".join(record.value for record in w.bus.records())

    in_world(main)
