"""Records beside the documents, for those who look into the server: ``PREFIX-findings``, ``PREFIX-stories``, ``PREFIX-sources``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.index.elastic.connection import Connection
from pipeline.index.elastic.writer import Write, Writer
from pipeline.ports import TABLES, Row


class ElasticTables:
    """The port ``Tables`` (:class:`pipeline.ports.Tables`): an index each, versions compared by the server."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._connection, self._writer = connection, writer
        self._indices = {table: connection.address.table(table) for table in TABLES}

    def keep(self, rows: Sequence[Row]) -> Mapping[str, str]:
        """See :meth:`pipeline.ports.Tables.keep`."""
        return self._writer.write(Write(self._indices[row.table], row.id, row.version, row.fields) for row in rows).refused

    def flush(self) -> None:
        """See :meth:`pipeline.ports.Tables.flush`."""
        with self._connection.explained("flushing"):
            self._connection.client.indices.refresh(index=",".join(self._indices.values()))

    def is_empty(self, table: str) -> bool:
        """See :meth:`pipeline.ports.Tables.is_empty`."""
        with self._connection.explained("counting"):
            return int(self._connection.client.count(index=self._indices[table])["count"]) == 0
