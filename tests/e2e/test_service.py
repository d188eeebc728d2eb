"""``fjaril run`` as a service: collects over loopback, is stopped in the midst, goes on, and shows how it does."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

import pipeline.settings
from collectors.items import digest
from pipeline import app, doctor
from tests.collectors.world import event, events, item, rss
from tests.e2e.commands import FJARIL, fjaril, fjaril_json
from tests.pipeline.test_runner import free_port

#: Police events of the first answer: many seconds of work for stages that take one at a time.
EVENTS = 1_500
NEWS = 20


class Site:
    """A web site on loopback: path → (content type, body). ``/slow`` answers once the site closes."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        self._closing = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, self.headers["User-Agent"]))
                if self.path == "/slow":
                    site._closing.wait()
                    return
                kind, body = site.pages.get(self.path, ("text/plain", b""))
                self.send_response(200 if self.path in site.pages else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: the test looks at what was asked."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def times(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def at_once(name: str) -> str:
    """An id whose first visit is due at once: first visits are spread over some seconds, by id."""
    return next(found for n in count() if int(digest((found := f"{name}-{n}").encode())[:8], 16) / 2**32 < 0.01)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    made.pages["/polisen"] = ("application/json", events(*(event(n, summary=f"Brand i bil i Örebro, {n}.") for n in range(EVENTS))))
    made.pages["/rss"] = ("application/rss+xml", rss(*(item(n, f"Påhittad händelse {n} i Malmö") for n in range(NEWS))))
    made.pages["/more"] = ("application/rss+xml", rss(item(1, "En brand i Kiruna"), item(1, "En brand i Kiruna"), item(2, "Lugnt i Boden")))
    yield made
    made.close()


class Service:
    """A data directory with its settings, and the commands over it."""

    def __init__(self, folder: Path, site: Site, **settings: Any) -> None:
        self.folder, self._site = folder, site
        self.port = free_port()
        self.settings(**settings)

    def settings(self, **settings: Any) -> None:
        folder = self.folder
        file = {
            "http": {"private_addresses": True, "contact": "test@example.org", "host_delay": 0},
            "sources": str(folder / "sources.yaml"),
        }
        (folder / "fjaril.yaml").write_text(json.dumps(file | {"metrics_port": self.port} | settings))

    def sources(self, **paths: str) -> None:
        """Kind and path of each source, by name."""
        listed = [
            {"id": at_once(name), "kind": "polisen" if path == "/polisen" else "feed", "url": self._site.url + path, "name": name,
             "purpose": "prov av tjänsten", "interval": 86400}
            for name, path in paths.items()
        ]  # fmt: skip
        (self.folder / "sources.yaml").write_text(json.dumps({"sources": listed}))

    @contextmanager
    def run(self, *stages: str) -> Iterator[subprocess.Popen[bytes]]:
        """``fjaril run`` until the block ends; then SIGTERM: it must exit with 0 within seconds, its logs JSON lines."""
        log = self.folder / f"log-{'-'.join(stages)}-{time.monotonic_ns()}"
        with log.open("wb") as stderr:
            process = subprocess.Popen([FJARIL, "--data", self.folder, "run", *stages], stdout=subprocess.DEVNULL, stderr=stderr)
        try:
            yield process
            assert process.poll() is None, log.read_text()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
        assert (lines[0]["event"], lines[-1]["event"]) == ("starting", "stopped")
        assert {line["level"] for line in lines} == {"info"}

    def report(self) -> doctor.Report:
        """What the doctor sees while the service runs."""
        settings = pipeline.settings.load(data=self.folder)
        bus, index = app.open_bus(settings), app.open_index(settings)
        try:
            return doctor.examine(bus, index)
        finally:
            index.close()
            bus.close()

    def done(self, fetched: int) -> bool:
        report = self.report()
        on = app.stages(pipeline.settings.load(data=self.folder))  # nobody reads for alerts where there are no rules
        return report.fetched == fetched and not any(waiting for stage, waiting in report.lag.items() if stage in on)

    def metrics(self) -> str:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""


def wait(until: Callable[[], Any], seconds: float = 40) -> None:
    limit = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < limit, "it does not come"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stopped(site, directory) -> Service:
    """A service that was stopped while most of what it had fetched was still waiting."""
    service = Service(directory("service"), site, runner={"batch": 1})
    service.sources(police="/polisen", news="/rss")
    with service.run():
        wait(lambda: 'fjaril_stage_records_total{stage="relate"}' in service.metrics() and service.report().fetched == EVENTS + NEWS)
    return service


def test_stopped_in_the_midst_nothing_is_half_done(stopped, site):
    """After SIGTERM everything fetched is in the books, some of it waiting; the site was told who asks."""
    report = stopped.report()
    assert report.balanced
    assert report.dead == 0
    assert 0 < report.documents < report.fetched
    assert report.lag["enrich"] > 0
    assert {agent for _, agent in site.asked} == {f"Fjaril/{report.versions['fjaril']} (+test@example.org)"}


def test_a_second_start_goes_on(stopped, site):
    """What waited is processed, a source that came to the list is collected, and the others are not asked before their time.
    Meanwhile the port for metrics says how far each stage is, and the doctor's books balance.
    """
    stopped.settings()
    stopped.sources(police="/polisen", news="/rss", more="/more")
    asked = site.times("/polisen"), site.times("/rss")
    with stopped.run():
        wait(lambda: stopped.report().balanced and stopped.done(EVENTS + NEWS + 3))
        wait(lambda: 'fjaril_stage_lag_records{stage="index"} 0.0' in stopped.metrics())
        metrics = stopped.metrics()
    assert (site.times("/polisen"), site.times("/rss")) == asked
    for line in ('fjaril_stage_batch_seconds_count{stage="relate"}', f'fjaril_source_failures{{source="{at_once("more")}"}} 0.0'):
        assert line in metrics
    report = fjaril_json("doctor", data=stopped.folder)
    assert report["problems"] == []
    assert (report["documents"], report["duplicates"], report["dead"]) == (EVENTS + NEWS + 2, 1, 0)
    assert report["searchable"] == EVENTS + NEWS + 2


def test_a_stage_alone_works_beside_the_others(site, directory):
    """``fjaril run enrich`` in a process of its own takes what the others give it and gives them what they wait for."""
    service = Service(directory("apart"), site, metrics_port=None)
    service.sources(news="/rss")
    with service.run("collect", "relate", "spread", "index"), service.run("enrich"):
        wait(lambda: service.done(NEWS))
    assert (service.report().documents, service.report().problems) == (NEWS, [])


def test_a_stop_in_the_midst_of_a_visit_is_no_error(site, directory):
    """The visit is cut short, and nothing is logged that needs a person: the next start asks the source again."""
    service = Service(directory("visiting"), site, metrics_port=None)
    service.sources(slow="/slow")
    for times in (1, 2):
        with service.run("collect"):
            wait(lambda times=times: site.times("/slow") == times)


def test_what_stops_a_service_is_one_line(site, directory):
    """Sources that are wrong: said in one line, exit code 2, nothing begun."""
    service = Service(directory("bad"), site)
    (service.folder / "sources.yaml").write_text("sources: [{id: one}]")
    (line,) = fjaril("run", data=service.folder, code=2).stderr.splitlines()
    assert line.startswith(f"fjaril: {service.folder / 'sources.yaml'}: sources[one]: ")
    assert not (service.folder / "bus.db").exists()
