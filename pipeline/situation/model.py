"""What a situation picture says: frozen, every time in UTC, nothing on identifiable persons.

What the machine says and what people wrote never stand in one field: only :class:`Assessment` and :class:`SignOff` come from people.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from pipeline.model import Health, Instant, Reliability


class Section(StrEnum):
    """A part of the picture that is marked and shared by itself."""

    FIGURES = "figures"
    MAP = "map"
    TRENDS = "trends"
    STORIES = "stories"
    SPREAD = "spread"
    BLIND = "blind"
    SOURCES = "sources"


class Marking(StrEnum):
    """Who may see a section, or an assessment."""

    OPEN = "open"
    PARTNERS = "partners"  # the agencies that are named, and the police
    POLICE = "police"


class Sharing(Struct, frozen=True, kw_only=True):
    """A marking, and the agencies that it names; without any, ``partners`` shares with nobody yet."""

    marking: Marking = Marking.POLICE
    agencies: tuple[str, ...] = ()


class Area(Struct, frozen=True, kw_only=True):
    """What the picture is of."""

    #: ``2480``, ``24``, or the name of an area of the settings.
    code: str
    name: str
    kind: Literal["municipality", "county", "own"]
    #: Codes that it is made of: a county its own and those of its municipalities.
    places: tuple[str, ...]


class Figure(Struct, frozen=True, kw_only=True):
    """Occurrences of a group of themes in the period, against what would come anyway."""

    #: The themes' first part, as ``fire``; ``none`` without a theme.
    theme: str
    #: None: fewer than :data:`~pipeline.situation.privacy.FEWEST`, see there.
    count: int | None
    #: What would come anyway, from the past alone; None where too little is known, or the count is not told.
    expected: float | None = None
    #: The fewest and the most that are no surprise (95 %).
    low: int | None = None
    high: int | None = None
    #: Observed over expected with its 95 % interval; None where that would say nothing.
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    #: Occurrences that two sources or more told of in words of their own.
    confirmed: int | None = None

    @property
    def verdict(self) -> Literal["more", "fewer", "usual", "unknown"]:
        """How the count stands to the range that is no surprise."""
        if self.count is None or self.low is None or self.high is None:
            return "unknown"
        return "more" if self.count > self.high else "fewer" if self.count < self.low else "usual"


class Day(Struct, frozen=True, kw_only=True):
    """A day of a trend (Swedish time)."""

    date: str
    count: int
    expected: float | None


class Trend(Struct, frozen=True, kw_only=True):
    """A group of themes day by day."""

    theme: str
    days: tuple[Day, ...]


class Spot(Struct, frozen=True, kw_only=True):
    """Occurrences of a municipality: the map shows nothing finer."""

    code: str
    name: str
    latitude: float
    longitude: float
    count: int


class StoryLine(Struct, frozen=True, kw_only=True):
    """What documents tell of one occurrence, without their words; times by the day."""

    id: str
    theme: str
    places: tuple[str, ...]
    first: str
    last: str
    #: Documents, and sources that told of it in words of their own.
    coverage: int
    independent: int


class SpreadLine(Struct, frozen=True, kw_only=True):
    """A finding that touches the area."""

    id: str
    kind: str
    #: ``in``: it came from elsewhere; ``out``: it went elsewhere; both; ``here``: a burst or a surge in the area.
    direction: Literal["in", "out", "both", "here"]
    theme: str
    #: Names of the places in the order in which they were reached.
    places: tuple[str, ...]
    began: Instant
    grade: str
    expected_per_year: float
    q: float
    #: Steps with links, of how many.
    linked: int
    steps: int
    #: What the last nightly run said of it; empty before the first.
    verdict: str


class BlindLine(Struct, frozen=True, kw_only=True):
    """Why something may have happened that is not seen here."""

    kind: Literal["stopped", "begun", "failing", "silent", "area", "unplaced"]
    #: Name of the source, or of the area; empty where nothing at all was fetched.
    what: str = ""
    since: Instant | None = None
    #: Of occurrences that are only known by their county.
    count: int | None = None


class SourceLine(Struct, frozen=True, kw_only=True):
    """A source that tells of the area, and how far it can be relied on."""

    id: str
    name: str
    reliability: Reliability
    #: Whether the settings list it; if not, the grade is the one that it had when it was last fetched.
    listed: bool = True
    #: None: it was never asked.
    health: Health | None
    checked: Instant | None
    changed: Instant | None
    #: Occurrences of the period that it told of, without those of personal groups.
    told: int


class Assessment(Struct, frozen=True, kw_only=True):
    """What a person wrote; never what the machine says."""

    id: int
    at: Instant
    who: str
    agency: str
    text: str
    sharing: Sharing = Sharing()


class SignOff(Struct, frozen=True, kw_only=True):
    """Somebody on duty answers for a version."""

    at: Instant
    who: str
    agency: str


class Change(Struct, frozen=True, kw_only=True):
    """What is different from the version before."""

    section: Section
    kind: Literal["new", "gone", "more", "fewer"]
    #: Theme, story, finding or source.
    what: str
    before: int | None = None
    after: int | None = None


class Situation(Struct, frozen=True, kw_only=True):
    """The picture of an area and a period."""

    area: Area
    since: Instant
    until: Instant
    made: Instant
    #: 1 for the first that was kept of this area, counted up; the one shown may not be kept yet.
    version: int = 1
    signed: SignOff | None = None
    figures: tuple[Figure, ...] = ()
    trends: tuple[Trend, ...] = ()
    spots: tuple[Spot, ...] = ()
    stories: tuple[StoryLine, ...] = ()
    spread: tuple[SpreadLine, ...] = ()
    blind: tuple[BlindLine, ...] = ()
    sources: tuple[SourceLine, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    #: Against the last version that was kept; None: there is none.
    changes: tuple[Change, ...] | None = None
    sharing: dict[Section, Sharing] = {}
    #: Sections that whoever it is shown to does not see.
    withheld: tuple[Section, ...] = ()
