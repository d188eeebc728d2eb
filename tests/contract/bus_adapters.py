"""The adapters of the port ``Bus`` that the contract suite runs over. A new one only registers itself here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.bus.sqlite import SqliteBus
from pipeline.ports import Bus, Topic

#: Opens a bus with these topics; called again with the same folder it opens the same bus.
Open = Callable[[Path, Sequence[Topic]], Bus]

ADAPTERS: dict[str, Open] = {
    "sqlite": lambda folder, topics: SqliteBus(folder / "bus.db", topics),
}
