"""Larm: what stands, who is on duty now, and what can be done with an alert."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.access.roles import Principal
from pipeline.alerts.live import desk
from pipeline.alerts.live.model import Alert
from pipeline.alerts.notify.message import Certainty
from pipeline.console.ask import AskError
from pipeline.console.room import Room
from pipeline.console.rows import Named, Show, headline
from pipeline.errors import UsageError

_WHY = Annotated[str, Meta(max_length=500)]


class AlertsAsked(Struct, frozen=True, kw_only=True):
    """Which alerts."""

    #: Those that are over, too.
    over: bool = False
    severity: Literal["", "low", "medium", "high", "critical"] = ""
    size: Annotated[int, Meta(ge=1, le=200)] = 50
    #: ``after`` of the page before.
    after: str = ""


class AlertRow(Struct, frozen=True, kw_only=True):
    """An alert as lists show it."""

    id: str
    state: str
    severity: str
    rule: str
    kind: str
    purpose: str
    key: str
    places: tuple[Named, ...]
    themes: tuple[Named, ...]
    #: When what it tells of was; when it was found; when there was last something new of it.
    since: datetime
    found: datetime
    news: datetime
    documents: int
    sources: int
    certainty: Certainty
    figures: Mapping[str, float]
    useful: bool | None
    #: Why nobody is told of it now; empty if somebody is.
    held: str
    #: Who last did something with it, and when.
    by: str
    at: datetime


class SilenceRow(Struct, frozen=True, kw_only=True):
    """Alerts that nobody is told of."""

    id: str
    labels: Mapping[str, str]
    author: str
    reason: str
    ends: datetime


class DutyRow(Struct, frozen=True, kw_only=True):
    """Who is on duty in a region now, and until when."""

    region: str
    officers: tuple[str, ...]
    until: datetime
    by: str


class Alerts(Struct, frozen=True, kw_only=True):
    """What stands."""

    total: int
    alerts: tuple[AlertRow, ...]
    silences: tuple[SilenceRow, ...]
    duty: tuple[DutyRow, ...]
    #: Whether there are rules at all.
    has_rules: bool
    #: Why what stands in the files of rules and rota is not in force.
    faults: tuple[str, ...]
    #: Give it as ``after`` for the next page; None at the end.
    after: str | None


class AlertAsked(Struct, frozen=True, kw_only=True):
    """Which alert."""

    alert: str


class DoneRow(Struct, frozen=True, kw_only=True):
    """What was done with it."""

    at: datetime
    what: str
    who: str
    why: str


class SentRow(Struct, frozen=True, kw_only=True):
    """What became of a message."""

    at: datetime
    kind: str
    officer: str
    #: The channel that took it; empty: none did.
    channel: str
    attempts: int
    failures: tuple[str, ...]


class CauseRow(Struct, frozen=True, kw_only=True):
    """A document or finding that it rests on."""

    id: str
    title: str
    story: str
    #: Whether it is a finding.
    finding: bool
    source: str
    reliability: str


class AlertPage(Struct, frozen=True, kw_only=True):
    """An alert with all that was done with it."""

    alert: AlertRow
    causes: tuple[CauseRow, ...]
    more_causes: int
    history: tuple[DoneRow, ...]
    sent: tuple[SentRow, ...]


class Reason(Struct, frozen=True, kw_only=True):
    """What is done with an alert, and why."""

    alert: str
    why: _WHY = ""


class Useful(Struct, frozen=True, kw_only=True):
    """Whether it was of use."""

    alert: str
    useful: bool
    why: _WHY = ""


class Silencing(Struct, frozen=True, kw_only=True):
    """Tell nobody for a while."""

    #: An alert.
    alert: str
    #: What of it the silence goes by: this alert alone, or all of its rule, municipality or theme.
    by: Literal["alert", "rule", "municipality", "county", "theme"] = "alert"
    hours: Annotated[float, Meta(ge=1 / 60, le=24 * 31)] = 2
    why: Annotated[str, Meta(min_length=1, max_length=500)]


class Unsilencing(Struct, frozen=True, kw_only=True):
    """End a silence now."""

    silence: str
    why: _WHY = ""


_CAUSES = 20


def alerts(show: Show, asked: AlertsAsked) -> Alerts:
    """What stands.

    :raises AskError: if ``after`` is no mark of a page.
    """
    room, board = show.room, show.room.state.board
    found = list(board.open)
    if asked.over:
        found += sorted((one for one in board.alerts.values() if not one.state.is_open), key=lambda one: one.news, reverse=True)
    found = [one for one in found if asked.severity in {"", one.severity}]
    ids = [one.id for one in found]
    if asked.after and asked.after not in ids:
        raise AskError("after", field="after", found=asked.after[:80])
    start = ids.index(asked.after) + 1 if asked.after else 0
    page = found[start : start + asked.size]
    rota, fault = room.rota()
    now = room.clock.now()
    duty = [(name, rota.on_duty(name, now)) for name in rota.regions] if rota else []
    return Alerts(
        total=len(found), alerts=tuple(_row(show, one) for one in page), has_rules=room.settings.alerts.rules is not None or bool(board.alerts),
        silences=tuple(
            SilenceRow(id=one.id, labels=one.labels, author=one.author, reason=one.reason, ends=one.ends) for one in board.silenced(now)
        ),
        duty=tuple(DutyRow(region=name, officers=tuple(one.name for one in on.officers), until=on.end, by=on.by) for name, on in duty),
        faults=tuple(dict.fromkeys([*board.faults, *([fault] if fault else [])])),
        after=page[-1].id if start + asked.size < len(found) else None,
    )  # fmt: skip


def _row(show: Show, one: Alert) -> AlertRow:
    return AlertRow(
        id=one.id, state=one.state.value, severity=one.severity, rule=one.rule, kind=one.kind, purpose=one.purpose, key=one.key or "",
        places=tuple(Named(id=place.code, name=place.name) for place in one.places), themes=tuple(show.theme(theme.code) for theme in one.themes),
        since=one.since, found=one.found, news=one.news, documents=len(one.causes), sources=len(one.sources), certainty=one.certainty,
        figures=one.figures, useful=one.useful, held=one.held, by=one.change.who, at=one.change.at,
    )  # fmt: skip


def alert(show: Show, asked: AlertAsked) -> AlertPage:
    """The alert.

    :raises AskError: if there is none.
    """
    bus, board, one = show.room.bus, show.room.state.board, _alert(show.room, asked.alert)
    group = next((group.id for group in board.groups.values() if one.id == group.id or one.id in group.said), one.id)
    return AlertPage(
        alert=_row(show, one), causes=tuple(_cause(show, id_) for id_ in one.causes[:_CAUSES]), more_causes=max(0, len(one.causes) - _CAUSES),
        history=tuple(
            DoneRow(at=version.change.at, what=version.change.what, who=version.change.who, why=version.change.why)
            for version in desk.history(bus, one.id)
        ),
        sent=tuple(
            SentRow(
                at=each.at, kind=each.kind.value, officer=each.officer, channel=each.channel, attempts=each.attempts,
                failures=tuple(each.failures.values()),
            )
            for each in desk.deliveries(bus, group)
        ),
    )  # fmt: skip


def _cause(show: Show, id_: str) -> CauseRow:
    if finding := show.room.state.findings.get(id_.partition(":")[0]):
        title = f"{show.theme(finding.theme).name}: {', '.join(dict.fromkeys(map(show.room.names.place, finding.places)))}"
        return CauseRow(id=finding.id, title=title, story="", finding=True, source="", reliability="")
    document = show.room.index.get(id_)
    if document is None or document.withdrawn:
        return CauseRow(id=id_, title="", story="", finding=False, source="", reliability="")
    return CauseRow(
        id=id_, title=headline(document), story=document.story, finding=False, source=document.provenance.source,
        reliability=document.provenance.reliability.value,
    )  # fmt: skip


def _alert(room: Room, id_: str) -> Alert:
    try:
        return room.state.board.find(id_)
    except UsageError as error:
        raise AskError("alert", status=404, found=id_[:80]) from error


def acknowledge(room: Room, who: Principal, asked: Reason) -> str:
    """Take it.

    :raises AskError: if there is none.
    """
    one = _alert(room, asked.alert)
    desk.acknowledge(room.bus, one.id, who.name, asked.why, room.clock.now())
    return f"/larm/{one.id}?done=acknowledge"


def resolve(room: Room, who: Principal, asked: Reason) -> str:
    """Say that it is over.

    :raises AskError: if there is none.
    """
    one = _alert(room, asked.alert)
    desk.resolve(room.bus, one.id, who.name, asked.why, room.clock.now())
    return f"/larm/{one.id}?done=resolve"


def mark(room: Room, who: Principal, asked: Useful) -> str:
    """Say whether it was of use.

    :raises AskError: if there is none.
    """
    one = _alert(room, asked.alert)
    desk.mark(room.bus, one.id, useful=asked.useful, who=who.name, why=asked.why, at=room.clock.now())
    return f"/larm/{one.id}?done=mark"


def silence(room: Room, who: Principal, asked: Silencing) -> str:
    """Tell nobody for a while.

    :raises AskError: if there is no such alert, or it has no such label.
    """
    one, now = _alert(room, asked.alert), room.clock.now()
    value = one.label(asked.by)
    if not value:
        raise AskError("label", field="by", name=asked.by)
    desk.silence(room.bus, {asked.by: value}, who.name, asked.why, now, now + timedelta(hours=asked.hours))
    return f"/larm/{one.id}?done=silence"


def unsilence(room: Room, who: Principal, asked: Unsilencing) -> str:
    """End a silence now.

    :raises AskError: if there is none.
    """
    found = room.state.board.silences.get(asked.silence)
    if found is None:
        raise AskError("silence", status=404, found=asked.silence[:80])
    desk.unsilence(room.bus, found, who.name, asked.why, room.clock.now())
    return "/larm?done=unsilence"
