"""Pictures of the picture: a map and trends, drawn as SVG without a network, a script or a font of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import cos, radians
from typing import Any

import enrich.borders
from pipeline.model import county_of, municipality_of
from pipeline.situation.model import Figure, Situation, Spot, Trend
from pipeline.situation.words import Words

#: Fonts by where the picture goes: the PDF has its own, a page takes the reader's.
PAPER, SCREEN = "Libertinus Serif", "system-ui, sans-serif"
#: Colour-blind safe (Okabe and Ito): what happened, what is unusual, what is expected, and the rest.
_BLUE, _ORANGE, _GREY, _LAND, _AREA, _LINE = "#0072B2", "#D55E00", "#767676", "#f1f1ee", "#d8e6ef", "#b4b4ac"
#: Trends beside each other, and in their pixels: width of a chart, the space after it, the labels before all of them.
COLUMNS, _CHART, _SPACE, _LABELS = 4, 152, 14, 28
#: Size of the map, of its letters (as a font has it, width and height), and where a name begins beside its dot, in its pixels.
_SIZE, _FONT, _LETTER, _BESIDE = 420, 16, (8.6, 18.0), 19.0


def draw_map(situation: Situation, font: str) -> str:
    """The area among its neighbours in the county, with a dot for each municipality by how much happened."""
    area = situation.area
    counties = {county for code in area.places if (county := county_of(code))}
    land = enrich.borders.municipalities(counties)
    inside = {municipality_of(code) for code in area.places}
    for feature in land["features"]:
        feature["properties"]["inside"] = feature["properties"]["code"] in inside
    most = sorted(situation.spots, key=lambda one: (-one.count, one.code))
    spots = [{"lon": one.longitude, "lat": one.latitude, "count": one.count, "label": f"{one.name} {one.count}"} for one in most]
    named = [one for one, label in zip(spots, _apart(most, land), strict=True) if label]
    where = {"longitude": {"field": "lon", "type": "quantitative"}, "latitude": {"field": "lat", "type": "quantitative"}}
    return _svg(
        {
            "width": _SIZE,
            "height": _SIZE,
            "projection": {"type": "mercator"},
            "layer": [
                {
                    "data": {"values": land["features"]},
                    "mark": {"type": "geoshape", "stroke": _LINE, "strokeWidth": 0.8},
                    "encoding": {"fill": {"condition": {"test": "datum.properties.inside", "value": _AREA}, "value": _LAND}},
                },
                {
                    "data": {"values": spots},
                    "mark": {"type": "circle", "color": _BLUE, "opacity": 0.85},
                    "encoding": where
                    | {
                        "size": {
                            "field": "count",
                            "type": "quantitative",
                            "scale": {"rangeMin": 40, "rangeMax": 900, "zero": True},
                            "legend": None,
                        }
                    },
                },
                {
                    "data": {"values": named},
                    "mark": {
                        "type": "text",
                        "align": "left",
                        "dx": _BESIDE,
                        "fontSize": _FONT,
                        "fontWeight": "bold",
                        "stroke": "white",
                        "strokeWidth": 3,
                    },
                    "encoding": where | {"text": {"field": "label"}},
                },
                {
                    "data": {"values": named},
                    "mark": {"type": "text", "align": "left", "dx": _BESIDE, "fontSize": _FONT, "fontWeight": "bold", "color": "#1a1a1a"},
                    "encoding": where | {"text": {"field": "label"}},
                },
            ],
        },
        font,
    )


def _apart(most: Sequence[Spot], land: Mapping[str, Any]) -> list[bool]:
    """Whether each spot is named: the largest first, and only where its name covers no dot or name before it."""
    points = [point for feature in land["features"] for point in _points(feature["geometry"]["coordinates"])]
    west, east = min(lon for lon, _ in points), max(lon for lon, _ in points)
    south, north = min(lat for _, lat in points), max(lat for _, lat in points)
    narrow = cos(radians((south + north) / 2))  # near enough to Mercator in an area as small as a county or two
    scale = _SIZE / max((east - west) * narrow, north - south)
    (width, height), taken, named = _LETTER, [(spot.longitude * narrow * scale, spot.latitude * scale) for spot in most], []
    boxes: list[tuple[float, float, float, float]] = []
    for spot, (x, y) in zip(most, taken, strict=True):
        box = (x + _BESIDE, y - height / 2, x + _BESIDE + width * len(f"{spot.name} {spot.count}"), y + height / 2)
        covers = any(
            box[0] < one + _BESIDE / 2 and one - _BESIDE / 2 < box[2] and box[1] < other < box[3]
            for one, other in taken
            if (one, other) != (x, y)
        )
        touches = any(box[0] < one[2] and one[0] < box[2] and box[1] < one[3] and one[1] < box[3] for one in boxes)
        named.append(not covers and not touches)
        if named[-1]:
            boxes.append(box)
    return named


def _points(coordinates: Any) -> Iterator[tuple[float, float]]:
    """The points of a polygon, or of several."""
    if isinstance(coordinates[0], (int, float)):
        yield coordinates[0], coordinates[1]
    else:
        for part in coordinates:
            yield from _points(part)


def width_of(number: int) -> float:
    """Share of the page's width that so many trends beside each other take, so that charts are as large in each row."""
    wide = _CHART + _SPACE
    return (_LABELS + wide * number) / (_LABELS + wide * COLUMNS)


