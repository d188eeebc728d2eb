"""The kind ``trafikverket``: accidents and closures on roads, asked of https://api.trafikinfo.trafikverket.se/v2/data.json by POST.

The key is free and stands in the settings' secrets as ``trafikverket``. Each answer holds what has changed since the one before, by
the interface's own count. Deviations of a situation are filtered again: the interface's filter lets whole situations pass.
"""

from __future__ import annotations

import re
from datetime import datetime
from xml.sax.saxutils import quoteattr

import msgspec
from msgspec import Struct

from collectors.failures import Blocked, Malformed
from collectors.html_text import plain
from collectors.items import Bad, Fetched, Item, More, Parsed, Plain, Question, options_of
from collectors.kinds.feed_items import entry_item
from collectors.people import Private
from collectors.times import read_time
from pipeline.model import Entry, Source

#: Name of the secret.
SECRET = "trafikverket"  # noqa: S105
_POINT = re.compile(r"POINT\s*\(\s*(-?\d+(?:\.\d+)?)\s+(-?\d+(?:\.\d+)?)")


class TrafikverketOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a source of kind ``trafikverket``."""

    #: Numbers of counties; without any, all.
    counties: tuple[int, ...] = ()
    #: What is collected: Trafikverket's own words.
    types: tuple[str, ...] = ("Olycka", "Hinder", "Viktig trafikinformation")


class _Point(Struct, frozen=True):
    wgs84: str = msgspec.field(name="WGS84", default="")


class _Geometry(Struct, frozen=True, rename="pascal"):
    point: _Point = _Point()
    wgs84: str = msgspec.field(name="WGS84", default="")


class _Deviation(Struct, frozen=True, rename="pascal"):
    id: str
    message: str = ""
    header: str = ""
    message_type: str = ""
    road_number: str = ""
    location_descriptor: str = ""
    county_no: tuple[int, ...] = ()
    start_time: str = ""
    end_time: str = ""
    version_time: str = ""
    web_link: str = ""
    geometry: _Geometry = _Geometry()


class _Situation(Struct, frozen=True, rename="pascal"):
    id: str
    deleted: bool = False
    deviation: tuple[_Deviation, ...] = ()


class _Info(Struct, frozen=True):
    last: str | int = msgspec.field(name="LASTCHANGEID", default="")


class _Fault(Struct, frozen=True, rename="upper"):
    source: str = ""
    message: str = ""


class _Result(Struct, frozen=True):
    situations: tuple[msgspec.Raw, ...] = msgspec.field(name="Situation", default=())
    info: _Info = msgspec.field(name="INFO", default=_Info())
    error: _Fault | None = msgspec.field(name="ERROR", default=None)


class _Results(Struct, frozen=True):
    result: tuple[_Result, ...] = msgspec.field(name="RESULT")


class _Answer(Struct, frozen=True):
    response: _Results = msgspec.field(name="RESPONSE")


_answer = msgspec.json.Decoder(_Answer)
_situation = msgspec.json.Decoder(_Situation, strict=False)  # numbers and truth may be written as text


class Trafikverket(Plain):
    """:param private: has the key."""

    obeys_robots = False  # an interface whose terms allow calling it
    keeps_ids = True

    def __init__(self, private: Private) -> None:
        self._private = private

    def ask(self, source: Source, url: str, cursor: str) -> Question:
        """What has changed since ``cursor``."""
        options_of(source, TrafikverketOptions)
        return Question(
            url=url, method="POST", body=query(self._private.secret(SECRET), cursor).encode(), headers={"Content-Type": "text/xml"}
        )

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """The deviations that are wanted; those of a deleted situation are withdrawn.

        :raises Blocked: if the key is refused.
        :raises Malformed: if it is no answer of the interface.
        """
        options = options_of(source, TrafikverketOptions)
        try:
            result = _answer.decode(fetched.body).response.result[0]
        except (msgspec.DecodeError, UnicodeError, RecursionError, IndexError) as error:
            raise Malformed(f"no answer of the interface: {error}; found {fetched.body[:40]!r}") from error
        if result.error is not None:
            refusal = f"the interface refuses: {result.error.source}: {result.error.message}"
            raise Blocked(refusal) if "auth" in result.error.source.lower() else Malformed(refusal)
        items: list[Item] = []
        withdrawn: list[str] = []
        bad: list[Bad] = []
        standing = set(more.standing())
        for record in result.situations:
            try:
                situation = _situation.decode(record)
            except (msgspec.DecodeError, UnicodeError) as error:
                bad.append(Bad(f"no situation as the interface documents it: {error}", bytes(record)))
                continue
            found = [] if situation.deleted else [_item(situation, one, source) for one in situation.deviation if _is_wanted(one, options)]
            items += found
            kept = {item.native_id for item in found}
            withdrawn += [id_ for id_ in standing if id_.startswith(f"{situation.id}:") and id_ not in kept]
        return Parsed(items=tuple(items), withdrawn=tuple(withdrawn), bad=tuple(bad), cursor=str(result.info.last) or None)


def query(key: str, cursor: str) -> str:
    """The question, in the interface's own language."""
    return (
        f"<REQUEST><LOGIN authenticationkey={quoteattr(key)}/>"
        f'<QUERY objecttype="Situation" namespace="road.trafficinfo" schemaversion="1.6" '
        f'changeid={quoteattr(cursor or "0")} includedeletedobjects="true"><FILTER/></QUERY></REQUEST>'
    )


def _is_wanted(deviation: _Deviation, options: TrafikverketOptions) -> bool:
    here = not options.counties or not deviation.county_no or any(number in options.counties for number in deviation.county_no)
    return here and (not options.types or deviation.message_type in options.types)


def _item(situation: _Situation, deviation: _Deviation, source: Source) -> Item:
    point = _POINT.match(deviation.geometry.point.wgs84 or deviation.geometry.wgs84)
    where = ", ".join(filter(None, (plain(deviation.road_number), plain(deviation.location_descriptor))))
    counties = set(deviation.county_no)
    parts = [plain(deviation.message), where]
    entry = Entry(
        title=": ".join(filter(None, (plain(deviation.message_type), plain(deviation.header)))) or where,
        text="\n".join(part for part in parts if part),
        url=deviation.web_link or None,
        published=_first(source.timezone, deviation.start_time, deviation.version_time),
        updated=_first(source.timezone, deviation.version_time),
        point=(float(point[1]), float(point[2])) if point else None,
        category=plain(deviation.message_type),
        place=f"{counties.pop():02d}" if len(counties) == 1 else "",
    )
    return entry_item(f"{situation.id}:{deviation.id}", entry)


def _first(timezone: str, *written: str) -> datetime | None:
    return next((moment for text in written if text and (moment := read_time(text, timezone))), None)
