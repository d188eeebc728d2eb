"""SMS by a gateway with an HTTP interface: what its provider wants stands in the rota as templates."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec

from pipeline.alerts.notify import template, text
from pipeline.alerts.notify.config import SmsConfig
from pipeline.alerts.notify.http import Client, Request
from pipeline.alerts.notify.message import Notification, Receipt
from pipeline.errors import ChannelRefusedError


class Sms:
    """The channel. A gateway that takes ``{key}`` sends what comes twice once."""

    def __init__(self, name: str, config: SmsConfig, secret: str, client: Client) -> None:
        self.name, self._config, self._secret, self._client = name, config, secret, client

    def send(self, notification: Notification, to: str | None) -> Receipt:
        """Ask the gateway to send it."""
        if to is None:
            raise ChannelRefusedError(f"channel {self.name}: an SMS needs a phone number")
        self._client.send(self._request(notification, to), to)
        return Receipt(channel=self.name, key=notification.key)

    def _request(self, one: Notification, to: str) -> Request:
        config = self._config
        values = {"to": to, "digits": to.lstrip("+"), "text": text.sms(one), "key": one.key, "secret": self._secret}
        parts = urlsplit(template.fill(config.url, values, lambda value: quote(value, safe="")))
        query = "&".join(part for part in (parts.query, urlencode(_filled(config.query, values))) if part)
        headers = _filled(config.headers, values)
        body = None
        if config.json:
            headers = {"Content-Type": "application/json", **headers}
            body = msgspec.json.encode(_filled(config.json, values))
        elif config.form:
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
            body = urlencode(_filled(config.form, values)).encode()
        return Request(method=config.method, url=urlunsplit(parts._replace(query=query)), headers=headers, body=body)


def _filled(templates: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    return {name: template.fill(value, values) for name, value in templates.items()}
