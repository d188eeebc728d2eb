"""The adapters of the port ``Bus`` that the contract suite runs over. A new one only registers itself here."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.bus.kafka.bus import KafkaBus
from pipeline.bus.sqlite import SqliteBus
from pipeline.ports import Bus, Topic
from tests.real_servers import servers

#: Opens a bus with these topics; called again with the same folder it opens the same bus.
Open = Callable[[Path, Sequence[Topic]], Bus]


@dataclass(frozen=True)
class Adapter:
    """How a bus is opened, and what a kill leaves of it."""

    open: Open
    #: The folder in which the bus goes on after a kill, given the one before it.
    crash: Callable[[Bus, Path], Path]
    #: Runs of the model test: a step on a server takes a hundred times as long.
    runs: int


def open_kafka(folder: Path, topics: Sequence[Topic]) -> Bus:
    """On the real broker, under a prefix that is the folder's."""
    prefix = "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return KafkaBus(f"kafka://{servers().kafka}/{prefix}", topics)


def crash_files(bus: Bus, folder: Path) -> Path:
    """A copy of the files as they are, log included."""
    copy = Path(tempfile.mkdtemp())
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    bus.close()
    shutil.rmtree(folder)
    return copy


def crash_client(bus: Bus, folder: Path) -> Path:
    """What a client leaves on a broker is the same whether it is closed or killed, but for the wait until its group goes on."""
    bus.close()
    return folder


ADAPTERS: dict[str, Adapter] = {
    "sqlite": Adapter(lambda folder, topics: SqliteBus(folder / "bus.db", topics), crash_files, 1_000),
    "kafka": Adapter(open_kafka, crash_client, 10),
}
