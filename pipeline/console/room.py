"""What pages read from: settings, the state of the topics, the index, names, and the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.clock import SystemClock
from pipeline.desk.state import Desk, State
from pipeline.index.keys import area, theme_line
from pipeline.ports import Bus, Clock, Index
from pipeline.settings import Settings, load_sources

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer, NamedPlace
    from enrich.lexicon import Lexicon
    from pipeline.access.access import Access
    from pipeline.model import Source


class Names:
    """What people call places and themes, in each language."""

    def __init__(self, gazetteer: Gazetteer, lexicon: Lexicon) -> None:
        self.gazetteer = gazetteer
        self._themes = {"sv": {theme.id: theme.sv for theme in lexicon.themes}, "en": {theme.id: theme.en for theme in lexicon.themes}}
        self.themes = frozenset(above for theme in lexicon.themes for above in theme_line(theme.id))
        self.areas = tuple(place for place in gazetteer.places if place.code.isdigit() and len(place.code) in {2, 4})

    def place(self, code: str) -> str:
        """Name of a place; its code if it has none."""
        return "Sverige" if code == "SE" else self.gazetteer.name(code)

    def theme(self, theme: str, language: str) -> str:
        """Name of a theme; its id if it has none."""
        return self._themes[language].get(theme, theme)

    def named(self, text: str) -> NamedPlace | None:
        """The municipality or county that somebody means by a code or a name."""
        found = self.gazetteer.describe(text)
        return found or self.gazetteer.municipality_by_name(text) or self.gazetteer.county_by_name(text)

    def position(self, code: str) -> tuple[float, float] | None:
        """(longitude, latitude) of a place, else of what it lies in."""
        found = self.gazetteer.describe(code) or self.gazetteer.describe(area(code))
        return (found.longitude, found.latitude) if found else None


class Room:
    """Everything that pages read; safe to share between threads."""

    def __init__(self, settings: Settings, bus: Bus, index: Index, access: Access, names: Names, clock: Clock) -> None:
        self.settings, self.bus, self.index, self.access, self.names, self.clock = settings, bus, index, access, names, clock
        self.desk = Desk(bus)

    @property
    def state(self) -> State:
        """What the topics say now."""
        return self.desk.state

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """The sources of the settings' file, by id."""
        return {source.id: source for source in load_sources(self.settings.sources)}

    def area_of(self, source: str) -> str:
        """Code of the area that a source tells of; empty if that is not known."""
        found = self.sources.get(source)
        return found.area if found else ""


@contextmanager
def opened(settings: Settings) -> Iterator[Room]:
    """The room over a data directory, for the time of the block; other processes may run the pipeline there meanwhile.

    :raises FjarilError: if something in it cannot be opened.
    """
    import enrich.lexicon
    from pipeline import app

    names = Names(app.gazetteer(settings), enrich.lexicon.load(settings.lexicon))
    with ExitStack() as stack:
        bus = app.open_bus(settings)
        stack.callback(bus.close)
        index = app.open_index(settings)
        stack.callback(index.close)
        access = app.open_access(settings)
        stack.callback(access.close)
        yield Room(settings, bus, index, access, names, SystemClock())
