"""What is known of sources and items, in memory: folded from the bus at start, advanced after each publication."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from pipeline.model import ItemState, SourceState, decode
from pipeline.ports import Bus


class Version(NamedTuple):
    """The last version of an item that was published, or died."""

    content_hash: str
    #: Of the last one that was published, 0 if none was.
    revision: int
    withdrawn: bool


class Ledger:
    """Sources by id, items by document id. About 300 bytes an item."""

    def __init__(self) -> None:
        self.sources: dict[str, SourceState] = {}
        self._items: dict[str, Version] = {}
        #: Source → key → (native id, author) of what is not withdrawn, of kinds that have to find out what is missing.
        self._standing: dict[str, dict[str, tuple[str, str]]] = {}

    def restore(self, bus: Bus) -> None:
        """Fold topics ``sources`` and ``items``; the last record of a key counts, erased ones are passed over."""
        for record in bus.read("sources"):
            if record.value:
                self.sources[record.key] = decode(record.value, SourceState)
        for record in bus.read("items"):
            if record.value:
                self.note(record.key, decode(record.value, ItemState))

    def get(self, key: str) -> Version | None:
        """The last version of an item, None for a new one."""
        return self._items.get(key)

    def note(self, key: str, state: ItemState) -> None:
        """``state`` is on the bus."""
        self._items[key] = Version(state.content_hash, state.revision, state.withdrawn)
        standing = self._standing.setdefault(state.source, {})
        standing.pop(key, None)
        if state.native_id and not state.withdrawn:
            standing[key] = (state.native_id, state.author)

    def standing(self, source_id: str) -> Mapping[str, tuple[str, str]]:
        """Key → (native id, author) of the source's items that are not withdrawn, latest last; only where the kind has them kept."""
        return self._standing.get(source_id, {})

    def last_calls(self) -> Iterable[tuple[str, datetime]]:
        """(address, time) of the last call of each source, earliest first."""
        return sorted(((state.url, state.checked) for state in self.sources.values()), key=lambda call: call[1])

    def __len__(self) -> int:
        return len(self._items)
