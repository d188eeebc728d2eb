"""Periods: whole days in Swedish time, the last of them as far as it has come."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.errors import UsageError

ZONE = ZoneInfo("Europe/Stockholm")
_LONGEST = 400


def days_of(text: str) -> int:
    """How many days ``7d`` or ``2w`` are.

    :raises UsageError: if it is neither, or more than a year and a bit.
    """
    found = re.fullmatch(r"([0-9]{1,3})([dw])", text)
    days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
    if not 1 <= days <= _LONGEST:
        raise UsageError(f"--period: found {text!r}; expected days or weeks, as 7d or 4w, at most {_LONGEST} days")
    return days


def begin(until: datetime, days: int) -> datetime:
    """The midnight with which a period of so many days begins that goes on until then."""
    last = (until - timedelta(microseconds=1)).astimezone(ZONE).date()
    return midnight(last - timedelta(days=days - 1))


def midnight(day: date) -> datetime:
    """When a day begins, in UTC."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def day_of(moment: datetime) -> date:
    """The day that a moment lies in."""
    return moment.astimezone(ZONE).date()
