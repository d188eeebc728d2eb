"""Times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.errors import UsageError

#: Hours in a unit.
_UNITS = {"h": 1, "d": 24, "w": 168}


def moment(option: str, text: str | None) -> datetime | None:
    """A date or time, that of this machine where it names no zone, or a stretch before now: ``36h``, ``7d``, ``2w``.

    :raises UsageError: naming the option and what was found.
    """
    if text is None:
        return None
    try:
        if text[:-1].isdecimal() and text[-1] in _UNITS:
            return datetime.now(UTC) - timedelta(hours=int(text[:-1]) * _UNITS[text[-1]])
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option}: found {text!r}; expected a date such as 2026-03-01, or 36h, 7d, 2w") from error
