"""Who is on duty: somebody at each instant, also when the clock is changed."""

from __future__ import annotations

import itertools
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.alerts.rota.duty import PATIENCE
from pipeline.errors import UsageError
from tests.pipeline.alerts.rota.rotas import HEAD, partitions, rota_of

STOCKHOLM = ZoneInfo("Europe/Stockholm")
WHOLE = '    shifts: [{from: "mon 00:00", to: "mon 00:00", officers: [anna]}]\n'
SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
#: Any time of the year, often within hours of a change of the clock.
INSTANTS = st.one_of(
    st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1), timezones=st.just(UTC)),  # noqa: DTZ001  (its zone is given apart)
    st.builds(
        lambda change, more: change + more, st.sampled_from([SPRING, AUTUMN]), st.timedeltas(timedelta(hours=-4), timedelta(hours=4))
    ),
)
NIGHT = '    night: {from: "22:00", to: "02:30", region: syd, channels: [sms]}\n'
OVERRIDE = '    overrides: [{from: "2026-10-25 02:15", to: "2026-10-25 02:45", officers: [desk], reason: prov}]\n'


@given(shifts=partitions(), other=partitions(), at=INSTANTS, night=st.booleans(), override=st.booleans())
@settings(max_examples=300, deadline=None)
def test_somebody_is_on_duty_at_each_instant(shifts, other, at, night, override):
    """Exactly one piece of the timeline holds it, with at least one officer, who can be reached."""
    regions = "regions:\n  nord:\n" + shifts + (NIGHT if night else "") + (OVERRIDE if override else "") + "  syd:\n" + other
    with tempfile.TemporaryDirectory() as directory:
        rota = rota_of(Path(directory), regions)
    duty = rota.on_duty("nord", at)
    assert duty.start <= at < duty.end
    assert duty.officers
    assert all(officer.addresses for officer in duty.officers)
    rungs = rota.rungs("nord", at)
    assert rungs[0].officers == duty.officers
    assert [rung.at for rung in rungs] == sorted({rung.at for rung in rungs})
    assert rungs[-1].officers == rota.fallback


@given(shifts=partitions(), other=partitions(), change=st.sampled_from([SPRING, AUTUMN]))
@example(shifts=WHOLE, other=WHOLE, change=AUTUMN)
@settings(max_examples=100, deadline=None)
def test_the_pieces_of_a_week_meet(shifts, other, change):
    """No gap, no overlap, no empty piece and no piece that could be one with the next, in the weeks of both changes."""
    regions = "regions:\n  nord:\n" + shifts + NIGHT + "  syd:\n" + other
    with tempfile.TemporaryDirectory() as directory:
        rota = rota_of(Path(directory), regions)
    begin, end = change - timedelta(days=4), change + timedelta(days=4)
    pieces = list(rota.timeline("nord", begin, end))
    assert (pieces[0].start, pieces[-1].end) == (begin, end)
    for one, following in itertools.pairwise(pieces):
        assert one.start < one.end == following.start
        assert (one.officers, one.by) != (following.officers, following.by)


def test_a_shift_of_the_night_is_as_long_as_the_night(tmp_path):
    """From 22 to 06 are seven hours in the night of 29 March, nine in that of 25 October."""
    regions = 'regions:\n  nord:\n    shifts:\n    - {from: "06:00", to: "22:00", officers: [anna]}\n    - {from: 22:00, to: "06:00", officers: [bo]}\n'
    rota = rota_of(tmp_path, regions)
    for change, hours in ((SPRING, 7), (AUTUMN, 9), (SPRING + timedelta(days=1), 8)):
        duty = rota.on_duty("nord", change)
        assert [one.id for one in duty.officers] == ["bo"]
        assert duty.end - duty.start == timedelta(hours=hours)


def test_what_is_shown_twice_is_had_once(tmp_path):
    """A handover at 02:30 on 25 October is at the first 02:30: the shift does not come back when the clock shows 02:15 again."""
    regions = 'regions:\n  nord:\n    shifts:\n    - {from: "mon 00:00", to: "sun 02:30", officers: [anna]}\n    - {from: "sun 02:30", to: "mon 00:00", officers: [bo]}\n'
    rota = rota_of(tmp_path, regions)
    first, second = (datetime(2026, 10, 25, 2, 15, tzinfo=STOCKHOLM, fold=fold) for fold in (0, 1))
    assert [rota.on_duty("nord", at).officers[0].id for at in (first, second)] == ["anna", "bo"]


