"""The servers without Docker: what starts, answers and stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from deploy.local.servers import Process, Servers, _began
from tests.conftest import ROOT
from tests.real_servers import servers

SCRIPT = ROOT / "deploy" / "local" / "servers.py"


def test_status_prints_the_urls_of_what_answers():
    """Two lines: Kafka's and Elasticsearch's; the versions are those of pom.xml."""
    running = servers()
    printed = subprocess.run([sys.executable, SCRIPT, "status"], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == [f"kafka://{running.kafka}", running.elasticsearch]
    with urllib.request.urlopen(f"{running.elasticsearch}/_nodes/http?filter_path=nodes.*.version") as answer:  # noqa: S310  (our own)
        versions = {node["version"] for node in json.load(answer)["nodes"].values()}
    assert versions == {"9.5.0"}


def test_stop_ends_nothing_else(tmp_path: Path):
    """A process that has the number of one that is gone is left alone; one that was started is ended, with its children."""
    started = [subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60"], start_new_session=True) for _ in range(2)]
    stranger, own = (Process(child.pid, _began(child.pid)) for child in started)
    state = {"java": "", "ports": {}, "processes": {"kafka": [own.pid, own.began], "elasticsearch": [stranger.pid, "1"]}}
    (tmp_path / "state.json").write_text(json.dumps(state), encoding="utf-8")
    Servers(tmp_path).stop()
    assert (own.runs, stranger.runs) == (False, True)
    os.killpg(stranger.pid, signal.SIGKILL)
    for child in started:
        child.wait()


def test_status_says_when_there_is_nothing(tmp_path: Path):
    """Without servers it exits with 1 and names how to start them."""
    done = subprocess.run([sys.executable, SCRIPT, "status"], capture_output=True, text=True, check=False, env={"TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert "do not run" in done.stderr
