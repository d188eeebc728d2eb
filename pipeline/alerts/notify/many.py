"""The many services that Apprise knows."""

from __future__ import annotations

import logging
from urllib.parse import quote

from pipeline.alerts.notify import template
from pipeline.alerts.notify.config import AppriseConfig
from pipeline.alerts.notify.message import Kind, Notification, Receipt
from pipeline.alerts.notify.text import lines, subject
from pipeline.errors import ChannelBusyError, ChannelRefusedError


class Many:
    """The channel. Apprise says only whether it went out, so what did not may go out later."""

    def __init__(self, name: str, config: AppriseConfig, secret: str) -> None:
        self.name, self._config, self._secret = name, config, secret

    def send(self, notification: Notification, to: str | None) -> Receipt:
        """Hand it to Apprise.

        :raises ChannelRefusedError: if Apprise does not take the channel's URL.
        :raises ChannelBusyError: if it did not go out.
        """
        import apprise

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it writes URLs, and with them secrets
        asset = apprise.AppriseAsset(app_id="Fjäril", http_redirects=False, plugin_paths=[], async_mode=False)
        url = template.fill(self._config.url, {"secret": self._secret, "to": to or ""}, lambda value: quote(value, safe=""))
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            said = f"channel {self.name}: Apprise does not take its url {self._config.url!r} with what stands for its placeholders"
            raise ChannelRefusedError(f"{said}; `apprise --details` lists what each service wants")
        service.redirects = False
        service.socket_connect_timeout = service.socket_read_timeout = self._config.timeout
        kind = apprise.NotifyType.SUCCESS if notification.kind is Kind.RESOLVED else apprise.NotifyType.WARNING
        if not service.notify(body="\n".join(lines(notification)), title=subject(notification), notify_type=kind):
            raise ChannelBusyError(f"channel {self.name}: {service.service_name} did not take it; is it up, and is the secret right?")
        return Receipt(channel=self.name, key=notification.key)
