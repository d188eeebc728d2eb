"""Charts of Lens: what they count, by what, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from index_config.kibana.saved import SavedObject, Shown, saved_object
from index_config.kibana.views import DataView

_LAYER = "layer"


class Top(Struct, frozen=True):
    """The most frequent values of a field."""

    field: str
    label: str
    size: int = 10
    #: Whether the others are shown as one.
    others: bool = False


def _time(field: str) -> dict[str, Any]:
    params = {"interval": "auto", "includeEmptyRows": True, "dropPartials": False}
    return _column("Tid", "date_histogram", "date", field, params, bucketed=True)


def _top(top: Top) -> dict[str, Any]:
    params = {
        "size": top.size, "orderBy": {"type": "column", "columnId": "count"}, "orderDirection": "desc", "otherBucket": top.others,
        "missingBucket": False,
    }  # fmt: skip
    return _column(top.label, "terms", "string", top.field, params, bucketed=True)


def _count(label: str) -> dict[str, Any]:
    return _column(label, "count", "number", "___records___", {"emptyAsNull": True})


def _different(label: str, field: str) -> dict[str, Any]:
    return _column(label, "unique_count", "number", field, {"emptyAsNull": True})


def _column(label: str, operation: str, kind: str, field: str, params: Mapping[str, Any], *, bucketed: bool = False) -> dict[str, Any]:
    return {
        "label": label, "customLabel": True, "operationType": operation, "dataType": kind, "isBucketed": bucketed, "sourceField": field,
        "params": dict(params),
    }  # fmt: skip


class _Chart(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    description: str = ""
    view: DataView
    #: In Lucene's syntax.
    query: str = ""

    def saved(self, prefix: str) -> SavedObject:
        """See :class:`index_config.kibana.saved.Shown`."""
        columns = self._columns()
        layer = {"columns": columns, "columnOrder": list(columns), "incompleteColumns": {}}
        kind, drawn = self._drawn()
        attributes = {
            "title": self.title,
            "description": self.description,
            "visualizationType": kind,
            "state": {
                "datasourceStates": {"formBased": {"layers": {_LAYER: layer}}},
                "visualization": drawn,
                "query": {"query": self.query, "language": "lucene"},
                "filters": [],
                "internalReferences": [],
                "adHocDataViews": {},
            },
        }
        return saved_object(prefix, self.name, "lens", attributes, [self.view.reference(prefix, f"indexpattern-datasource-layer-{_LAYER}")])

    def needs(self) -> Sequence[Shown]:
        """The data view."""
        return (self.view,)

    def _columns(self) -> dict[str, dict[str, Any]]:
        """Id → column, buckets first."""
        raise NotImplementedError

    def _drawn(self) -> tuple[str, dict[str, Any]]:
        """The kind of chart, and its state."""
        raise NotImplementedError


class Bars(_Chart, frozen=True, kw_only=True):
    """Stacked bars over time."""

    split: Top
    counted: str

    def _columns(self) -> dict[str, dict[str, Any]]:
        return {"split": _top(self.split), "time": _time(self.view.time), "count": _count(self.counted)}

    def _drawn(self) -> tuple[str, dict[str, Any]]:
        layer = {
            "layerId": _LAYER, "layerType": "data", "seriesType": "bar_stacked", "xAccessor": "time", "accessors": ["count"],
            "splitAccessor": "split",
        }  # fmt: skip
        return "lnsXY", {
            "preferredSeriesType": "bar_stacked", "legend": {"isVisible": True, "position": "right"}, "valueLabels": "hide", "layers": [layer],
        }  # fmt: skip


class Grid(_Chart, frozen=True, kw_only=True):
    """Time from left to right, values below each other, darker the more there are."""

    rows: Top
    counted: str

    def _columns(self) -> dict[str, dict[str, Any]]:
        return {"rows": _top(self.rows), "time": _time(self.view.time), "count": _count(self.counted)}

    def _drawn(self) -> tuple[str, dict[str, Any]]:
        return "lnsHeatmap", {
            "shape": "heatmap", "layerId": _LAYER, "layerType": "data", "xAccessor": "time", "yAccessor": "rows", "valueAccessor": "count",
            "legend": {"isVisible": True, "position": "right", "type": "heatmap_legend"},
            "gridConfig": {
                "type": "heatmap_grid", "isCellLabelVisible": False, "isYAxisLabelVisible": True, "isXAxisLabelVisible": True,
                "isYAxisTitleVisible": False, "isXAxisTitleVisible": False,
            },
        }  # fmt: skip


class Ranking(_Chart, frozen=True, kw_only=True):
    """A table of the most frequent values."""

    rows: Top
    counted: str

    def _columns(self) -> dict[str, dict[str, Any]]:
        return {"rows": _top(self.rows), "count": _count(self.counted)}

    def _drawn(self) -> tuple[str, dict[str, Any]]:
        return "lnsDatatable", {"layerId": _LAYER, "layerType": "data", "columns": [{"columnId": "rows"}, {"columnId": "count"}]}


class Figure(_Chart, frozen=True, kw_only=True):
    """One number: entries, or different values of a field."""

    counted: str
    of: str = ""

    def _columns(self) -> dict[str, dict[str, Any]]:
        return {"count": _different(self.counted, self.of) if self.of else _count(self.counted)}

    def _drawn(self) -> tuple[str, dict[str, Any]]:
        return "lnsMetric", {"layerId": _LAYER, "layerType": "data", "metricAccessor": "count"}
