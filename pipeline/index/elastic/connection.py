"""How Elasticsearch is reached, and what its errors say to a person."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from elastic_transport import ConnectionError as NotReached
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import ApiError, Elasticsearch
from elasticsearch.serializer import JsonSerializer
from msgspec import Struct

from pipeline.errors import SearchIndexError
from pipeline.settings import Elastic

#: The version of the server that the client speaks to.
MAJOR = 9
_URL = re.compile(r"(?P<server>https?://[^/\s]+)(/(?P<prefix>[a-z0-9][a-z0-9._-]*))?/?")
#: Statuses after which the same request may succeed: too many requests, no master, a node that restarts.
RETRIED = (429, 502, 503, 504)


class Address(Struct, frozen=True):
    """``https://HOST:PORT/PREFIX``: the server, and what the names of indices begin with."""

    url: str
    server: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address that a URL of the setting ``index`` names.

        :raises SearchIndexError: if it is none.
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise SearchIndexError(f"index: found {url!r}; write it as https://HOST:PORT, or https://HOST:PORT/PREFIX in lower case")
        return cls(url, match["server"], match["prefix"] or "fjaril")

    @property
    def documents(self) -> str:
        """The alias, and what the names of the months' indices begin with."""
        return f"{self.prefix}-documents"

    @property
    def months(self) -> str:
        """All the months."""
        return f"{self.documents}-*"

    @property
    def revisions(self) -> str:
        """Where edited and withdrawn documents are noted."""
        return f"{self.prefix}-revisions"

    def table(self, name: str) -> str:
        """A table of records beside the documents."""
        return f"{self.prefix}-{name}"


class _Json(JsonSerializer):
    """A tenth of the time of writing went into the standard library's encoder."""

    def json_dumps(self, data: Any) -> bytes:
        """As the library's own, which also takes halves of characters."""
        try:
            return msgspec.json.encode(data, enc_hook=self.default)
        except UnicodeEncodeError:
            return super().json_dumps(data)

    def json_loads(self, data: bytes) -> Any:
        """As the library's own."""
        return msgspec.json.decode(data)


_SERIALIZERS = dict.fromkeys(("application/json", "application/vnd.elasticsearch+json"), _Json())


class Connection:
    """A client, and its errors as ours."""

    def __init__(self, address: Address, options: Elastic) -> None:
        """Connect.

        :raises SearchIndexError: if the server does not answer, refuses, or is of another version.
        """
        self.address = address
        given: dict[str, Any] = {"request_timeout": options.timeout, "retry_on_timeout": True, "max_retries": options.retries}
        if options.api_key.get_secret_value():
            given["api_key"] = options.api_key.get_secret_value()
        if options.ca:
            given["ca_certs"] = str(options.ca)
        try:
            self.client = Elasticsearch(address.server, retry_on_status=RETRIED, serializers=_SERIALIZERS, **given)
        except ssl.SSLError as error:
            raise SearchIndexError(f"elastic.ca: {options.ca}: holds no certificates in PEM ({error.reason})") from error
        try:
            with self.explained("connecting"):
                nodes = self.client.nodes.info(metric="http", filter_path="nodes.*.version")["nodes"]
            self.version = supported(address, [node["version"] for node in nodes.values()])
        except BaseException:
            self.client.close()
            raise

    def has_swedish(self) -> bool:
        """Whether the server takes Swedish words to their stems: the module is not in every distribution."""
        with self.explained("looking for the analyzer swedish"):
            try:
                self.client.indices.analyze(analyzer="swedish", text="bilar")
            except ApiError as error:
                if error.status_code != 400:
                    raise
                return False
            return True

    @contextmanager
    def explained(self, doing: str) -> Iterator[None]:
        """Errors of the library as ours, naming the setting that they come from."""
        try:
            yield
        except (ApiError, TransportError) as error:
            raise self.error(doing, error) from error

    def error(self, doing: str, error: ApiError | TransportError) -> SearchIndexError:
        """The error as ours."""
        reason, cause = advice(error), str(error).split("\n", 1)[0][:300]
        return SearchIndexError(f"index: {self.address.url}: {doing}: {reason} ({cause})")


def supported(address: Address, versions: Iterable[str]) -> str:
    """The oldest of the nodes' versions.

    :raises SearchIndexError: if the client does not speak to it.
    """
    oldest = min(versions, key=lambda version: [int(part) for part in version.split("-")[0].split(".")])
    if int(oldest.split(".")[0]) != MAJOR:
        raise SearchIndexError(f"index: {address.url}: found Elasticsearch {oldest}; version {MAJOR} is needed")
    return oldest


def advice(error: ApiError | TransportError) -> str:
    """What a person can do about it."""
    if isinstance(error, ApiError):
        return blocked(str(error.body)) or _BY_STATUS.get(error.status_code, "nothing is lost; what was not written comes again")
    if isinstance(error, ConnectionTimeout):
        return "the server takes longer than elastic.timeout; nothing is lost, it is tried again"
    if isinstance(error, TlsError):
        return "its certificate is not to be trusted, or it speaks no TLS: see elastic.ca, and whether the URL has http or https as it has"
    if isinstance(error, NotReached):
        return "nothing answers there: see that it runs, that the URL has http or https as the server has it, and elastic.ca"
    return "the connection failed; nothing is lost, go on later"


_BY_STATUS = {
    401: "the server refuses the credentials: see elastic.api_key",
    403: "the key of elastic.api_key may not do this: let it monitor the cluster, and manage, read and write what begins with the prefix",
    404: "an index or template is missing: run `fjaril setup`",
    429: "the server has more to do than it can; nothing is lost, go on later",
    503: "the server is not ready; nothing is lost, go on later",
}  # fmt: skip


def blocked(reason: str) -> str:
    """What to do about an index that takes no writes; empty if that is not the reason."""
    if "disk usage exceeded flood-stage watermark" in reason:
        return "the server's disk is nearly full: make room there; the index takes writes again by itself, and nothing is lost"
    if "cluster_block_exception" in reason or "index_closed" in reason:
        return "the index is read-only or closed: take index.blocks.* away; nothing is lost"
    return ""
