"""``deploy/elasticsearch/grant.py``, against a server that answers as Elasticsearch's security API is documented to.

The core server that the other tests run on has no security; what keys may do is therefore shown only as it is asked for.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "deploy" / "elasticsearch" / "grant.py"
ROOT_USER = "Basic " + base64.b64encode(b"elastic:invented").decode()


class Security(BaseHTTPRequestHandler):
    """Users' passwords and API keys, for the user elastic."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != ROOT_USER:
            self._answer(401, {"error": {"type": "security_exception"}, "status": 401})
        elif self.path.endswith("/_password"):
            self.server.passwords[self.path.split("/")[-2]] = body["password"]
            self._answer(200, {})
        else:
            encoded = base64.b64encode(f"{len(self.server.keys)}:secret".encode()).decode()
            self.server.keys[encoded] = body
            self._answer(200, {"id": "1", "name": body["name"], "api_key": "secret", "encoded": encoded})

    def do_GET(self) -> None:
        known = self.headers["Authorization"].removeprefix("ApiKey ") in self.server.keys
        self._answer(200 if known else 401, {})

    def _answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Security)
    made.passwords, made.keys = {}, {}
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def grant(server: ThreadingHTTPServer, folder, password: str = "invented") -> subprocess.CompletedProcess[str]:  # noqa: S107
    given = {
        "ELASTICSEARCH": f"http://127.0.0.1:{server.server_port}", "ELASTIC_PASSWORD": password, "KIBANA_PASSWORD": "of kibana",
        "KEYS": str(folder),
    }  # fmt: skip
    return subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False, env=os.environ | given)


def test_each_gets_a_key_of_its_own_once(server, tmp_path):
    """A file that others cannot read; a second time the keys that work are kept, one that no longer does is replaced."""
    assert grant(server, tmp_path).returncode == 0
    keys = {name: (tmp_path / name).read_text(encoding="ascii") for name in ("elastic", "kibana")}
    assert set(keys.values()) == set(server.keys)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in keys} == {0o600}
    assert server.passwords == {"kibana_system": "of kibana"}
    done = grant(server, tmp_path)
    assert (done.returncode, len(server.keys)) == (0, 2)
    del server.keys[keys["elastic"]]
    assert grant(server, tmp_path).returncode == 0
    assert (tmp_path / "kibana").read_text(encoding="ascii") == keys["kibana"]
    assert (tmp_path / "elastic").read_text(encoding="ascii") in server.keys


def test_a_key_may_do_what_is_needed_and_no_more(server, tmp_path):
    """Fjäril's own indices and templates; of Kibana its saved objects. No key may manage users, keys or the cluster."""
    grant(server, tmp_path)
    roles = {name: role for body in server.keys.values() for name, role in body["role_descriptors"].items()}
    assert set(roles["elastic"]["cluster"]) == {"monitor", "manage_index_templates"}
    assert [index["names"] for index in roles["elastic"]["indices"]] == [["fjaril-*"]]
    assert set(roles["kibana"]) == {"applications"}


def test_a_refusal_is_said(server, tmp_path):
    """With the address and the answer, without the password; nothing is written."""
    done = grant(server, tmp_path, "guessed")
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert "401" in done.stderr
    assert "guessed" not in done.stderr
