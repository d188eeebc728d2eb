"""Common Alerting Protocol 1.2 (OASIS): Alert, Update and Cancel, each referring to what went out before."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring
from zoneinfo import ZoneInfo

from pipeline.alerts.notify import template
from pipeline.alerts.notify.config import CapConfig
from pipeline.alerts.notify.http import Client, Request
from pipeline.alerts.notify.message import Earlier, Kind, Named, Notification, Receipt, key_of
from pipeline.alerts.notify.phrases import LANGUAGES
from pipeline.alerts.notify.text import area, certainty, clean, lines, reason, safe_links, subject, what

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
#: An acknowledgement is of concern to those on duty alone: it is not told this way.
_TYPES = MappingProxyType({Kind.TRIGGER: "Alert", Kind.UPDATE: "Update", Kind.RESOLVED: "Update", Kind.CANCEL: "Cancel"})
_SEVERITIES = MappingProxyType({"low": "Minor", "medium": "Moderate", "high": "Severe", "critical": "Extreme"})
_LANGUAGES = MappingProxyType({"sv": "sv-SE", "en": "en-US"})
#: First part of a theme's id → category.
_CATEGORIES = MappingProxyType(
    {
        "traffic": "Transport", "fire": "Fire", "violence": "Security", "theft": "Security", "rescue": "Rescue", "disorder": "Security",
        "drugs": "Security", "fraud": "Security", "weapons": "Security", "sexual": "Security", "nature": "Env", "weather": "Met",
        "infrastructure": "Infra", "health": "Health",
    }
)  # fmt: skip
#: A message that nothing follows is over after so long.
_EXPIRES = timedelta(days=1)
#: A certainty of so much is called likely.
_LIKELY = 0.5


def is_told(one: Notification) -> bool:
    """Whether CAP has a message for it: of an acknowledgement it has none, and an end is one of what was told."""
    return one.kind in _TYPES and (one.kind in {Kind.TRIGGER, Kind.UPDATE} or bool(_told_before(one)))


def _told_before(one: Notification) -> list[Earlier]:
    return [before for before in one.earlier if before.kind in _TYPES]


def document(one: Notification, config: CapConfig) -> bytes:
    """The message as XML. What it replaces is what went out before, but for acknowledgements.

    :param one: one that :func:`is_told`.
    """
    register_namespace("", NAMESPACE)
    alert = Element(f"{{{NAMESPACE}}}alert")
    _add(alert, "identifier", one.key)
    _add(alert, "sender", config.sender)
    _add(alert, "sent", _time(one, one.sent))
    _add(alert, "status", config.status)
    earlier = _told_before(one)
    _add(alert, "msgType", _TYPES[one.kind] if earlier else "Alert")
    _add(alert, "scope", config.scope)
    if config.scope == "Restricted":
        _add(alert, "restriction", config.restriction)
    if one.kind is Kind.CANCEL:
        _add(alert, "note", LANGUAGES[one.language].kinds[one.kind])
    if earlier:
        parts = (f"{config.sender},{key_of(one.alert, before.sequence)},{_time(one, before.sent)}" for before in earlier)
        _add(alert, "references", " ".join(parts))
    _add(alert, "incidents", one.alert)
    _info(alert, one, config)
    return bytes(tostring(alert, encoding="utf-8", xml_declaration=True))


def _info(alert: Element, one: Notification, config: CapConfig) -> None:
    over = one.kind in {Kind.RESOLVED, Kind.CANCEL}
    info = SubElement(alert, f"{{{NAMESPACE}}}info")
    _add(info, "language", _LANGUAGES[one.language])
    for category in sorted({_CATEGORIES.get(theme.code.partition(".")[0], "Other") for theme in one.themes} or {"Other"}):
        _add(info, "category", category)
    _add(info, "event", what(one))
    _add(info, "responseType", "AllClear" if over else "Assess")
    _add(info, "urgency", "Past" if over else "Immediate" if one.severity in {"high", "critical"} else "Expected")
    _add(info, "severity", _SEVERITIES[one.severity])
    _add(info, "certainty", _certainty(one))
    _add(info, "effective", _time(one, one.sent))
    _add(info, "onset", _time(one, one.since))
    _add(info, "expires", _time(one, one.sent if over else one.sent + _EXPIRES))
    if config.sender_name:
        _add(info, "senderName", clean(config.sender_name))
    _add(info, "headline", subject(one)[:160])
    _add(info, "description", "\n".join(lines(one)))
    if links := safe_links(one):
        _add(info, "web", links[0])
    figures = {"rule": one.rule, "rule_hash": one.rule_hash, "why": reason(one), "certainty": certainty(one), "sources": str(one.sources)}
    for name, value in figures.items():
        parameter = SubElement(info, f"{{{NAMESPACE}}}parameter")
        _add(parameter, "valueName", f"fjaril:{name}")
        _add(parameter, "value", clean(value))
    _area(info, one.places, LANGUAGES[one.language].nowhere)


def _area(info: Element, places: tuple[Named, ...], unknown: str) -> None:
    where = SubElement(info, f"{{{NAMESPACE}}}area")
    _add(where, "areaDesc", area(places, unknown))
    for place in places:
        geocode = SubElement(where, f"{{{NAMESPACE}}}geocode")
        _add(geocode, "valueName", _system(place.code))
        _add(geocode, "value", clean(place.code))


def _system(code: str) -> str:
    """Whose code it is: Statistics Sweden's of counties and municipalities, a country's by ISO 3166, else ours."""
    if code.isdecimal() and len(code) in {2, 4}:
        return "SCB-lan" if len(code) == 2 else "SCB-kommun"
    return "ISO3166" if code.isalpha() and len(code) == 2 else "fjaril"


def _certainty(one: Notification) -> str:
    """*Observed* is never said: sources are read, nobody was sent to look."""
    if one.certainty.score is None:
        return "Unknown"
    return "Likely" if one.certainty.score > _LIKELY else "Possible"


def _time(one: Notification, at: datetime) -> str:
    """With the reader's offset from UTC: CAP takes no ``Z`` and no fractions; UTC itself is ``-00:00``."""
    written = at.astimezone(ZoneInfo(one.timezone)).replace(microsecond=0).isoformat()
    return written.replace("+00:00", "-00:00")


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, f"{{{NAMESPACE}}}{name}").text = text


class Cap:
    """The channel."""

    def __init__(self, name: str, config: CapConfig, secret: str, client: Client) -> None:
        self.name, self._config, self._secret, self._client = name, config, secret, client

    def send(self, notification: Notification, to: str | None) -> Receipt:  # noqa: ARG002  (the channel itself says where)
        """Post the message; its identifier is the same when it is sent again."""
        if not is_told(notification):
            return Receipt(channel=self.name, key=notification.key, told=False)
        headers = {name: template.fill(value, {"secret": self._secret}) for name, value in self._config.headers.items()}
        body = document(notification, self._config)
        headers = {"Content-Type": "application/cap+xml; charset=utf-8", **headers}
        self._client.send(Request(method="POST", url=self._config.url, headers=headers, body=body))
        return Receipt(channel=self.name, key=notification.key, reference=notification.key)
