"""The channels of a rota, ready to send."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pydantic import SecretStr

from pipeline.alerts.notify.breaker import Breaker
from pipeline.alerts.notify.cap import Cap
from pipeline.alerts.notify.config import AnyChannel, AppriseConfig, CapConfig, EmailConfig, PagerDutyConfig, SmsConfig, WebhookConfig
from pipeline.alerts.notify.deliver import Backoff, Delivery
from pipeline.alerts.notify.http import Client
from pipeline.alerts.notify.mail import Mail
from pipeline.alerts.notify.many import Many
from pipeline.alerts.notify.message import Bury, Channel
from pipeline.alerts.notify.pagerduty import PagerDuty
from pipeline.alerts.notify.sms import Sms
from pipeline.alerts.notify.webhook import PREFIX, Webhook
from pipeline.errors import SettingsError

Now = Callable[[], datetime]


def _system_time() -> datetime:
    return datetime.now(UTC)


def channel(name: str, config: AnyChannel, secrets: Mapping[str, SecretStr], now: Now = _system_time) -> Channel:
    """One attempt at a time: who calls it sees each failure.

    :raises SettingsError: if a secret that it names is not in the settings.
    :raises ChannelRefusedError: if a secret is not of the form that its kind wants, or a file of certificates cannot be read.
    """
    names = config.secrets if isinstance(config, WebhookConfig) else [config.secret] if config.secret is not None else []
    found = [_secret(name, one, secrets) for one in names]
    secret = found[0] if found else ""
    client = Client(name, timeout=config.timeout, ca=config.ca, hidden=[part for one in found for part in (one, one.removeprefix(PREFIX))])
    match config:
        case WebhookConfig():
            return Webhook(name, config.url, found, client, now)
        case PagerDutyConfig():
            return PagerDuty(name, config.url, secret, client)
        case EmailConfig():
            return Mail(name, config, secret)
        case SmsConfig():
            return Sms(name, config, secret, client)
        case CapConfig():
            return Cap(name, config, secret, client)
        case AppriseConfig():
            return Many(name, config, secret)


def deliveries(
    channels: Mapping[str, AnyChannel], secrets: Mapping[str, SecretStr], bury: Bury, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Delivery]:  # fmt: skip
    """All of them, each with its own attempts and its own breaker.

    :param sleep: waits between attempts, and may raise to give up what it waits for.
    :raises SettingsError: as :func:`channel`.
    :raises ChannelRefusedError: as :func:`channel`.
    """
    return {
        name: Delivery(channel(name, one, secrets), Backoff(attempts=one.attempts, patience=one.patience), Breaker(), bury, sleep=sleep)
        for name, one in channels.items()
    }


def _secret(channel: str, name: str, secrets: Mapping[str, SecretStr]) -> str:
    if name not in secrets or not (value := secrets[name].get_secret_value()):
        allowed = f"channel {channel} needs it: set FJARIL_SECRETS__{name.upper()}, or secrets.{name} in the settings file"
        raise SettingsError("settings", f"secrets.{name}", "nothing", allowed)
    return value
