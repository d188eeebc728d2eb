"""Kommun: the situation picture of a municipality, a county or an area of one's own, live; and what people add to it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.access.roles import Principal
from pipeline.console.ask import AskError, moment
from pipeline.console.room import Room, alphabetical
from pipeline.console.rows import Named, Show
from pipeline.errors import UsageError
from pipeline.situation.areas import find
from pipeline.situation.model import Area, Marking, Section, Sharing, Situation
from pipeline.situation.period import begin, days_of, midnight
from pipeline.situation.sharing import seen_by


class AreaAsked(Struct, frozen=True, kw_only=True):
    """Which picture."""

    #: Code or name of a municipality or county, or the name of an area of the settings.
    area: str
    #: Whole days or weeks.
    period: str = "7d"
    #: End of the period; empty: now, or the last that happened where that lies before the period.
    until: str = ""


class AreasAsked(Struct, frozen=True, kw_only=True):
    """Which areas there are pictures of."""

    #: Letters of a name, or a code.
    q: str = ""


class County(Struct, frozen=True, kw_only=True):
    """A county with its municipalities, by name."""

    county: Named
    municipalities: tuple[Named, ...]


class Areas(Struct, frozen=True, kw_only=True):
    """Areas that the reader sees."""

    #: Those of the settings.
    own: tuple[str, ...]
    counties: tuple[County, ...]


class Assess(Struct, frozen=True, kw_only=True):
    """Somebody writes what they make of an area."""

    area: str
    text: Annotated[str, Meta(max_length=10_000)]
    marking: Marking = Marking.POLICE
    #: Partner agencies, with commas between.
    agencies: str = ""


class Mark(Struct, frozen=True, kw_only=True):
    """Somebody says who may see a section of an area."""

    area: str
    section: Section
    marking: Marking
    agencies: str = ""


class Sign(Struct, frozen=True, kw_only=True):
    """Somebody on duty answers for the picture as it is."""

    area: str
    period: str = "7d"
    until: str = ""


def areas(show: Show, asked: AreasAsked) -> Areas:
    """The areas, or those whose name or code holds what is asked for."""
    wanted = asked.q.casefold()
    seen = [place for place in show.room.names.areas if show.who.sees(place.code)]
    found = [place for place in seen if wanted in place.name.casefold() or place.code == wanted]
    named = {place.code: show.place(place.code) for place in show.room.names.areas}
    counties = sorted({place.code[:2] for place in found}, key=lambda code: alphabetical(named[code].name))
    return Areas(
        own=() if show.who.is_bounded else tuple(name for name in show.room.settings.areas if wanted in name.casefold()),
        counties=tuple(
            County(
                county=named[code],
                municipalities=tuple(
                    sorted(
                        (named[one.code] for one in found if len(one.code) == 4 and one.code[:2] == code),
                        key=lambda one: alphabetical(one.name),
                    )
                ),
            )
            for code in counties
        ),
    )


def situation(show: Show, asked: AreaAsked) -> Situation:
    """The picture as the reader may see it.

    :raises AskError: if there is no such area, or the period is none.
    :raises AccessError: if they may not see any of it.
    """
    room = show.room
    area = _area(room, asked.area)
    made = _made(room, area, asked.period, asked.until)
    return seen_by(room.pictures.complete(made), show.who)


def _area(room: Room, text: str) -> Area:
    try:
        return find(text, room.names.gazetteer, room.settings.areas)
    except UsageError as error:
        raise AskError("place", status=404, field="area", found=text[:80]) from error


def _made(room: Room, area: Area, period: str, until: str) -> Situation:
    try:
        days = days_of(period)
    except UsageError as error:
        raise AskError("days", field="period", found=period[:20]) from error
    now, maker = room.clock.now(), room.maker()
    end = _end(until, now) if until else maker.end(now, days)
    return maker.make(area, begin(end, days), end, now)


def _end(text: str, now: datetime) -> datetime:
    try:
        return midnight(date.fromisoformat(text))
    except ValueError:
        return moment("until", text, now) or now


def assess(room: Room, who: Principal, asked: Assess) -> str:
    """Keep it.

    :raises AskError: if it is empty, too long, or shared with nobody named.
    """
    area = _area(room, asked.area)
    try:
        room.pictures.assess(area.code, who, asked.text, _sharing(asked.marking, asked.agencies), room.clock.now())
    except UsageError as error:
        raise AskError("assessment", field="text", said=str(error)) from error
    return f"/kommun/{area.code}"


def mark(room: Room, who: Principal, asked: Mark) -> str:  # noqa: ARG001  (every deed takes who does it)
    """Mark it.

    :raises AskError: if it is shared with nobody named.
    """
    area = _area(room, asked.area)
    room.pictures.mark(area.code, asked.section, _sharing(asked.marking, asked.agencies))
    return f"/kommun/{area.code}#{asked.section.value}"


def sign(room: Room, who: Principal, asked: Sign) -> str:
    """Keep the picture as a version that somebody answers for."""
    area = _area(room, asked.area)
    room.pictures.sign(room.pictures.complete(_made(room, area, asked.period, asked.until)), who, room.clock.now())
    return f"/kommun/{area.code}"


def _sharing(marking: Marking, agencies: str) -> Sharing:
    named = tuple(name for one in agencies.split(",") if (name := one.strip()))
    if (marking is Marking.PARTNERS) != bool(named):
        raise AskError("sharing", field="agencies")
    return Sharing(marking=marking, agencies=named)
