"""``fjaril alerts``: list, show, ack, resolve, silence, unsilence, mark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.common import AsJson, counted, output, print_json, print_table, printable, refuse_empty, settings_of

if TYPE_CHECKING:
    from pipeline.alerts.live.desk import Board
    from pipeline.alerts.live.model import Alert
    from pipeline.ports import Bus

app = typer.Typer(help="Alerts: what stands, and what is done with it. Whatever is done, the running pipeline does.")
Id = Annotated[str, typer.Argument(metavar="ALERT", help="Id of an alert, or its beginning, as `fjaril alerts list` gives it.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; it stands with the alert.")]
Who = Annotated[str | None, typer.Option("--who", metavar="NAME", help="Who does it (default: who is logged in).")]
_SHORT = 10
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command("list")
def list_(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List those that are not over, the most severe first; and what is wrong with the files of rules and rota."""
    from datetime import UTC

    from pipeline.alerts.live import desk

    with _bus(context) as bus:
        board = desk.board(bus)
    found = board.open
    if everything:
        found += sorted((one for one in board.alerts.values() if not one.state.is_open), key=lambda one: one.news, reverse=True)
    if as_json:
        print_json(found)
        return
    rows = [
        (one.id[:_SHORT], one.severity, one.state.value + (" (held)" if one.held else ""), f"{one.since:%Y-%m-%d %H:%M}", one.rule,
         one.places[0].name if one.places else one.key or "", one.themes[0].name if one.themes else "", len(one.causes), len(one.sources),
         ", ".join(board.told(one)))
        for one in found
    ]  # fmt: skip
    columns = ("alert", "severity", "state", "since (UTC)", "rule", "where", "what", "documents", "sources", "told")
    print_table(counted(len(board.open), "alert") + (", and those that are over" if everything else ""), columns, rows)
    for silence in board.silenced(datetime.now(UTC)):
        labels = ", ".join(f"{name} {value}" for name, value in silence.labels.items())
        output().print(
            printable(f"silence {silence.id}: {labels}, until {silence.ends:%Y-%m-%d %H:%M} UTC, by {silence.author}: {silence.reason}"),
            highlight=False,
            markup=False,
        )
    for fault in board.faults:
        output().print(f"not in force: {printable(fault)}", highlight=False, markup=False)


@app.command()
def show(context: typer.Context, alert: Id, as_json: AsJson = False) -> None:
    """Show one with all that was done with it, and what became of each message."""
    from pipeline.alerts.live import desk

    with _bus(context) as bus:
        board = desk.board(bus)
        one = board.find(alert)
        versions = desk.history(bus, one.id)
        group = next((group.id for group in board.groups.values() if one.id == group.id or one.id in group.said), one.id)
        sent = desk.deliveries(bus, group)
    if as_json:
        print_json({"alert": one, "history": [version.change for version in versions], "deliveries": sent})
        return
    facts: dict[str, Any] = {
        "alert": one.id, "state": one.state.value, "rule": f"{one.rule} ({one.kind}, version {one.rule_hash})", "purpose": one.purpose,
        "severity": one.severity, "key": one.key or "", "where": ", ".join(f"{place.name} ({place.code})" for place in one.places),
        "what": ", ".join(theme.name for theme in one.themes), "since": f"{one.since:%Y-%m-%d %H:%M} UTC",
        "figures": ", ".join(f"{name} {value:g}" for name, value in one.figures.items()), "sources": ", ".join(one.sources),
        "documents": ", ".join(one.causes), "no longer": ", ".join(one.lost), "told with": one.group, "held": one.held,
        "marked": {None: "", True: "useful", False: "not useful"}[one.useful],
    }  # fmt: skip
    typer.echo("\n".join(printable(f"{name}: {value}") for name, value in facts.items() if value))
    rows = [(f"{made.at:%Y-%m-%d %H:%M:%S}", made.what, made.who, made.why) for made in (version.change for version in versions)]
    print_table("History", ("when (UTC)", "what", "who", "why"), rows)
    if sent:
        told = [
            (f"{each.at:%Y-%m-%d %H:%M:%S}", each.key.rpartition("-")[2], each.kind.value, each.officer, each.channel or "nobody reached", each.attempts,
             "; ".join(each.failures.values()))
            for each in sent
        ]  # fmt: skip
        print_table("Messages", ("when (UTC)", "no", "kind", "officer", "channel", "attempts", "not taken"), told)


@app.command()
def ack(context: typer.Context, alert: Id, why: Why = "", who: Who = None) -> None:
    """Take an alert: it is not told again. Of the first of a group, all that was told with it."""
    from pipeline.alerts.live import desk

    with _acting(context, who) as (bus, board, name, now):
        one = _standing(board, alert)
        desk.acknowledge(bus, one.id, name, why, now)
    typer.echo(f"alert {one.id[:_SHORT]} is acknowledged by {name} as soon as `fjaril run` runs")