def test_turns_are_taken_by_week(tmp_path):
    """The first has the week of since, and before it the turns go on backwards."""
    regions = 'regions:\n  nord:\n    shifts: [{from: "mon 00:00", to: "mon 00:00", rotation: [anna, bo, cia], since: 2026-01-05}]\n'
    rota = rota_of(tmp_path, regions)
    weeks = [datetime(2025, 12, 31, 12, tzinfo=UTC) + timedelta(weeks=number) for number in range(5)]
    assert [rota.on_duty("nord", at).officers[0].id for at in weeks] == ["cia", "anna", "bo", "cia", "anna"]


def test_an_override_comes_before_the_night_and_the_night_before_the_shift(tmp_path):
    """And each ends where it ends."""
    rota = rota_of(
        tmp_path, "regions:\n  nord:\n" + WHOLE + NIGHT.replace("02:30", "06:00") + OVERRIDE + "  syd:\n" + WHOLE.replace("anna", "bo")
    )
    at = datetime(2026, 10, 25, 2, 20, tzinfo=STOCKHOLM)
    assert (rota.on_duty("nord", at).by, rota.on_duty("nord", at).reason) == ("override", "prov")
    after = rota.on_duty("nord", at + timedelta(hours=2))
    assert (after.by, after.reason, after.officers[0].id) == ("night", "syd", "bo")
    noon = rota.on_duty("nord", at + timedelta(hours=10))
    assert (noon.by, noon.officers[0].id) == ("shift", "anna")
    assert [address.channel for address in noon.officers[0].addresses] == ["sms", "epost"]


def test_at_night_people_are_reached_by_what_wakes_them(tmp_path):
    """By the night's channels alone; who has none of them, by all that there are."""
    regions = "regions:\n  nord:\n" + WHOLE + '    night: {from: "22:00", to: "06:00", officers: [anna, cia], channels: [sms]}\n'
    duty = rota_of(tmp_path, regions).on_duty("nord", datetime(2026, 5, 5, 23, tzinfo=STOCKHOLM))
    assert [[address.channel for address in officer.addresses] for officer in duty.officers] == [["sms"], ["epost"]]


def test_escalation_asks_who_is_on_duty_then(tmp_path):
    """A shift that ends between two rungs hands the alert over; the fallback is the last rung although the file does not name it."""
    regions = (
        'regions:\n  nord:\n    shifts:\n    - {from: "06:00", to: "22:00", officers: [anna]}\n    - {from: "22:00", to: "06:00", officers: [bo]}\n'
        "    escalation:\n    - {after: {minutes: 10}, to: duty}\n    - {after: {minutes: 20}, to: [cia, anna, duty]}\n"
    )
    rungs = rota_of(tmp_path, regions).rungs("nord", datetime(2026, 5, 5, 21, 55, tzinfo=STOCKHOLM))
    assert [[one.id for one in rung.officers] for rung in rungs] == [["anna"], ["bo"], ["cia", "anna", "bo"], ["desk"]]
    assert [rung.after for rung in rungs] == [timedelta(0), timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=20) + PATIENCE]


def test_whom_a_rule_notifies(tmp_path):
    """The place's region, a region by its name with or without marks, an officer; nobody is the fallback, and an unknown name an error."""
    rota = rota_of(tmp_path, "regions:\n  väst:\n" + WHOLE + '  eget:\n    counties: ["14", "05"]\n' + WHOLE)
    assert rota.targets(["region"], ["14"]) == ("väst", "eget")
    assert rota.targets([], ["05"]) == ("eget",)
    assert rota.targets(["region-vast", "anna", "anna"], []) == ("väst", "anna")
    assert rota.targets(["region"], ["25"]) == rota.targets(["region"], []) == ("fallback",)
    with pytest.raises(UsageError, match="region 'nord': the rota has no such region; it has väst, eget"):
        rota.targets(["region-nord"], [])
    with pytest.raises(UsageError, match="'annna' is not in the rota; it may be region, fallback, region-väst"):
        rota.targets(["annna"], [])
    assert [rung.by for rung in rota.rungs("anna", AUTUMN)] == ["named", "fallback"]
    assert [rung.officers[0].id for rung in rota.rungs("fallback", AUTUMN)] == ["desk"]


def test_a_region_has_a_clock_of_its_own(tmp_path):
    """Where it has another time zone."""
    shifts = '    shifts:\n    - {from: "06:00", to: "18:00", officers: [anna]}\n    - {from: "18:00", to: "06:00", officers: [bo]}\n'
    rota = rota_of(tmp_path, "regions:\n  nord:\n    timezone: Europe/Helsinki\n" + shifts + "  syd:\n" + shifts, HEAD)
    at = datetime(2026, 5, 5, 17, 30, tzinfo=STOCKHOLM)
    assert [rota.on_duty(name, at).officers[0].id for name in ("nord", "syd")] == ["bo", "anna"]
