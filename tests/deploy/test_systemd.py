"""``deploy/systemd``: systemd's own word on the units, and the program's on their commands. Settings for them beside."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import pipeline.settings
from pipeline.app import STAGES
from tests.conftest import ROOT
from tests.deploy.commands import is_understood
from tests.e2e.commands import FJARIL

FOLDER = ROOT / "deploy" / "systemd"
#: What is started, templates with what they are started for.
UNITS = (
    "fjaril-all.service", *(f"fjaril-stage@{stage}.service" for stage in STAGES if stage != "enrich"), "fjaril-enrich@1.service",
    "fjaril-console.service", "fjaril-doctor.service", "fjaril-doctor.timer",
)  # fmt: skip
#: The most that systemd may find exposed, from 0 to 10; 2 and less it calls OK.
EXPOSED = 2.0


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with the program where it is here, so that systemd can see that it is there."""
    if shutil.which("systemd-analyze") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("systemd-analyze: not here (Debian: apt-get install systemd)")
    folder = tmp_path / "units"
    shutil.copytree(FOLDER, folder)
    for file in folder.glob("*.service"):
        file.write_text(file.read_text(encoding="utf-8").replace("/opt/fjaril/bin/fjaril", str(FJARIL)), encoding="utf-8")
    return folder


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_COLORS": "0"}
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_has_nothing_to_say(units, unit):
    """Every key is known, every command is there."""
    done = analyze(units, "verify", "--man=no", unit)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "fjaril" in line]) == (0, [])


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_little_is_exposed(units, unit):
    """Also by the template's instances: what all share is found by the name that all begin with."""
    done = analyze(units, "security", "--offline=true", "--no-pager", unit)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSED


def test_every_stage_has_a_unit_and_every_command_is_understood():
    """By the program's own command line, with what the templates are started for."""
    run = set()
    for unit in UNITS:
        name, _, instance = unit.removesuffix(".service").partition("@")
        file = FOLDER / (f"{name}@.service" if instance else unit)
        for line in re.findall(r"^ExecStart=(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE):
            program, *arguments = shlex.split(line.replace("%i", instance))
            assert program == "/opt/fjaril/bin/fjaril"
            is_understood([word for word in arguments if not word.startswith("/")] if "--config" not in arguments else arguments[4:])
            assert arguments[:4] == ["--config", "/etc/fjaril/fjaril.yaml", "--data", "/var/lib/fjaril"]
            run |= set(arguments[5:]) if arguments[4] == "run" else set()
    assert run == set(STAGES)


def test_the_example_of_settings_is_accepted(tmp_path, monkeypatch):
    """Once its files are there; each secret is named as a file of its own."""
    for name in [name for name in os.environ if name.startswith(pipeline.settings.PREFIX)]:
        monkeypatch.delenv(name)
    text = (ROOT / "deploy" / "fjaril.yaml").read_text(encoding="utf-8")
    for name in set(re.findall(r"/etc/fjaril/(\S+)", text.split("\nbus:")[1])):
        (tmp_path / name).write_text("invented\n", encoding="utf-8")
    config = tmp_path / "fjaril.yaml"
    config.write_text(text.replace("/etc/fjaril", str(tmp_path)), encoding="utf-8")
    found = pipeline.settings.load(config)
    assert (found.kafka.password.get_secret_value(), found.elastic.api_key.get_secret_value()) == ("invented", "invented")
    assert (found.kafka.tls, found.keep.index) == (True, 1100)
    assert set(yaml.safe_load(text)) >= {"bus", "index", "kafka", "elastic", "http", "keep"}
