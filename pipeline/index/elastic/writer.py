"""Bulk writes: by revision, retried where that can help, each document's end known.

While the server takes one request the next is made: most of the time is waiting for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import msgspec
from elastic_transport import TransportError
from elasticsearch import ApiError
from elasticsearch.helpers import streaming_bulk
from msgspec import Struct

from pipeline.errors import SearchIndexError
from pipeline.index.elastic.connection import Connection, blocked

#: Documents, and bytes, of one request.
CHUNK, BYTES = 1_000, 10_000_000
#: How often what the server cannot take now is sent again, and the seconds before the first and the longest of these waits.
RETRIES, WAIT, LONGEST = 6, 0.5, 10.0


class Write(Struct, frozen=True):
    """One action; ``body`` is None to remove what is there.

    An older revision than what is there is refused by the server; ``revision`` is None to remove whatever is there.
    """

    index: str
    id: str
    revision: int | None
    body: Struct | None


class Outcome(Struct, frozen=True):
    """What became of writes."""

    #: Ids of which the same or a newer revision is there.
    stale: frozenset[str]
    #: Id → why the server will never take it.
    refused: Mapping[str, str]


_Answer = tuple[Write, dict[str, Any]]


class Writer:
    """Writes to the server of a connection."""

    def __init__(self, connection: Connection, retries: int = RETRIES, wait: float = WAIT) -> None:
        self._connection, self._retries, self._wait = connection, retries, wait

    def write(self, writes: Iterable[Write]) -> Outcome:
        """Send them all, in their order.

        :raises SearchIndexError: if the server cannot take one now; what was written stays, and may be written again.
        """
        stale, refused = set(), {}
        for write, item in self._answered(iter(writes)):
            status = item["status"]
            if status < 300 or (status == 404 and write.body is None):
                continue
            reason = str(item.get("error", item))
            if status == 409 and write.revision is not None:
                if write.body is not None:
                    stale.add(write.id)
            elif status == 400 and not blocked(reason):
                refused[write.id] = reason[:500]
            else:
                raise SearchIndexError(
                    f"index: {self._connection.address.url}: {write.index}, document {write.id}: "
                    f"{blocked(reason) or 'it cannot be written now; nothing is lost, it comes again'} ({status}: {reason[:300]})"
                )
        return Outcome(frozenset(stale), refused)

    def _answered(self, writes: Iterator[Write]) -> list[_Answer]:
        """Each write with the server's answer to it; one request is under way while the next is made."""
        answers: list[_Answer] = []
        sender = ThreadPoolExecutor(1, "bulk")
        try:
            sent: Future[list[_Answer]] | None = None
            while chunk := list(islice(writes, CHUNK)):
                answers += sent.result() if sent else []  # before the next goes: what comes after a failure is not sent
                sent = sender.submit(self._send, chunk)
            answers += sent.result() if sent else []
        finally:
            sender.shutdown(cancel_futures=True)
        return answers

    def _send(self, writes: Sequence[Write]) -> list[_Answer]:
        """Each write with the server's answer to it, which come in the same order."""
        by_place = {(write.index, write.id): write for write in writes}
        answered = []
        try:
            send: Any = streaming_bulk  # its types know no actions but texts and dictionaries
            answers = send(
                self._connection.client, writes, expand_action_callback=_expand, chunk_size=CHUNK, max_chunk_bytes=BYTES,
                raise_on_error=False, raise_on_exception=False, max_retries=self._retries, initial_backoff=self._wait,
                max_backoff=LONGEST, retry_on_status=(429, 503),
            )  # fmt: skip
            for _, answer in answers:
                (item,) = answer.values()
                if isinstance(item.get("exception"), (ApiError, TransportError)):
                    raise item["exception"]
                answered.append((by_place[item["_index"], item["_id"]], item))
        except (ApiError, TransportError) as error:
            raise self._connection.error("writing", error) from error
        return answered


def _expand(write: Write) -> tuple[dict[str, Any], bytes | None]:
    """(action, body) as the library sends them."""
    name = "delete" if write.body is None else "index"
    version = {} if write.revision is None else {"version": write.revision, "version_type": "external"}
    action = {name: {"_index": write.index, "_id": write.id, **version}}
    return action, None if write.body is None else msgspec.json.encode(write.body)
