"""What the views share: names and positions of places, names of themes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from enrich.gazetteer import Gazetteer
from enrich.lexicon import Lexicon
from pipeline.index import keys

#: (longitude, latitude) in WGS 84 degrees, as GeoJSON has it.
Position = tuple[float, float]


class PlacesView(Struct, frozen=True, kw_only=True):
    """Where something happened; fields as those of documents."""

    code: list[str]
    #: Municipality, else county, else country: code, and what people call it, in the same order.
    area: list[str]
    area_name: list[str]
    county: list[str]
    location: list[Position]


class ThemesView(Struct, frozen=True, kw_only=True):
    """What it is about; fields as those of documents."""

    id: list[str]
    #: Each with those above it.
    within: list[str]
    primary: str


class Names:
    """What people call places and themes."""

    def __init__(self, gazetteer: Gazetteer, lexicon: Lexicon) -> None:
        self._gazetteer = gazetteer
        self._themes = {theme.id: theme.sv for theme in lexicon.themes}

    def place(self, code: str) -> str:
        """Name of a place; its code if it has none."""
        return self._gazetteer.name(code)

    def position(self, code: str) -> Position | None:
        """Where a place is, else what it lies in."""
        return self._gazetteer.position(code)

    def theme(self, theme: str) -> str:
        """Swedish name of a theme; ``none`` has one, too."""
        return self._themes.get(theme, "Utan tema" if theme == "none" else theme)

    def places_view(self, codes: Sequence[str]) -> PlacesView:
        """The places in their order, each once."""
        once = list(dict.fromkeys(codes))
        areas = list(dict.fromkeys(map(keys.area, once)))
        return PlacesView(
            code=once,
            area=areas,
            area_name=[self.place(area) for area in areas],
            county=list(dict.fromkeys(county for code in once if (county := keys.county(code)))),
            location=[position for code in once if (position := self.position(code))],
        )


def themes_view(ids: Iterable[str]) -> ThemesView:
    """The themes, best first."""
    once = list(dict.fromkeys(ids))
    within = list(dict.fromkeys(above for theme in once for above in keys.theme_line(theme)))
    return ThemesView(id=once, within=within, primary=once[0] if once else "none")


def few(names: Sequence[str], most: int = 6) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" och {more} till" if more > 0 else "")


def lasted(start: datetime, end: datetime) -> str:
    """``3 h``; ``2 dygn`` from two days on."""
    hours = (end - start) / timedelta(hours=1)
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} dygn"
