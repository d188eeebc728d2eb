"""A bus with events, stories, findings and sources of an invented spring, and the pictures made of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from enrich.gazetteer import Gazetteer, load
from enrich.spread.model import Edge, Event, Finding, Grade, Occurrence, Parts, Sighting, Version
from pipeline import app
from pipeline.access.roles import Principal, Role
from pipeline.desk.state import State, read
from pipeline.model import Health, Reliability, Source, SourceState, Story, encode
from pipeline.ports import Record
from pipeline.settings import Settings
from pipeline.situation.areas import find
from pipeline.situation.make import Maker
from pipeline.situation.model import Situation
from pipeline.situation.period import begin

#: Midnight in Sweden after a Sunday in winter time: the end of the pictures.
END = datetime(2026, 3, 15, 23, tzinfo=UTC)
THEMES = ("fire.vehicle", "traffic.accident", "sexual.rape", "rescue.missing", "violence.assault")
SOURCES = tuple(
    Source(id=id_, kind="feed", url=f"https://{id_}.example/", name=f"{name} (påhittad)", purpose="prov", area=area, reliability=grade)
    for id_, name, area, grade in (
        ("polisen-ac", "Polisen Västerbotten", "24", Reliability.A),
        ("bladet", "Norra bladet", "2480", Reliability.C),
        ("rikstidning", "Riksbladet", "SE", Reliability.B),
        ("skane", "Skånebladet", "12", Reliability.C),
    )
)
OFFICER = Principal(name="anna", role=Role.OFFICER, agency="polisen")
RESCUE = Principal(name="rakel", role=Role.VIEWER, agency="räddningstjänsten", areas=("2480",))
SOCIAL = Principal(name="sam", role=Role.VIEWER, agency="socialtjänsten", areas=("2480",))


def occurrence(name: str, time: datetime, place: str | None, theme: str, sources: tuple[str, ...] = ("polisen-ac",)) -> Occurrence:
    """An event that each of these sources tells of once, in words of its own."""
    sightings = tuple(Sighting(document=f"{name}.{source}", time=time, source=source, place=place, theme=theme) for source in sources)
    return Occurrence(event=Event(id=name, time=time, place=place, theme=theme), sightings=sightings)


def spring() -> list[Occurrence]:
    """Nine weeks: in Umeå an accident every second day, in the last week five fires of cars; two rapes; one missing, known by its county alone."""
    before = [
        occurrence(f"olycka{n}", END - timedelta(days=63) + timedelta(hours=48 * n + 10), "2480", "traffic.accident") for n in range(31)
    ]
    fires = [
        occurrence(f"brand{n}", END - timedelta(days=5, hours=-20 * n), "2480", "fire.vehicle", ("polisen-ac", "bladet")) for n in range(5)
    ]
    rare = [occurrence(f"sexual{n}", END - timedelta(days=2 + n), "2480", "sexual.rape") for n in range(2)]
    return [
        *before,
        *fires,
        *rare,
        occurrence("borta", END - timedelta(days=1), "2480", "rescue.missing", ("bladet",)),
        occurrence("lan", END - timedelta(days=1), "24", "violence.assault"),
        occurrence("malmo", END - timedelta(days=1), "1280", "fire.vehicle", ("skane",)),
        Occurrence(event=Event(id="borttagen", time=END - timedelta(days=1), place="2480", theme="fire.vehicle")),
    ]


def finding() -> Finding:
    """Fires that came to Umeå from Malmö, and went on to Luleå."""
    times = tuple(END - timedelta(days=4 - n) for n in range(3))
    parts = Parts(timing=1.0, link=3.0, prior=-1.0, burst=0.0)
    edges = tuple(
        Edge(from_=one, to=other, lag_hours=24.0, score=3.0, parts=parts, via=("url",))
        for one, other in (("malmo", "brand0"), ("brand0", "lulea"))
    )
    return Finding(
        id="f" * 16,
        theme="fire.vehicle",
        root="malmo",
        places=("1280", "2480", "2580"),
        events=("malmo", "brand0", "lulea"),
        times=times,
        edges=edges,
        score=9.0,
        expected_per_year=0.3,
        q=0.01,
        grade=Grade.LINKED,
        linked=2,
        history=(Version(version=1, at=times[-1], score=9.0, places=3, expected_per_year=0.3, reason="found"),),
    )


def stories() -> list[Story]:
    """One of the fires, and one of who was missing."""
    return [
        Story(
            id=id_ * 16,
            documents={f"{id_}{n}": n for n in range(3)},
            first=END - timedelta(days=2),
            last=END - timedelta(days=1),
            places={"2480": 2, "2480:teg": 1},
            themes={theme: 3},
            originals={"bladet": 1, "polisen-ac": 1},
        )
        for id_, theme in (("a", "fire.vehicle"), ("b", "rescue.missing"))
    ]


def states() -> list[SourceState]:
    """All were asked in the end; one fails, one gave nothing new for a week."""
    made = []
    for source in SOURCES:
        is_failing = source.id == "bladet"
        made.append(
            SourceState(
                source=source.id,
                url=source.url,
                checked=END - timedelta(minutes=5),
                health=Health.UNREACHABLE if is_failing else Health.UNCHANGED,
                changed=END - timedelta(days=8 if source.id == "rikstidning" else 1),
            )
        )
    return made


@pytest.fixture(scope="session")
def gazetteer(tmp_path_factory) -> Gazetteer:
    """All places."""
    return load(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def state(tmp_path: Path) -> State:
    """What the topics of a real bus say."""
    records = [
        *(Record(topic="events", key=one.event.id, value=encode(one), timestamp=one.event.time) for one in spring()),
        *(Record(topic="stories", key=one.id, value=encode(one), timestamp=one.last) for one in stories()),
        *(Record(topic="sources", key=one.source, value=encode(one), timestamp=one.checked) for one in states()),
        Record(topic="findings", key=finding().id, value=encode(finding()), timestamp=END),
    ]
    bus = app.open_bus(Settings(data_dir=tmp_path / "data"))
    bus.publish(records)
    found = read(bus, "events", "stories", "sources", "findings")
    bus.close()
    return found


@pytest.fixture
def picture(state: State, gazetteer: Gazetteer) -> Callable[..., Situation]:
    """Makes the picture of an area: ``picture("2480", days=7, until=END)``."""
    maker = Maker(state, SOURCES, gazetteer, THEMES)

    def make(area: str = "2480", days: int = 7, until: datetime = END, own: dict[str, tuple[str, ...]] | None = None) -> Situation:
        return maker.make(find(area, gazetteer, own or {}), begin(until, days), until, until)

    return make
