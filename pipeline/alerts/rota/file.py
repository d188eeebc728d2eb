"""The rota as its file states it. What each key means is written in docs/rota.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from pipeline.alerts.rule import Span

#: Names that people, regions and channels are called by.
Id = Annotated[str, Meta(pattern=r"^[a-zåäö0-9][a-zåäö0-9.-]{0,63}$")]
Language = Literal["sv", "en"]


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class OfficerEntry(_Entry, frozen=True, kw_only=True):
    """A person, or a desk with somebody at it."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    language: Language = "sv"
    #: Channel → address there; null where the channel itself says where. The first is tried first.
    channels: dict[str, str | None]


class ShiftEntry(_Entry, frozen=True, kw_only=True):
    """A time of the week and who is on duty then, each week or in turns."""

    days: Any = None
    start: Any = field(name="from")
    end: Any = field(name="to")
    officers: list[str] = []
    #: One each week, in turns, from the week of ``since``.
    rotation: list[str] = []
    since: Any = None


class OverrideEntry(_Entry, frozen=True, kw_only=True):
    """Others are on duty for once."""

    start: Any = field(name="from")
    end: Any = field(name="to")
    officers: list[str]
    reason: Annotated[str, Meta(min_length=3)]


class NightEntry(_Entry, frozen=True, kw_only=True):
    """Every night somebody else has it: another region's officers, or these."""

    start: Any = field(name="from")
    end: Any = field(name="to")
    region: str | None = None
    officers: list[str] = []
    #: Channels that wake people; left out, all.
    channels: list[str] = []


class StepEntry(_Entry, frozen=True, kw_only=True):
    """Whom to tell when nobody has acknowledged."""

    #: Since the first were told.
    after: Span
    #: ``duty``, ``fallback``, a region's name or an officer's.
    to: str | list[str]


class RegionEntry(_Entry, frozen=True, kw_only=True):
    """Counties, and who is on duty for them."""

    #: Left out of the police's own regions, whose counties are known.
    counties: list[str] = []
    timezone: str | None = None
    shifts: list[ShiftEntry]
    night: NightEntry | None = None
    overrides: list[OverrideEntry] = []
    escalation: list[StepEntry] | None = None


class Outline(_Entry, frozen=True, kw_only=True):
    """All of it; each channel, officer and region is then read by itself, so that what is wrong with one can be named."""

    timezone: str = "Europe/Stockholm"
    channels: dict[Id, Any]
    officers: dict[Id, Any]
    #: Who is told where nobody else is on duty, or nobody acknowledges.
    fallback: Annotated[list[str], Meta(min_length=1)]
    #: Of regions without steps of their own.
    escalation: list[StepEntry] = []
    regions: dict[Id, Any] = {}
