"""Settings and lists of sources: what is refused is refused with file, key, what was found and what is allowed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.model import Reliability
from pipeline.settings import BUNDLED_SOURCES, load, load_sources

SOURCE = "{id: one, kind: feed, url: 'https://example.org/rss', name: One, purpose: lägesbild}"


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path) -> None:
    """Neither settings of whoever runs the tests, nor a file in the directory where they do."""
    for name in [name for name in os.environ if name.startswith("FJARIL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, text: str | bytes, name: str = "fjaril.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path | None = None, data: Path | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(path, data)
    return caught.value


def test_without_file_or_variables_the_defaults_hold():
    """Nothing needs to be set; everything stored lies in one directory."""
    settings = load()
    assert settings.data_dir == Path("data")
    assert (settings.bus_path, settings.index_path, settings.cache) == (Path("data/bus.db"), Path("data/index"), Path("data/cache"))
    assert settings.sources == BUNDLED_SOURCES


def test_a_file_in_the_data_directory_is_read_and_data_wins(tmp_path):
    """``--data`` finds the directory's own fjaril.yaml and wins over what it, and a variable, say of the directory."""
    written(tmp_path, "data_dir: /elsewhere\nrunner: {batch: 7}\n")
    settings = load(data=tmp_path)
    assert (settings.data_dir, settings.runner.batch) == (tmp_path, 7)
    assert settings.bus_path == tmp_path / "bus.db"


def test_the_environment_wins_over_the_file_key_by_key(tmp_path, monkeypatch):
    """A variable replaces its own key; its neighbours in the file stay."""
    path = written(tmp_path, "http: {contact: file@example.org, timeout: 7}\npartitions: 2\n")
    monkeypatch.setenv("FJARIL_HTTP__CONTACT", "env@example.org")
    monkeypatch.setenv("FJARIL_PARTITIONS", "3")
    settings = load(path)
    assert (settings.http.contact, settings.http.timeout, settings.partitions) == ("env@example.org", 7, 3)


def test_the_directory_of_the_environment_gives_the_file(tmp_path, monkeypatch):
    """FJARIL_DATA_DIR names the directory, and so the settings file in it; --data wins over it."""
    written(tmp_path, "partitions: 9\n")
    monkeypatch.setenv("FJARIL_DATA_DIR", str(tmp_path))
    assert (load().partitions, load().data_dir) == (9, tmp_path)
    assert load(data=tmp_path / "other").data_dir == tmp_path / "other"


@pytest.mark.parametrize(
    ("text", "key", "found", "allowed"),
    [
        ("partition: 4", "partition", 4, "there is no such key; allowed here: data_dir, bus"),
        ("http: {contct: x}", "http.contct", "x", "allowed here: contact, timeout"),
        ("http: {timeout: -1}", "http.timeout", -1, "greater than 0 (seconds for one answer"),
        ("http: {contact: 'two words'}", "http.contact", "two words", "an e-mail address or URL"),
        ("http: 5", "http", 5, "it holds keys: contact, timeout"),
        ("runner: {batch: many}", "runner.batch", "many", "integer"),
        ("partitions: null", "partitions", None, "integer"),
        ("bus: amqp://host", "bus", "amqp://host", "sqlite:///FILE"),
        ("metrics_port: 70000", "metrics_port", 70000, "65535"),
        ("keep: {raw: 0}", "keep.raw", 0, "days that fetched items are kept"),
        ("7: x", "7", 7, "a key is a word"),
    ],
)
def test_what_a_file_may_not_hold(tmp_path, text, key, found, allowed):
    """An unknown key or a bad value is refused with the file, the dotted key, what was found and what is allowed."""
    path = written(tmp_path, text)
    error = refused(path)
    assert (error.path, error.key, error.found) == (str(path), key, found)
    assert allowed in error.allowed
    for part in (str(path), key, repr(found), allowed):
        assert part in str(error)


@pytest.mark.parametrize(
    ("name", "value", "key", "allowed"),
    [
        ("FJARIL_PARTITIONS", "abc", "partitions", "integer"),
        ("FJARIL_HTTP__TIMEOUT", "soon", "http.timeout", "number"),
        ("FJARIL_HTTP__CONTCT", "x", "http.contct", "allowed here: contact"),
        ("FJARIL_HTTP", "x", "FJARIL_HTTP", "FJARIL_HTTP__KEY"),
        ("FJARIL_PARTITION", "4", "FJARIL_PARTITION", "FJARIL_PARTITIONS"),
        ("FJARIL_DATE", "elsewhere", "FJARIL_DATE", "FJARIL_DATA_DIR"),
    ],
)
def test_what_a_variable_may_not_hold(tmp_path, monkeypatch, name, value, key, allowed):
    """A bad variable is named as one of the environment, also where the file holds a good value for the key."""
    monkeypatch.setenv(name, value)
    error = refused(written(tmp_path, "partitions: 4\nhttp: {timeout: 5}\n"))
    assert (error.path, error.key, error.found) == ("environment", key, value)
    assert allowed in error.allowed


@pytest.mark.parametrize(
    ("text", "what"),
    [("a: [", "YAML"), (b"a: \xff", "YAML in UTF-8"), ("- 1\n- 2\n", "keys and values"), ("a: 2026-13-45", "YAML")],
    ids=["broken", "not UTF-8", "a list", "no such date"],
)
def test_what_is_no_file_of_settings(tmp_path, text, what):
    """A file that is not YAML, or holds no keys, is refused in one line."""
    error = refused(written(tmp_path, text))
    assert error.key == ("line 2, column 1" if text == "a: [" else "(file)")
    assert what in error.allowed
    assert "\n" not in str(error)


