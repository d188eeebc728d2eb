"""Maps: one drawn by Vega on borders of its own, which needs no network, and one of Kibana's to move and zoom in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from index_config.kibana.saved import SEARCHED, SavedObject, Shown, saved_object, searched, text
from index_config.kibana.views import DataView

#: Where the specifications stand.
FOLDER = Path(__file__).parent / "vega"
#: A GeoJSON FeatureCollection.
Outline = dict[str, Any]


class Drawn(Struct, frozen=True, kw_only=True):
    """A specification of Vega: the file of its name; ``{index}`` and ``{sverige}`` in it are filled in."""

    name: str
    title: str
    description: str
    view: DataView
    outline: Outline

    def specification(self, prefix: str) -> dict[str, Any]:
        """What Kibana's Vega is given."""
        read: dict[str, Any] = json.loads((FOLDER / f"{self.name}.json").read_text(encoding="utf-8"))
        filled: dict[str, Any] = _filled(read, {"{index}": self.view.index(prefix), "{sverige}": self.outline["features"]})
        return filled

    def saved(self, prefix: str) -> SavedObject:
        """See :class:`index_config.kibana.saved.Shown`."""
        state = {"title": self.title, "type": "vega", "aggs": [], "params": {"spec": text(self.specification(prefix))}}
        attributes = {
            "title": self.title, "description": self.description, "version": 1, "uiStateJSON": "{}", "visState": text(state),
            "kibanaSavedObjectMeta": searched(""),
        }  # fmt: skip
        return saved_object(prefix, self.name, "visualization", attributes, [self.view.reference(prefix, SEARCHED)])

    def needs(self) -> Sequence[Shown]:
        """The data view."""
        return (self.view,)


def _filled(value: Any, given: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part, given) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, given) for part in value]
    return given.get(value, value) if isinstance(value, str) else value


class Zoomed(Struct, frozen=True, kw_only=True):
    """Kibana's own map: tiles with the number of documents, and near by each document. Without a background, which would come from afar."""

    name: str
    title: str
    description: str
    view: DataView
    field: str
    #: Fields that are told of a document that is pointed at.
    told: tuple[str, ...]
    #: From this level on documents are shown one by one.
    near: int = 9

    def saved(self, prefix: str) -> SavedObject:
        """See :class:`index_config.kibana.saved.Shown`."""
        tiles = {"type": "ES_GEO_GRID", "requestType": "point", "resolution": "COARSE", "metrics": [{"type": "count"}]}
        points = {"type": "ES_SEARCH", "scalingType": "LIMIT", "filterByMapBounds": True, "tooltipProperties": list(self.told)}
        layers = [
            self._layer(0, "Antal dokument", tiles, _BY_COUNT, {"minZoom": 0, "maxZoom": self.near}),
            self._layer(1, "Dokument", points, _PLAIN, {"minZoom": self.near, "maxZoom": 24}),
        ]
        attributes = {
            "title": self.title,
            "description": self.description,
            "mapStateJSON": text({"zoom": 4.2, "center": {"lon": 16.5, "lat": 62.5}, "query": {"query": "", "language": "lucene"}}),
            "layerListJSON": text(layers),
            "uiStateJSON": text({"isLayerTOCOpen": False, "openTOCDetails": []}),
        }
        references = [self.view.reference(prefix, f"layer_{number}_source_index_pattern") for number in range(len(layers))]
        return saved_object(prefix, self.name, "map", attributes, references)

    def needs(self) -> Sequence[Shown]:
        """The data view."""
        return (self.view,)

    def _layer(self, number: int, label: str, source: dict[str, Any], style: dict[str, Any], zoom: dict[str, int]) -> dict[str, Any]:
        where = {
            "id": f"{self.name}-source-{number}", "geoField": self.field, "applyGlobalQuery": True, "applyGlobalTime": True,
            "indexPatternRefName": f"layer_{number}_source_index_pattern",
        }  # fmt: skip
        return {
            "id": f"{self.name}-{number}", "label": label, "type": "GEOJSON_VECTOR", "visible": True, "alpha": 0.8, "style": style,
            "sourceDescriptor": where | source, "joins": [], **zoom,
        }  # fmt: skip


_COUNTED = {"label": "count", "name": "doc_count", "origin": "source"}
_BY_COUNT = {
    "type": "VECTOR",
    "properties": {
        "fillColor": {"type": "DYNAMIC", "options": {"field": _COUNTED, "color": "Yellow to Red"}},
        "lineColor": {"type": "STATIC", "options": {"color": "#FFF"}},
        "lineWidth": {"type": "STATIC", "options": {"size": 1}},
        "iconSize": {"type": "DYNAMIC", "options": {"field": _COUNTED, "minSize": 6, "maxSize": 32}},
    },
}
_PLAIN = {
    "type": "VECTOR",
    "properties": {
        "fillColor": {"type": "STATIC", "options": {"color": "#D55E00"}},
        "iconSize": {"type": "STATIC", "options": {"size": 7}},
    },
}
