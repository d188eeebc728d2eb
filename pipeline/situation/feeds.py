"""The picture for other systems: Atom with GeoRSS, and GeoJSON. Both say what the picture says, no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

import enrich.borders
from pipeline.model import county_of, municipality_of
from pipeline.situation.model import Situation, StoryLine
from pipeline.situation.words import Words

_ATOM, _GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"


def atom(situation: Situation, words: Words) -> bytes:
    """An Atom feed (RFC 4287): an entry for each figure, each municipality with its point (GeoRSS), and each story and finding."""
    ET.register_namespace("", _ATOM)
    ET.register_namespace("georss", _GEORSS)
    feed = ET.Element(_tag("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": words.language})
    name = f"{words('title')} {situation.area.name}"
    for tag, text in (("id", _id(situation, "")), ("title", name), ("updated", _time(situation.made))):
        ET.SubElement(feed, _tag(tag)).text = text
    ET.SubElement(ET.SubElement(feed, _tag("author")), _tag("name")).text = "Fjäril"
    for id_, title, summary, point in _entries(situation, words):
        entry = ET.SubElement(feed, _tag("entry"))
        for tag, text in (("id", _id(situation, id_)), ("title", title), ("updated", _time(situation.made)), ("summary", summary)):
            ET.SubElement(entry, _tag(tag)).text = text
        if point:
            ET.SubElement(entry, f"{{{_GEORSS}}}point").text = f"{point[0]} {point[1]}"  # latitude first
    ET.indent(feed)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def geojson(situation: Situation) -> bytes:
    """A FeatureCollection (RFC 7946): each municipality of the area with its border and count; figures and period beside."""
    counties = {county for code in situation.area.places if (county := county_of(code))}
    inside = {municipality_of(code) for code in situation.area.places}
    counts = {spot.code: spot.count for spot in situation.spots}
    features = [
        _counterclockwise(feature) | {"id": code, "properties": feature["properties"] | {"count": counts.get(code, 0)}}
        for feature in enrich.borders.municipalities(counties)["features"]
        if (code := feature["properties"]["code"]) in inside
    ]
    shown = {
        "area": situation.area,
        "since": situation.since,
        "until": situation.until,
        "made": situation.made,
        "version": situation.version,
    }
    return msgspec.json.encode({"type": "FeatureCollection", "features": features, **shown, "figures": situation.figures}) + b"\n"


def _entries(situation: Situation, words: Words) -> Iterator[tuple[str, str, str, tuple[float, float] | None]]:
    """(id, title, summary, (latitude, longitude))."""
    for figure in situation.figures:
        if figure.count is not None:
            expected = (
                ""
                if figure.expected is None
                else f"{words('expected')} {words.number(figure.expected)}, {words('ordinary').lower()} {figure.low}–{figure.high}: "
            )
            yield f"figure/{figure.theme}", f"{words.group(figure.theme)}: {figure.count}", expected + words(figure.verdict), None
    for spot in situation.spots:
        yield f"place/{spot.code}", f"{spot.name}: {spot.count}", words("count"), (spot.latitude, spot.longitude)
    for story in situation.stories:
        yield f"story/{story.id}", f"{words.group(story.theme)}: {', '.join(story.places)}", _told(story, words), None
    for line in situation.spread:
        yield (
            f"spread/{line.id}",
            f"{words.group(line.theme)}: {' → '.join(line.places)}",
            f"{words(f'kind.{line.kind}')}, {words(line.direction)}",
            None,
        )


def _told(story: StoryLine, words: Words) -> str:
    return f"{story.first}–{story.last}: {story.coverage} {words('coverage').lower()}, {story.independent} {words('independent').lower()}"


def _counterclockwise(feature: dict[str, Any]) -> dict[str, Any]:
    """Borders are drawn clockwise for Vega; GeoJSON has exterior rings the other way round, and holes clockwise."""
    geometry = feature["geometry"]
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    turned = [[ring[::-1] for ring in polygon] for polygon in polygons]
    return feature | {"geometry": geometry | {"coordinates": turned if geometry["type"] == "MultiPolygon" else turned[0]}}


def _id(situation: Situation, part: str) -> str:
    return f"tag:fjaril,2026:lagesbild/{situation.area.code.replace(' ', '_')}{'/' if part else ''}{part}"


def _tag(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
