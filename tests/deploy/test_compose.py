"""``deploy/compose.yaml``: its form, what it names, and as much of what it says as runs without Docker."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Annotated, Literal
from xml.etree import ElementTree as ET

import msgspec
import pytest
import yaml
from msgspec import Meta, Struct

from pipeline.app import STAGES
from tests.conftest import ROOT
from tests.deploy.commands import is_accepted, is_understood
from tests.real_servers import servers

FILE = ROOT / "deploy" / "compose.yaml"
Duration = Annotated[str, Meta(pattern=r"^(\d+(\.\d+)?(us|ms|s|m|h))+$")]


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of the Compose Specification, as far as the file uses it: another key, or a value of another type, is refused."""


class Build(Strict):
    context: str
    dockerfile: str


class Healthcheck(Strict):
    test: list[str] = []
    interval: Duration = ""
    timeout: Duration = ""
    retries: int = 0
    start_period: Duration = ""
    start_interval: Duration = ""
    disable: bool = False


class Dependency(Strict):
    condition: Literal["service_healthy", "service_completed_successfully"]


class Logging(Strict):
    driver: str
    options: dict[str, str]


class Limit(Strict):
    soft: int
    hard: int


class Grant(Strict):
    source: str
    target: str


class Deploy(Strict):
    replicas: Annotated[int, Meta(ge=1)]


class Service(Strict):
    image: str
    environment: dict[str, str]
    networks: list[Literal["servers", "outside"]]
    restart: Literal["unless-stopped", "no"]
    security_opt: list[str]
    logging: Logging
    volumes: list[str]
    build: Build | None = None
    command: list[str] = []
    entrypoint: list[str] = []
    healthcheck: Healthcheck | None = None
    depends_on: dict[str, Dependency] = {}
    ports: list[str] = []
    configs: list[Grant] = []
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[str] = []
    init: bool = False
    stop_grace_period: Duration = "10s"
    ulimits: dict[str, Limit] = {}
    deploy: Deploy | None = None
    profiles: list[str] = []

    @property
    def is_ours(self) -> bool:
        """Whether it is a part of Fjäril."""
        return self.build is not None

    @property
    def ends(self) -> bool:
        """Whether it does something once."""
        return self.restart == "no"


class Network(Strict):
    internal: bool = False


class Volume(Strict):
    """Docker keeps it."""


class File(Strict):
    file: str


class Compose(Strict):
    name: str
    services: dict[str, Service]
    networks: dict[str, Network]
    volumes: dict[str, Volume]
    configs: dict[str, File]


@pytest.fixture(scope="module")
def compose() -> Compose:
    read = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return msgspec.convert({key: value for key, value in read.items() if not key.startswith("x-")}, Compose)


