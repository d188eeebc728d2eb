"""``deploy/Dockerfile``: what can be seen of it without building it, and its health check against the program."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from tests.conftest import ROOT
from tests.deploy.commands import is_accepted, is_understood
from tests.e2e.commands import FJARIL

FILE = ROOT / "deploy" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """(name, arguments) of each, lines that go on put together."""
    text = "\n".join(line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line.strip())]


def of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def listed(rest: str) -> list[str]:
    """The words of an instruction in its JSON form."""
    return json.loads(rest[rest.index("[") :])


def environment() -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(of("ENV")[-1]))


def test_bases_have_a_version_and_it_is_a_python_that_fits():
    """To the patch, the same for both stages; nothing is fetched but what the lock names."""
    bases = {rest.split()[0] for rest in of("FROM")}
    assert len(of("FROM")) == 2
    (base,) = bases
    found = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-\w+", base)
    least = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert found
    assert least == f">={found[1]}.{found[2]}"
    assert of("ADD") == []
    fetching = [rest for rest in of("RUN") if re.search(r"pip (wheel|install|download)|apt-get|curl|wget", rest)]
    assert all("--require-hashes" in rest or rest.count("--no-index") == rest.count("pip ") for rest in fetching)


def test_nothing_runs_as_root():
    """The last user is one that the file makes, with a number of its own."""
    (user,) = of("USER")
    assert re.search(rf"useradd .*--uid \d{{5}} .*{user}", " ".join(of("RUN")))


def test_what_is_copied_is_there_and_not_left_out():
    """Each source exists in the folder that is built from, and is let in by .dockerignore, which leaves out all else."""
    rules = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    sources = [source for rest in of("COPY") if "--from" not in rest for source in rest.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, rule) for rule in let_in), source
    assert let_in == set(sources)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    assert set(packages) <= set(sources)


def test_its_settings_and_its_command_are_the_programs(monkeypatch):
    """The variables are accepted, the entry point is the program, what it runs by itself is understood."""
    found = is_accepted(environment(), monkeypatch)
    assert str(found.data_dir) == of("WORKDIR")[-1] == listed(of("VOLUME")[0])[0]
    assert str(found.metrics_port) == of("EXPOSE")[0]
    assert listed(of("ENTRYPOINT")[0]) == ["fjaril"]
    is_understood(listed(of("CMD")[0]))


def test_the_health_check_tells_whether_the_program_runs(tmp_path: Path):
    """The very command of the file: it fails while nothing runs, and succeeds once the program does."""
    (port,) = of("EXPOSE")
    check = listed(of("HEALTHCHECK")[0].partition("CMD")[2])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = str(probe.getsockname()[1])
    command = [sys.executable if word == "python" else word.replace(port, free) for word in check]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    own = {name: value for name, value in environment().items() if name == "FJARIL_METRICS_ADDRESS"} | {"FJARIL_METRICS_PORT": free}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([FJARIL, "--data", tmp_path, "run", "relate"], env=own, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while subprocess.run(command, capture_output=True, check=False).returncode:
        assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.terminate()
    assert process.wait(60) == 0
