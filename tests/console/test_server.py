"""The console as a process: by itself, beside the pipeline, told of news, stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import httpx
import pytest

from pipeline import app
from pipeline.console.server import listen
from pipeline.errors import SettingsError, UsageError
from pipeline.model import Health, SourceState, encode
from pipeline.ports import Record
from pipeline.settings import Settings, load
from tests.e2e.commands import FJARIL

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


@contextmanager
def process(*arguments: object, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and where its console answers."""
    own = os.environ | environment
    with subprocess.Popen([FJARIL, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own) as run:
        try:
            yield run, _url(run)
        finally:
            with suppress(ProcessLookupError):
                run.kill()


def _url(run: subprocess.Popen[str]) -> str:
    assert run.stdout is not None
    for line in run.stdout:
        if found := re.search(r"Console: (http://\S+)", line):
            return found[1]
    raise AssertionError(run.stderr.read() if run.stderr else "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told_to(demo, number):
    """SIGTERM and Ctrl-C stop it at once, also while somebody listens for news; nothing is written on standard error."""
    with (
        process("--data", demo, "console", "--address", "127.0.0.1:0") as (run, url),
        httpx.stream("GET", f"{url}live", timeout=20) as news,
    ):
        assert news.headers["content-type"] == "text/event-stream"
        began = time.monotonic()
        run.send_signal(number)
        assert run.wait(20) in {0, -number, 130}
        assert time.monotonic() - began < 10
        assert run.stderr is not None
        assert run.stderr.read() == ""


def test_who_looks_is_told_of_news(copied):
    """What another process writes to the bus is told within seconds, and stands on the page then."""
    folder = copied()
    with (
        process("--data", folder, "console", "--address", "127.0.0.1:0") as (_, url),
        httpx.stream("GET", f"{url}live", timeout=20) as news,
    ):
        lines = news.iter_lines()
        assert next(lines).startswith("retry:")
        bus = app.open_bus(load(data=folder))
        state = SourceState(source="ny-källa", url="http://ny.example", checked=NOON, health=Health.BLOCKED, detail="403")
        bus.publish([Record(topic="sources", key=state.source, value=encode(state), timestamp=NOON)])
        bus.close()
        assert next(line for line in lines if line.startswith("event:")) == "event: changed"
        assert "ny-källa" in httpx.get(f"{url}kallor").text


def test_it_answers_beside_the_pipeline(tmp_path):
    """``fjaril run`` serves it, from the first moment, with nothing collected yet."""
    sources = tmp_path / "sources.yaml"
    sources.write_text("sources: []\n")
    with process("--data", tmp_path, "run", FJARIL_CONSOLE__ADDRESS="127.0.0.1:0", FJARIL_SOURCES=str(sources)) as (run, url):
        assert "Här finns inget ännu" in httpx.get(url, timeout=20).text
        run.terminate()
        assert run.wait(20) == 0


def test_an_address_that_is_taken():
    """It is refused with the setting's name, and how to go on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            UsageError, match=rf"console\.address: {re.escape(address)}: Address already in use; .* FJARIL_CONSOLE__ADDRESS"
        ):
            listen(address)


@pytest.mark.parametrize("address", ["here", "127.0.0.1:", "127.0.0.1:99999", ":80"])
def test_an_address_that_is_none(address):
    """What is no address is refused with what would be right."""
    with pytest.raises((SettingsError, UsageError), match=r"127\.0\.0\.1"):
        listen(address)


def test_it_answers_on_this_machine_alone():
    """Without a setting nobody else on the network reaches it."""
    assert Settings.model_fields["console"].default.address == "127.0.0.1:8765"