def test_its_form_is_right(compose):
    """Every key is one that the types above know; where Docker's own command is here, it finds nothing to say either."""
    assert compose.services
    if shutil.which("docker") and not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        command = ["docker", "compose", "-f", FILE, "--env-file", FILE.with_name("env.example"), "config", "--quiet", "--no-interpolate"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_every_image_has_a_version(compose):
    """The servers' are those that the tests run on, Fjäril's is its own."""
    pom = {
        child.findtext("{*}artifactId"): child.findtext("{*}version")
        for child in ET.parse(ROOT / "deploy" / "local" / "pom.xml").iterfind(".//{*}dependency")  # noqa: S314  (our own file)
    }
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    found = {service.image for service in compose.services.values()}
    elasticsearch = pom["elasticsearch"]
    assert found == {
        f"apache/kafka:{pom['kafka_2.13']}", f"elasticsearch:{elasticsearch}", f"kibana:{elasticsearch}", f"fjaril:{own}",
    }  # fmt: skip
    assert all(re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+", image) for image in found)


def test_health_is_looked_at_everywhere(compose):
    """A server has a check of its own, a stage that of its image; what is done once says by its end how it went."""
    for name, service in compose.services.items():
        check = service.healthcheck
        if service.ends:
            assert check is not None, name
            assert check.disable, name
        elif not service.is_ours:
            assert check is not None, name
            assert check.test[0] == "CMD-SHELL", name
            assert check.retries * len(check.interval) * len(check.start_period), name
    assert "HEALTHCHECK" in (ROOT / compose.services["index"].build.dockerfile).read_text(encoding="utf-8")


def test_what_waits_for_what_can_be_waited_for(compose):
    """Without a circle; nothing waits for the end of what does not end, or for the health of what has none."""
    waits = {name: set(service.depends_on) for name, service in compose.services.items()}
    assert set().union(*waits.values()) <= set(compose.services)
    order = list(TopologicalSorter(waits).static_order())
    assert order.index("keys") < order.index("setup") < order.index("collect")
    for service in compose.services.values():
        for name, dependency in service.depends_on.items():
            assert compose.services[name].ends == (dependency.condition == "service_completed_successfully")


def test_what_is_named_is_declared(compose):
    """Networks, volumes, files."""
    services = compose.services.values()
    assert {network for service in services for network in service.networks} == set(compose.networks)
    assert {volume.split(":")[0] for service in services for volume in service.volumes} == set(compose.volumes)
    assert {config.source for service in services for config in service.configs} == set(compose.configs)
    for config in compose.configs.values():
        assert (FILE.parent / config.file).is_file()
    for service in services:
        if service.build:
            assert (FILE.parent / service.build.context / service.build.dockerfile).is_file()


def test_nothing_can_be_reached_that_need_not(compose):
    """The servers' network has no way out; what people look at is published, on this machine alone; few services reach other networks."""
    assert (compose.networks["servers"].internal, compose.networks["outside"].internal) == (True, False)
    published = {name: service.ports for name, service in compose.services.items() if service.ports}
    assert published == {"kibana": ["127.0.0.1:5601:5601"], "console": ["127.0.0.1:8765:8765"]}
    assert {name for name, service in compose.services.items() if "outside" in service.networks} == {*published, "collect", "alerts"}
    for name, service in compose.services.items():
        assert service.security_opt == ["no-new-privileges:true"], name
        if service.is_ours:
            assert (service.read_only, service.cap_drop, service.tmpfs) == (True, ["ALL"], ["/tmp"]), name  # noqa: S108


def test_every_stage_runs_and_every_command_is_understood(compose):
    """By the program's own command line; the stages are all there are, each once but enrich."""
    ours = {name: service for name, service in compose.services.items() if service.is_ours and not service.entrypoint}
    for service in ours.values():
        is_understood(service.command)
    assert [service.command[1] for service in ours.values() if service.command[0] == "run"] == list(STAGES)
    assert {name for name, service in ours.items() if service.deploy and service.deploy.replicas > 1} == {"enrich"}


def test_every_setting_is_accepted(compose, monkeypatch, tmp_path):
    """By the program's own settings; secrets are read from the files that the service keys writes."""
    for name, service in compose.services.items():
        if service.is_ours and not service.entrypoint:
            folder = tmp_path / name
            folder.mkdir()
            for key in ("elastic", "kibana"):
                (folder / key).write_text(f"key of {key}\n", encoding="ascii")
            given = {key: value.replace("/run/fjaril", str(folder)) for key, value in service.environment.items()}
            found = is_accepted(filled(given), monkeypatch)
            assert found.elastic.api_key.get_secret_value() == "key of elastic"
            assert (found.bus, found.index) == ("kafka://kafka:9092", "http://elasticsearch:9200")
            assert (found.http.contact == "invented") is (name == "collect")


def filled(environment: Mapping[str, str]) -> dict[str, str]:
    """With what the user is asked for."""
    return {name: re.sub(r"\$\{\w+:\?[^}]*\}", "invented", value) for name, value in environment.items()}


def test_what_the_user_is_asked_for_stands_in_the_example():
    """Each variable of the file, and no other; the example holds no value that could be left as it is."""
    text = FILE.read_text(encoding="utf-8")
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    lines = FILE.with_name("env.example").read_text(encoding="utf-8").splitlines()
    offered = [line for line in lines if line and not line.startswith("#")]
    assert {line.removesuffix("=") for line in offered} == asked
    assert all(line.endswith("=") for line in offered)
    assert set(re.findall(r"\$\{(\w+):\?[^}]+\}", text)) == asked


def test_the_broker_takes_its_settings(compose, tmp_path):
    """The image makes properties of its variables; the real broker makes its directories of them, and refuses what it does not take."""
    environment = dict(compose.services["kafka"].environment)
    identity = environment.pop("CLUSTER_ID")
    assert len(urlsafe_b64decode(identity + "==")) == 16
    assert environment.pop("KAFKA_HEAP_OPTS")
    properties = {name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in environment.items()}
    assert properties["log.dirs"] == compose.services["kafka"].volumes[0].split(":")[1]
    given = tmp_path / "server.properties"
    data = tmp_path / uuid.uuid4().hex
    given.write_text("".join(f"{name}={value}\n" for name, value in (properties | {"log.dirs": str(data)}).items()), encoding="utf-8")
    servers().call_kafka("kafka.tools.StorageTool", "format", "-t", identity, "-c", str(given))
    assert identity in (data / "meta.properties").read_text(encoding="utf-8")
