"""Pages as HTML: what templates may use beside what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.console import drawing, land
from pipeline.console.ask import ZONE
from pipeline.console.pages.spread import Stop
from pipeline.situation.model import Area, Situation, Spot
from pipeline.situation.sheet import Sheet, sheet
from pipeline.situation.words import Words

#: Pixels of the map around what an area's map shows.
_AROUND = 70
FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


def environment() -> Environment:
    """The templates; everything is escaped that is not marked as HTML."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "day": day,
        "clock": clock,
        "when": when,
        "iso": iso,
        "html": Markup,
        "path": quote_path,
        "stamp": stamp,
    }
    made.globals |= {
        "asset": asset,
        "point": land.point,
        "map_size": (land.WIDTH, land.HEIGHT),
        "level": level,
        "arrow": drawing.arrow,
        "labels": drawing.labels,
        "spot_names": drawing.spot_names,
        "timeline": timeline,
        "sheet_of": sheet_of,
        "group_of": group_of,
        "bounds_of": bounds_of,
    }
    return made


@lru_cache
def asset(name: str) -> str:
    """Address of a static file; it changes with the content, so that browsers may keep it for ever."""
    return f"/static/{name}?{blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()}"


def local(moment: datetime) -> datetime:
    """The time as clocks in Sweden show it; that of UTC at the ends of the calendar."""
    try:
        return moment.astimezone(ZONE)
    except (OverflowError, ValueError):
        return moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """For machines."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day(moment: datetime) -> str:
    """``2026-03-15``."""
    return f"{local(moment):%Y-%m-%d}"


def clock(moment: datetime) -> str:
    """``14:02``: Swedes would write ``14.02``, but the colon is read in both languages."""
    return f"{local(moment):%H:%M}"


def when(moment: datetime | None) -> Markup:
    """A <time>: date and clock here, the exact moment for machines."""
    if moment is None:
        return Markup("–")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(moment), iso(moment), f"{local(moment):%Y-%m-%d %H:%M}")


def stamp(moment: datetime) -> int:
    """Seconds since 1970, of the minute that ends it."""
    return -int(-moment.timestamp() // 60) * 60


def timeline(stops: Sequence[Stop]) -> drawing.Timeline:
    """Events along time, as clocks in Sweden show it."""
    first = min(stop.time for stop in stops)
    return drawing.timeline(stops, local(first).utcoffset() or timedelta(0))


def sheet_of(situation: Situation, language: str) -> Sheet:
    """The situation picture as sections of text and tables; map and trends are drawn here."""
    return sheet(situation, Words(language), None)


def group_of(theme: str, language: str) -> str:
    """The name of a group of themes."""
    return Words(language).group(theme)


def bounds_of(spots: Sequence[Spot], area: Area) -> tuple[int, int, int, int]:
    """The part of the map that shows an area, its places and what lies around them: left, top, width, height."""
    near = [spot for spot in spots if spot.code in area.places] or spots
    points = [land.point(spot.longitude, spot.latitude) for spot in near]
    left, right = min(x for x, _ in points) - _AROUND, max(x for x, _ in points) + _AROUND
    top, bottom = min(y for _, y in points) - _AROUND, max(y for _, y in points) + _AROUND
    return round(left), round(top), round(right - left), round(bottom - top)


def quote_path(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def level(count: int) -> int:
    """How dark a count is drawn: 1 for one, and a step further for each doubling, to 5."""
    return min(5, count.bit_length()) if count else 0


class Address:
    """The address of the page that is shown, to make links that differ from it in some parameters."""

    def __init__(self, path: str, query: str) -> None:
        self.path = path
        self._pairs = [(name, value) for name, value in parse_qsl(query)]

    def __str__(self) -> str:
        return self._made(self._pairs)

    def with_(self, **values: object) -> str:
        """With these parameters instead; None takes one away. A new question begins on its first page."""
        kept = [(name, value) for name, value in self._pairs if name not in values and (name != "after" or not _asks_anew(values))]
        return self._made(kept + [(name, str(value)) for name, value in values.items() if value is not None and value != ""])

    def toggled(self, name: str, value: str) -> str:
        """With a value of a parameter that takes several added, or taken away if it is there."""
        kept = [(n, v) for n, v in self._pairs if n != "after"]
        return self._made([one for one in kept if one != (name, value)] if (name, value) in kept else [*kept, (name, value)])

    def pairs(self, *without: str) -> Sequence[tuple[str, str]]:
        """The parameters, for a form that keeps them."""
        return [(name, value) for name, value in self._pairs if name not in without]

    def at(self, path: str) -> str:
        """The same parameters at another path."""
        return Address(path, urlencode(self._pairs)).__str__()

    @property
    def query(self) -> str:
        """The parameters, as they stand in the address."""
        return urlencode(self._pairs)

    def get(self, name: str) -> str:
        """The first value of a parameter; empty without one."""
        return next((value for one, value in self._pairs if one == name), "")

    def over(self, path: str, **values: object) -> str:
        """With these parameters instead, at another path."""
        return Address(path, urlencode(self._pairs)).with_(**values)

    def _made(self, pairs: Sequence[tuple[str, str]]) -> str:
        return self.path + (f"?{urlencode(pairs)}" if pairs else "")


def _asks_anew(values: Mapping[str, object]) -> bool:
    return not values.keys() <= {"after", "lang", "vagg"}