@app.command()
def resolve(context: typer.Context, alert: Id, why: Why = "", who: Who = None) -> None:
    """Say that an alert is over. Of the first of a group, all that was told with it."""
    from pipeline.alerts.live import desk

    with _acting(context, who) as (bus, board, name, now):
        one = _standing(board, alert)
        desk.resolve(bus, one.id, name, why, now)
    typer.echo(f"alert {one.id[:_SHORT]} is over as soon as `fjaril run` runs")


@app.command()
def silence(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why nobody is to be told.")],
    alert: Annotated[str | None, typer.Argument(metavar="[ALERT]", help="One alert to snooze; else by the options.")] = None,
    for_: Annotated[str, typer.Option("--for", metavar="30m|2h|3d", help="For how long.")] = "2h",
    rule: Annotated[str | None, typer.Option(help="Alerts of this rule.")] = None,
    key: Annotated[str | None, typer.Option(help="Alerts about this value of the rule's query key.")] = None,
    county: Annotated[str | None, typer.Option(help="Alerts in this county, by its two digits.")] = None,
    municipality: Annotated[str | None, typer.Option(help="Alerts in this municipality, by its four digits.")] = None,
    theme: Annotated[str | None, typer.Option(help="Alerts of this theme and its children.")] = None,
    severity: Annotated[str | None, typer.Option(help="Alerts of this severity.")] = None,
    who: Who = None,
) -> None:
    """Tell nobody of alerts for a while; all the options given must fit."""
    from pipeline.alerts.live import desk

    given = {"rule": rule, "key": key, "county": county, "municipality": municipality, "theme": theme, "severity": severity}
    with _acting(context, who) as (bus, board, name, now):
        labels = {label: value for label, value in given.items() if value is not None}
        if alert is not None:
            labels["alert"] = board.find(alert).id
        made = desk.silence(bus, labels, name, reason, now, now + _span(for_))
    typer.echo(f"silence {made.id} until {made.ends:%Y-%m-%d %H:%M} UTC; `fjaril alerts unsilence {made.id}` ends it")


@app.command()
def unsilence(
    context: typer.Context,
    silence: Annotated[str, typer.Argument(metavar="SILENCE", help="Id of a silence.")],
    why: Why = "",
    who: Who = None,
) -> None:
    """End a silence now."""
    from pipeline.alerts.live import desk
    from pipeline.errors import UsageError

    with _acting(context, who) as (bus, board, name, now):
        found = board.silences.get(silence)
        if found is None:
            raise UsageError(f"there is no silence {silence}; there are {', '.join(one.id for one in board.silenced(now)) or 'none'}")
        desk.unsilence(bus, found, name, why, now)
    typer.echo(f"silence {silence} ends as soon as `fjaril run` runs")


@app.command()
def mark(
    context: typer.Context,
    alert: Id,
    useful: Annotated[bool, typer.Option("--useful/--not-useful", help="Whether it was of use.")] = True,
    why: Why = "",
    who: Who = None,
) -> None:
    """Say whether an alert was of use: `fjaril rules test` shows how many of a rule's were."""
    from pipeline.alerts.live import desk

    with _acting(context, who) as (bus, board, name, now):
        one = board.find(alert)
        desk.mark(bus, one.id, useful=useful, who=name, why=why, at=now)
    typer.echo(f"alert {one.id[:_SHORT]} is marked as {'' if useful else 'not '}useful as soon as `fjaril run` runs")


@contextmanager
def _bus(context: typer.Context) -> Iterator[Bus]:
    import pipeline.app

    settings = settings_of(context)
    refuse_empty(settings)
    bus = pipeline.app.open_bus(settings)
    try:
        yield bus
    finally:
        bus.close()


@contextmanager
def _acting(context: typer.Context, who: str | None) -> Iterator[tuple[Bus, Board, str, datetime]]:
    """The bus, what stands, who acts, and now."""
    import getpass
    from datetime import UTC

    from pipeline.alerts.live import desk

    with _bus(context) as bus:
        yield bus, desk.board(bus), who or getpass.getuser(), datetime.now(UTC)


def _standing(board: Board, prefix: str) -> Alert:
    """The alert, if it is not over.

    :raises UsageError: if it is, or there is none.
    """
    from pipeline.errors import UsageError

    one = board.find(prefix)
    if not one.state.is_open:
        raise UsageError(f"alert {one.id[:_SHORT]} is {one.state.value} since {one.change.at:%Y-%m-%d %H:%M} UTC: {one.change.why}")
    return one


def _span(given: str) -> timedelta:
    from pipeline.errors import UsageError

    number, unit = given[:-1], given[-1:]
    if not number.isdecimal() or unit not in _UNITS or not int(number):
        raise UsageError(f"--for: found {given!r}; expected a stretch of time such as 30m, 2h, 3d")
    return timedelta(**{_UNITS[unit]: int(number)})
