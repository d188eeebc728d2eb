"""Kafka and Elasticsearch as plain processes on loopback, for tests and for a try; no Docker, nothing of what is stored is kept.

``servers.py start`` fetches both with Maven, starts them, waits until they answer and prints their URLs; ``status`` prints them
if both answer, and otherwise exits with 1; ``stop`` ends what ``start`` began, and nothing else. Needs Linux, Maven and a JDK of
21 or later. Each checkout has servers of its own, under the directory for temporary files, where the user that Elasticsearch
runs as can read them: it refuses to be root.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Oldest Java that Elasticsearch 9 runs on.
JAVA = 21
#: Seconds until a server must answer, and until one that is told to stop is killed.
START, STOP = 120.0, 30.0
#: Of Elasticsearch where this runs as root. A number without an account: nothing is left behind on the machine.
UNPRIVILEGED = 64_646
SERVERS = ("kafka", "elasticsearch")
#: Those of this process: Python complains of a child that runs on when nothing refers to it.
_children: list[subprocess.Popen[bytes]] = []


class ServersError(Exception):
    """The servers cannot be had here; the text says why and what would help."""


@dataclass(frozen=True)
class Process:
    """One that was started: its id is reused by the system, its id and the moment it began are not."""

    pid: int
    began: str

    @property
    def runs(self) -> bool:
        """Whether it is still there."""
        return _began(self.pid) == self.began


class Servers:
    """Both servers of one checkout."""

    def __init__(self, directory: Path | None = None) -> None:
        name = "fjaril-servers-" + hashlib.sha256(str(HERE).encode()).hexdigest()[:12]
        self.directory = directory or Path(tempfile.gettempdir()) / name
        self._state = self.directory / "state.json"

    # --- what is running -----------------------------------------------------------------------------------------------

    @property
    def kafka(self) -> str:
        """Address of the broker, ``host:port``."""
        return f"127.0.0.1:{self._read()['ports']['kafka']}"

    @property
    def kafka_sasl(self) -> str:
        """Address of the same broker over TLS for those who show a password, by PLAIN or SCRAM: the user ``fjaril`` has ``invented``."""
        return f"127.0.0.1:{self._read()['ports']['sasl']}"

    @property
    def kafka_mutual(self) -> str:
        """Address of the same broker over TLS for those who show a certificate: its own is the one that it takes."""
        return f"127.0.0.1:{self._read()['ports']['mutual']}"

    @property
    def certificate(self) -> Path:
        """The broker's, as PEM; it signs itself. Beside it ``broker.p12`` with its private key; the password is ``invented``."""
        return self.directory / "kafka" / "config" / "broker.pem"

    @property
    def elasticsearch(self) -> str:
        """URL of Elasticsearch."""
        return f"http://127.0.0.1:{self._read()['ports']['elasticsearch']}"

    def answers(self, name: str) -> bool:
        """Whether the server runs and answers."""
        process = self._process(name)
        if process is None or not process.runs:
            return False
        return _listens(self._read()["ports"]["kafka"]) if name == "kafka" else _is_healthy(self.elasticsearch)

    @property
    def answer(self) -> bool:
        """Whether both do."""
        return all(self.answers(name) for name in SERVERS)

    # --- start and stop ------------------------------------------------------------------------------------------------

    def fetch(self) -> None:
        """Have Maven bring the artifacts of pom.xml, and unpack them; does nothing if they are there.

        :raises ServersError: without Maven, or if it fails.
        """
        done = self.directory / "fetched" / hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()[:12]
        if done.exists():
            return
        if shutil.which("mvn") is None:
            raise ServersError("mvn: not found; install Maven (Debian: apt-get install maven)")
        _make(self.directory)
        shutil.rmtree(self.directory / "fetched", ignore_errors=True)
        jars = self.directory / "fetched" / "lib"
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
            raise ServersError(f"Maven could not fetch what {HERE / 'pom.xml'} names; its own words stand above")
        (archive,) = jars.glob("elasticsearch-*.zip")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(self.directory / "fetched")
        archive.unlink()
        for script in (self._elasticsearch() / "bin").iterdir():
            script.chmod(0o755)
        done.touch()

    def start(self) -> None:
        """Start both with nothing stored, unless both answer; returns once they do.

        :raises ServersError: if something is missing here, or one does not answer in time.
        """
        if self.answer:
            return
        java = _java()
        self.fetch()
        self.stop()
        wanted = {"kafka": 9092, "controller": 9093, "sasl": 9094, "mutual": 9095, "elasticsearch": 9200}
        ports = {name: _free(port) for name, port in wanted.items()}
        self._state.write_text(json.dumps({"java": str(java), "ports": ports, "processes": {}}), encoding="utf-8")
        try:
            for name in SERVERS:
                self._prepare(name)
                self._run(name)
            for name in SERVERS:
                self._await(name)
        except BaseException:
            self.stop()
            raise

    def restart(self, *names: str) -> None:
        """Start again what was stopped or killed, with what it had stored, and wait until it answers."""
        for name in names:
            self._run(name)
        for name in names:
            self._await(name)

    def stop(self) -> None:
        """End both, and remove what they stored."""
        for name in SERVERS:
            self.end(name, signal.SIGTERM)
            shutil.rmtree(self.directory / name, ignore_errors=True)
        self._state.unlink(missing_ok=True)

    def end(self, name: str, number: signal.Signals) -> None:
        """End one by a signal; what it stored stays. Returns once it is gone."""
        process = self._process(name)
        if process is None or not process.runs:
            return
        os.killpg(process.pid, number)
        deadline = time.monotonic() + STOP
        while process.runs:
            if time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.05)
        _children[:] = [child for child in _children if child.poll() is None]

    @contextmanager
    def silenced(self, name: str) -> Iterator[None]:
        """Within the block it answers nothing, and is not gone either."""
        process = self._process(name)
        if process is None or not process.runs:
            raise ServersError(f"{name} does not run")
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGCONT)

    def call_kafka(self, *arguments: str) -> None:
        """Run one of Kafka's own tools.

        :raises ServersError: if it fails.
        """
        done = subprocess.run(self._kafka_command(*arguments), capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServersError(f"{arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    # --- inside --------------------------------------------------------------------------------------------------------

    def _prepare(self, name: str) -> None:
        """Make its directory, with its settings in it."""
        home, ports = self.directory / name, self._read()["ports"]
        (home / "data").mkdir(parents=True)
        (home / "config").mkdir()
        if name == "kafka":
            (home / "config" / "server.properties").write_text(_kafka_settings(home, ports), encoding="utf-8")
            (home / "config" / "log4j2.yaml").write_text(_KAFKA_LOG, encoding="utf-8")
            self._certify(home / "config")
            settings, user = str(home / "config" / "server.properties"), "SCRAM-SHA-512=[name=fjaril,password=invented]"
            self.call_kafka("kafka.tools.StorageTool", "format", "-t", str(uuid.uuid4()), "-c", settings, "--add-scram", user)
            return
        shutil.copytree(self._elasticsearch() / "config", home / "config", dirs_exist_ok=True)
        (home / "config" / "elasticsearch.yml").write_text(_elasticsearch_settings(home, ports), encoding="utf-8")
        if os.geteuid() == 0:
            for path in (home, *home.rglob("*")):
                os.chown(path, UNPRIVILEGED, UNPRIVILEGED)

    def _certify(self, folder: Path) -> None:
        """Make the broker's certificate with what every JDK has."""
        tool = [str(Path(self._read()["java"]) / "bin" / "keytool"), "-keystore", str(folder / "broker.p12"), "-storepass", "invented"]
        for arguments in (
            ("-genkeypair", "-alias", "broker", "-keyalg", "EC", "-dname", "CN=broker", "-ext", "SAN=IP:127.0.0.1", "-validity", "3650"),
            ("-exportcert", "-alias", "broker", "-rfc", "-file", str(folder / "broker.pem")),
        ):
            done = subprocess.run([*tool, *arguments], capture_output=True, text=True, check=False)
            if done.returncode:
                raise ServersError(f"keytool failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _run(self, name: str) -> None:
        state, home = self._read(), self.directory / name
        own = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if name == "elasticsearch" and os.geteuid() == 0 else {}
        command = self._kafka_command("kafka.Kafka", str(home / "config" / "server.properties")) if name == "kafka" else [
            str(self._elasticsearch() / "bin" / "elasticsearch")
        ]  # fmt: skip
        environment = os.environ | {
            "ES_JAVA_HOME": state["java"], "ES_PATH_CONF": str(home / "config"), "ES_JAVA_OPTS": "-Xms1g -Xmx1g", "HOME": str(home),
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        }  # fmt: skip
        with (home / "log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home, env=environment, start_new_session=True, **own
            )
        _children.append(process)
        state["processes"][name] = [process.pid, _began(process.pid)]
        self._state.write_text(json.dumps(state), encoding="utf-8")

    def _await(self, name: str) -> None:
        deadline = time.monotonic() + START
        while not self.answers(name):
            process, log = self._process(name), self.directory / name / "log"
            if process is None or not process.runs or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
                raise ServersError(f"{name} does not answer; the end of {log}:\n{tail}")
            time.sleep(0.1)

    def _kafka_command(self, *arguments: str) -> list[str]:
        log = self.directory / "kafka" / "config" / "log4j2.yaml"
        options = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={log}"]
        return [
            str(Path(self._read()["java"]) / "bin" / "java"),
            *options,
            "-cp",
            str(self.directory / "fetched" / "lib" / "*"),
            *arguments,
        ]

    def _elasticsearch(self) -> Path:
        return next((self.directory / "fetched").glob("elasticsearch-*"))

    def _process(self, name: str) -> Process | None:
        found = self._read()["processes"].get(name) if self._state.exists() else None
        return Process(*found) if found else None

    def _read(self) -> dict:
        if not self._state.exists():
            raise ServersError(f"the servers do not run; start them with: {sys.executable} {Path(__file__)} start")
        return json.loads(self._state.read_text(encoding="utf-8"))


_KAFKA_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_KAFKA_USER = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_fjaril="invented";'
_KAFKA_LOG = """\
Configuration:
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d %p %m (%c)%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: {ref: out}}
"""


def _kafka_settings(home: Path, ports: dict[str, int]) -> str:
    """One broker that is its own controller. Compaction looks around often: tests wait for it."""
    outside = ",".join(
        f"{name}://127.0.0.1:{ports[port]}" for name, port in (("PLAINTEXT", "kafka"), ("SASL", "sasl"), ("MUTUAL", "mutual"))
    )
    store = home / "config" / "broker.p12"
    return "\n".join(
        (
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.voters=1@127.0.0.1:{ports['controller']}",
            f"listeners={outside},CONTROLLER://127.0.0.1:{ports['controller']}",
            f"advertised.listeners={outside}",
            "controller.listener.names=CONTROLLER",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL",
            "listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
            f"listener.name.sasl.scram-sha-512.sasl.jaas.config={_KAFKA_SCRAM}",
            "listener.name.mutual.ssl.client.auth=required",
            f"ssl.keystore.location={store}",
            "ssl.keystore.type=PKCS12",
            "ssl.keystore.password=invented",
            f"ssl.truststore.location={store.with_suffix('.pem')}",
            "ssl.truststore.type=PEM",
            f"listener.name.sasl.plain.sasl.jaas.config={_KAFKA_USER}",
            f"log.dirs={home / 'data'}",
            "auto.create.topics.enable=false",
            "num.partitions=1",
            "offsets.topic.num.partitions=4",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.num.partitions=4",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
            "broker.heartbeat.interval.ms=500",
            "broker.session.timeout.ms=2000",  # so long it takes until one that was killed is let in again
            # Not earlier: what it aborts before it is let in leaves no mark in the topics, and bars their readers for good.
            "transaction.abort.timed.out.transaction.cleanup.interval.ms=5000",
            "group.initial.rebalance.delay.ms=0",
            "log.cleaner.backoff.ms=500",
            "log.cleaner.dedupe.buffer.size=16777216",
            "log.segment.delete.delay.ms=1000",
        )
    )


def _elasticsearch_settings(home: Path, ports: dict[str, int]) -> str:
    return "\n".join(
        (
            "cluster.name: fjaril-local",
            "discovery.type: single-node",
            "network.host: 127.0.0.1",
            f"http.port: {ports['elasticsearch']}",
            f"transport.port: {_free(9300)}",
            f"path.data: {home / 'data'}",
            f"path.logs: {home / 'logs'}",
            "xpack.security.enabled: false",
            "cluster.routing.allocation.disk.threshold_enabled: false",
            "action.destructive_requires_name: true",
        )
    )


def _java() -> Path:
    """Home of the newest JDK here.

    :raises ServersError: if none is new enough.
    """
    named = [Path(home) for home in (os.environ.get("JAVA_HOME"),) if home]
    found = {home: _java_version(home) for home in (*named, *Path("/usr/lib/jvm").glob("*"))}
    best = max(found, key=lambda home: found[home], default=None)
    if best is None or found[best] < JAVA:
        newest = f"the newest is Java {found[best]}" if best and found[best] else "there is none"
        raise ServersError(f"JAVA_HOME and /usr/lib/jvm: {newest}; Elasticsearch 9 needs a JDK of {JAVA} or later: set JAVA_HOME to one")
    return best


def _java_version(home: Path) -> int:
    """Its major version by its file ``release``; 0 if it is no JDK."""
    try:
        lines = (home / "release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    versions = [line.split('"')[1].split(".")[0] for line in lines if line.startswith("JAVA_VERSION=")]
    return int(versions[0]) if versions and versions[0].isdigit() else 0


def _began(pid: int) -> str:
    """When the process began, in the kernel's ticks; empty if there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _make(directory: Path) -> None:
    """A directory that another user can read but not write; one of somebody else's is refused.

    :raises ServersError: if it is not ours.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    if directory.stat().st_uid != os.geteuid():
        raise ServersError(f"{directory}: belongs to another user; set TMPDIR to a directory of your own")


def _free(wanted: int) -> int:
    """The port, or another one if it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServersError(f"127.0.0.1: neither port {wanted} nor any other is free")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5) as answer:  # noqa: S310  (our own)
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def main() -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("start", "stop", "status"))
    command, servers = parser.parse_args().command, Servers()
    try:
        if command == "start":
            servers.start()
        if command == "stop":
            servers.stop()
            return 0
        if not servers.answer:
            raise ServersError("the servers do not run, or not both of them")  # noqa: TRY301  (told as the others)
    except ServersError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"kafka://{servers.kafka}\n{servers.elasticsearch}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
