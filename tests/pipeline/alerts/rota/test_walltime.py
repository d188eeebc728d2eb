"""The clock on the wall, and the two nights in which it is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.rota import walltime

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-07-01T12:00", "2026-07-01T10:00"),
        ("2026-01-01T12:00", "2026-01-01T11:00"),
        ("2026-03-29T01:59", "2026-03-29T00:59"),
        ("2026-03-29T02:00", "2026-03-29T01:00"),  # is not shown: the moment of the change
        ("2026-03-29T02:30", "2026-03-29T01:00"),
        ("2026-03-29T03:00", "2026-03-29T01:00"),
        ("2026-03-29T03:15", "2026-03-29T01:15"),
        ("2026-10-25T01:59", "2026-10-24T23:59"),
        ("2026-10-25T02:30", "2026-10-25T00:30"),  # is shown twice: the first time
        ("2026-10-25T03:00", "2026-10-25T02:00"),
    ],
)
def test_a_time_of_the_clock_is_an_instant(local, expected):
    """Also one that the clock leaves out or shows twice."""
    assert walltime.instant(datetime.fromisoformat(local), STOCKHOLM) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(
    st.sampled_from(["Europe/Stockholm", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "UTC"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001  (on the clock)
    st.timedeltas(timedelta(0), timedelta(hours=5)),
)
def test_later_on_the_clock_is_never_earlier(zone, local, more):
    """So periods that meet on the clock leave no gap and do not overlap."""
    local = local.replace(microsecond=0)
    later = (local + more).replace(microsecond=0)
    assert walltime.instant(local, ZoneInfo(zone)) <= walltime.instant(later, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("sat, sun", (5, 6)),
        (["lör", "sön"], (5, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("wed", (2,)),
        (["mon", "mon"], (0,)),
    ],
)
def test_days_are_read(given_, expected):
    """In both languages, as words, ranges and lists."""
    assert walltime.days(given_) == expected


@pytest.mark.parametrize("given_", ["mån-", "holiday", [3], "mon-fri-sun", None, {"mon": 1}])
def test_what_is_no_day_is_refused(given_):
    """With the days that there are."""
    with pytest.raises(ValueError, match="mon, tue"):
        walltime.days(given_)


def test_an_unquoted_time_is_taken_for_what_it_means():
    """YAML 1.1 reads 22:00 as a number of base 60, which is the minutes since midnight."""
    assert walltime.clock(22 * 60) == walltime.clock("22:00") == 1320
    for wrong in ("24:00", "7", 1440, True, None, "07:60"):
        with pytest.raises(ValueError, match="17:00"):
            walltime.clock(wrong)
