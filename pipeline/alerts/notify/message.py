"""What is told of an alert, and what a channel is: the two things that the rest of notifications agrees on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from pipeline.model import Instant

Severity = Literal["low", "medium", "high", "critical"]


class Kind(StrEnum):
    """What has become of the alert."""

    TRIGGER = "trigger"
    UPDATE = "update"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    #: What it rested on was withdrawn, or was wrong.
    CANCEL = "cancel"


class Named(Struct, frozen=True):
    """A place by its official code, or a theme by its id, with the name that people read."""

    code: str
    name: str


class Why(Struct, frozen=True, kw_only=True):
    """Why the rule fired: the type of the rule and what it counted. Numbers alone, so that no text of a document gets out this way."""

    type: str
    #: As the types of rules name them: ``count``, ``spike_count``, ``cardinality`` …; ``hours`` is the rule's timeframe.
    figures: Mapping[str, int | float] = {}


class Certainty(Struct, frozen=True, kw_only=True):
    """How sure: each part where it is known."""

    #: 0 to 1.
    score: Annotated[float, Meta(ge=0, le=1)] | None = None
    #: Share of findings as strong that are expected to be false.
    q: Annotated[float, Meta(ge=0, le=1)] | None = None
    #: What a finding rests on (``linked`` …), or an Admiralty grade as ``B2``.
    grade: str | None = None


class Earlier(Struct, frozen=True):
    """A message that went out before about the same alert."""

    sequence: int
    kind: Kind
    sent: Instant


class Notification(Struct, frozen=True, kw_only=True):
    """What is told. Names of rules, places and themes, numbers and links: nothing of what a document says, so nothing of a person."""

    kind: Kind
    #: Id of the alert, the same for all that is told of it: what receivers put together.
    alert: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
    #: 1 for the first message of the alert, counted up.
    sequence: Annotated[int, Meta(ge=1)] = 1
    #: Id of the group that the alert is told with.
    group: str
    #: How many alerts this message tells of.
    alerts: Annotated[int, Meta(ge=1)] = 1
    rule: str
    #: Version of the rule.
    rule_hash: str
    severity: Severity
    #: The first is where it began, and stays the first in later messages.
    places: tuple[Named, ...] = ()
    #: The first is what it is mostly about.
    themes: tuple[Named, ...] = ()
    #: Since when it goes on.
    since: Instant
    #: Of the documents that made it: the oldest and the newest.
    first: Instant
    last: Instant
    #: When the message was made; it stays so when it is sent again.
    sent: Instant
    why: Why
    certainty: Certainty = Certainty()
    #: Independent ones.
    sources: Annotated[int, Meta(ge=0)]
    #: Evidence.
    links: tuple[str, ...] = ()
    language: Literal["sv", "en"] = "sv"
    #: Time zone of the reader.
    timezone: str = "Europe/Stockholm"
    #: A link to acknowledge by, for this reader alone.
    acknowledge: str | None = None
    #: What went out before about the alert, the oldest first.
    earlier: tuple[Earlier, ...] = ()

    @property
    def key(self) -> str:
        """Of this message: the same however often and by whatever channel it is sent (idempotency key)."""
        return key_of(self.alert, self.sequence)


def key_of(alert: str, sequence: int) -> str:
    """The key of a message of an alert."""
    return f"{alert}-{sequence}"


class Receipt(Struct, frozen=True, kw_only=True):
    """It went out, or needed not to."""

    channel: str
    key: str
    #: What the receiver calls it, as an e-mail's Message-ID; empty if it says nothing.
    reference: str = ""
    #: How often it was tried.
    attempts: int = 1
    #: False: the channel tells nothing of this kind.
    told: bool = True


class Channel(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """As the rota calls it."""

    def send(self, notification: Notification, to: str | None) -> Receipt:
        """Tell it.

        :param to: address on this channel; None where the channel itself says where.
        :raises ChannelBusyError: if it may go out later.
        :raises ChannelRefusedError: if it never will.
        """


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A notification that a channel has given up. ``to`` is not in it: it is personal data; who was to be told, the caller knows."""

    channel: str
    key: str
    alert: str
    attempts: int
    reason: str
    at: datetime


Bury = Callable[[DeadLetter], None]
