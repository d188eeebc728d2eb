"""Links to acknowledge an alert by: signed, for one officer, for a while, once.

A link is opened by programs that look into mails, too: whoever serves it shows on GET what would be acknowledged, and does it on POST.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import MutableSet, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from pipeline.errors import SettingsError, TokenError

_VERSION = b"\x01"
_NONCE, _MAC, _EXPIRY = 6, 16, 5
#: Bytes that a key has at least: as many as the digest.
_KEY = 32
_CONTEXT = b"fjaril acknowledge 1\x00"


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """What a link says: who acknowledges which alert, and until when the link works."""

    alert: str
    officer: str
    #: To the second.
    expires: datetime
    #: Of this link alone: what is remembered of links that were used.
    nonce: str


def make(key: bytes, alert: str, officer: str, expires: datetime, nonce: bytes | None = None) -> str:
    """A token, safe in URLs; 78 characters for an id of 32 hexadecimal digits and a name of 12.

    :param nonce: 6 bytes; random if left out. Who sends the same message again after a restart gives the same.
    :raises SettingsError: if the key is short.
    """
    _check(key)
    nonce = secrets.token_bytes(_NONCE) if nonce is None else nonce
    if len(nonce) != _NONCE:
        raise ValueError(f"a nonce of {len(nonce)} bytes, not {_NONCE}")
    packed = _pack(alert)
    if len(packed) > 255:
        raise ValueError(f"an alert's id of {len(packed)} bytes")
    body = b"".join((_VERSION, nonce, int(expires.timestamp()).to_bytes(_EXPIRY), bytes([len(packed)]), packed, officer.encode()))
    return base64.urlsafe_b64encode(body + _mac(key, body)).rstrip(b"=").decode()


def verify(keys: Sequence[bytes], token: str, now: datetime) -> Acknowledgement:
    """What the token says, if it was made with one of the keys and is not too old.

    :param keys: several while one is being replaced.
    :raises TokenError: if not.
    """
    for key in keys:
        _check(key)
    data = _decoded(token)
    body, mac = data[:-_MAC], data[-_MAC:]
    # each is compared, so that how long it takes says nothing
    if not sum(hmac.compare_digest(mac, _mac(key, body)) for key in keys):
        raise TokenError("the link was not made here, or not as it stands; open it as it came in the message")
    at = len(_VERSION)
    nonce, at = body[at : at + _NONCE], at + _NONCE
    expires, at = datetime.fromtimestamp(int.from_bytes(body[at : at + _EXPIRY]), UTC), at + _EXPIRY
    size, at = body[at], at + 1
    if now >= expires:
        raise TokenError(f"the link was good until {expires.isoformat()}; acknowledge with `fjaril alerts ack`, or by a later message")
    return Acknowledgement(
        alert=_unpack(body[at : at + size]), officer=body[at + size :].decode(), expires=expires, nonce=nonce.hex()
    )  # fmt: skip


def redeem(keys: Sequence[bytes], token: str, now: datetime, spent: MutableSet[str]) -> Acknowledgement:
    """:func:`verify`, once.

    :param spent: nonces of links that were used, and are until they expire. The caller keeps it, and lets one at a time in here.
    :raises TokenError: if it was used, too.
    """
    found = verify(keys, token, now)
    if found.nonce in spent:
        raise TokenError(f"the link to acknowledge alert {found.alert} was used already; `fjaril alerts show` says when")
    spent.add(found.nonce)
    return found


def _check(key: bytes) -> None:
    if len(key) < _KEY:
        raise SettingsError(
            "settings", "secrets.acknowledge", f"{len(key)} bytes", f"at least {_KEY} random bytes, as `openssl rand -hex 32` gives"
        )


def _mac(key: bytes, body: bytes) -> bytes:
    """128 bits: a longer one would take from the room in an SMS."""
    return hmac.digest(key, _CONTEXT + body, "sha256")[:_MAC]


def _decoded(token: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        data = b""
    # what decodes to the same bytes is another text: only the one that was made is taken
    whole = len(_VERSION) + _NONCE + _EXPIRY + 1 + _MAC
    if len(data) < whole or data[:1] != _VERSION or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != token:
        raise TokenError("the link was not made here, or not as it stands; open it as it came in the message")
    return data


def _pack(alert: str) -> bytes:
    """An id of hexadecimal digits takes half the room."""
    if len(alert) % 2 == 0 and alert and set(alert) <= set("0123456789abcdef"):
        return b"\x00" + bytes.fromhex(alert)
    return b"\x01" + alert.encode()


def _unpack(packed: bytes) -> str:
    return packed[1:].hex() if packed[:1] == b"\x00" else packed[1:].decode()
