"""What the alert stage writes to the bus, and what it is told by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from pipeline.alerts.engine import Spoken
from pipeline.alerts.notify.message import Certainty, Earlier, Kind, Named, Notification, Severity
from pipeline.alerts.rule import Over
from pipeline.model import Instant, Wire, county_of, municipality_of

#: Types of rules that say so again for as long as it holds: that is one alert.
LASTING = frozenset({"flatline", "metric_aggregation", "percentage_match"})
#: Types of rules about findings, each of which is one alert however far it goes.
FINDINGS = frozenset({"spread", "burst", "surge"})
#: Who acts where nobody does.
SYSTEM = "fjaril"


class State(StrEnum):
    """Where an alert stands in its life."""

    PENDING = "pending"  # nobody was told yet
    FIRING = "firing"  # somebody was told
    ACKNOWLEDGED = "acknowledged"  # somebody has taken it
    RESOLVED = "resolved"  # it is over
    EXPIRED = "expired"  # nothing new came of it for long
    CANCELLED = "cancelled"  # what it rested on was withdrawn, or changed

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self in _OPEN


_OPEN = frozenset({State.PENDING, State.FIRING, State.ACKNOWLEDGED})

#: ``lost``: a document that it rested on was withdrawn or changed.
Change = Literal[
    "detected", "told", "renewed", "changed", "lost", "acknowledged", "resolved", "expired", "cancelled", "marked", "held", "released"
]


class Made(Struct, frozen=True, kw_only=True):
    """A change in the life of an alert: who made it, when, and why."""

    what: Change
    at: Instant
    who: str = SYSTEM
    why: str = ""
    #: Of the link that it was acknowledged by: it works once.
    nonce: str = ""


class Facts(Struct, frozen=True, kw_only=True):
    """What is told of a document that an alert rests on: nothing of what it says."""

    time: Instant
    source: str = ""
    url: str | None = None
    #: Where it happened, else where it is reported from or what it names; the best first.
    places: tuple[Named, ...] = ()
    themes: tuple[Named, ...] = ()
    certainty: Certainty = Certainty()
    #: Word for word like another one: it is no source of its own.
    is_copy: bool = False


class Alert(Wire, frozen=True, kw_only=True, tag="alert"):
    """An alert after a change of it (topic ``alerts``, key = id). The last one counts; all of them are its history."""

    #: Made of rule, key and first cause: the same however often it is found.
    id: str
    version: int = 1
    state: State = State.PENDING
    rule: str
    #: Version of the rule that found it.
    rule_hash: str
    #: Type of the rule.
    kind: str
    purpose: str
    severity: Severity
    #: Value of the rule's query key.
    key: str | None = None
    #: What it is told with, and whom it is for: names for :meth:`Rota.rungs`.
    group: str
    targets: tuple[str, ...] = ()
    #: Ids of what it rests on, the oldest first; and of what it no longer does.
    causes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    places: tuple[Named, ...] = ()
    themes: tuple[Named, ...] = ()
    #: Independent ones.
    sources: tuple[str, ...] = ()
    certainty: Certainty = Certainty()
    figures: Mapping[str, float] = {}
    #: When it was found; when what it tells of was; and the oldest and the newest of what it rests on.
    found: Instant
    since: Instant
    first: Instant
    last: Instant
    #: When there was last something new of it.
    news: Instant
    #: Whether it was of use, as somebody has marked it.
    useful: bool | None = None
    #: Why nobody is told of it now; empty if somebody is.
    held: str = ""
    #: What made this version.
    change: Made

    @property
    def gist(self) -> str:
        """What is told anew when it differs: its first place and theme, and how much it rests on, if that is not just how long it lasts."""
        many = len(self.places) if self.kind in FINDINGS else 0 if self.kind in LASTING else len(self.causes)
        first = [some[0].code if some else "" for some in (self.places, self.themes)]
        return "/".join([*first, str(many), "taken" if self.state is State.ACKNOWLEDGED else ""])

    def label(self, name: str) -> str:
        """What groups, inhibition and silences tell it apart by; empty where it has none."""
        place = self.places[0].code if self.places else ""
        labels = {
            "alert": self.id, "rule": self.rule, "key": self.key, "severity": self.severity,
            "theme": self.themes[0].code if self.themes else "", "municipality": municipality_of(place), "county": county_of(place),
        }  # fmt: skip
        return labels.get(name) or ""


class Silence(Wire, frozen=True, kw_only=True, tag="silence"):
    """Alerts with these labels are not told of until it ends (topic ``silences``, key = id); one of a single alert snoozes it."""

    id: str
    #: Label → value: ``alert``, ``rule``, ``key``, ``county``, ``municipality``, ``theme`` (its children, too), ``severity``.
    labels: dict[str, str]
    author: str
    reason: str
    begins: Instant
    ends: Instant

    def holds(self, alert: Alert, at: datetime) -> bool:
        """Whether the alert is silenced then."""
        return self.begins <= at < self.ends and self.covers(alert)

    def covers(self, alert: Alert) -> bool:
        """Whether it is about the alert, at any time."""
        return all(
            alert.label(name) == value or (name == "theme" and alert.label(name).startswith(f"{value}."))
            for name, value in self.labels.items()
        )


class Command(Wire, frozen=True, kw_only=True, tag="alert_command"):
    """What somebody does with alerts (topic ``alert_commands``, key = alert or silence)."""

    what: Literal["acknowledge", "resolve", "silence", "unsilence", "mark"]
    who: str
    why: str = ""
    at: Instant
    alert: str = ""
    #: Of a link to acknowledge by.
    nonce: str = ""
    useful: bool | None = None
    silence: Silence | None = None


class Tick(Wire, frozen=True, kw_only=True, tag="tick"):
    """Time has come so far (topic ``ticks``): the stage has no other clock; how far it has come itself stands in ``alert_clock``."""

    at: Instant
    #: Of the stage's own: made for one batch, so that a stage knows whether its last one is the last that was committed.
    batch: str = ""


class Taken(Wire, frozen=True, kw_only=True, tag="taken"):
    """A document that counts for rules (topic ``alert_journal``, key = its id): what they remember is folded back from these."""

    id: str
    over: Over
    revision: int
    #: When the stage took it, and when it was.
    at: Instant
    time: Instant
    #: Essence of a rule → what the rule looks at; None: the rule had it before, or it came too late to be counted.
    hits: dict[str, dict[str, Any] | None]
    facts: Facts


class Evidence(Wire, frozen=True, kw_only=True, tag="evidence"):
    """Where a document that counts for rules can be read (topic ``alert_evidence``, key = its id): erased with what its source withdraws."""

    url: str


class Spoke(Wire, frozen=True, kw_only=True, tag="spoke"):
    """A rule that time alone can make speak said something (topic ``alert_spoken``, key = essence of the rule)."""

    essence: str
    key: str | None
    time: Instant
    at: Instant
    silence: tuple[Instant, int] | None
    document: str = ""

    @property
    def spoken(self) -> Spoken:
        """As the rule knows it."""
        return Spoken(self.key, self.time, self.at, self.silence, self.document)


class InForce(Wire, frozen=True, kw_only=True, tag="in_force"):
    """Rules or rota that are in force (topic ``alert_rules``, key = ``rules`` or ``rota``)."""

    version: str
    at: Instant
    #: Why what now stands in the file is not; empty if it is.
    fault: str = ""
    #: Essence of a rule → since when it looks.
    since: Mapping[str, Instant] = {}
    #: Name of a rule → its version.
    rules: Mapping[str, str] = {}


class Ladder(Struct, frozen=True, kw_only=True):
    """Who of a target was told, and who is next."""

    target: str
    #: When the first of it were told: what the steps are counted from.
    began: Instant
    #: How many of its steps are done.
    done: int = 1


class Heard(Struct, frozen=True, kw_only=True):
    """What an officer was told of a group."""

    channels: tuple[str, ...]
    #: Numbers of the messages.
    sequences: tuple[int, ...] = ()


class Group(Wire, frozen=True, kw_only=True, tag="alert_group"):
    """Alerts that are told as one (topic ``alert_groups``, key = id), from the first until none of them stands."""

    #: That of its first alert: what all that is told of it goes by.
    id: str
    #: What its alerts have in common.
    name: str
    began: Instant
    #: Message of it that went out last; 0: none.
    sequence: int = 0
    #: When it was last told of; None: it never was.
    told: Instant | None = None
    #: Alert → what of it was told last: :attr:`Alert.gist`; empty: to be told again.
    said: Mapping[str, str] = {}
    ladders: tuple[Ladder, ...] = ()
    #: Officers that were told: they hear what becomes of it.
    officers: Mapping[str, Heard] = {}
    #: What went out.
    earlier: tuple[Earlier, ...] = ()
    #: Somebody could not be reached: whoever is next is told at once.
    unreached: bool = False
    is_over: bool = False


class Outgoing(Wire, frozen=True, kw_only=True, tag="outgoing"):
    """A message for one officer (topic ``notifications``, key = that of the group): sent by the first of the channels that takes it.

    Addresses and links to acknowledge by are not in it; the deliverer adds them as it sends.
    """

    notification: Notification
    officer: str
    channels: Annotated[tuple[str, ...], Meta(min_length=1)]

    @property
    def id(self) -> str:
        """Of this message to this officer."""
        return f"{self.notification.key}:{self.officer}"


class Delivery(Wire, frozen=True, kw_only=True, tag="delivery"):
    """What became of a message (topic ``deliveries``, key = id of :class:`Outgoing`)."""

    id: str
    alert: str
    key: str
    officer: str
    kind: Kind
    at: Instant
    #: The channel that took it; empty: none did.
    channel: str = ""
    reference: str = ""
    attempts: int = 0
    #: Of each channel that did not take it, why.
    failures: Mapping[str, str] = {}

    @property
    def reached(self) -> bool:
        """Whether it went out."""
        return bool(self.channel)
