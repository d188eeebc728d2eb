"""A server on loopback that answers ``/api/status`` and the import of saved objects as Kibana documents it, and checks what it checks."""

from __future__ import annotations

import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kibana.test_objects import NEWEST, numbers

Said = tuple[int, Any]


class Importer:
    """What it knows, and what it was sent."""

    def __init__(self, *, version: str = "9.5.0", key: str = "", space: str = "", unready: bool = False) -> None:
        self.version, self.key, self.space, self.unready = version, key, space, unready
        #: (type, id) → object, as the last import left it; and how many imports there were.
        self.objects: dict[tuple[str, str], Any] = {}
        self.imports = 0
        #: Objects that it does not take, with why.
        self.refuses: dict[str, dict[str, Any]] = {}

    def status(self, key: str) -> Said:
        """Those it does not know learn no version."""
        if self.unready:
            return 503, {"status": {"overall": {"level": "unavailable"}}, "message": "Kibana server is not ready yet"}
        known = {"version": {"number": self.version}} if key == self.key else {}
        return 200, {"status": {"overall": {"level": "available"}}} | known

    def take(self, query: str, headers: Any, body: bytes) -> Said:
        """An import."""
        if headers["kbn-xsrf"] is None:
            return 400, {"statusCode": 400, "error": "Bad Request", "message": "Request must contain a kbn-xsrf header."}
        if (headers["Authorization"] or "").removeprefix("ApiKey ") != self.key:
            return 401, {"statusCode": 401, "error": "Unauthorized", "message": "unable to authenticate"}
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        assert message.get_content_type() == "multipart/form-data"
        (part,) = message.iter_parts()
        assert part.get_param("name", header="content-disposition") == "file"
        if not str(part.get_filename()).endswith(".ndjson"):
            return 400, {"statusCode": 400, "error": "Bad Request", "message": f"Invalid file extension {part.get_filename()}"}
        objects = [one for line in part.get_payload(decode=True).splitlines() if "exportedCount" not in (one := json.loads(line))]
        if twice := [key for key, n in Counter((one["type"], one["id"]) for one in objects).items() if n > 1]:
            return 400, {"statusCode": 400, "error": "Bad Request", "message": f"Non-unique import objects detected: {twice}"}
        self.imports += 1
        return 200, self._taken(objects, overwrite=parse_qs(query).get("overwrite") == ["true"])

    def _taken(self, objects: list[Any], *, overwrite: bool) -> Any:
        given = {(one["type"], one["id"]) for one in objects} | self.objects.keys()
        errors = []
        for one in objects:
            missing = [
                {"type": r["type"], "id": r["id"]}
                for r in one["references"] if r["type"] in {"index-pattern", "search"} and (r["type"], r["id"]) not in given
            ]  # fmt: skip
            error = self.refuses.get(one["id"])
            if missing:
                error = {"type": "missing_references", "references": missing}
            elif numbers(one["typeMigrationVersion"]) > numbers(NEWEST[one["type"]]):
                error = {"type": "unknown", "statusCode": 422, "message": "document belongs to a more recent version of Kibana"}
            elif (one["type"], one["id"]) in self.objects and not overwrite:
                error = {"type": "conflict"}
            if error:
                meta = {"title": one["attributes"]["title"], "icon": "app"}
                errors.append({"id": one["id"], "type": one["type"], "meta": meta, "error": error})
        if any(error["error"]["type"] in {"missing_references", "conflict"} for error in errors):
            return {"success": False, "successCount": 0, "errors": errors}
        refused = {error["id"] for error in errors}
        taken = {(one["type"], one["id"]): one for one in objects if one["id"] not in refused}
        self.objects |= taken
        return {"success": not errors, "successCount": len(taken)} | ({"errors": errors} if errors else {})


@contextmanager
def serving(importer: Importer, certificate: Path | None = None) -> Iterator[str]:
    """Its URL; with a certificate it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(importer.status((self.headers["Authorization"] or "").removeprefix("ApiKey ")), "/api/status")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._say(importer.take(urlsplit(self.path).query, self.headers, body), "/api/saved_objects/_import")

        def _say(self, said: Said, path: str) -> None:
            here = urlsplit(self.path).path == (f"/s/{importer.space}" if importer.space else "") + path
            status, body = said if here else (404, {"statusCode": 404, "error": "Not Found", "message": "Not Found"})
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
