"""What goes into the detection of spread and what comes out: frozen, every time timezone-aware UTC.

Scores are log-odds (natural logarithm) of "caused by" against "happened anyway".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.model import Instant, Wire


class Link(Struct, frozen=True, kw_only=True):
    """A document of one event points to another event: shares its address, its text or its story with it, or names it."""

    #: Id of the event that is pointed to.
    to: str
    #: What kind of link it is, as ``url``, ``repost``, ``text``, ``story``, ``mention``, ``hashtag``; each kind is weighed by its own
    #: frequency, in spread and by chance.
    via: str = "story"
    #: How many places the document names that makes the link: a round-up names many, and says nothing of spread.
    places_named: Annotated[int, Meta(ge=0)] = 2


class Event(Struct, frozen=True, kw_only=True):
    """A thing that happened: one place, one theme, one story, however many documents tell of it."""

    id: str
    time: Instant
    #: Official code of the place, ``0180`` a municipality. None: it has no place, as an announcement, and can be nobody's cause.
    place: str | None
    theme: str
    links: tuple[Link, ...] = ()


class Sighting(Struct, frozen=True, kw_only=True):
    """What spread remembers of a document, or of one incident that it tells: never its words.

    ``items`` are what it may share with others, as fingerprints: addresses, hashtags, channels, names in quotation marks, its story.
    """

    document: str
    #: Number of the incident in the document, 0 for the document as a whole.
    part: int = 0
    time: Instant
    source: str
    #: Code of the municipality, or of the county, where it happened; None where it does not say.
    place: str | None
    #: The theme that it counts for, and all that it may be about.
    theme: str
    themes: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    #: The item that is its own address; and a fingerprint of what it says, without its title.
    own: str = ""
    words: str = ""
    #: Municipalities that it names beside its own, and how many it names in all.
    mentions: tuple[str, ...] = ()
    named: int = 1
    #: The document whose words it repeats.
    copy_of: str | None = None
    #: Whether it is one of many incidents of a summary, which retells what was told before.
    retold: bool = False


class Occurrence(Wire, frozen=True, kw_only=True, tag="occurrence"):
    """An event with the documents that tell of it (topic ``events``, key = id): one occurrence, however much coverage."""

    event: Event
    sightings: tuple[Sighting, ...] = ()

    @property
    def is_withdrawn(self) -> bool:
        """Whether nothing tells of it any more."""
        return not self.sightings


class Grade(StrEnum):
    """What a finding rests on. Only ``linked`` may alert."""

    LINKED = "linked"  # two edges or more have links
    TEMPORAL = "temporal only"  # little but time speaks for it
    COMMON = "common source"  # the places share something that is older or has no place: an announced tour
    SIMULTANEOUS = "simultaneous"  # too close in time to be a cause
    LOCAL = "local"  # one place alone


class Parts(Struct, frozen=True, kw_only=True):
    """The log-odds of an edge in parts; their sum is the score."""

    #: The lag's density against the rate of the place and theme at that hour.
    timing: float
    #: Links that there are, or are not.
    link: float
    #: How often this pair of places is cause and effect.
    prior: float
    #: More events of the place in the twelve hours that follow.
    burst: float


class Parent(Struct, frozen=True, kw_only=True):
    """An event that may be the cause of another one."""

    event: str
    place: str
    score: float


class Edge(Struct, frozen=True, kw_only=True):
    """One place of a finding follows another: the likeliest parent among its members."""

    from_: str = field(name="from")
    to: str
    lag_hours: float
    score: float
    parts: Parts
    #: Kinds of the links from ``to`` to ``from``; none: time alone.
    via: tuple[str, ...] = ()
    #: The next best parents among the members, best first.
    runners_up: tuple[Parent, ...] = ()


#: Reasons: what it was made of was withdrawn or changed; the nightly run found it too, did not, or was the first to find it.
WITHDRAWN, HELD, DID_NOT_HOLD, BY_NIGHT = "withdrawn", "held", "did not hold", "found by the nightly run"


class Version(Struct, frozen=True, kw_only=True):
    """What a finding was at a time: one line of its history."""

    version: int
    at: Instant
    score: float
    places: int
    expected_per_year: float
    #: Why it changed: ``found``, ``grew``, ``revised``, ``withdrawn``; ``held``, ``did not hold`` or ``found by the nightly run``.
    reason: str


class Finding(Wire, frozen=True, kw_only=True, tag="spread"):
    """Theme, root and the places that followed, with what speaks for it: "consistent with spread", never "caused"."""

    #: ``spread`` where it was tested; else why it is none. ``surge``: far more of a theme than usual, in many counties at once;
    #: ``burst``: in one place.
    kind: Literal["spread", "common source", "simultaneous", "surge", "burst"] = "spread"
    #: Made of the root event; stays when the finding grows.
    id: str
    theme: str
    #: Id of the event that it began with.
    root: str
    #: Codes of the places in the order they were reached, the root's first.
    places: tuple[str, ...]
    #: Ids of the events, one for each place, in the same order; and when each of them was.
    events: tuple[str, ...]
    times: tuple[Instant, ...] = ()
    edges: tuple[Edge, ...]
    #: Sum over the edges of log(1 + e^score), and ``root_burst``.
    score: float
    root_burst: float = 0.0
    #: Chance gives a finding as strong as this so many times a year (decoys).
    expected_per_year: float
    #: Share of chance findings among those as strong as this or stronger.
    q: float
    grade: Grade
    #: Edges with links, and how many chance would give to the same places.
    linked: int = 0
    expected_linked: float = 0.0
    #: Observed over expected linked edges, with its 95 % interval (Poisson, exact).
    ratio: float = 0.0
    ratio_interval: tuple[float, float] = (0.0, 0.0)
    #: Share of spread to three places of this theme that would be found at q ≤ .2: what it would miss is the rest.
    power: float | None = None
    version: int = 1
    history: tuple[Version, ...] = ()

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was said and no longer holds: what it was made of was withdrawn or changed."""
        return bool(self.history) and self.history[-1].reason == WITHDRAWN

    @property
    def verdict(self) -> str:
        """What the last nightly run said of it; empty before the first."""
        return next((line.reason for line in reversed(self.history) if line.reason in {HELD, DID_NOT_HOLD, BY_NIGHT}), "")


class Influence(Struct, frozen=True, kw_only=True):
    """Network: one place is followed by another, per theme."""

    from_: str = field(name="from")
    to: str
    theme: str
    #: Share of the events at ``from`` that are followed at ``to``.
    share: float
    #: Gain in log-likelihood over no influence.
    score: float
    expected_per_year: float
    q: float
