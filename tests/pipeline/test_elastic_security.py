"""TLS, API keys and versions: the real Elasticsearch behind a door that checks them, as the core server has no such modules."""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pipeline.errors import SearchIndexError
from pipeline.index.elastic.index import ElasticIndex
from pipeline.ports import Written
from pipeline.settings import Elastic
from tests.conftest import ROOT
from tests.contract.index_adapters import PREFIX, open_elastic
from tests.contract.test_index import document, fill, ids
from tests.real_servers import servers

#: Keys that the door knows; the second may only read.
KEY, READER = "aW52ZW50ZWQ6a2V5", "aW52ZW50ZWQ6cmVhZGVy"
WRITES = ("_bulk", "/_create", "_forcemerge")


def certificate(folder: Path, name: str = "door") -> Path:
    """A certificate of 127.0.0.1 that signs itself, with its private key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return file


class Door(BaseHTTPRequestHandler):
    """Passes on what comes with a key that it knows; says of itself that it is another version where ``version`` is set."""

    protocol_version = "HTTP/1.1"
    version = ""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = self.headers.get("Authorization", "")
        if given not in {f"ApiKey {KEY}", f"ApiKey {READER}"}:
            self._refuse(401, "unable to authenticate with provided credentials")
        elif given.endswith(READER) and any(part in self.path for part in WRITES):
            self._refuse(403, "action [indices:data/write/bulk] is unauthorized")
        else:
            self._pass_on(body)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815  (names of the library)

    def _refuse(self, status: int, reason: str) -> None:
        said = {"error": {"type": "security_exception", "reason": reason}, "status": status}
        self._answer(status, json.dumps(said).encode(), "application/json")

    def _pass_on(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(urlsplit(servers().elasticsearch).netloc, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name not in {"Authorization", "Host"}}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        if self.version and self.path.startswith("/_nodes"):
            found = found.replace(b"9.5.0", self.version.encode())
        self._answer(answer.status, found, answer.headers.get("Content-Type", "application/json"))

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up, as one does that does not trust the certificate, is no news."""


@contextmanager
def listening(own: Path, version: str = "") -> Iterator[str]:
    """The URL, with prefix, of the index behind such a door."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own)
    listener = Listener(("127.0.0.1", 0), type("Here", (Door,), {"version": version}))
    listener.socket = tls.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{listener.server_port}/{PREFIX}"
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture
def own(tmp_path) -> Path:
    open_elastic(tmp_path).close()  # with its templates, and empty
    return certificate(tmp_path)


@pytest.fixture
def url(own) -> Iterator[str]:
    with listening(own) as found:
        yield found


def refusal(url: str, **options: object) -> str:
    with pytest.raises(SearchIndexError) as refused:
        ElasticIndex(url, Elastic(retries=0, **options))
    return str(refused.value)


def test_the_key_and_the_certificate_of_the_settings_are_used(url, own):
    """With them everything goes through: writing, searching, deleting."""
    index = ElasticIndex(url, Elastic(api_key=KEY, ca=own))
    fill(index, document("a", "brand"), document("b", "brand"))
    assert (index.delete(["b"]), ids(index, "brand"), index.count()) == (1, ["a"], 1)
    index.close()


@pytest.mark.parametrize("given", ["", "Z3Vlc3NlZA=="])
def test_a_refused_key_is_said_and_not_shown(url, own, given):
    """The error names the setting."""
    text = refusal(url, api_key=given, ca=own)
    assert "refuses the credentials: see elastic.api_key" in text
    assert not given or given not in text


def test_a_key_that_may_only_read_is_said_and_nothing_is_lost(url, own):
    """Searching goes on; writing says which rights are missing, and with them the same batch is written."""
    index = ElasticIndex(url, Elastic(api_key=READER, ca=own))
    assert index.count() == 0
    with pytest.raises(SearchIndexError, match=r"the key of elastic\.api_key may not do this"):
        index.upsert([document("a", "brand")])
    index.close()
    allowed = ElasticIndex(url, Elastic(api_key=KEY, ca=own))
    assert allowed.upsert([document("a", "brand")]) == Written(created=1)
    allowed.close()


def test_a_certificate_that_is_not_known_names_the_setting(url, tmp_path):
    """The system's certificates do not know it, nor does a file with another, nor one that holds none."""
    for given in (None, certificate(tmp_path, "other"), ROOT / "LICENSE"):
        assert "elastic.ca" in refusal(url, api_key=KEY, ca=given)


def test_http_where_there_is_tls_and_the_other_way_round_is_said(url, own):
    """The error names what the URL begins with."""
    assert "http or https" in refusal(url.replace("https:", "http:"), api_key=KEY)
    assert "http or https" in refusal(servers().elasticsearch.replace("http:", "https:"), api_key=KEY, ca=own)


def test_a_server_of_another_version_is_refused(own):
    """Before anything is written to it."""
    with listening(own, "8.19.1") as url:
        assert "found Elasticsearch 8.19.1; version 9 is needed" in refusal(url, api_key=KEY, ca=own)
