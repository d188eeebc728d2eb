"""Brings saved objects to Kibana through its import interface, and says what it answers."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from pipeline.errors import KibanaError
from pipeline.index.elastic.connection import MAJOR
from pipeline.settings import Kibana as Options

_URL = re.compile(r"https?://[^/\s?#@]+(/[^\s?#]*)?")
#: Most bytes of an answer that are read: it names each object.
_MOST = 10_000_000
#: Objects whose errors are told one by one.
_TOLD = 10


class _Answer(Struct, frozen=True):
    status: int
    body: bytes


class Kibana:
    """One Kibana, or one space of it."""

    def __init__(self, url: str, options: Options) -> None:
        """Nothing is asked yet.

        :param url: ``https://HOST:PORT``, with ``/s/SPACE`` behind it for a space.
        :raises KibanaError: if the URL is none, or the certificates of ``kibana.ca`` cannot be read.
        """
        if not _URL.fullmatch(url):
            raise KibanaError(f"--kibana: found {url!r}; write it as https://HOST:PORT, with /s/SPACE behind it for a space")
        self.url, self._options = url.rstrip("/"), options
        self._parts = urlsplit(self.url)
        self._context = _trust(options.ca) if self._parts.scheme == "https" else None

    def check(self) -> str:
        """Its version; empty if it tells that only to those it knows, and lets the import say whether it knows us.

        :raises KibanaError: if it does not answer, is none, or of another version.
        """
        version = str(self._said(self._ask("GET", "/api/status")).get("version", {}).get("number", ""))
        if version and version.split(".", maxsplit=1)[0] != str(MAJOR):
            raise self._error(f"found Kibana {version}; version {MAJOR} is needed")
        return version

    def load(self, objects: bytes) -> int:
        """Import the objects of a file (NDJSON), each in place of the one of its id; returns how many there were.

        :raises KibanaError: if Kibana did not take all of them; the text lists those that it refused.
        """
        boundary = uuid.uuid4().hex
        head = 'Content-Disposition: form-data; name="file"; filename="fjaril.ndjson"\r\nContent-Type: application/ndjson\r\n\r\n'
        body = f"--{boundary}\r\n{head}".encode() + objects + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        said = self._said(self._ask("POST", "/api/saved_objects/_import?overwrite=true", body, kind))
        if said.get("success") is not True:
            raise self._error(f"{said.get('successCount', 0)} objects were taken, but not these: {_refused(said.get('errors') or [])}")
        return int(said.get("successCount", 0))

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> _Answer:
        host, port, seconds = self._parts.hostname or "", self._parts.port, self._options.timeout
        key = self._options.api_key.get_secret_value()
        given = {"kbn-xsrf": "fjaril", "Accept": "application/json"} | ({"Authorization": f"ApiKey {key}"} if key else {}) | (headers or {})
        connection = (
            http.client.HTTPSConnection(host, port, timeout=seconds, context=self._context)
            if self._context
            else http.client.HTTPConnection(host, port, timeout=seconds)
        )
        try:
            connection.request(method, self._parts.path + path, body, given)
            answer = connection.getresponse()
            return _Answer(answer.status, answer.read(_MOST))
        except ssl.SSLError as error:
            raise self._error(f"its certificate is not trusted, or it speaks no TLS: see kibana.ca ({error})") from error
        except TimeoutError as error:
            raise self._error("it takes longer than kibana.timeout; go on later") from error
        except (OSError, http.client.HTTPException) as error:
            hint = "nothing answers there: see that it runs, and that the URL has http or https as it has"
            raise self._error(f"{hint} ({error or type(error).__name__})") from error
        finally:
            connection.close()

    def _said(self, answer: _Answer) -> dict[str, Any]:
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = None
        if answer.status in _BY_STATUS:
            raise self._error(f"{_BY_STATUS[answer.status]} ({_message(said)})")
        if not isinstance(said, dict):
            raise self._error(f"what answers there is no Kibana: status {answer.status}, and no JSON object")
        if answer.status != 200:
            raise self._error(f"it does not take this: {_message(said)} (status {answer.status})")
        return said

    def _error(self, text: str) -> KibanaError:
        return KibanaError(f"--kibana: {self.url}: {text}")


_BY_STATUS = {
    401: "it refuses the credentials: see kibana.api_key",
    403: "the key of kibana.api_key may not do this: let it manage saved objects of this space",
    404: "there is no Kibana or no such space: see the URL, its base path and /s/SPACE",
    429: "it has more to do than it can; go on later",
    502: "it is not ready; go on later",
    503: "it is not ready, or its Elasticsearch is not; go on later",
}  # fmt: skip


def _message(said: Any) -> str:
    return str(said.get("message", ""))[:300] if isinstance(said, dict) else ""


def _refused(errors: list[Any]) -> str:
    lines = [_one(error) for error in errors[:_TOLD] if isinstance(error, dict)]
    return "; ".join(lines) + (f"; and {len(errors) - _TOLD} more" if len(errors) > _TOLD else "")


def _one(error: dict[str, Any]) -> str:
    """``dashboard fjaril-laget-nu (Läget nu): missing_references: index-pattern fjaril-documents``."""
    said, title = error.get("error") or {}, (error.get("meta") or {}).get("title", "")
    missing = [f"{one.get('type')} {one.get('id')}" for one in said.get("references") or []]
    parts = [str(said.get("type", "unknown")), *missing, *([str(said["message"])] if "message" in said else [])]
    return f"{error.get('type')} {error.get('id')}{f' ({title})' if title else ''}: {': '.join(parts)[:200]}"


def _trust(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise KibanaError(f"kibana.ca: {ca}: {error.strerror or error}; name a file of certificates in PEM") from error
