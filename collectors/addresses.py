"""Which network addresses may be called: public ones only, unless the settings allow this machine and its networks.

The check sits in the reactor's name resolver, so it sees every connection, and what is
connected to is the address that was checked: a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from zope.interface import implementer  # type: ignore[import-untyped]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


def is_public(text: str) -> bool:
    """Whether an address (not a name) lies in the public internet; for IPv6 also what it embeds (RFC 4291, 3056, 6052)."""
    address = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None


@implementer(IHostResolution)
class _Lookup:
    def __init__(self, name: str) -> None:
        self.name = name
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


@implementer(IHostnameResolver)
class CheckedResolver:
    """Resolves by the system, and answers with nothing when any address of a name is one that must not be called.

    :param private: whether addresses that are not public are allowed.
    """

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._tasks: set[asyncio.Task[None]] = set()
        #: Name → the address for which it was refused.
        self.refused: dict[str, str] = {}

    def resolveHostName(  # noqa: N802  (the interface's name)
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type] | None = None,  # noqa: ARG002, N803
        transportSemantics: str = "TCP",  # noqa: ARG002, N803
    ) -> _Lookup:
        """See :class:`twisted.internet.interfaces.IHostnameResolver`."""
        lookup = _Lookup(hostName)
        resolutionReceiver.resolutionBegan(lookup)
        lookup.task = asyncio.get_running_loop().create_task(self._resolve(resolutionReceiver, hostName, portNumber))
        self._tasks.add(lookup.task)
        lookup.task.add_done_callback(self._tasks.discard)
        return lookup

    async def _resolve(self, receiver: Any, name: str, port: int) -> None:
        try:
            for address in await self._addresses(name):
                kind = IPv6Address if ":" in address else IPv4Address
                receiver.addressResolved(kind("TCP", address, port))
        finally:
            receiver.resolutionComplete()

    async def _addresses(self, name: str) -> list[str]:
        addresses = await addresses_of(name)
        self.refused.pop(name, None)
        bad = [] if self._private else [a for a in addresses if not is_public(a)]
        if bad:
            self.refused[name] = bad[0]
        return [] if bad else addresses


async def addresses_of(name: str) -> list[str]:
    """The addresses of a host, by the system; none if the name cannot be resolved."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
