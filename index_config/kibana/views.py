"""Data views, and searches of them: tables of the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from index_config.kibana.saved import SEARCHED, Reference, SavedObject, Shown, saved_object, searched, text


class DataView(Struct, frozen=True, kw_only=True):
    """What Kibana knows of an index."""

    #: Of the alias or index, without the prefix.
    name: str
    title: str
    #: Field that the time of a dashboard applies to; empty: it shows what is there at any time.
    time: str = "@timestamp"
    #: Field → what people call it.
    labels: Mapping[str, str] = {}
    #: Field → value → what people call it.
    values: Mapping[str, Mapping[str, str]] = {}

    def index(self, prefix: str) -> str:
        """Name of the index."""
        return f"{prefix}-{self.name}"

    def reference(self, prefix: str, name: str) -> Reference:
        """How another object refers to it."""
        return Reference(id=self.index(prefix), name=name, type="index-pattern")

    def saved(self, prefix: str) -> SavedObject:
        """See :class:`index_config.kibana.saved.Shown`."""
        formats = {
            field: {"id": "static_lookup", "params": {"lookupEntries": [{"key": key, "value": value} for key, value in values.items()]}}
            for field, values in self.values.items()
        }
        attributes: dict[str, Any] = {
            "title": self.index(prefix),
            "name": self.title,
            "allowNoIndex": True,
            "fieldFormatMap": text(formats),
            "fieldAttrs": text({field: {"customLabel": label} for field, label in self.labels.items()}),
            "runtimeFieldMap": "{}",
            "sourceFilters": "[]",
        }
        return saved_object(prefix, self.name, "index-pattern", attributes | ({"timeFieldName": self.time} if self.time else {}))

    def needs(self) -> Sequence[Shown]:
        """Nothing."""
        return ()


class Session(Struct, frozen=True, kw_only=True):
    """A saved search: some fields of what is found."""

    name: str
    title: str
    description: str
    view: DataView
    columns: tuple[str, ...]
    #: In Lucene's syntax.
    query: str = ""
    #: (field, ``asc`` or ``desc``).
    sort: tuple[str, str] = ("@timestamp", "desc")

    def saved(self, prefix: str) -> SavedObject:
        """See :class:`index_config.kibana.saved.Shown`."""
        attributes = {
            "title": self.title,
            "description": self.description,
            "columns": list(self.columns),
            "sort": [list(self.sort)],
            "grid": {},
            "hideChart": True,
            "kibanaSavedObjectMeta": searched(self.query),
        }
        return saved_object(prefix, self.name, "search", attributes, [self.view.reference(prefix, SEARCHED)])

    def needs(self) -> Sequence[Shown]:
        """The data view."""
        return (self.view,)
