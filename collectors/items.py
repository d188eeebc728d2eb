"""What a parser makes of an answer: items ready to be compared, stored and published."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from pipeline.model import Source
from pipeline.settings import Http


class Item(Struct, frozen=True, array_like=True):
    """One item of an answer."""

    #: What the source calls it; unique and lasting within the source.
    native_id: str
    #: As it goes on the bus: ``RawItem.body``.
    body: str
    #: Fingerprint of what counts as content: when it changes, that is a new revision.
    content_hash: str


class Bad(Struct, frozen=True, array_like=True):
    """A record of an answer that cannot be read; the others can."""

    reason: str
    original: bytes


class Parsed(Struct, frozen=True, kw_only=True):
    """All that an answer holds, in its own order."""

    items: tuple[Item, ...] = ()
    #: Native ids that the source says are withdrawn (RFC 6721, or ``expired`` of JSON Feed).
    withdrawn: tuple[str, ...] = ()
    bad: tuple[Bad, ...] = ()
    #: Whether the answer broke off: the same address must be asked again without validators.
    cut: bool = False
    #: Seconds that the source asks to be left alone (RSS ``ttl``), 0 if it does not say.
    ttl: float = 0.0
    #: Hours (0–23, GMT) and days (as in :data:`collectors.times.WEEKDAYS`) in which an RSS source asks not to be called.
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[str, ...] = ()
    #: What was odd but could be read.
    problems: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many records the answer held, of whatever sort: what the books count."""
        return len(self.items) + len(self.withdrawn) + len(self.bad)


class Fetched(Struct, frozen=True, kw_only=True):
    """What a parser is given."""

    body: bytes
    #: The address that answered: what relative links are relative to.
    url: str
    #: Names in lower case.
    headers: dict[str, str]


#: Reads an answer. Raises a :class:`collectors.failures.Failure` when nothing of it can be used.
Parser = Callable[[Fetched, Source], Awaitable[Parsed]]


class Kind(Protocol):
    """A kind of source: one module, one object, registered in :mod:`collectors.registry`."""

    #: ``RawItem.format``.
    format: str
    #: Whether the site's robots.txt is asked. An interface whose documented terms allow calling it is exempt.
    obeys_robots: bool
    #: Whether 404 means that the source is gone for good.
    final_404: bool

    def check(self, http: Http) -> None:
        """Raise :class:`collectors.failures.Blocked` when the settings lack what the source requires."""

    async def parse(self, fetched: Fetched, source: Source) -> Parsed:
        """See :data:`Parser`."""


def digest(data: bytes) -> str:
    """32 hexadecimal digits that identify the bytes (BLAKE2b, 128 bits)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
