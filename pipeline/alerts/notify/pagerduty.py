"""Trigger, acknowledge and resolve as PagerDuty's Events API v2 has them; other systems take the same events."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from pipeline.alerts.notify.http import Client, Request
from pipeline.alerts.notify.message import Kind, Notification, Receipt
from pipeline.alerts.notify.text import certainty, clean, lines, reason, safe_links, subject

_ACTIONS = MappingProxyType(
    {
        Kind.TRIGGER: "trigger", Kind.UPDATE: "trigger", Kind.ACKNOWLEDGED: "acknowledge", Kind.RESOLVED: "resolve", Kind.CANCEL: "resolve",
    }
)  # fmt: skip
_SEVERITIES = MappingProxyType({"low": "info", "medium": "warning", "high": "error", "critical": "critical"})
#: Longest summary that is taken.
_SUMMARY = 1024


def event(one: Notification, routing_key: str) -> dict[str, Any]:
    """The event. All of an alert have its id as deduplication key: an update changes the incident, it makes no other."""
    action = {"routing_key": routing_key, "event_action": _ACTIONS[one.kind], "dedup_key": one.alert}
    if action["event_action"] != "trigger":
        return action
    return action | {
        "client": "Fjäril",
        "payload": {
            "summary": subject(one)[:_SUMMARY],
            "source": "fjaril",
            "severity": _SEVERITIES[one.severity],
            "timestamp": one.sent.isoformat(),
            "component": clean(one.rule),
            "group": one.group,
            "class": one.why.type,
            "custom_details": {
                "text": "\n".join(lines(one)), "key": one.key, "places": [place.code for place in one.places],
                "themes": [theme.code for theme in one.themes], "sources": one.sources, "why": reason(one), "certainty": certainty(one),
            },
        },
        "links": [{"href": link, "text": link} for link in safe_links(one)],
    }  # fmt: skip


class PagerDuty:
    """The channel."""

    def __init__(self, name: str, url: str, routing_key: str, client: Client) -> None:
        self.name, self._url, self._key, self._client = name, url, routing_key, client

    def send(self, notification: Notification, to: str | None) -> Receipt:  # noqa: ARG002  (the channel itself says where)
        """Post the event; the receiver takes one that comes twice as one."""
        body = msgspec.json.encode(event(notification, self._key))
        self._client.send(Request(method="POST", url=self._url, headers={"Content-Type": "application/json"}, body=body))
        return Receipt(channel=self.name, key=notification.key, reference=notification.alert)
