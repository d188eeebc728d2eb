"""Signed webhooks: https://www.standardwebhooks.com, signature v1 (HMAC-SHA256)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pipeline.alerts.notify.http import Client, Request
from pipeline.alerts.notify.message import Notification, Receipt
from pipeline.alerts.notify.text import lines, safe_links, subject
from pipeline.errors import ChannelRefusedError, UsageError

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
#: What a secret begins with.
PREFIX = "whsec_"
#: Bytes that the specification wants a secret to have.
_SIZES = range(24, 65)


def key_of(secret: str) -> bytes:
    """The bytes of a secret as ``whsec_`` and base64.

    :raises ChannelRefusedError: if it is no such secret; it is not repeated.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in _SIZES:
        raise ChannelRefusedError(
            f"a webhook's secret is not {PREFIX} and base64 of 24 to 64 bytes; make one with `openssl rand -base64 32`"
        )
    return key


def sign(keys: Sequence[bytes], message: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers.

    :param message: its id, without a dot; the same when it is sent again.
    """
    timestamp = str(int(at.timestamp()))
    signatures = " ".join("v1," + base64.b64encode(_mac(key, message, timestamp, body)).decode() for key in keys)
    return {ID: message, TIMESTAMP: timestamp, SIGNATURE: signatures}


def verify(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime, tolerance: timedelta = TOLERANCE) -> str:
    """What a receiver does: the id of the message, if one of its signatures was made with one of the keys.

    :raises UsageError: if not, or if it is older or younger than the tolerance.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message, timestamp, signatures = given[ID], given[TIMESTAMP], given[SIGNATURE].split()
        at = datetime.fromtimestamp(int(timestamp), UTC) if timestamp.isascii() and timestamp.isdecimal() else None
    except (KeyError, OverflowError, OSError, ValueError):
        at = None
    if at is None:
        raise UsageError(f"a webhook without {ID}, {TIMESTAMP} in seconds and {SIGNATURE}")
    if abs(now - at) > tolerance:
        raise UsageError(f"a webhook of {at.isoformat()}; it is taken within {tolerance} of the time here, {now.isoformat()}")
    expected = ["v1," + base64.b64encode(_mac(key, message, timestamp, body)).decode() for key in keys]
    # each is compared, so that how long it takes says nothing
    if not sum(hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in signatures):
        raise UsageError("a webhook whose signature was not made with any of the keys for this content")
    return message


def content(one: Notification) -> dict[str, Any]:
    """The payload: ``type``, ``timestamp`` and ``data``, as the specification recommends."""
    data = msgspec.to_builtins(one, builtin_types=()) | {"links": safe_links(one), "headline": subject(one), "text": "\n".join(lines(one))}
    return {"type": f"alert.{one.kind}", "timestamp": data["sent"], "data": data}


class Webhook:
    """The channel."""

    def __init__(self, name: str, url: str, secrets: Sequence[str], client: Client, now: Callable[[], datetime]) -> None:
        """:raises ChannelRefusedError: if a secret is none."""
        self.name, self._url, self._client, self._now = name, url, client, now
        self._keys = [key_of(secret) for secret in secrets]

    def send(self, notification: Notification, to: str | None) -> Receipt:  # noqa: ARG002  (the channel itself says where)
        """Post it; what is sent again has the same id and body, and a timestamp of its own."""
        body = msgspec.json.encode(content(notification))
        signed = sign(self._keys, notification.key.replace(".", "_"), self._now(), body)
        self._client.send(Request(method="POST", url=self._url, headers={"Content-Type": "application/json", **signed}, body=body))
        return Receipt(channel=self.name, key=notification.key, reference=signed[ID])


def _mac(key: bytes, message: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(key, b".".join((message.encode(), timestamp.encode(), body)), hashlib.sha256)
