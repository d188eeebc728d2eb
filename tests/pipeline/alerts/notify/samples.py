"""Notifications for tests: invented ones, and any that there can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.alerts.notify.message import Certainty, Earlier, Kind, Named, Notification, Why

ALERT = "0123456789abcdef0123456789abcdef"
SENT = datetime(2026, 12, 24, 2, 5, tzinfo=UTC)
LINK = "https://larm.kommun.example/k/" + "A" * 78


def sample(**changes: Any) -> Notification:
    """Three car fires in Malmö, told the first time; changed as asked for."""
    one = Notification(
        kind=Kind.TRIGGER,
        alert=ALERT,
        group="region:syd",
        rule="bilbränder",
        rule_hash="5f3c9a1e",
        severity="high",
        places=(Named("1280", "Malmö"), Named("1281", "Lund")),
        themes=(Named("fire.vehicle", "Fordonsbrand"),),
        since=SENT - timedelta(hours=3, minutes=5),
        first=SENT - timedelta(hours=3, minutes=5),
        last=SENT - timedelta(minutes=4),
        sent=SENT,
        why=Why(type="cardinality", figures={"cardinality": 3, "hours": 24}),
        certainty=Certainty(score=0.934),
        sources=2,
        links=("https://polisen.example/handelse/1", "https://tidning.example/brand"),
    )
    return replace(one, **changes)


def course() -> list[Notification]:
    """All that is told of one alert."""
    kinds = [Kind.TRIGGER, Kind.ACKNOWLEDGED, Kind.UPDATE, Kind.RESOLVED, Kind.CANCEL]
    told: list[Notification] = []
    for number, kind in enumerate(kinds, 1):
        earlier = tuple(Earlier(one.sequence, one.kind, one.sent) for one in told)
        told.append(sample(kind=kind, sequence=number, sent=SENT + timedelta(minutes=number), earlier=earlier))
    return told


_names = st.text(max_size=120)
_named = st.builds(Named, st.sampled_from(["0180", "1280", "01", "DK", "0180:södermalm", ""]), _names)
_times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (its zone is given apart)
_links = st.one_of(st.text(max_size=40), st.from_regex(r"https://[a-zåäö.]{1,40}/[a-z~^/]{0,200}", fullmatch=True))
#: Types that have words, and one that has none.
_types = st.sampled_from(["any", "frequency", "spike", "flatline", "cardinality", "spread", "silence", "percentage_match", "unheard_of"])

notifications = st.builds(
    Notification,
    kind=st.sampled_from(Kind),
    alert=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", fullmatch=True),
    sequence=st.integers(1, 40),
    group=_names,
    alerts=st.integers(1, 10_000),
    rule=_names,
    rule_hash=st.just("5f3c9a1e"),
    severity=st.sampled_from(["low", "medium", "high", "critical"]),
    places=st.lists(_named, max_size=20).map(tuple),
    themes=st.lists(_named, max_size=4).map(tuple),
    since=_times,
    first=_times,
    last=_times,
    sent=_times,
    why=st.builds(
        Why,
        type=_types,
        figures=st.dictionaries(st.sampled_from(["count", "hours", "places", "cardinality"]), st.floats(0, 1e9) | st.integers(0, 10**9)),
    ),
    certainty=st.builds(Certainty, score=st.none() | st.floats(0, 1), q=st.none() | st.floats(0, 1), grade=st.none() | _names),
    sources=st.integers(0, 500),
    links=st.lists(_links, max_size=3).map(tuple),
    language=st.sampled_from(["sv", "en"]),
    timezone=st.sampled_from(["Europe/Stockholm", "UTC", "America/St_Johns"]),
    acknowledge=st.none() | st.just(LINK),
)
