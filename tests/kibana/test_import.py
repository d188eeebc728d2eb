"""``fjaril setup --kibana`` against a server that answers as Kibana documents: what is sent, and each way in which it can fail."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from pipeline.errors import KibanaError
from pipeline.index.elastic.kibana import Kibana
from pipeline.settings import Kibana as Options
from tests.e2e.commands import fjaril
from tests.kibana.server import Importer, serving
from tests.kibana.world import PREFIX, file

#: Names no server: only the file is made.
SETTINGS = f"index: https://es.example:9200/{PREFIX}\n"


@pytest.fixture
def importer() -> Importer:
    return Importer(key="invented")


@pytest.fixture
def url(importer) -> Iterator[str]:
    with serving(importer) as address:
        yield address


def options(**given: object) -> Options:
    return Options(**{"api_key": SecretStr("invented")} | given)


def refusal(url: str, **given: object) -> str:
    """What is said of an import that fails."""

    def send() -> None:
        kibana = Kibana(url, options(**given))
        kibana.check()
        kibana.load(file())

    with pytest.raises(KibanaError) as raised:
        send()
    assert str(raised.value).startswith(f"--kibana: {url}: ")
    return str(raised.value)


# --- what goes well ----------------------------------------------------------------------------------------------------


def test_all_objects_arrive_and_once_more_changes_nothing(importer, url):
    """As the file has them; the second time each takes the place of its predecessor."""
    kibana = Kibana(url, options())
    assert (kibana.check(), kibana.load(file())) == ("9.5.0", 23)
    before = dict(importer.objects)
    assert kibana.load(file()) == 23
    assert (importer.objects, importer.imports) == (before, 2)
    assert [json.loads(line) for line in file().splitlines()[:-1]] == list(before.values())


def test_a_space_is_part_of_the_url():
    """A slash at its end does not matter."""
    with serving(Importer(space="vakt")) as url:
        assert Kibana(f"{url}/s/vakt/", Options()).load(file()) == 23
        assert "no such space" in refusal(f"{url}/s/annan", api_key=SecretStr(""))


def test_a_certificate_of_ones_own_is_trusted_if_it_is_named(tmp_path):
    """Else it is refused, naming the setting; a file that holds none is named, too."""
    path = certificate(tmp_path)
    with serving(Importer(key="invented"), path) as url:
        assert Kibana(url, options(ca=path)).load(file()) == 23
        assert "its certificate is not trusted, or it speaks no TLS: see kibana.ca" in refusal(url)
        (tmp_path / "none.pem").write_text("no certificate")
        with pytest.raises(KibanaError, match=r"kibana\.ca: .*none\.pem"):
            Kibana(url, options(ca=tmp_path / "none.pem"))


def certificate(folder: Path) -> Path:
    """Of this machine, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "invented")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


# --- what goes wrong ---------------------------------------------------------------------------------------------------


def test_objects_that_are_refused_are_listed(importer, url):
    """An answer of 200 may be a failure: each object with its type, id, title and reason."""
    importer.refuses = {
        f"{PREFIX}-laget-nu": {"type": "unsupported_type"},
        f"{PREFIX}-karta": {"type": "unknown", "statusCode": 400, "message": "no maps here"},
    }
    said = refusal(url)
    assert "21 objects were taken, but not these: " in said
    assert f"dashboard {PREFIX}-laget-nu (Läget nu): unsupported_type" in said
    assert f"map {PREFIX}-karta (Karta att zooma i): unknown: no maps here" in said


def test_a_reference_that_leads_nowhere_is_listed(importer, url):
    """With what is missing; then Kibana takes nothing at all."""
    without = b"\n".join(line for line in file().splitlines() if b'"type":"index-pattern","attributes"' not in line)
    assert without != file()
    with pytest.raises(KibanaError, match=rf"0 objects were taken.*: missing_references: index-pattern {PREFIX}-.*; and \d+ more"):
        Kibana(url, options()).load(without)
    assert importer.objects == {}


def test_an_object_that_is_newer_than_kibana_is_refused(url):
    """The server that these tests speak to does look at versions."""
    newer = file().replace(b'"typeMigrationVersion":"8.7.0"', b'"typeMigrationVersion":"99.0.0"')
    with pytest.raises(KibanaError, match="more recent version of Kibana"):
        Kibana(url, options()).load(newer)


