"""A notification of a group of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, cast

from pipeline.alerts.live.model import Alert, Facts, Group, Heard, Outgoing
from pipeline.alerts.notify.message import Kind, Named, Notification, Severity, Why
from pipeline.alerts.rota.duty import Officer
from pipeline.model import fingerprint

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
_LINKS, _NAMED = 10, 40


def outgoing(
    group: Group, kind: Kind, alerts: Sequence[Alert], officers: Mapping[str, tuple[Officer, tuple[str, ...]]], facts: Mapping[str, Facts],
    zone: str, now: datetime,
) -> list[Outgoing]:  # fmt: skip
    """The message with the group's number, for each officer with the channels that are tried in turn.

    :param alerts: what it tells of, at least one; the first is what it is mostly about.
    """
    lead = alerts[0]
    # counted up to the first known: the sources of what is told, not of all that ever was
    sources = dict.fromkeys(one for alert in alerts for one in alert.sources)
    causes = dict.fromkeys(one for alert in alerts for one in alert.causes)
    links = dict.fromkeys(found.url for one in causes if (found := facts.get(one)) is not None and found.url)
    made = []
    for officer, channels in officers.values():
        heard = group.officers.get(officer.id, Heard(channels=channels))
        notification = Notification(
            kind=kind,
            alert=group.id,
            sequence=group.sequence,
            group=fingerprint(group.name)[:16],
            alerts=len(alerts),
            rule=lead.rule,
            rule_hash=lead.rule_hash,
            severity=max((alert.severity for alert in alerts), key=_SEVERITIES.index),
            places=_named(alert.places for alert in alerts),
            themes=_named(alert.themes for alert in alerts),
            since=min(alert.since for alert in alerts),
            first=min(alert.first for alert in alerts),
            last=max(alert.last for alert in alerts),
            sent=now,
            why=Why(type=lead.kind, figures=lead.figures),
            certainty=lead.certainty,
            sources=len(sources),
            links=tuple(links)[:_LINKS],
            language=cast("Literal['sv', 'en']", officer.language),
            timezone=zone,
            earlier=tuple(one for one in group.earlier if one.sequence in heard.sequences),
        )
        made.append(Outgoing(notification=notification, officer=officer.id, channels=channels))
    return made


def _named(given: Iterable[tuple[Named, ...]]) -> tuple[Named, ...]:
    return tuple({one.code: one for some in given for one in some}.values())[:_NAMED]