def draw_trends(trends: Sequence[Trend], situation: Situation, words: Words, font: str) -> str:
    """A row of small charts, all rows of one scale: bars of what happened, a line of what was expected."""
    figures = {figure.theme: figure for figure in situation.figures}
    rows = [row for trend in trends for row in _rows(trend, figures[trend.theme], words)]
    few = {row["day"] for row in rows if row["number"] % (2 if len(trends[0].days) <= 10 else 7) == 0}
    day = {
        "field": "day",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": 0, "values": sorted(few, key=_by_number(rows)), "ticks": False},
    }
    highest = max(max(each.count, each.expected or 0) for trend in situation.trends for each in trend.days)
    count = {
        "field": "count",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, max(highest, 1)]},
        "axis": {"values": _ticks(highest), "tickCount": 9, "grid": True, "format": "d"},
    }
    return _svg(
        {
            "data": {"values": rows},
            "facet": {"field": "theme", "type": "nominal", "sort": [words.group(trend.theme) for trend in trends], "title": None},
            "columns": COLUMNS,
            "spec": {
                "width": _CHART,
                "height": 54,
                "layer": [
                    {
                        "mark": {"type": "bar"},
                        "encoding": {"x": day, "y": count, "color": {"field": "colour", "type": "nominal", "scale": None}},
                    },
                    {
                        "mark": {"type": "line", "color": _GREY, "strokeDash": [4, 3], "strokeWidth": 1.6},
                        "encoding": {"x": day, "y": {"field": "expected", "type": "quantitative"}},
                    },
                ],
            },
            "config": {"header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelAnchor": "start"}, "facet": {"spacing": _SPACE}},
        },
        font,
    )


def _rows(trend: Trend, figure: Figure, words: Words) -> list[dict[str, Any]]:
    colour = _ORANGE if figure.verdict == "more" else _BLUE
    return [
        {
            "theme": words.group(trend.theme),
            "number": number,
            "day": words.short_day(day.date),
            "count": day.count,
            "expected": day.expected,
            "colour": colour,
        }
        for number, day in enumerate(trend.days)
    ]


def _ticks(highest: float) -> list[int]:
    """Whole numbers, at most five of them."""
    step = next(step for power in range(9) for step in (10**power, 2 * 10**power, 5 * 10**power) if highest <= 4 * step)
    return list(range(0, int(highest) + step, step))


def _by_number(rows: list[dict[str, Any]]) -> Any:
    numbers = {row["day"]: row["number"] for row in rows}
    return lambda day: numbers[day]


def _svg(specification: dict[str, Any], font: str) -> str:
    import vl_convert

    config = specification.pop("config", {})
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "config": {"font": font, "view": {"stroke": None}, "axis": {"labelFontSize": 11, "domainColor": _LINE, "gridColor": "#e6e6e2"}}
        | config,
        **specification,
    }
    return str(vl_convert.vegalite_to_svg(json.dumps(whole)))
