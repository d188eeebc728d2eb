"""Channels as the rota's file states them. Secrets are named, never written there: the settings hold them."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from pipeline.alerts.notify import template

#: (key, what was found, what is allowed).
Fault = tuple[str, object, str]
SMS_VALUES = frozenset({"to", "digits", "text", "key", "secret"})
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_MAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII)
_LINE = re.compile(r"[\x20-\x7e]*")
_CAP_NAME = re.compile(r"[^\s,<&]+")

#: Name of a secret of the settings, also as the end of an environment variable's name.
SecretName = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$")]


class ChannelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind has."""

    #: Seconds for one attempt, from first to last byte.
    timeout: Annotated[float, Meta(gt=0, le=120)] = 10
    #: Attempts, and seconds in which they are made, before a notification is given up.
    attempts: Annotated[int, Meta(ge=1, le=20)] = 5
    patience: Annotated[float, Meta(ge=0, le=3600)] = 300
    #: File with the certificates that the server's is signed by; without it the system's.
    ca: str | None = None


class WebhookConfig(ChannelConfig, frozen=True, kw_only=True, tag="webhook"):
    """A signed message to another system (Standard Webhooks)."""

    url: str
    #: Names of secrets; several while one is being replaced: it is signed with each.
    secrets: Annotated[list[SecretName], Meta(min_length=1, max_length=4)]


class PagerDutyConfig(ChannelConfig, frozen=True, kw_only=True, tag="pagerduty"):
    """PagerDuty, or a system that takes its events (Events API v2)."""

    url: str = "https://events.pagerduty.com/v2/enqueue"
    #: Name of the secret that holds the integration's routing key.
    secret: SecretName


class EmailConfig(ChannelConfig, frozen=True, kw_only=True, tag="email"):
    """E-mail by SMTP."""

    host: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:-]+$")]
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    #: Name of the secret that holds the password; with ``username``.
    secret: SecretName | None = None
    sender: str = field(name="from")


class SmsConfig(ChannelConfig, frozen=True, kw_only=True, tag="sms"):
    """A gateway for SMS with an HTTP interface of its own: ``{to}``, ``{digits}`` (without +), ``{text}``, ``{key}``, ``{secret}``."""

    url: str
    method: Literal["POST", "PUT", "GET"] = "POST"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    #: What is sent, as a form or as JSON.
    form: dict[str, str] = {}
    json: dict[str, str] = {}
    secret: SecretName | None = None


class CapConfig(ChannelConfig, frozen=True, kw_only=True, tag="cap"):
    """Common Alerting Protocol 1.2, posted to a system that takes it."""

    url: str
    #: Globally unique name of this installation, as ``fjaril@kommun.example``.
    sender: str
    sender_name: str = ""
    status: Literal["Actual", "Exercise", "System", "Test"] = "Actual"
    scope: Literal["Public", "Restricted"] = "Restricted"
    restriction: str = "For duty officers and partner agencies only"
    headers: dict[str, str] = {}
    secret: SecretName | None = None


class AppriseConfig(ChannelConfig, frozen=True, kw_only=True, tag="apprise"):
    """Any service that Apprise knows, by its URL with ``{secret}`` and ``{to}`` in it."""

    url: str
    secret: SecretName | None = None


AnyChannel: TypeAlias = WebhookConfig | PagerDutyConfig | EmailConfig | SmsConfig | CapConfig | AppriseConfig


def channel_fault(channel: AnyChannel) -> Fault | None:
    """What is wrong with it beyond the types of its keys."""
    match channel:
        case EmailConfig():
            return _email_fault(channel)
        case AppriseConfig():
            return _apprise_fault(channel)
        case SmsConfig():
            return _http_fault(channel.url, SMS_VALUES) or _sms_fault(channel)
        case CapConfig():
            return _http_fault(channel.url, ()) or _cap_fault(channel)
        case _:
            return _http_fault(channel.url, ())


