"""Pictures of findings: a map of arrows and a timeline, as one Vega-Lite specification, made without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import atan2, cos, degrees, radians
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer
    from enrich.spread.model import Finding

#: Hues of the findings, colour-blind safe (Okabe and Ito).
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_WIDTH, _HEIGHT = 420, 720


def write(path: Path, findings: Sequence[Finding], gazetteer: Gazetteer) -> None:
    """Write the picture in the form that the name of the file asks for: svg, png or html.

    :raises UsageError: if it is another one, or cannot be written.
    """
    import vl_convert

    drawn = json.dumps(specification(findings, gazetteer))
    kind = path.suffix.lower()
    try:
        if kind == ".svg":
            path.write_text(vl_convert.vegalite_to_svg(drawn), encoding="utf-8")
        elif kind == ".html":
            path.write_text(vl_convert.vegalite_to_html(drawn, bundle=True), encoding="utf-8")
        elif kind == ".png":
            path.write_bytes(vl_convert.vegalite_to_png(drawn, scale=2))
        else:
            raise UsageError(f"--map: found {path.name!r}; expected a file that ends in .svg, .png or .html")
    except OSError as error:
        raise UsageError(f"--map: {path}: {error.strerror}; name a file that can be written") from error


def specification(findings: Sequence[Finding], gazetteer: Gazetteer) -> dict[str, Any]:
    """The map above the timeline; places that the gazetteer does not know stand on the timeline alone."""
    steps, arrows = _steps(findings, gazetteer), _arrows(findings, gazetteer)
    names = list(dict.fromkeys(step["finding"] for step in steps))
    colour = {
        "field": "finding",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names, "range": [_COLOURS[n % len(_COLOURS)] for n in range(len(names))]},
        "legend": {"orient": "top", "columns": 1, "labelLimit": 600},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": "What was found", "subtitle": "an arrow: what is followed by what; never: what caused what"},
        "vconcat": [_map(steps, arrows, colour, gazetteer), _timeline(steps, arrows, colour)],
        "config": {"view": {"stroke": None}, "font": "sans-serif"},
    }


def _map(steps: list[dict[str, Any]], arrows: list[dict[str, Any]], colour: dict[str, Any], gazetteer: Gazetteer) -> dict[str, Any]:
    where = {"longitude": {"field": "lon", "type": "quantitative"}, "latitude": {"field": "lat", "type": "quantitative"}}
    to = {"longitude2": {"field": "lon2"}, "latitude2": {"field": "lat2"}}
    towns = [{"lon": p.longitude, "lat": p.latitude} for p in gazetteer.places if len(p.code) == 4 and p.code.isdigit()]
    placed = [step for step in steps if "lon" in step]
    drawn = [arrow for arrow in arrows if "lon" in arrow]
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "projection": {"type": "mercator"},
        "layer": [
            {"data": {"values": towns}, "mark": {"type": "circle", "size": 8, "color": "#ccc"}, "encoding": where},
            {
                "data": {"values": drawn},
                "mark": {"type": "rule", "strokeWidth": 1.6, "opacity": 0.8},
                "encoding": where | to | {"color": colour},
            },
            {
                "data": {"values": drawn},
                "mark": {"type": "point", "shape": "wedge", "filled": True, "size": 320},
                "encoding": {
                    "longitude": {"field": "lon_head", "type": "quantitative"},
                    "latitude": {"field": "lat_head", "type": "quantitative"},
                    "angle": {"field": "angle", "type": "quantitative", "scale": None},
                    "color": colour,
                },
            },
            {"data": {"values": placed}, "mark": {"type": "circle", "size": 60}, "encoding": where | {"color": colour}},
            {
                "data": {"values": placed},
                "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 11},
                "encoding": where | {"text": {"field": "label"}},
            },
        ],
    }


def _timeline(steps: list[dict[str, Any]], arrows: list[dict[str, Any]], colour: dict[str, Any]) -> dict[str, Any]:
    rows = list(dict.fromkeys(step["place"] for step in sorted(steps, key=lambda step: step["time"])))
    time = {"field": "time", "type": "temporal", "title": "UTC", "axis": {"format": "%d %b %H:%M", "labelAngle": -30}}
    place = {"field": "place", "type": "nominal", "sort": rows, "title": None}
    return {
        "width": _WIDTH,
        "height": {"step": 22},
        "layer": [
            {
                "data": {"values": arrows},
                "mark": {"type": "rule", "opacity": 0.5},
                "encoding": {
                    "x": time,
                    "x2": {"field": "time2"},
                    "y": place | {"field": "place"},
                    "y2": {"field": "place2"},
                    "color": colour,
                },
            },
            {"data": {"values": steps}, "mark": {"type": "circle", "size": 70}, "encoding": {"x": time, "y": place, "color": colour}},
        ],
    }


def _steps(findings: Sequence[Finding], gazetteer: Gazetteer) -> list[dict[str, Any]]:
    """One row for each place that a finding reached."""
    rows = []
    for finding in findings:
        for number, (code, moment) in enumerate(zip(finding.places, finding.times, strict=True), 1):
            name, position = _place(code, gazetteer)
            row = {
                "finding": _title(finding, gazetteer),
                "place": name,
                "time": moment.isoformat(),
                "label": f"{number} {name} {moment:%d %b %H:%M}",
            }
            rows.append(row | ({"lon": position[0], "lat": position[1]} if position else {}))
    return rows


def _arrows(findings: Sequence[Finding], gazetteer: Gazetteer) -> list[dict[str, Any]]:
    """One row for each edge, with where its head stands and which way it points."""
    rows = []
    for finding in findings:
        at = {event: (code, moment) for event, code, moment in zip(finding.events, finding.places, finding.times, strict=True)}
        for edge in finding.edges:
            (one, began), (other, ended) = at[edge.from_], at[edge.to]
            (name, start), (name2, end) = _place(one, gazetteer), _place(other, gazetteer)
            row = {
                "finding": _title(finding, gazetteer),
                "place": name,
                "place2": name2,
                "time": began.isoformat(),
                "time2": ended.isoformat(),
            }
            rows.append(row | (_ends(start, end) if start and end else {}))
    return rows


def _ends(start: tuple[float, float], end: tuple[float, float]) -> dict[str, float]:
    (lon, lat), (lon2, lat2) = start, end
    east, north = (lon2 - lon) * cos(radians((lat + lat2) / 2)), lat2 - lat
    return {
        "lon": lon, "lat": lat, "lon2": lon2, "lat2": lat2,
        "lon_head": lon + 0.93 * (lon2 - lon), "lat_head": lat + 0.93 * (lat2 - lat),
        "angle": round(degrees(atan2(east, north)), 1),
    }  # fmt: skip


def _place(code: str, gazetteer: Gazetteer) -> tuple[str, tuple[float, float] | None]:
    found = gazetteer.describe(code)
    return (found.name, (found.longitude, found.latitude)) if found else (code, None)


def _title(finding: Finding, gazetteer: Gazetteer) -> str:
    what = finding.grade.value if finding.kind == "spread" else finding.kind
    return f"{finding.theme} from {_place(finding.places[0], gazetteer)[0]}, {what}, by chance {finding.expected_per_year:.2g} a year"
