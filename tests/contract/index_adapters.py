"""The adapters that the contract of the port Index is run over; a new one is added to :data:`ADAPTERS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.index.embedded import EmbeddedIndex
from pipeline.ports import Index


@dataclass(frozen=True)
class Adapter:
    """How to open an index. Opening the same directory again, after a close, gives what was stored."""

    name: str
    open: Callable[[Path], Index]


ADAPTERS = (Adapter("embedded", lambda directory: EmbeddedIndex(directory / "index")),)
