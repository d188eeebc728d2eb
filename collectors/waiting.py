"""How long a source asks to be left alone: ttl, caching headers, and the hours and days in which it does not want calls."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from collectors.items import Parsed
from collectors.times import WEEKDAYS
from collectors.validators import MAX_WAIT


class Hints(Struct, frozen=True, kw_only=True):
    """What the last parsed answer said; kept for the answers that only say that nothing has changed."""

    ttl: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[str, ...] = ()

    @classmethod
    def of(cls, parsed: Parsed) -> Hints:
        """Those of an answer."""
        return cls(ttl=parsed.ttl, skip_hours=parsed.skip_hours, skip_days=parsed.skip_days)

    def quiet(self, moment: datetime) -> bool:
        """Whether the source wants no calls at this moment (RSS 2.0: hours in GMT, English names of days)."""
        return moment.hour in self.skip_hours or WEEKDAYS[moment.weekday()] in self.skip_days


def wait_of(hints: Hints, fresh: float, interval: float, now: datetime) -> float:
    """Seconds until the next call that the source's own word allows, 0 if it says nothing.

    :param fresh: seconds for which the answer is fresh, see :func:`collectors.validators.freshness`.
    :param interval: seconds after which the schedule would call anyway.
    """
    wait = min(max(hints.ttl, fresh), MAX_WAIT)
    following = now + timedelta(seconds=max(interval, wait))
    if not hints.quiet(following):
        return wait
    hour = following.replace(minute=0, second=0, microsecond=0)
    # a source that skips every hour of every day would never be called: a week is the end of it
    free = next((hour + timedelta(hours=n) for n in range(1, 7 * 24 + 1) if not hints.quiet(hour + timedelta(hours=n))), following)
    return (free - now).total_seconds()
