"""What pages read from: settings, the state of the topics, the index, names, and the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import app
from pipeline.alerts.current import Current
from pipeline.alerts.rota.load import load as load_rota
from pipeline.clock import SystemClock
from pipeline.console.saved import SavedSearches
from pipeline.desk.state import Desk, State
from pipeline.errors import SettingsError
from pipeline.index.keys import theme_line
from pipeline.ports import Bus, Clock, Index
from pipeline.settings import Keep, Settings, limited, load_sources
from pipeline.situation.period import begin

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer, NamedPlace
    from enrich.lexicon import Lexicon
    from pipeline.access.access import Access
    from pipeline.alerts.rota.duty import Rota
    from pipeline.model import Source
    from pipeline.situation.make import Maker
    from pipeline.situation.store import SituationStore

#: Letters that come after z.
_LAST = str.maketrans("åäö", "{|}")
#: Seconds for which what makes situation pictures is used on, although the state has changed.
_OLD = 60.0
#: Days of a picture, unless others are asked for.
_DAYS = 7


def alphabetical(name: str) -> str:
    """What names are ordered by, as Swedes have it: å, ä and ö come last, in that order."""
    return name.casefold().translate(_LAST)


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

    def theme_list(self, language: str) -> list[tuple[str, str]]:
        """Id and name of each theme, by name."""
        return sorted(self._themes[language].items(), key=lambda one: alphabetical(one[1]))

    def named(self, text: str) -> NamedPlace | None:
        """The municipality or county that somebody means by a code or a name."""
        found = self.gazetteer.describe(text)
        return found or self.gazetteer.municipality_by_name(text) or self.gazetteer.county_by_name(text)


class Room:
    """Everything that pages read; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        bus: Bus,
        index: Index,
        access: Access,
        pictures: SituationStore,
        searches: SavedSearches,
        names: Names,
        clock: Clock,
    ) -> None:
        self.settings, self.bus, self.index, self.access, self.names, self.clock = settings, bus, index, access, names, clock
        #: What people add to situation pictures.
        self.pictures = pictures
        #: What people search for again and again.
        self.searches = searches
        self.desk = Desk(bus)
        self._lock, self._making = threading.Lock(), threading.Lock()
        self._maker: Maker | None = None
        self._made, self._is_asked = (0, 0.0), False
        self._rota: Current[Rota] | None = None
        self._sources = Current(settings.sources, lambda path: _by_id(path, settings.keep))

    @property
    def state(self) -> State:
        """What the topics say now."""
        return self.desk.state

    @property
    def sources(self) -> Mapping[str, Source]:
        """The sources of the settings' file, by id; of one that is not right what it held before."""
        with self._lock:
            self._sources.refresh()
            return self._sources.value

    def maker(self) -> Maker:
        """What makes situation pictures of the state as it is, or was a minute ago."""
        self._is_asked = True
        with self._making:
            if self._maker is None:
                state = self.state
                self._maker, self._made = self._new_maker(state), (state.version, time.monotonic())
            return self._maker

    def renew(self) -> None:
        """Make that anew where the state has changed since, and somebody has asked: it takes a while, so nobody is to wait for it."""
        version, at = self._made
        if self._is_asked and version != self.state.version and time.monotonic() - at >= _OLD:
            state = self.state
            made = self._new_maker(state)
            with self._making:
                self._maker, self._made, self._is_asked = made, (state.version, time.monotonic()), False

    def _new_maker(self, state: State) -> Maker:
        """One that is ready for the period that is asked for most."""
        made, now = app.picture_maker(self.settings, state), self.clock.now()
        made.prepare(begin(made.end(now, _DAYS), _DAYS))
        return made

    def rota(self) -> tuple[Rota | None, str]:
        """The rota of the settings, if they name one and it is right; and what is wrong with the file."""
        if self.settings.rota is None:
            return None, ""
        with self._lock:
            try:
                if self._rota is None:
                    self._rota = Current(self.settings.rota, load_rota)
                else:
                    self._rota.refresh()
            except SettingsError as error:
                return None, str(error)
            return self._rota.value, str(self._rota.fault or "")

    def area_of(self, source: str) -> str:
        """Code of the area that a source tells of; empty if that is not known."""
        found = self.sources.get(source)
        return found.area if found else ""


def _by_id(path: Path, keep: Keep) -> Mapping[str, Source]:
    return {source.id: source for source in limited(load_sources(path), keep)}


@contextmanager
def opened(settings: Settings) -> Iterator[Room]:
    """The room over a data directory, for the time of the block; other processes may run the pipeline there meanwhile.

    :raises FjarilError: if something in it cannot be opened.
    """
    import enrich.lexicon

    names = Names(app.gazetteer(settings), enrich.lexicon.load(settings.lexicon))
    with ExitStack() as stack:
        bus = app.open_bus(settings)
        stack.callback(bus.close)
        index = app.open_index(settings)
        stack.callback(index.close)
        access = app.open_access(settings)
        stack.callback(access.close)
        pictures = app.open_pictures(settings)
        stack.callback(pictures.close)
        searches = SavedSearches(settings.data_dir / "searches.db")
        stack.callback(searches.close)
        yield Room(settings, bus, index, access, pictures, searches, names, SystemClock())
