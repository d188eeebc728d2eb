"""The kind ``smhi``: SMHI's weather warnings, https://opendata-download-warnings.smhi.se/ibww/api/version/1/warning.json.

Each area of a warning is an item. Messages are kept, too. What is no longer listed is over, not withdrawn.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from collectors.failures import Malformed
from collectors.html_text import plain
from collectors.items import Bad, Fetched, Item, More, Parsed, Plain
from collectors.kinds.feed_items import entry_item
from collectors.times import read_time
from pipeline.model import Entry, Source

#: Level → what people call it.
_LEVELS = {"MESSAGE": "Meddelande", "YELLOW": "Gul varning", "ORANGE": "Orange varning", "RED": "Röd varning"}
#: Counties have the numbers up to this one; those above are parts of the sea.
_LAST_COUNTY = 25


class _Said(Struct, frozen=True):
    sv: str = ""
    en: str = ""
    code: str = ""


class _Level(Struct, frozen=True):
    code: str


class _Affected(Struct, frozen=True):
    id: int
    sv: str = ""


class _Description(Struct, frozen=True):
    title: _Said = _Said()
    text: _Said = _Said()


class _Area(Struct, frozen=True, rename="camel"):
    id: int
    warning_level: _Level
    approximate_start: str = ""
    approximate_end: str | None = None
    published: str = ""
    area_name: _Said = _Said()
    event_description: _Said = _Said()
    affected_areas: tuple[_Affected, ...] = ()
    descriptions: tuple[_Description, ...] = ()


class _Warning(Struct, frozen=True, rename="camel"):
    id: int
    event: _Said
    warning_areas: tuple[_Area, ...]


_answer = msgspec.json.Decoder(list[msgspec.Raw])
_warning = msgspec.json.Decoder(_Warning, strict=False)  # numbers may be written as text


class Smhi(Plain):
    """The kind ``smhi``."""

    obeys_robots = False  # open data

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:  # noqa: ARG002
        """The warnings; none is good weather.

        :raises Malformed: if it is no list of warnings.
        """
        try:
            records = _answer.decode(fetched.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Malformed(f"no list of warnings: {error}; found {fetched.body[:40]!r}") from error
        items, bad = [], []
        for record in records:
            try:
                warning = _warning.decode(record)
            except (msgspec.DecodeError, UnicodeError) as error:
                bad.append(Bad(f"no warning as SMHI documents it: {error}", bytes(record)))
                continue
            items += [_item(warning, area, source) for area in warning.warning_areas]
        return Parsed(items=tuple(items), bad=tuple(bad))


def _item(warning: _Warning, area: _Area, source: Source) -> Item:
    level = _LEVELS.get(area.warning_level.code, area.warning_level.code)
    what = plain(area.event_description.sv or warning.event.sv)
    lines = [f"{plain(part.title.sv)}: {plain(part.text.sv)}" if part.title.sv else plain(part.text.sv) for part in area.descriptions]
    counties = [affected for affected in area.affected_areas if 1 <= affected.id <= _LAST_COUNTY]
    names = [plain(affected.sv) for affected in area.affected_areas if affected.sv]
    when = (
        f"Från {area.approximate_start}" + (f" till {area.approximate_end}" if area.approximate_end else "")
        if area.approximate_start
        else ""
    )
    text = [*lines, f"Område: {', '.join(names)}" if names else "", when]
    entry = Entry(
        title=f"{level}: {what}, {plain(area.area_name.sv)}".rstrip(", "),
        text="\n".join(part for part in text if part),
        url="https://www.smhi.se/vader/varningar-och-brandrisk/varningar-och-meddelanden/varningar",
        published=read_time(area.published or area.approximate_start, source.timezone),
        tags=(area.warning_level.code.lower(),),
        category="Vädervarning" if area.warning_level.code != "MESSAGE" else "Vädermeddelande",
        place=f"{counties[0].id:02d}" if len(counties) == 1 == len(area.affected_areas) else "",
    )
    return entry_item(f"{warning.id}:{area.id}", entry)
