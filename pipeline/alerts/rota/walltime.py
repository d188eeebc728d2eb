"""Times of the clock on the wall: of a week, and as instants where the clock is changed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

DAY = 24 * 60
WEEK = 7 * DAY
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SWEDISH = ("mån", "tis", "ons", "tor", "fre", "lör", "sön")
_DAYS = {name: number for names in (_NAMES, _SWEDISH) for number, name in enumerate(names)}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_SECOND = timedelta(seconds=1)

DAY_NAMES = f"{', '.join(_NAMES)} or {', '.join(_SWEDISH)}"


@lru_cache(maxsize=8192)  # the ends of shifts of the weeks around now are asked for again and again
def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clock on the wall shows ``local``, in UTC.

    A time that is shown twice is meant the first time; a time that is left out is the moment of the change. So a later time of the
    clock is never an earlier instant, and periods that meet on the clock meet in time.

    :param local: without a zone.
    """
    early, late = sorted(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) == local:
        return early
    before = early.astimezone(zone).utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def clock(given: Any) -> int:
    """Minutes since midnight of ``"17:00"``; YAML 1.1 reads an unquoted 17:00 as that number already.

    :raises ValueError: if it is no time.
    """
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < DAY:
        return given
    if isinstance(given, str) and (found := _CLOCK.fullmatch(given.strip())):
        return int(found[1]) * 60 + int(found[2])
    raise ValueError('a time of the clock, as "17:00"')


def of_week(given: Any) -> int:
    """Minutes since Monday 00:00 of ``"fri 17:00"``.

    :raises ValueError: if it is no such time.
    """
    name, _, rest = str(given).strip().lower().partition(" ")
    if name not in _DAYS:
        raise ValueError(f'a day and a time of the clock, as "fri 17:00" (days: {DAY_NAMES})')
    return _DAYS[name] * DAY + clock(rest)


def days(given: Any) -> tuple[int, ...]:
    """Days of the week, 0 a Monday, of ``mon-fri``, ``"sat, sun"`` or a list.

    :raises ValueError: if one of them is no day.
    """
    parts = given.split(",") if isinstance(given, str) else given
    found: list[int] = []
    for part in parts if isinstance(parts, list) else [parts]:
        ends = [_DAYS.get(name.strip().lower()) for name in str(part).split("-")]
        first, last = ends[0], ends[-1]
        if first is None or last is None or len(ends) > 2:
            raise ValueError(f"days, as mon-fri, [sat, sun] (days: {DAY_NAMES})")
        found += [(first + number) % 7 for number in range((last - first) % 7 + 1)]
    return tuple(sorted(set(found)))


def moment(given: Any) -> datetime:
    """Date and time of the clock without a zone, as YAML or a person writes it.

    :raises ValueError: if it is no date, or has a zone.
    """
    try:
        if isinstance(given, date) and not isinstance(given, datetime):
            return datetime.combine(given, time())
        found = given if isinstance(given, datetime) else datetime.fromisoformat(str(given).strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise ValueError('a date and a time of the clock without a zone, as "2026-12-24 00:00"')
    return found


def written(minute: int) -> str:
    """``fri 17:00``."""
    day, rest = divmod(minute % WEEK, DAY)
    return f"{_NAMES[day]} {rest // 60:02}:{rest % 60:02}"
