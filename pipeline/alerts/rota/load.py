"""A rota read from its file, checked as a whole, and refused with file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pipeline.alerts.nodes import Source, read
from pipeline.alerts.notify.config import AnyChannel, address_fault, channel_fault
from pipeline.alerts.rota import walltime
from pipeline.alerts.rota.duty import (
    DUTY,
    FALLBACK,
    OF_THE_PLACE,
    PATIENCE,
    Address,
    Night,
    Officer,
    Override,
    Region,
    Rota,
    Shift,
    Step,
    weekly,
    within_week,
)
from pipeline.alerts.rota.file import NightEntry, OfficerEntry, Outline, OverrideEntry, RegionEntry, ShiftEntry, StepEntry
from pipeline.alerts.rota.regions import COUNTIES, POLICE, folded
from pipeline.alerts.rota.walltime import DAY, WEEK, written
from pipeline.errors import SettingsError

_PAGE = "docs/rota.md shows all keys"
_RESERVED = frozenset({DUTY, FALLBACK, OF_THE_PLACE})
T = TypeVar("T")


def load(path: Path) -> Rota:
    """The rota of a file.

    :raises SettingsError: naming file, line and key, what was found and what is allowed; of a gap its hours.
    """
    documents = read(path, help_page=_PAGE, expected="a rota file that can be read")
    if len(documents) != 1:
        raise SettingsError(str(path), "", f"{len(documents)} YAML documents", f"one, with channels, officers and fallback; {_PAGE}")
    return _Reader(documents[0]).rota()


class _Reader:
    """Makes a rota of one file; what it says of a key stands with that key."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file: Outline = source.convert(Outline)
        self._channels: dict[str, AnyChannel] = self._each("channels", AnyChannel)
        self._officers: dict[str, Officer] = {}

    def rota(self) -> Rota:
        zone = self._zone("timezone", self._file.timezone)
        for name, channel in self._channels.items():
            if fault := channel_fault(channel):
                raise self._wrong(f"channels.{name}.{fault[0]}", fault[1], fault[2])
        officers: dict[str, OfficerEntry] = self._each("officers", OfficerEntry)
        for name, officer in officers.items():
            self._officers[name] = self._officer(name, officer)
        fallback = self._people("fallback", self._file.fallback)
        entries: dict[str, RegionEntry] = self._each("regions", RegionEntry)
        regions = {name: self._region(name, entry, zone) for name, entry in entries.items()}
        self._refuse_same_names()
        for name in regions:
            self._refuse_circle(name, regions)
        return Rota(zone=zone, channels=self._channels, officers=self._officers, fallback=fallback, regions=regions)

    def _each(self, key: str, kind: Any) -> dict[str, Any]:
        return {name: source.convert(kind) for name, source in self._source.under(key).items()}

    def _wrong(self, key: str, found: object, allowed: str) -> SettingsError:
        return self._source.wrong(key, found, allowed)

    def _read(self, key: str, given: Any, how: Callable[[Any], T]) -> T:
        try:
            return how(given)
        except ValueError as error:
            raise self._wrong(key, given, str(error)) from error

    def _zone(self, key: str, name: str) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise self._wrong(key, name, "the name of a time zone, as Europe/Stockholm") from error

    # --- people ---

    def _officer(self, name: str, entry: OfficerEntry) -> Officer:
        key = f"officers.{name}"
        if name in _RESERVED or name.startswith(OF_THE_PLACE + "-"):
            raise self._wrong(key, name, f"another name: {', '.join(sorted(_RESERVED))} and region-… have a meaning of their own")
        if not entry.channels:
            raise self._wrong(f"{key}.channels", entry.channels, "at least one channel")
        for channel, to in entry.channels.items():
            where = f"{key}.channels.{channel}"
            if channel not in self._channels:
                raise self._wrong(where, channel, f"one of the channels: {', '.join(self._channels)}")
            if fault := address_fault(self._channels[channel], to):
                raise self._wrong(where, to, fault)
        addresses = tuple(Address(channel, to) for channel, to in entry.channels.items())
        return Officer(id=name, name=entry.name, language=entry.language, addresses=addresses)

    def _people(self, key: str, names: Sequence[str]) -> tuple[Officer, ...]:
        if not names:
            raise self._wrong(key, names, "at least one officer")
        for number, name in enumerate(names):
            if name not in self._officers:
                raise self._wrong(f"{key}[{number}]", name, f"one of the officers: {', '.join(self._officers)}")
            if name in names[:number]:
                raise self._wrong(f"{key}[{number}]", name, "each officer once")
        return tuple(self._officers[name] for name in names)

    # --- regions ---

    def _region(self, name: str, entry: RegionEntry, zone: ZoneInfo) -> Region:
        key = f"regions.{name}"
        own = zone if entry.timezone is None else self._zone(f"{key}.timezone", entry.timezone)
        region = Region(
            name=name,
            counties=self._counties(key, name, entry.counties),
            zone=own,
            shifts=tuple(shift for number, one in enumerate(entry.shifts) for shift in self._shifts(f"{key}.shifts[{number}]", one)),
            night=None if entry.night is None else self._night(f"{key}.night", entry.night, name),
            overrides=self._overrides(f"{key}.overrides", entry.overrides),
            steps=self._steps(key, entry),
        )
        self._refuse_gaps(key, region)
        return region

    def _counties(self, key: str, name: str, given: list[str]) -> tuple[str, ...]:
        police = {folded(own): counties for own, counties in POLICE.items()}
        if folded(name) in police:
            if given:
                raise self._wrong(f"{key}.counties", given, f"nothing: {name} is a region of the police, its counties are known")
            return police[folded(name)]
        if not given:
            raise self._wrong(key, name, f"codes of counties under counties, or a region of the police: {', '.join(POLICE)}")
        for number, code in enumerate(given):
            if code not in COUNTIES or code in given[:number]:
                known = ", ".join(f'"{one}" {county}' for one, county in COUNTIES.items())
                raise self._wrong(f"{key}.counties[{number}]", code, f"each county once, by its code in quotes: {known}")
        return tuple(given)

    def _shifts(self, key: str, entry: ShiftEntry) -> list[Shift]:
        officers, since = self._turns(key, entry)
        if isinstance(entry.start, str) and " " in entry.start.strip():
            if entry.days is not None:
                raise self._wrong(f"{key}.days", entry.days, "nothing, since from names its day")
            start, end = self._read(f"{key}.from", entry.start, walltime.of_week), self._read(f"{key}.to", entry.end, walltime.of_week)
            return [Shift(start=start, end=end if end > start else end + WEEK, officers=officers, since=since)]
        days = range(7) if entry.days is None else self._read(f"{key}.days", entry.days, walltime.days)
        start, end = self._span(key, entry.start, entry.end)
        return [Shift(start=day * DAY + start, end=day * DAY + end, officers=officers, since=since) for day in days]

    def _turns(self, key: str, entry: ShiftEntry) -> tuple[tuple[Officer, ...], datetime | None]:
        if bool(entry.officers) == bool(entry.rotation):
            found = [*entry.officers, *entry.rotation]
            raise self._wrong(key, found, "officers who are on duty each week, or a rotation of those who take turns")
        if entry.officers:
            if entry.since is not None:
                raise self._wrong(f"{key}.since", entry.since, "nothing: it belongs to a rotation")
            return self._people(f"{key}.officers", entry.officers), None
        if entry.since is None:
            raise self._wrong(f"{key}.rotation", entry.rotation, "a rotation says since which Monday: since: 2026-01-05")
        since = self._read(f"{key}.since", entry.since, walltime.moment)
        if since.weekday() != 0 or since.time() != datetime.min.time():
            raise self._wrong(f"{key}.since", entry.since, "a Monday, as 2026-01-05")
        return self._people(f"{key}.rotation", entry.rotation), since

    def _span(self, key: str, start: Any, end: Any) -> tuple[int, int]:
        """Minutes since midnight; an end that is not after the beginning is of the next day."""
        begin, stop = self._read(f"{key}.from", start, walltime.clock), self._read(f"{key}.to", end, walltime.clock)
        return begin, stop if stop > begin else stop + DAY

    def _night(self, key: str, entry: NightEntry, own: str) -> Night:
        start, end = self._span(key, entry.start, entry.end)
        if (entry.region is None) == (not entry.officers):
            raise self._wrong(key, [*filter(None, [entry.region]), *entry.officers], "a region, or officers")
        if entry.region is not None and (entry.region not in self._file.regions or entry.region == own):
            others = [name for name in self._file.regions if name != own]
            raise self._wrong(f"{key}.region", entry.region, f"another region of the rota: {', '.join(others) or 'it has none'}")
        for number, name in enumerate(entry.channels):
            if name not in self._channels:
                raise self._wrong(f"{key}.channels[{number}]", name, f"one of the channels: {', '.join(self._channels)}")
        officers = self._people(f"{key}.officers", entry.officers) if entry.officers else ()
        return Night(start=start, end=end, region=entry.region, officers=officers, channels=tuple(entry.channels))

    def _overrides(self, key: str, entries: Iterable[OverrideEntry]) -> tuple[Override, ...]:
        found: list[Override] = []
        for number, entry in enumerate(entries):
            own = f"{key}[{number}]"
            start, end = self._read(f"{own}.from", entry.start, walltime.moment), self._read(f"{own}.to", entry.end, walltime.moment)
            if end <= start:
                raise self._wrong(f"{own}.to", entry.end, f"later than from, {start:%Y-%m-%d %H:%M}")
            for other in found:
                if start < other.end and other.start < end:
                    both = f"{max(start, other.start):%Y-%m-%d %H:%M} to {min(end, other.end):%Y-%m-%d %H:%M}"
                    raise self._wrong(own, both, f"one override at a time; another of the region ({other.reason}) has these hours too")
            found.append(Override(start=start, end=end, officers=self._people(f"{own}.officers", entry.officers), reason=entry.reason))
        return tuple(found)

    # --- escalation ---

    def _steps(self, key: str, entry: RegionEntry) -> tuple[Step, ...]:
        """With the fallback as the last."""
        given, where = (self._file.escalation, "escalation") if entry.escalation is None else (entry.escalation, f"{key}.escalation")
        steps: list[Step] = []
        for number, one in enumerate(given):
            steps.append(self._step(f"{where}[{number}]", one, steps[-1].after if steps else timedelta(0)))
        if not steps or FALLBACK not in steps[-1].to:
            steps.append(Step(after=(steps[-1].after if steps else timedelta(0)) + PATIENCE, to=(FALLBACK,)))
        return tuple(steps)

    def _step(self, key: str, entry: StepEntry, before: timedelta) -> Step:
        after = entry.after.delta
        if after <= before:
            raise self._wrong(f"{key}.after", after, f"later than the step before it, {before}, counted from when the first were told")
        listed = isinstance(entry.to, list)
        names = tuple(entry.to) if isinstance(entry.to, list) else (entry.to,)
        known = [DUTY, FALLBACK, *self._file.regions, *self._officers]
        for number, name in enumerate(names):
            if name not in known:
                raise self._wrong(f"{key}.to[{number}]" if listed else f"{key}.to", name, f"one of {', '.join(known)}")
        if not names:
            raise self._wrong(f"{key}.to", entry.to, f"at least one of {', '.join(known)}")
        return Step(after=after, to=names)

    # --- as a whole ---

    def _refuse_gaps(self, key: str, region: Region) -> None:
        reached = 0
        gaps: list[tuple[int, int]] = []
        for start, end in [*weekly(region), (WEEK, WEEK)]:
            if start > reached:
                gaps.append((reached, start))
            reached = max(reached, end)
        if gaps:
            hours = ", ".join(f"{written(start)} to {written(end)}" for start, end in _joined(gaps))
            raise self._wrong(f"{key}.shifts", f"nobody on duty {hours}", "somebody at each hour of the week; night counts, too")
        before = (0, 0)
        for start, end in within_week((shift.start, shift.end) for shift in region.shifts):
            if start < before[1]:
                both = f"{written(start)} to {written(min(end, before[1]))}"
                raise self._wrong(f"{key}.shifts", f"two shifts {both}", "one shift at a time; list several officers in one")
            before = (start, end)

    def _refuse_same_names(self) -> None:
        taken = {folded(name) for name in self._officers}
        for name in self._file.regions:
            if folded(name) in taken or name in _RESERVED:
                raise self._wrong(
                    f"regions.{name}", name, "a name that is no officer's, no other region's, and not duty, fallback or region"
                )
            taken.add(folded(name))

    def _refuse_circle(self, name: str, regions: dict[str, Region]) -> None:
        chain = [name]
        while (night := regions[chain[-1]].night) is not None and night.region is not None:
            chain.append(night.region)
            if night.region in chain[:-1]:
                allowed = "a region whose nights end with somebody; these give their nights to each other"
                raise self._wrong(f"regions.{name}.night.region", " → ".join(chain), allowed)


def _joined(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A gap at the end of the week and one at its beginning are one."""
    if len(gaps) > 1 and gaps[0][0] == 0 and gaps[-1][1] == WEEK:
        return [*gaps[1:-1], (gaps[-1][0], WEEK + gaps[0][1])]
    return gaps
