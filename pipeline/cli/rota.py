"""``fjaril rota``: check, who, week."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.common import AsJson, counted, output, print_json, print_table, settings_of

if TYPE_CHECKING:
    from pipeline.alerts.rota.duty import Officer, Rota

app = typer.Typer(help="The rota: who is told of alerts, when, and who is told next.")
File = Annotated[Path | None, typer.Argument(metavar="FILE", help="A rota file (default: the settings' rota).")]
RotaOption = Annotated[Path | None, typer.Option("--rota", metavar="FILE", help="A rota file (default: the settings' rota).")]
Region = Annotated[str, typer.Option(help="A region of the rota, as nord.")]


@app.command()
def check(
    context: typer.Context,
    file: File = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="RULES", help="A rule file, or a directory of them, whose notify is to be known.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say of each region who is on duty for how much of the week; a gap and whatever else is wrong is named with file, line and key."""
    from pipeline.alerts.rota.regions import COUNTIES

    rota = _loaded(context, file)
    checked = _refuse_unknown(rota, rules)
    left = [code for code in COUNTIES if not rota.regions_of([code])]
    if as_json:
        print_json(
            {
                "officers": len(rota.officers),
                "channels": {name: str(one.__struct_config__.tag) for name, one in rota.channels.items()},
                "regions": {name: region.counties for name, region in rota.regions.items()},
                "fallback": [officer.id for officer in rota.fallback],
                "fallback_only": left,
                "rules": checked,
            }
        )
        return
    rows = [
        (name, " ".join(region.counties), len(region.shifts), (region.night and (region.night.region or _names(region.night.officers))) or "",
         len(region.overrides), ", ".join(f"{_minutes(step.after)}: {' '.join(step.to)}" for step in region.steps))
        for name, region in rota.regions.items()
    ]  # fmt: skip
    print_table(
        f"{counted(len(rota.officers), 'officer')}, {counted(len(rota.regions), 'region')}, no gaps; fallback: {_names(rota.fallback)}",
        ("region", "counties", "shifts", "night", "overrides", "if nobody acknowledges, after minutes"),
        rows,
    )
    if left:
        output().print(f"in no region, so the fallback is told: {', '.join(f'{code} {COUNTIES[code]}' for code in left)}", highlight=False)
    if rules is not None:
        output().print(f"{counted(checked, 'rule')}: whom they notify is known", highlight=False)


@app.command()
def who(
    context: typer.Context,
    region: Region,
    at: Annotated[
        str | None, typer.Option(help='When, as "2026-12-24 03:00" on the region\'s clock, or with an offset from UTC (default: now).')
    ] = None,
    rota_file: RotaOption = None,
    as_json: AsJson = False,
) -> None:
    """Who is told of an alert at that time, by which channel, and who is told when nobody acknowledges."""
    rota = _loaded(context, rota_file)
    zone = rota.region(region).zone
    moment = _moment(at, zone)
    name = rota.region(region).name
    duty, rungs = rota.on_duty(name, moment), rota.rungs(name, moment)
    if as_json:
        print_json(
            {
                "region": name, "at": moment.astimezone(zone), "by": duty.by, "reason": duty.reason, "until": duty.end.astimezone(zone),
                "officers": [officer.id for officer in duty.officers],
                "rungs": [
                    {"after_minutes": rung.after.total_seconds() / 60, "at": rung.at.astimezone(zone), "by": rung.by,
                     "officers": [{"id": one.id, "channels": [address.channel for address in one.addresses]} for one in rung.officers]}
                    for rung in rungs
                ],
            }
        )  # fmt: skip
        return
    why = f"{duty.by}{f' ({duty.reason})' if duty.reason else ''} until {duty.end.astimezone(zone):%Y-%m-%d %H:%M}"
    rows = [
        (f"{rung.at.astimezone(zone):%H:%M}", _minutes(rung.after), one.name, ", ".join(address.channel for address in one.addresses), rung.by)
        for rung in rungs for one in rung.officers
    ]  # fmt: skip
    title = f"{name}, {moment.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}: {_names(duty.officers)}, by {why}"
    print_table(title, ("at", "after min", "is told", "by", "as"), rows)


@app.command()
def week(
    context: typer.Context,
    region: Annotated[str | None, typer.Option(help="A region of the rota (default: all).")] = None,
    date: Annotated[str | None, typer.Option("--from", help="First day, as 2026-12-21 (default: the Monday of this week).")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days.")] = 7,
    rota_file: RotaOption = None,
    as_json: AsJson = False,
) -> None:
    """Who is on duty through a week, each change a line."""
    from pipeline.alerts.rota.walltime import instant

    rota = _loaded(context, rota_file)
    names = [rota.region(region).name] if region is not None else list(rota.regions)
    found: list[tuple[str, Any]] = []
    for name in names:
        zone = rota.regions[name].zone
        begin = _day(date, zone)
        found += [(name, duty) for duty in rota.timeline(name, instant(begin, zone), instant(begin + timedelta(days=days), zone))]
    if as_json:
        for name, duty in found:
            zone = rota.regions[name].zone
            print_json(
                {"region": name, "start": duty.start.astimezone(zone), "end": duty.end.astimezone(zone),
                 "officers": [one.id for one in duty.officers], "by": duty.by, "reason": duty.reason}
            )  # fmt: skip
        return
    rows = [
        (name, *(f"{at.astimezone(rota.regions[name].zone):%a %Y-%m-%d %H:%M %Z}" for at in (duty.start, duty.end)),
         _hours(duty.end - duty.start), _names(duty.officers), duty.by + (f": {duty.reason}" if duty.reason else ""))
        for name, duty in found
    ]  # fmt: skip
    print_table("", ("region", "from", "to", "hours", "on duty", "by"), rows)


def _loaded(context: typer.Context, file: Path | None) -> Rota:
    from pipeline.alerts.rota.load import load
    from pipeline.errors import UsageError

    path = file or settings_of(context).rota
    if path is None:
        raise UsageError("no rota: name a file, or set rota in the settings; deploy/rota.yaml is an example")
    return load(path)


def _refuse_unknown(rota: Rota, rules: Path | None) -> int:
    from pipeline.alerts.load import load
    from pipeline.errors import UsageError

    found = load(rules) if rules is not None else ()
    for rule in found:
        try:
            rota.targets(rule.notify, ())
        except UsageError as error:
            raise UsageError(f"{rules}: rule {rule.name}: {error}") from error
    return len(found)


def _moment(given: str | None, zone: Any) -> datetime:
    from datetime import UTC

    from pipeline.alerts.rota.walltime import instant
    from pipeline.errors import UsageError

    if given is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(given)
    except ValueError as error:
        raise UsageError(f'--at: found {given!r}; a date and a time, as "2026-12-24 03:00"') from error
    return instant(found, zone) if found.tzinfo is None else found.astimezone(UTC)


def _day(given: str | None, zone: Any) -> datetime:
    from pipeline.errors import UsageError

    if given is None:
        today = datetime.now(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=today.weekday())
    try:
        return datetime.strptime(given, "%Y-%m-%d")  # noqa: DTZ007  (a day of the region's clock)
    except ValueError as error:
        raise UsageError(f"--from: found {given!r}; a date, as 2026-12-21") from error


def _names(officers: tuple[Officer, ...]) -> str:
    return ", ".join(officer.name for officer in officers)


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g}"


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):g}"
