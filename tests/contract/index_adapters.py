"""The adapters that the contract of the port Index is run over; a new one is added to :data:`ADAPTERS`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from index_config import templates
from pipeline.index.elastic.connection import Address, Connection
from pipeline.index.elastic.index import ElasticIndex
from pipeline.index.elastic.setup import install
from pipeline.index.embedded import EmbeddedIndex
from pipeline.ports import Index
from pipeline.settings import Elastic
from tests.real_servers import servers


@dataclass(frozen=True)
class Adapter:
    """How to open an index. Opening the same directory again, after a close, gives what was stored."""

    name: str
    open: Callable[[Path], Index]
    #: Runs of the test against a model: a step on a server takes ten times as long.
    runs: int


#: Of this run on the server, and the directory whose index stands there: to make one anew takes a second.
PREFIX = f"t{uuid.uuid4().hex[:12]}"
_stands: list[Path] = []


def open_elastic(directory: Path) -> Index:
    """On the real server; another directory than before has an empty index."""
    url = f"{servers().elasticsearch}/{PREFIX}"
    if directory not in _stands:
        address = Address.parse(url)
        connection = Connection(address, Elastic())
        months = ",".join(connection.client.indices.get_alias(index=address.months))
        connection.client.options(ignore_status=404).indices.delete(index=f"{months},{address.revisions}" if months else address.revisions)
        if not _stands:
            install(connection, templates.components(PREFIX, swedish=False), templates.indices(PREFIX), dry_run=False)
        connection.client.close()
        _stands[:] = [directory]
    return ElasticIndex(url)


ADAPTERS = (
    Adapter("embedded", lambda directory: EmbeddedIndex(directory / "index"), 60),
    Adapter("elastic", open_elastic, 12),
)
