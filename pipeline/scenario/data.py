"""What the scenario's YAML files hold, read once and checked by type; every text in them is invented."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from pipeline.model import document_id

FOLDER = Path(__file__).resolve().parent
ZONE = ZoneInfo("Europe/Stockholm")
#: The fortnight: from the first instant of 2 March 2026 to the last of 15 March, local time.
START = datetime(2026, 3, 2, tzinfo=ZONE).astimezone(UTC)
END = datetime(2026, 3, 16, tzinfo=ZONE).astimezone(UTC)

S = TypeVar("S", bound=Struct)


class Municipality(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place where something happens."""

    #: Official code, four digits.
    code: str
    name: str
    #: ``latitude,longitude`` of the centre, as the police write it.
    gps: str
    #: Quarters with their preposition, as ``på Brynäs``.
    areas: tuple[str, ...]
    roads: tuple[str, ...]


class Outage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time (local) during which a source gives something that is not its feed."""

    since: str
    until: str
    #: ``page``: an HTML page instead; ``cut``: the feed ends in the middle.
    kind: Literal["page", "cut"]


class Channel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source of the scenario and how it publishes."""

    id: str
    path: str
    kind: str = "feed"
    format: Literal["polisen", "rss", "atom", "rdf", "json"]
    name: str
    owner: str
    area: str
    reliability: str
    purpose: str
    host: str
    #: Seconds between two fetches of the collector.
    interval: int
    #: Minutes between two moments at which new content appears.
    step: int
    #: How many of its latest items an answer holds.
    window: int
    #: Municipalities whose ordinary days an outlet writes about.
    covers: tuple[str, ...] = ()
    outages: tuple[Outage, ...] = ()


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A later version as written: what is not given stays as it was."""

    at: str
    title: str | None = None
    text: str | None = None


class Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item as it stands in the files; times are local, ``YYYY-MM-DD HH:MM``."""

    key: str
    source: str
    at: str
    text: str = ""
    title: str = ""
    place: str = ""
    #: Type of the police.
    type: str = ""
    happened: str = ""
    tags: tuple[str, ...] = ()
    #: Key of the wire text that is printed word for word.
    wire: str = ""
    changes: tuple[Change, ...] = ()
    deleted: str = ""


class Wire(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    text: str


class PlotTown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A town of the plot: when it happened there, and the key of its first notice."""

    code: str
    happened: str
    first: str


class Plot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    towns: tuple[PlotTown, ...]
    round_up: str
    unrelated: tuple[str, ...]
    items: tuple[Written, ...]
    wires: dict[str, Wire]


class Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service that posts by form: its sentences, and the hours between two posts until it stops."""

    source: str
    until: str
    every: int
    titles: tuple[str, ...]
    text: tuple[tuple[str, ...], ...]
    places: tuple[str, ...] = ()


class Everyday(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    #: Keys of the post with personal data and of the announced drill.
    personal: str
    drill: str
    items: tuple[Written, ...]
    wires: dict[str, Wire]
    forms: tuple[Form, ...]
    hazards: tuple[str, ...]


class Kind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of ordinary occurrence and the sentences that tell it."""

    type: str
    weight: int
    hours: Literal["alla", "dag", "kvall", "natt"]
    police: tuple[str, ...]
    title: tuple[str, ...]
    text: tuple[tuple[str, ...], ...]
    social: tuple[str, ...] = ()


class Ordinary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    streets: tuple[str, ...]
    spots: tuple[str, ...]
    vehicles: tuple[str, ...]
    goods: tuple[str, ...]
    kinds: tuple[Kind, ...]


class _Places(Struct, frozen=True, forbid_unknown_fields=True):
    municipalities: tuple[Municipality, ...]


class _Sources(Struct, frozen=True, forbid_unknown_fields=True):
    channels: tuple[Channel, ...]


class Version(Struct, frozen=True, kw_only=True):
    """What an item says from ``at`` on."""

    at: datetime
    title: str
    text: str


class Item(Struct, frozen=True, kw_only=True):
    """A publication of the scenario with all its versions; times in UTC."""

    key: str
    source: str
    #: What the source's own answer calls it.
    native_id: str
    url: str
    #: The first is the original.
    versions: tuple[Version, ...]
    place: str = ""
    type: str = ""
    happened: datetime | None = None
    tags: tuple[str, ...] = ()
    deleted: datetime | None = None

    @property
    def published(self) -> datetime:
        return self.versions[0].at

    @property
    def document(self) -> str:
        """Its id in the pipeline."""
        return document_id(self.source, self.native_id)


def moment(text: str) -> datetime:
    """The local time ``YYYY-MM-DD HH:MM`` in UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE).astimezone(UTC)


def _read(name: str, kind: type[S]) -> S:
    return msgspec.yaml.decode((FOLDER / name).read_bytes(), type=kind)


@cache
def municipalities() -> dict[str, Municipality]:
    """By code, in the order of the file."""
    return {place.code: place for place in _read("places.yaml", _Places).municipalities}


@cache
def channels() -> dict[str, Channel]:
    """By id, in the order of the file."""
    return {channel.id: channel for channel in _read("sources.yaml", _Sources).channels}


@cache
def plot() -> Plot:
    return _read("plot.yaml", Plot)


@cache
def everyday() -> Everyday:
    return _read("everyday.yaml", Everyday)


@cache
def ordinary() -> Ordinary:
    return _read("ordinary.yaml", Ordinary)
