"""What a parser makes of an answer: items ready to be compared, stored and published."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from collectors.failures import Blocked
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
    #: Keyed pseudonym of its author, where the source may have all of somebody's posts withdrawn.
    author: str = ""


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
    #: Where to go on, as the source counts; None: where it was.
    cursor: str | None = None
    #: (lowest, highest) native id, as numbers, between which the answer holds all that the source still shows: what is known and
    #: missing was withdrawn.
    span: tuple[int, int] | None = None
    #: Pseudonyms of those whose posts all are withdrawn.
    withdrawn_authors: tuple[str, ...] = ()
    #: Where the feed is pushed from, and under which address (WebSub), empty if nowhere.
    hub: str = ""
    topic: str = ""
    #: What the feed calls itself, and what it says of the rights to it.
    title: str = ""
    rights: str = ""

    @property
    def size(self) -> int:
        """How many records the answer held, of whatever sort: what the books count. What is noticed to be missing comes on top."""
        return len(self.items) + len(self.withdrawn) + len(self.bad)


class Fetched(Struct, frozen=True, kw_only=True):
    """What a parser is given."""

    body: bytes
    #: The address that answered: what relative links are relative to.
    url: str
    #: Names in lower case.
    headers: dict[str, str]


class Origin(Struct, frozen=True):
    """Where something came from."""

    url: str
    status: int = 200


class Question(Struct, frozen=True, kw_only=True):
    """What a kind asks of a source."""

    url: str
    method: str = "GET"
    body: bytes = b""
    headers: dict[str, str] = {}


class More(Protocol):
    """What a kind may use beside the answer: further calls, as polite as the first, and what is known."""

    #: Where the answer goes on from, see :attr:`Parsed.cursor`.
    cursor: str

    async def get(self, url: str) -> Fetched:
        """A further answer of status 200, of whatever host.

        :raises Failure: if there is none.
        """

    def is_new(self, native_id: str, content_hash: str) -> bool:
        """Whether the item would be published: it is new, or its content has changed."""

    def standing(self) -> Iterable[str]:
        """Native ids of the source's items that are not withdrawn, latest last; of kinds whose items keep them in the ledger."""


class Kind(Protocol):
    """A kind of source that is asked: one module, one object, registered in :mod:`collectors.registry`; see :class:`Plain`."""

    #: ``RawItem.format``.
    format: str
    #: Whether the site's robots.txt is asked. An interface whose documented terms allow calling it is exempt.
    obeys_robots: bool
    #: Whether 404 means that the source is gone for good.
    final_404: bool
    #: Whether the ledger keeps native ids: of kinds that find out what is missing.
    keeps_ids: bool
    #: Whether an answer is read also where it is the one before: of kinds that then look at something else.
    rereads: bool

    def check(self, http: Http) -> None:
        """Raise :class:`collectors.failures.Blocked` when the settings lack what the source requires."""

    def kept(self, body: bytes, source: Source) -> bytes | None:
        """What of an answer may be archived; None: nothing of it, since it names people: what was made of it stands for it."""

    def ask(self, source: Source, url: str, cursor: str) -> Question:
        """What is asked of the source.

        :param url: where it is now.
        :param cursor: the last that :class:`Parsed` gave; empty at first.
        :raises Blocked: if an option of the source, or a secret, is missing or wrong.
        """

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """Read an answer.

        :raises Failure: when nothing of it can be used.
        """


class Stream(Protocol):
    """A kind of source that is not asked but listened to."""

    #: ``RawItem.format``.
    format: str
    #: Whether the ledger keeps native ids of items without an author, too.
    keeps_ids: bool

    def listen(self, source: Source, cursor: str, knows: Callable[[str], bool]) -> AsyncGenerator[Parsed, None]:
        """What comes, a second's worth at a time, each with the cursor to go on from; it ends with the connection.

        :param cursor: the last that was stored; empty at first. What is given twice by the source may be given twice here.
        :param knows: whether an item of this native id was stored and is not withdrawn.
        :raises Failure: if there is no connection, an option is wrong, or a secret is missing.
        """


class Plain:
    """What most kinds have in common: entries, robots.txt is asked, the address is asked by GET."""

    format = "entry"
    obeys_robots = True
    final_404 = False
    keeps_ids = False
    rereads = False

    def check(self, http: Http) -> None:
        """Ask for nothing."""

    def kept(self, body: bytes, source: Source) -> bytes | None:  # noqa: ARG002  (those who need it override it)
        """All of it."""
        return body

    def ask(self, source: Source, url: str, cursor: str) -> Question:  # noqa: ARG002  (those who need them override it)
        """The address as it is."""
        return Question(url=url)


O = TypeVar("O", bound=Struct)  # noqa: E741  (options)


def options_of(source: Source, kind: type[O]) -> O:
    """The options of the source as its kind knows them.

    :raises Blocked: naming the source, the option, what was found and what is allowed.
    """
    try:
        return msgspec.convert(source.options, kind)
    except msgspec.ValidationError as error:
        allowed = ", ".join(field.name for field in msgspec.structs.fields(kind))
        raise Blocked(f"options of source {source.id}: {error}; found {source.options!r}; allowed: {allowed}"[:500]) from error


R = TypeVar("R")


def readable(records: Iterable[msgspec.Raw], decoder: msgspec.json.Decoder[R]) -> tuple[list[R], tuple[Bad, ...]]:
    """Those of the records that the decoder reads; of the others why not, and nothing else: they may name their author."""
    found: list[R] = []
    bad: list[Bad] = []
    for record in records:
        try:
            found.append(decoder.decode(record))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            bad.append(Bad(f"no record as the interface documents it: {error}", b""))
    return found, tuple(bad)


def digest(data: bytes) -> str:
    """32 hexadecimal digits that identify the bytes (BLAKE2b, 128 bits)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