def address_fault(channel: AnyChannel, to: str | None) -> str | None:
    """What would be right instead of this address on the channel; None if it is right."""
    if isinstance(channel, SmsConfig):
        return None if to is not None and _PHONE.fullmatch(to) else 'a phone number with its country, as "+46701740605"'
    if isinstance(channel, EmailConfig):
        return None if to is not None and _MAIL.fullmatch(to) else "an e-mail address, as vakt@kommun.example"
    if isinstance(channel, AppriseConfig) and "{to}" in channel.url:
        return None if to and to.isprintable() else "the address that stands for {to} in the channel's url"
    return None if to is None else "nothing (null): the channel itself says where"


def _email_fault(channel: EmailConfig) -> Fault | None:
    if not _MAIL.fullmatch(channel.sender):
        return "from", channel.sender, "an e-mail address, as fjaril@kommun.example"
    if bool(channel.username) != (channel.secret is not None):
        return "username", channel.username, "username and secret together, or neither"
    if channel.username and channel.security == "none" and not _is_local(channel.host):
        return "security", "none", "starttls or tls: a password does not go over the net in clear"
    return None


def _apprise_fault(channel: AppriseConfig) -> Fault | None:
    if said := template.fault(channel.url, {"to", "secret"}):
        return "url", channel.url, said
    scheme, found, rest = channel.url.partition("://")
    if not found or not scheme.isalnum() or rest.startswith("{to}"):
        return "url", channel.url, "a URL of Apprise, as ntfys://{secret}@ntfy.example/{to}: who is told does not choose the server"
    return _secret_fault(channel.secret, channel.url)


def _sms_fault(channel: SmsConfig) -> Fault | None:
    if channel.form and channel.json:
        return "json", sorted(channel.json), "form or json, not both"
    if channel.method == "GET" and (channel.form or channel.json):
        return "method", "GET", "POST or PUT for form and json; GET has query alone"
    for part in ("headers", "query", "form", "json"):
        for name, value in getattr(channel, part).items():
            if said := _header_fault(name, value, SMS_VALUES) if part == "headers" else template.fault(value, SMS_VALUES):
                return f"{part}.{name}", value, said
    told = [channel.url, *channel.query.values(), *channel.form.values(), *channel.json.values()]
    for names in (("{to}", "{digits}"), ("{text}",)):
        if not any(name in one for name in names for one in told):
            return "url", channel.url, f"{' or '.join(names)} somewhere in url, query, form or json"
    return _secret_fault(channel.secret, *told, *channel.headers.values())


def _cap_fault(channel: CapConfig) -> Fault | None:
    if not _CAP_NAME.fullmatch(channel.sender):
        return "sender", channel.sender, "a name without spaces, commas, < and &, as fjaril@kommun.example"
    if channel.scope == "Restricted" and not channel.restriction.strip():
        return "restriction", channel.restriction, "a text: whom a restricted message is for"
    for name, value in channel.headers.items():
        if said := _header_fault(name, value, {"secret"}):
            return f"headers.{name}", value, said
    return _secret_fault(channel.secret, *channel.headers.values())


def _secret_fault(secret: SecretName | None, *texts: str) -> Fault | None:
    if any("{secret}" in one for one in texts) and secret is None:
        return "secret", None, "the name of the secret that {secret} stands for"
    return None


def _header_fault(name: str, value: str, allowed: frozenset[str] | set[str]) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not _LINE.fullmatch(value) or "{text}" in value:
        return "a header of one line in ASCII, without {text}"
    return template.fault(value, allowed)


def _http_fault(url: str, allowed: frozenset[str] | tuple[str, ...]) -> Fault | None:
    """The host is the one that stands in the file: no placeholder, and nobody's name, in it."""
    said = "a URL as https://larm.kommun.example/in, without a name before the host; http only on this machine and private addresses"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "url", url, said
    del port  # read so that a wrong one is found
    good = parts.scheme == "https" or (parts.scheme == "http" and _is_local(host))
    if not good or not re.fullmatch(r"[A-Za-z0-9.:-]+", host) or "@" in parts.netloc or not _LINE.fullmatch(url) or " " in url:
        return "url", url, said
    if fault := template.fault(url, allowed):
        return "url", url, fault
    return None


def _is_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_private