def test_a_file_that_cannot_be_read(tmp_path):
    """A settings file that was asked for and is not there, or is a directory, is refused; an empty one is fine."""
    assert refused(tmp_path / "none.yaml").found == "No such file or directory"
    assert refused(tmp_path).found == "Is a directory"
    assert load(written(tmp_path, "# nothing yet\n")).partitions == 4


def sources_error(tmp_path: Path, text: str) -> SettingsError:
    path = written(tmp_path, text, "sources.yaml")
    with pytest.raises(SettingsError) as caught:
        load_sources(path)
    assert caught.value.path == str(path)
    return caught.value


def test_sources_are_read_with_their_defaults(tmp_path):
    """The five required keys make a source: unreliable until graded, of the nation, in Swedish time."""
    (source,) = load_sources(written(tmp_path, f"sources: [{SOURCE}]"))
    assert (source.id, source.reliability, source.area, source.timezone) == ("one", Reliability.F, "SE", "Europe/Stockholm")


def test_the_bundled_sources_are_right():
    """The file that comes with the program passes its own check."""
    assert load_sources(BUNDLED_SOURCES)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{id: one, kind: feed, url: 'https://example.org', name: One}", "`purpose`"),
        ("{id: one, kind: feed, url: 'https://example.org', name: One, purpose: ''}", "$.purpose"),
        (SOURCE.replace("}", ", area: '999'}"), "$.area"),
        (SOURCE.replace("}", ", area: 1480}"), "$.area"),
        (SOURCE.replace("}", ", reliability: G}"), "'G'"),
        (SOURCE.replace("}", ", interval: 1}"), "$.interval"),
        (SOURCE.replace("}", ", intervall: 60}"), "`intervall`"),
        (SOURCE.replace("https:", "ftp:"), "$.url"),
        (SOURCE.replace("}", ", timezone: Europe/Stokholm}"), "Europe/Stockholm"),
    ],
    ids=["no purpose", "empty purpose", "no such area", "area as number", "reliability", "interval", "unknown key", "url", "zone"],
)
def test_a_source_that_is_refused(tmp_path, source, what):
    """A source without purpose or with a bad value is refused with the file and the source's id."""
    error = sources_error(tmp_path, f"sources: [{source}]")
    assert error.key.startswith("sources[one]")
    assert what in error.allowed


def test_only_what_is_wrong_is_quoted(tmp_path):
    """The key and its value, not the whole source; of a key that is missing or unknown, those that there are."""
    error = sources_error(
        tmp_path, "sources: [{id: one, kind: feed, url: 'https://example.org', name: One, purpose: invented, interval: 1}]"
    )
    assert (error.key, error.found) == ("sources[one].interval", 1)
    error = sources_error(tmp_path, "sources: [{id: one, kind: feed}]")
    assert (error.key, error.found) == ("sources[one]", "id, kind")


def test_a_doubled_id_is_refused(tmp_path):
    """Two sources of one id would share one state."""
    error = sources_error(tmp_path, f"sources: [{SOURCE}, {SOURCE}]")
    assert (error.key, error.found) == ("sources[one].id", "one")


@pytest.mark.parametrize("text", ["", "sources: {one: 1}", "sorces: []"], ids=["empty", "no list", "other key"])
def test_a_file_without_a_list_of_sources(tmp_path, text):
    """What holds no list under ``sources`` is refused; a source that is no object is named by its number."""
    assert sources_error(tmp_path, text).key == "sources"
    assert sources_error(tmp_path, "sources: [feed]").key == "sources[0]"


def test_secrets_come_from_the_environment_the_file_or_a_file_of_their_own(monkeypatch, tmp_path):
    """And nothing that shows settings shows them."""
    own = written(tmp_path, "invented-c\n", "own")
    path = written(tmp_path, f"secrets: {{a: invented-a, c: 'file:{own}'}}\n")
    monkeypatch.setenv("FJARIL_SECRETS__B", "invented-b")
    settings = load(path)
    assert {name: secret.get_secret_value() for name, secret in settings.secrets.items()} == {
        "a": "invented-a",
        "b": "invented-b",
        "c": "invented-c",
    }
    assert "invented" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secrets: {A: invented}\n", "secrets.A: found '•••'"),
        ("secrets: {a: [invented]}\n", "secrets.a: found '•••'"),
        ("secrets: invented\n", "secrets: found '•••'"),
        ("secrets: {a: 'file:/gone/invented'}\n", "/gone/invented cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_with_a_secret_is_said_without_it(tmp_path, text, said):
    """The key, and what would be right."""
    with pytest.raises(SettingsError) as found:
        load(written(tmp_path, text))
    assert said in str(found.value)
    assert "invented" not in str(found.value).replace("/gone/invented", "")


@pytest.mark.parametrize("name", ["FJARIL_SECRET__SMS", "FJARIL_SECRETS", "FJARIL_ELASTIK__API_KEY"])
def test_a_secret_under_a_wrong_name_is_not_repeated(monkeypatch, name):
    """A variable whose name is not right may hold one all the same."""
    monkeypatch.setenv(name, "invented")
    with pytest.raises(SettingsError, match=f"{name}: found '•••'"):
        load()
