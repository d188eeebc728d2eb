"""Who is on duty at an instant, and who is told next when nobody acknowledges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from pipeline.alerts.notify.config import AnyChannel
from pipeline.alerts.rota.regions import folded
from pipeline.alerts.rota.walltime import DAY, WEEK, instant
from pipeline.errors import UsageError

#: Name under which those are told who are told in any case.
FALLBACK = "fallback"
DUTY = "duty"
#: How a rule says "the region that it happened in", and one region.
OF_THE_PLACE = "region"
_REGION_PREFIX = "region-"
By = Literal["override", "night", "shift", "fallback", "named"]
#: Nothing of a week reaches further than this from where it begins, a change of the clock included.
_REACH = timedelta(days=8)
_MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001  (weeks are counted on the clock)


class Address(Struct, frozen=True):
    """Where somebody can be reached."""

    channel: str
    #: None where the channel itself says where.
    to: str | None


class Officer(Struct, frozen=True, kw_only=True):
    """A person, or a desk with somebody at it."""

    id: str
    name: str
    language: str
    #: At least one; the first is tried first.
    addresses: tuple[Address, ...]


class Shift(Struct, frozen=True, kw_only=True):
    """A time of the week. ``start`` and ``end`` are minutes since Monday 00:00; ``end`` is later, and may lie in the next week."""

    start: int
    end: int
    #: Each of them is on duty, or, where it rotates, one each week.
    officers: tuple[Officer, ...]
    #: The Monday from which the turns are counted; None: all of them, each week.
    since: datetime | None = None

    def of(self, monday: datetime) -> tuple[Officer, ...]:
        """Who has it in the week that begins then."""
        if self.since is None:
            return self.officers
        return (self.officers[(monday - self.since) // timedelta(weeks=1) % len(self.officers)],)


class Override(Struct, frozen=True, kw_only=True):
    """Others for once."""

    start: datetime
    end: datetime
    officers: tuple[Officer, ...]
    reason: str


class Night(Struct, frozen=True, kw_only=True):
    """Somebody else every night. ``start`` and ``end`` are minutes since midnight; ``end`` is later, and may lie in the next day."""

    start: int
    end: int
    region: str | None
    officers: tuple[Officer, ...]
    channels: tuple[str, ...]


class Step(Struct, frozen=True, kw_only=True):
    """Whom to tell when nobody has acknowledged for so long."""

    after: timedelta
    #: ``duty``, ``fallback``, names of regions and of officers.
    to: tuple[str, ...]


class Region(Struct, frozen=True, kw_only=True):
    """Counties, and who is on duty for them. Its shifts and its night cover the week without a gap."""

    name: str
    counties: tuple[str, ...]
    zone: ZoneInfo
    shifts: tuple[Shift, ...]
    night: Night | None
    overrides: tuple[Override, ...]
    #: In the order of time; the last of them tells the fallback.
    steps: tuple[Step, ...]


class Duty(Struct, frozen=True, kw_only=True):
    """Who is on duty from ``start`` until ``end``."""

    start: datetime
    end: datetime
    officers: tuple[Officer, ...]
    by: By
    #: Of an override why, of a night the region that has it.
    reason: str = ""


class Rung(Struct, frozen=True, kw_only=True):
    """Who is told at ``at``, unless somebody has acknowledged before."""

    after: timedelta
    at: datetime
    officers: tuple[Officer, ...]
    by: By


class Rota(Struct, frozen=True, kw_only=True):
    """Everybody, and when. Made by :func:`pipeline.alerts.rota.load.load`, which refuses what has gaps."""

    zone: ZoneInfo
    channels: Mapping[str, AnyChannel]
    officers: Mapping[str, Officer]
    fallback: tuple[Officer, ...]
    regions: Mapping[str, Region]

    def region(self, name: str) -> Region:
        """The region of that name; ``vast`` is ``väst``.

        :raises UsageError: if there is none.
        """
        found = next((region for own, region in self.regions.items() if folded(own) == folded(name)), None)
        if found is None:
            raise UsageError(f"region {name!r}: the rota has no such region; it has {', '.join(self.regions) or 'none'}")
        return found

    def regions_of(self, counties: Iterable[str]) -> tuple[str, ...]:
        """The regions that any of the counties lies in, in the order of the rota."""
        asked = set(counties)
        return tuple(name for name, region in self.regions.items() if asked & set(region.counties))

    def targets(self, notify: Sequence[str], counties: Iterable[str]) -> tuple[str, ...]:
        """Whom a rule's ``notify`` means for an alert in these counties: names for :meth:`rungs`, never none.

        :raises UsageError: if it names somebody that the rota does not know.
        """
        found: dict[str, None] = {}
        for name in notify or (OF_THE_PLACE,):
            found |= dict.fromkeys(self.regions_of(counties) if name == OF_THE_PLACE else (self._named(name),))
        return tuple(found) or (FALLBACK,)

    def _named(self, name: str) -> str:
        if name in self.officers or name == FALLBACK:
            return name
        if name.startswith(_REGION_PREFIX):
            return self.region(name.removeprefix(_REGION_PREFIX)).name
        known = [OF_THE_PLACE, FALLBACK, *(_REGION_PREFIX + one for one in self.regions), *self.officers]
        raise UsageError(f"notify: {name!r} is not in the rota; it may be {', '.join(known)}")

    def rungs(self, target: str, at: datetime) -> tuple[Rung, ...]:
        """Who is told of an alert that is sent at ``at``, in the order of time; the last rung is the fallback.

        Who is on duty is asked for the moment of each rung: a shift may have ended in between.

        :param target: a region, an officer, or ``fallback``.
        """
        if target in self.regions:
            region = self.regions[target]
            first = self.on_duty(target, at)
            rungs = [Rung(after=timedelta(0), at=at, officers=first.officers, by=first.by)]
            return (*rungs, *(self._rung(region, step, at) for step in region.steps))
        if target == FALLBACK:
            return (Rung(after=timedelta(0), at=at, officers=self.fallback, by="fallback"),)
        return (
            Rung(after=timedelta(0), at=at, officers=(self.officers[target],), by="named"),
            Rung(after=PATIENCE, at=at + PATIENCE, officers=self.fallback, by="fallback"),
        )

    def _rung(self, region: Region, step: Step, begin: datetime) -> Rung:
        at = begin + step.after
        found: dict[str, Officer] = {}
        by: By = "named"
        for name in step.to:
            if name == FALLBACK:
                officers, by = self.fallback, "fallback"
            elif name == DUTY or name in self.regions:
                duty = self.on_duty(region.name if name == DUTY else name, at)
                officers, by = duty.officers, duty.by
            else:
                officers = (self.officers[name],)
            found |= {officer.id: officer for officer in officers}
        return Rung(after=step.after, at=at, officers=tuple(found.values()), by=by)

    def on_duty(self, region: str, at: datetime) -> Duty:
        """Who is on duty for the region at an instant: an override, else the night, else the shift.

        :param region: as the rota writes it.
        """
        at = at.astimezone(UTC)
        return next(duty for duty in self.timeline(region, at - _REACH, at + _REACH) if duty.start <= at < duty.end)

    def timeline(self, region: str, begin: datetime, end: datetime) -> Iterator[Duty]:
        """Who is on duty from ``begin`` until ``end``, one piece for each change, without a gap."""
        layers = list(self._layers(self.regions[region], begin.astimezone(UTC), end.astimezone(UTC)))
        last: Duty | None = None
        for piece in _pieces(layers, begin.astimezone(UTC), end.astimezone(UTC)):
            if last is not None and (last.officers, last.by, last.reason) == (piece.officers, piece.by, piece.reason):
                last = replace(last, end=piece.end)
            else:
                if last is not None:
                    yield last
                last = piece
        if last is not None:
            yield last

    def _layers(self, region: Region, begin: datetime, end: datetime) -> Iterator[Duty]:
        """Everything that touches the time, what counts most first."""
        for one in region.overrides:
            start, stop = instant(one.start, region.zone), instant(one.end, region.zone)
            if start < end and stop > begin:
                yield Duty(start=start, end=stop, officers=one.officers, by="override", reason=one.reason)
        if region.night is not None:
            yield from self._nights(region.zone, region.night, begin, end)
        monday = _week_of(begin, region.zone) - timedelta(weeks=1)
        while instant(monday, region.zone) < end:
            for shift in region.shifts:
                start, stop = (instant(monday + timedelta(minutes=minute), region.zone) for minute in (shift.start, shift.end))
                if start < end and stop > begin:
                    yield Duty(start=start, end=stop, officers=shift.of(monday), by="shift")
            monday += timedelta(weeks=1)

    def _nights(self, zone: ZoneInfo, night: Night, begin: datetime, end: datetime) -> Iterator[Duty]:
        day = _day_of(begin, zone) - timedelta(days=1)
        while instant(day, zone) < end:
            start, stop = (instant(day + timedelta(minutes=minute), zone) for minute in (night.start, night.end))
            if start < stop and stop > begin:
                if night.region is None:
                    yield Duty(start=start, end=stop, officers=_awake(night.officers, night.channels), by="night")
                else:
                    for duty in self.timeline(night.region, start, stop):
                        yield replace(duty, officers=_awake(duty.officers, night.channels), by="night", reason=night.region)
            day += timedelta(days=1)


#: How long one who was named is waited for, and the last step of a region, before the fallback is told.
PATIENCE = timedelta(minutes=15)


def weekly(region: Region) -> list[tuple[int, int]]:
    """What of the week has somebody: (start, end) in minutes since Monday 00:00, cut at its end, sorted."""
    periods = [(shift.start, shift.end) for shift in region.shifts]
    if region.night is not None:
        periods += [(day * DAY + region.night.start, day * DAY + region.night.end) for day in range(7)]
    return within_week(periods)


def within_week(periods: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The periods with what reaches into the next week at the beginning of this one, sorted."""
    cut: list[tuple[int, int]] = []
    for start, end in periods:
        cut.append((start, min(end, WEEK)))
        if end > WEEK:
            cut.append((0, end - WEEK))
    return sorted(cut)


def _pieces(layers: Sequence[Duty], begin: datetime, end: datetime) -> Iterator[Duty]:
    cuts = sorted({begin, end} | {moment for one in layers for moment in (one.start, one.end) if begin < moment < end})
    for start, stop in pairwise(cuts):
        top = next(one for one in layers if one.start <= start < one.end)
        yield replace(top, start=start, end=stop)


def _awake(officers: tuple[Officer, ...], channels: tuple[str, ...]) -> tuple[Officer, ...]:
    """With those of their channels alone; one who has none of them keeps all."""
    if not channels:
        return officers
    return tuple(
        replace(officer, addresses=tuple(one for one in officer.addresses if one.channel in channels) or officer.addresses)
        for officer in officers
    )


def _day_of(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)


def _week_of(at: datetime, zone: ZoneInfo) -> datetime:
    """The Monday of its week, on the clock."""
    day = _day_of(at, zone)
    return day - timedelta(days=(day - _MONDAY).days % 7)
