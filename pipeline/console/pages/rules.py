"""Regler: which are in force, and what a rule would have sent, before anybody trusts it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pipeline.alerts.current import Current
from pipeline.alerts.engine import Course
from pipeline.alerts.kinds.base import Event
from pipeline.alerts.live import desk
from pipeline.alerts.load import load
from pipeline.alerts.rule import AnyType
from pipeline.alerts.trial import Tally, event_of, explain, tally, type_of
from pipeline.app import every_document
from pipeline.console.ask import AskError
from pipeline.console.room import Room
from pipeline.console.rows import Show
from pipeline.errors import SettingsError, UsageError
from pipeline.ports import Filters

#: Most documents that a rule is tried on here: more take longer than somebody waits.
_MOST = 20_000
_NAME = "regel.yaml"
_EXAMPLE = """name: bilbrand
purpose: När bilar brinner ska den som har vakten veta det
type: frequency
filter:
  - term: {themes.id: fire.vehicle}
query_key: places.municipality
num_events: 2
timeframe: {hours: 6}
"""


class RulesAsked(Struct, frozen=True, kw_only=True):
    """Nothing: all rules are shown."""


class RuleRow(Struct, frozen=True, kw_only=True):
    """A rule of the settings' file."""

    name: str
    type: str
    purpose: str
    severity: str
    notify: tuple[str, ...]
    #: Whether it is in force in the running pipeline, and since when it looks.
    in_force: bool
    #: Alerts so far, and how many were marked useful, and how many not.
    alerts: int
    useful: int
    useless: int


class Rules(Struct, frozen=True, kw_only=True):
    """The rules."""

    rules: tuple[RuleRow, ...]
    #: The settings' file or directory; empty where there is none.
    file: str
    #: Why what stands in it is not in force.
    fault: str
    #: A rule to begin with.
    example: str


class Trial(Struct, frozen=True, kw_only=True):
    """A rule, to be tried."""

    #: As it would stand in a file.
    rule: Annotated[str, Meta(max_length=50_000)]
    #: On the documents and findings of so many days.
    days: Annotated[int, Meta(ge=1, le=400)] = 30
    #: Id of a document: why the rule did or did not speak of it.
    document: Annotated[str, Meta(max_length=100)] = ""


class Tried(Struct, frozen=True, kw_only=True):
    """An alert that would have been sent."""

    rule: str
    time: datetime
    sent: datetime
    key: str
    documents: int
    #: Ids of the first of them.
    ids: tuple[str, ...]


class StepRow(Struct, frozen=True, kw_only=True):
    """A step of the way from a document to an alert."""

    rule: str
    step: str
    holds: bool
    found: str


class Outcome(Struct, frozen=True, kw_only=True):
    """What the rule would have sent."""

    events: int
    since: datetime
    until: datetime
    tallies: tuple[Tally, ...]
    #: The latest.
    alerts: tuple[Tried, ...]
    steps: tuple[StepRow, ...]


def rules(show: Show, asked: RulesAsked) -> Rules:  # noqa: ARG001  (every page takes both)
    """The rules."""
    room, board = show.room, show.room.state.board
    path = room.settings.alerts.rules
    found, fault = _loaded(path)
    in_force = board.in_force.get("rules")
    marks = desk.usefulness(board.alerts.values())
    sent: dict[str, int] = {}
    for one in board.alerts.values():
        sent[one.rule] = sent.get(one.rule, 0) + 1
    rows = tuple(
        RuleRow(
            name=rule.name, type=type_of(rule), purpose=rule.purpose, severity=rule.severity, notify=tuple(rule.notify),
            in_force=bool(in_force and rule.name in in_force.rules), alerts=sent.get(rule.name, 0),
            useful=marks.get(rule.name, (0, 0))[0], useless=marks.get(rule.name, (0, 0))[1],
        )
        for rule in found
    )  # fmt: skip
    return Rules(rules=rows, file=str(path or ""), fault=fault or (in_force.fault if in_force else ""), example=_EXAMPLE)


def _loaded(path: Path | None) -> tuple[Sequence[AnyType], str]:
    if path is None:
        return (), ""
    try:
        return Current(path, load).value, ""
    except SettingsError as error:
        return (), str(error)


def test(show: Show, asked: Trial) -> Outcome:
    """What the rule would have sent.

    :raises AskError: if it is no rule, the document is none, or there are too many documents.
    """
    found = _read(asked.rule)
    events, since, until = _events(show.room, asked.days)
    course = Course(found, events)
    alerts = list(course.alerts())
    steps: tuple[StepRow, ...] = ()
    if asked.document:
        try:
            steps = tuple(
                StepRow(rule=rule.name, step=step, holds=holds, found=said)
                for rule in found
                for step, holds, said in explain(rule, asked.document, events)
            )
        except UsageError as error:
            raise AskError("document", field="document", found=asked.document, days=asked.days) from error
    latest = sorted(alerts, key=lambda one: one.sent, reverse=True)[:50]
    return Outcome(
        events=len(events), since=since, until=until, tallies=tuple(tally(found, course, alerts)), steps=steps,
        alerts=tuple(
            Tried(rule=one.rule, time=one.time, sent=one.sent, key=one.key or "", documents=len(one.ids), ids=one.ids[:5]) for one in latest
        ),
    )  # fmt: skip


def _read(text: str) -> tuple[AnyType, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / _NAME
        path.write_text(text, encoding="utf-8", errors="replace")
        try:
            return load(path)
        except SettingsError as error:
            raise AskError("rule", field="rule", said=str(error).replace(str(path), "regel")) from error


def _events(room: Room, days: int) -> tuple[list[Event], datetime, datetime]:
    """Documents of the index, and findings of the bus in each of their versions, of so many days up to the last there is."""
    newest = next(every_document(room.index), None)
    until = min(room.clock.now(), newest.published) if newest else room.clock.now()
    since = until - timedelta(days=days)
    documents: list[Event] = []
    for one in every_document(room.index, Filters(since=since)):
        documents.append(event_of(msgspec.to_builtins(one, builtin_types=(datetime,))))
        if len(documents) > _MOST:
            raise AskError("much", field="days", most=_MOST)
    findings = [
        event_of(msgspec.json.decode(record.value) | {"time": record.timestamp})
        for record in room.bus.read("findings", since)
        if record.value
    ]
    return [*documents, *findings], since, until
