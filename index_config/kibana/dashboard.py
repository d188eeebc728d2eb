"""Dashboards: panels on a grid of 48 columns, with a time and, if wanted, lists to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from index_config.kibana.saved import Reference, SavedObject, Shown, saved_object, text
from index_config.kibana.views import DataView

#: Columns of the grid.
WIDTH = 48


class Panel(Struct, frozen=True):
    """What is shown where: column, row, columns, rows."""

    shown: Shown
    x: int
    y: int
    w: int
    h: int


class Choice(Struct, frozen=True):
    """A list of a field's values to choose from; it holds for all panels."""

    title: str
    view: DataView
    field: str


class Dashboard(Struct, frozen=True, kw_only=True):
    """A page of panels."""

    name: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    choices: tuple[Choice, ...] = ()
    #: How far back it looks, as ``now-7d/d``.
    since: str

    def saved(self, prefix: str) -> SavedObject:
        """See :class:`index_config.kibana.saved.Shown`."""
        panels, references = [], []
        for panel in self.panels:
            shown, key = panel.shown.saved(prefix), panel.shown.name
            panels.append({
                "type": shown.type, "panelIndex": key, "panelRefName": f"panel_{key}", "embeddableConfig": {},
                "gridData": {"x": panel.x, "y": panel.y, "w": panel.w, "h": panel.h, "i": key},
            })  # fmt: skip
            references.append(Reference(id=shown.id, name=f"{key}:panel_{key}", type=shown.type))
        attributes: dict[str, Any] = {
            "title": self.title,
            "description": self.description,
            "timeRestore": True,
            "timeFrom": self.since,
            "timeTo": "now",
            "refreshInterval": {"pause": False, "value": 60_000},
            "optionsJSON": text(
                {"useMargins": True, "syncColors": True, "syncCursor": True, "syncTooltips": False, "hidePanelTitles": False}
            ),
            "panelsJSON": text(panels),
            "kibanaSavedObjectMeta": {"searchSourceJSON": text({"query": {"query": "", "language": "lucene"}, "filter": []})},
        }
        if self.choices:
            attributes["controlGroupInput"] = self._controls()
            references += [choice.view.reference(prefix, f"controlGroup_{n}:optionsListDataView") for n, choice in enumerate(self.choices)]
        return saved_object(prefix, self.name, "dashboard", attributes, references)

    def needs(self) -> Sequence[Shown]:
        """The panels, and what the lists are made of."""
        return (*(panel.shown for panel in self.panels), *(choice.view for choice in self.choices))

    def _controls(self) -> dict[str, Any]:
        panels = {
            str(number): {
                "order": number, "width": "large", "grow": True, "type": "optionsListControl",
                "explicitInput": {"id": str(number), "title": choice.title, "fieldName": choice.field},
            }
            for number, choice in enumerate(self.choices)
        }  # fmt: skip
        ignored = {"ignoreFilters": False, "ignoreQuery": False, "ignoreTimerange": False, "ignoreValidations": False}
        return {
            "controlStyle": "oneLine", "chainingSystem": "HIERARCHICAL", "panelsJSON": text(panels),
            "ignoreParentSettingsJSON": text(ignored),
        }  # fmt: skip