def test_wrong_credentials_name_their_setting(importer, url):
    """Kibana tells its version only to those it knows: the import says so."""
    assert "it refuses the credentials: see kibana.api_key (unable to authenticate)" in refusal(url, api_key=SecretStr("other"))
    assert importer.objects == {}


def test_the_key_is_never_shown(url):
    """Not in an error, nor in its cause."""
    kibana = Kibana(url, options(api_key=SecretStr("hemlig")))
    with pytest.raises(KibanaError) as raised:
        kibana.load(file())
    assert "hemlig" not in f"{raised.value} {raised.value.__cause__!r} {options()!r}"


def test_another_version_is_refused_before_anything_is_sent(importer, url):
    """With what was found and what is needed."""
    importer.version = "8.19.3"
    assert "found Kibana 8.19.3; version 9 is needed" in refusal(url)
    assert importer.imports == 0


def test_a_server_that_is_not_ready_is_said(importer, url):
    """Its Elasticsearch may be on its way."""
    importer.unready = True
    assert "go on later (Kibana server is not ready yet)" in refusal(url)


def test_a_server_that_is_not_there_is_said():
    """A port where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "nothing answers there: see that it runs, and that the URL has http or https" in refusal(
            f"http://127.0.0.1:{taken.getsockname()[1]}"
        )


def test_https_where_http_is_spoken_is_said(url):
    """The other way round nothing answers that could be understood."""
    secure = url.replace("http:", "https:")
    assert "it speaks no TLS" in refusal(secure)


def test_a_server_that_never_answers_is_given_up():
    """After kibana.timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "longer than kibana.timeout" in refusal(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)


def test_what_is_no_kibana_is_said():
    """As a page of a web server."""

    def answer(listening: socket.socket) -> None:
        for _ in range(1):
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        assert "no Kibana: status 200" in refusal(f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()


@pytest.mark.parametrize("url", ["kibana:5601", "ftp://kibana", "https://", "https://user:secret@kibana", "https://kibana?x=1"])
def test_a_url_that_is_none_is_refused(url):
    """With how it is written."""
    with pytest.raises(KibanaError, match=r"--kibana: .*write it as https://HOST:PORT"):
        Kibana(url, options())


# --- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path) -> Path:
    (tmp_path / "fjaril.yaml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def test_the_command_writes_the_file(data):
    """The same that is imported; a dry run writes none."""
    path = data / "fjaril.ndjson"
    assert "23 objects" in fjaril("setup", "--kibana-file", path, "--dry-run", data=data).stdout
    assert not path.exists()
    assert "Stack Management" in fjaril("setup", "--kibana-file", path, data=data).stdout
    assert path.read_bytes() == file()


def test_the_command_imports(data, importer, url):
    """A line for each object; a dry run asks Kibana whether it is there, and sends nothing."""
    (data / "fjaril.yaml").write_text(f"{SETTINGS}kibana: {{api_key: invented}}\n", encoding="utf-8")
    arguments = ("setup", "--kibana-file", data / "fjaril.ndjson", "--kibana", url)
    assert "kibana dashboard exempel-laget-nu: Läget nu\n" in fjaril(*arguments, "--dry-run", data=data).stdout
    assert importer.objects == {}
    assert fjaril(*arguments, data=data).stdout.count("\nkibana ") == 23 == len(importer.objects)


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (("--kibana-file", "x.json"), SETTINGS, "--kibana-file: found 'x.json'; Kibana imports only a file that ends in .ndjson"),
        (("--kibana-file", "/nowhere/x.ndjson"), SETTINGS, "name a file that can be written"),
        (("--kibana-file", "x.ndjson"), "{}\n", "Kibana shows an index on Elasticsearch: set index to https://HOST:PORT/PREFIX"),
    ],
)
def test_a_wrong_use_is_said(tmp_path, arguments, settings, said):
    """In one line."""
    (tmp_path / "fjaril.yaml").write_text(settings, encoding="utf-8")
    assert said in fjaril("setup", *arguments, data=tmp_path, code=2).stderr
