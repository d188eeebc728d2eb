"""One HTTP request of a channel: bounded in time and size, never redirected."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from pipeline.errors import ChannelBusyError, ChannelRefusedError

#: Of an answer no more is read: it says what is wrong.
_MOST = 64 * 1024
_SAID = 200
#: Statuses by which a receiver asks to come again (RFC 9110, 6585, 8470).
_LATER = frozenset({408, 425, 429})


class Request(Struct, frozen=True, kw_only=True):
    """What is sent. Its URL and headers may hold secrets: it has no representation."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"<{self.method} to {urlsplit(self.url).hostname}>"


class Client:
    """Sends requests for one channel.

    :param hidden: what must not stand in an error: secrets.
    """

    def __init__(self, channel: str, *, timeout: float, ca: str | None = None, hidden: Iterable[str] = ()) -> None:
        """:raises ChannelRefusedError: if the file of certificates cannot be read."""
        self._channel, self._timeout, self._tls = channel, timeout, tls(ca)
        self._hidden = [one for one in hidden if one]

    def send(self, request: Request, to: str | None = None) -> None:
        """Send it; the receiver has taken it when its status says so, whatever follows.

        :param to: an address, which does not stand in an error either.
        :raises ChannelBusyError: no connection, no answer in time, 408, 425, 429 or 5xx.
        :raises ChannelRefusedError: any other answer; a redirect is one.
        """
        host = urlsplit(request.url).hostname or ""
        late = threading.Event()
        try:
            status, headers, body = self._exchange(request, late)
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = f"no answer within {self._timeout:g} s" if late.is_set() or isinstance(error, TimeoutError) else _fault(error)
            raise ChannelBusyError(f"channel {self._channel}: {host}: {why}; is it running, and can it be reached from here?") from None
        if 200 <= status < 300:
            return
        said = f"channel {self._channel}: {host} answered {status}{self._told(body, to)}"
        if status in _LATER or status >= 500:
            raise ChannelBusyError(said, after=_retry_after(headers.get("Retry-After"), datetime.now(UTC)))
        if 300 <= status < 400:
            raise ChannelRefusedError(f"{said}; redirects are not followed, name the address itself")
        raise ChannelRefusedError(f"{said}; check the channel's url, secret and fields")

    def _exchange(self, request: Request, late: threading.Event) -> tuple[int, http.client.HTTPMessage, bytes]:
        parts = urlsplit(request.url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        host = parts.hostname or ""
        connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        opened = [connect(host, port, self._timeout)]
        watch = threading.Timer(self._timeout, _end, (opened, late))
        watch.daemon = True
        watch.start()
        try:
            if secure:
                opened.append(self._tls.wrap_socket(opened[0], server_hostname=host, do_handshake_on_connect=False))
                opened[-1].do_handshake()  # type: ignore[attr-defined]
            connection.sock = opened[-1]
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(request.method, path, request.body, {"User-Agent": "fjaril", "Connection": "close", **request.headers})
            with connection.getresponse() as answer:
                return answer.status, answer.headers, b"" if 200 <= answer.status < 300 else answer.read(_MOST)
        finally:
            watch.cancel()
            for one in opened:
                one.close()

    def _told(self, body: bytes, to: str | None) -> str:
        said = " ".join(body[: 4 * _SAID].decode("utf-8", "replace").split())
        for one in [*self._hidden, *([to, to.lstrip("+")] if to else [])]:
            said = said.replace(one, "•••")
        said = "".join(character for character in said if character.isprintable())[:_SAID]
        return f": {said}" if said else ""


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """A connection to the host, tried at each of its addresses; never to one of the link (where clouds keep their credentials), nor to a group.

    :raises OSError: if there is none.
    """
    error: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        numbered = ipaddress.ip_address(str(address[0]).partition("%")[0])
        numbered = getattr(numbered, "ipv4_mapped", None) or numbered
        if numbered.is_link_local or numbered.is_multicast or numbered.is_unspecified:
            error = OSError(f"{numbered} is no address for a receiver")
            continue
        opened = socket.socket(family, kind, protocol)
        opened.settimeout(timeout)
        try:
            opened.connect(address)
        except OSError as found:
            opened.close()
            error = found
        else:
            return opened
    raise error


def tls(ca: str | None) -> ssl.SSLContext:
    """As the system does it, or with certificates of one's own.

    :raises ChannelRefusedError: if the file of certificates cannot be read.
    """
    if ca is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=Path(ca).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ChannelRefusedError(f"ca {ca}: {error}; name a file of certificates in PEM") from error


def _end(opened: list[socket.socket], late: threading.Event) -> None:
    """Time is up: whatever is waited for ends. Of a TLS connection it is the socket below that is shut down."""
    late.set()
    with suppress(OSError):  # it has ended by itself
        socket.socket.shutdown(opened[-1], socket.SHUT_RDWR)


def _fault(error: Exception) -> str:
    """Errors of connections name a host or a cause, none of them a request."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if not isinstance(error, OSError) else str(error) or type(error).__name__


def _retry_after(given: str | None, now: datetime) -> float | None:
    """Seconds, from a number of them or a date (RFC 9110, 10.2.3); None where it says neither."""
    if given is None:
        return None
    if given.strip().isdecimal():
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
