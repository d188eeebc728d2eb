"""Times as feeds write them: RFC 822 and ISO 8601, unpadded, in Swedish, without a zone, and worse.

feedparser reads CEST as UTC, a naive time as UTC, and a Swedish weekday not at all; so the written form is read here,
and feedparser's own reading is only the last resort.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

#: Hours east of Greenwich of the zone names that feeds use (RFC 822, 5.1, and the European ones).
ZONES = {
    **dict.fromkeys(("UT", "UTC", "GMT", "Z", "WET"), 0.0),
    **dict.fromkeys(("CET", "MET", "BST", "WEST", "IST"), 1.0),
    **dict.fromkeys(("CEST", "MEST", "EET"), 2.0),
    **dict.fromkeys(("EEST", "MSK"), 3.0),
    "EST": -5.0,
    "EDT": -4.0,
    "CST": -6.0,
    "CDT": -5.0,
    "MST": -7.0,
    "MDT": -6.0,
    "PST": -8.0,
    "PDT": -7.0,
}
#: As RSS names them, in the order of :meth:`datetime.date.weekday`.
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = {
    name: number
    for number, names in enumerate(("jan", "feb", "mar", "apr", "maj may", "jun", "jul", "aug", "sep", "okt oct", "nov", "dec"), start=1)
    for name in names.split()
}
_CLOCK = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
_ZONE = r"\s*(?P<zone>[+-]\d{1,2}:?\d{2}|[+-]\d{2}|[A-Za-z]{1,5})?"
_OFFSET = re.compile(r"(\d{1,2}):?(\d{2})?")
_ISO = re.compile(rf"\s*(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})(?:(?:\s+|[Tt]){_CLOCK}{_ZONE})?")
_NAMED = re.compile(
    rf"\s*(?:[^\W\d]{{2,9}}[.,]*\s+)?(?:den\s+)?(?P<day>\d{{1,2}})[\s.-]+(?P<month>[^\W\d]{{3,9}})[\s.,-]+(?P<year>\d{{4}}|\d{{2}})"
    rf"(?:[\s,]+(?:kl\.?\s*)?{_CLOCK}{_ZONE})?"
)


def read_time(text: str, zone: str) -> datetime | None:
    """The moment that ``text`` names, in UTC; a time without a zone is one of ``zone`` (IANA name). None if unreadable."""
    found = _ISO.match(text) or _NAMED.match(text)
    if found is None:
        return None
    month = found["month"]
    number = int(month) if month.isdigit() else _MONTHS.get(month[:3].lower(), 0)
    try:
        naive = datetime(  # noqa: DTZ001  (its zone is given below)
            _year(found["year"]),
            number,
            int(found["day"]),
            _hour(found["hour"], found["zone"]),
            int(found["minute"] or 0),
            _second(found["second"]),
        )
        return naive.replace(tzinfo=_zone(found["zone"], zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _year(text: str) -> int:
    number = int(text)
    return number if len(text) == 4 else number + (2000 if number < 70 else 1900)


def _hour(text: str | None, zone: str | None) -> int:
    """Of 24, also where AM or PM stands in the place of a zone."""
    hour, half = int(text or 0), (zone or "").upper()
    return hour % 12 + 12 * (half == "PM") if half in {"AM", "PM"} else hour


def _second(text: str | None) -> int:
    return min(int(text or 0), 59)  # a leap second is read as the one before it


def _zone(text: str | None, default: str) -> tzinfo:
    if not text:
        return named_zone(default)
    if text[0] in "+-":
        hours_east, minutes = _OFFSET.fullmatch(text, 1).groups()  # type: ignore[union-attr]  # _ZONE matches nothing else
        offset = timedelta(hours=int(hours_east), minutes=int(minutes or 0))
        return timezone(-offset if text[0] == "-" else offset)
    hours = ZONES.get(text.upper())
    return named_zone(default) if hours is None else timezone(timedelta(hours=hours))


@lru_cache(maxsize=32)
def named_zone(name: str) -> tzinfo:
    """The zone of an IANA name; UTC for one that does not exist."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError, bad names are ValueErrors
        return UTC
    except KeyError:
        return UTC
