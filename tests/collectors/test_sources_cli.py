"""``fjaril sources`` as people call it, against a server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.settings import load_sources
from tests.collectors.world import item, rss
from tests.e2e.commands import fjaril, fjaril_json

PAGE = b"<!DOCTYPE html><html><head><link rel='alternate' type='application/rss+xml' href='/rss'></head></html>"
FEED = rss(*(item(number, "\x1b[31mText", pubDate=f"2026-03-01T1{number}:00:00Z") for number in range(4))).replace(
    "Påhittad".encode(), "Växjö kommun".encode()
)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"/": PAGE, "/rss": FEED}.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    sources = tmp_path / "sources.yaml"
    sources.write_text("sources:\n  - {id: one, kind: feed, url: 'http://127.0.0.1:9/', name: One, purpose: prov}\n")
    (tmp_path / "fjaril.yaml").write_text(
        f"sources: {sources}\nhttp: {{private_addresses: true, host_delay: 0, contact: test@example.org}}"
    )
    return tmp_path


def test_add_shows_writes_and_what_was_added_answers(url: str, data: Path) -> None:
    """First what it would collect, nothing stored; with purpose and --write it stands in the file, and the check of it is good."""
    shown = fjaril("sources", "add", f"{url}/", data=data)
    assert "kind: feed" in shown.stdout
    assert "area: 0780" in shown.stdout.replace("'", "")
    assert "it would collect 4 items now" in shown.stdout
    assert "\x1b[31m" not in shown.stdout
    assert len(load_sources(data / "sources.yaml")) == 1
    assert "without a purpose" in fjaril("sources", "add", f"{url}/", "--write", data=data, code=2).stderr
    fjaril("sources", "add", f"{url}/", "--write", "--purpose", "Följa kommunens nyheter", data=data)
    added = load_sources(data / "sources.yaml")[1]
    assert (added.id, added.area, added.reliability.value, added.purpose) == ("vaxjo-kommun", "0780", "A", "Följa kommunens nyheter")
    (state,) = fjaril_json("sources", "check", "vaxjo-kommun", data=data)
    assert (state["health"], state["fetched"]) == ("changed", 4)
    listed = fjaril_json("sources", "list", data=data)
    assert [row["condition"] for row in listed] == ["unknown", "unknown"]


def test_what_is_no_source_is_said(url: str, data: Path) -> None:
    """With the address and how to go on."""
    assert f"{url}/nothing: answered 404" in fjaril("sources", "add", f"{url}/nothing", data=data, code=2).stderr


def test_lists_go_out_and_in(data: Path) -> None:
    """What was exported is listed already; what is new is printed as YAML, or added."""
    fjaril("sources", "export", str(data / "out.opml"), data=data)
    again = fjaril("sources", "import", str(data / "out.opml"), "--write", data=data)
    assert "0 sources added, 1 listed already" in again.stdout
    other = (
        (data / "out.opml")
        .read_text(encoding="utf-8")
        .replace("http://127.0.0.1:9/", "http://127.0.0.1:9/b")
        .replace('"id":"one"', '"id":"two"')
    )
    (data / "other.opml").write_text(other.replace("&quot;id&quot;:&quot;one&quot;", "&quot;id&quot;:&quot;two&quot;"), encoding="utf-8")
    shown = fjaril("sources", "import", str(data / "other.opml"), data=data)
    assert "- id: two" in shown.stdout
    fjaril("sources", "import", str(data / "other.opml"), "--write", data=data)
    assert [source.id for source in load_sources(data / "sources.yaml")] == ["one", "two"]
    (data / "bad.opml").write_text("<opml>")
    assert "bad.opml: no OPML" in fjaril("sources", "import", str(data / "bad.opml"), data=data, code=2).stderr


def test_a_list_for_programs_says_purpose_owner_and_terms(data: Path) -> None:
    """What each source is collected for, by whom it is answered for, and for how long it may be kept."""
    (row,) = json.loads(fjaril("sources", "list", "--json", data=data).stdout)
    assert {"purpose", "owner", "terms", "retention_days", "reliability", "area"} <= row.keys()
    assert row["purpose"] == "prov"
