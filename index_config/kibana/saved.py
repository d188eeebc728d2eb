"""Saved objects of Kibana, and the file that it imports: one object a line, then a summary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

#: Type → version of the layout that an object is written in. Kibana upgrades an older one by itself and refuses a newer one, so these are
#: the lowest that hold what is needed.
TYPES = {"index-pattern": "8.0.0", "search": "7.9.3", "visualization": "8.5.0", "map": "8.4.0", "lens": "8.9.0", "dashboard": "8.7.0"}
CORE = "8.8.0"


class Reference(Struct, frozen=True, kw_only=True):
    """What an object needs of another one; ``name`` is what it calls it."""

    id: str
    name: str
    type: str


class SavedObject(Struct, frozen=True, kw_only=True):
    """One line of the file."""

    id: str
    type: str
    attributes: dict[str, Any]
    references: tuple[Reference, ...] = ()
    #: Kibana lets nobody change it, only copy it: the next import replaces it.
    managed: bool = True
    core_version: str = msgspec.field(name="coreMigrationVersion", default=CORE)
    type_version: str = msgspec.field(name="typeMigrationVersion", default="")

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.attributes.get("name") or self.attributes["title"])


class Shown(Protocol):
    """Something that a dashboard can hold, or needs."""

    @property
    def name(self) -> str:
        """Unique; with the prefix before it, its id."""

    def saved(self, prefix: str) -> SavedObject:
        """The object, for indices whose names begin with the prefix."""

    def needs(self) -> Sequence[Shown]:
        """What it refers to."""


def saved_object(prefix: str, name: str, kind: str, attributes: dict[str, Any], references: Iterable[Reference] = ()) -> SavedObject:
    """An object of the version that its type has here."""
    return SavedObject(id=f"{prefix}-{name}", type=kind, attributes=attributes, references=tuple(references), type_version=TYPES[kind])


def everything(shown: Iterable[Shown], prefix: str) -> list[SavedObject]:
    """The objects and all that they need, each once, what is needed first."""
    found: dict[str, SavedObject] = {}

    def add(one: Shown) -> None:
        for other in one.needs():
            add(other)
        found.setdefault(one.name, one.saved(prefix))

    for one in shown:
        add(one)
    return list(found.values())


def ndjson(objects: Sequence[SavedObject]) -> bytes:
    """The file."""
    summary = {
        "exportedCount": len(objects), "missingRefCount": 0, "missingReferences": [], "excludedObjectsCount": 0, "excludedObjects": [],
    }  # fmt: skip
    return b"".join(msgspec.json.encode(line) + b"\n" for line in (*objects, summary))


def text(value: Any) -> str:
    """JSON inside JSON, as Kibana stores much."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def searched(query: str, *, index: bool = True) -> dict[str, str]:
    """The attribute ``kibanaSavedObjectMeta``: a query in Lucene's syntax, which the server itself reads."""
    source: dict[str, Any] = {"query": {"query": query, "language": "lucene"}, "filter": []}
    return {"searchSourceJSON": text(source | ({"indexRefName": SEARCHED} if index else {}))}


#: What an object calls the data view that it searches.
SEARCHED = "kibanaSavedObjectMeta.searchSourceJSON.index"
