"""The commands as a user runs them: how fast, how they refuse, what they print into a pipe."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import pipeline.cli
import pipeline.settings
from pipeline import app
from pipeline.model import DeadLetter, Document, Incident, Provenance, Story, encode
from pipeline.ports import Record
from tests.collectors.world import event, events
from tests.e2e.commands import FJARIL, fjaril, fjaril_json

COMMANDS = (
    "run",
    "console",
    "demo",
    "replay",
    "search",
    "tag",
    "stories",
    "learn",
    "lagesbild",
    "export",
    "erase",
    "doctor",
    "rebuild",
    "setup",
    "spread",
    "sources",
    "places",
    "themes",
    "rules",
    "alerts",
    "rota",
    "users",
    "audit",
    "dead",
)


@pytest.fixture(scope="module")
def data(directory) -> Path:
    """A data directory in which two polls of the police were replayed; one event was edited, one is no event."""
    folder = directory("cli")
    good = [event(n, summary=f"Brand i en bil i Örebro, nummer {n}.") for n in range(30)]
    edited = [event(0, summary="Branden i Örebro är släckt."), *good[1:]]
    polls = folder / "polls.jsonl"
    polls.write_text(
        "".join(
            json.dumps({"polled_at": f"2026-03-01T12:{minute:02d}:00Z", "body": events(*listed).decode()}) + "\n"
            for minute, listed in ((0, [*good, {"id": "none"}]), (30, edited))
        )
    )
    report = fjaril_json("replay", polls, data=folder)
    assert (report["documents"], report["revisions"], report["dead"], report["balanced"]) == (30, 1, 1, True)
    return folder


def seconds(*arguments: str) -> float:
    """CPU time that the command takes for itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    fjaril(*arguments)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def test_help_answers_at_once():
    """``fjaril --help`` takes at most 0.3 s of CPU: nothing heavy is imported to say what there is."""
    assert min(seconds("--help") for _ in range(5)) <= 0.3
    imported = subprocess.run([sys.executable, "-X", "importtime", FJARIL, "--help"], capture_output=True, text=True, check=True).stderr
    modules = {line.rpartition("|")[2].strip().split(".")[0] for line in imported.splitlines()}
    assert "typer" in modules
    assert modules.isdisjoint({"spacy", "tantivy", "scrapy", "twisted", "pydantic", "numpy", "rich", "structlog"})


def test_a_search_does_not_wait_for_spacy(data):
    """What only reads imports nothing that tags or fetches."""
    command = [sys.executable, "-X", "importtime", FJARIL, "--data", data, "search", "Örebro"]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    modules = {line.rpartition("|")[2].strip().split(".")[0] for line in imported.splitlines()}
    assert "tantivy" in modules
    assert modules.isdisjoint({"spacy", "scrapy", "twisted", "numpy"})


def here(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    """The same in this process, which is faster: exit code, standard output and error."""
    monkeypatch.setattr(sys, "argv", ["fjaril", *arguments])
    with pytest.raises(SystemExit) as left:
        pipeline.cli.main()
    told = capsys.readouterr()
    assert isinstance(left.value.code, int | None)
    return left.value.code or 0, told.out, told.err


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_bare_command_says_what_there_is(arguments):
    """Without a command, or asked for help, every command is named, each with one whole sentence."""
    told = fjaril(*arguments).stdout
    listed = dict(re.findall(r"^  ([a-z]+) +(\S.*)$", told.split("Commands:")[1], re.MULTILINE))
    assert tuple(listed) == COMMANDS
    assert all(sentence.endswith(".") and not sentence.endswith("...") for sentence in listed.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_help(command, monkeypatch, capsys):
    """``fjaril COMMAND --help`` is about the command."""
    code, told, _ = here(monkeypatch, capsys, command, "--help")
    assert (code, told.split("[")[0].strip()) == (0, f"Usage: fjaril {command}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("serach",), "No such command 'serach'"),
        (("search", "--sise", "3"), "No such option: --sise"),
        (("search", "--size", "many"), "--size"),
        (("search", "--size", "0"), "--size"),
        (("search", "x", "--since", "yesterday"), "--since: found 'yesterday'; expected a date such as 2026-03-01, or 36h, 7d, 2w"),
        (("search", "x", "--until", "99999999999d"), "--until: found '99999999999d'"),
        (("search", "x", "--since", "²d"), "--since: found '²d'"),
        (("sources",), "Missing command"),
        (("sources", "check", "nobody"), "there is no source nobody"),
        (("dead", "show"), "Missing argument"),
        (("replay",), "a file of recorded polls, or --rules"),
        (("replay", "none.jsonl"), "none.jsonl: No such file or directory"),
        (("run", "indx"), "there is no stage indx"),
        (("tag", "none.jsonl"), "none.jsonl: No such file or directory"),
        (("tag", "--explain", "none/why.html", "/dev/null"), "none/why.html: No such file or directory"),
        (("search", "-n"), "-n"),
        (("--config", "none.yaml", "search", "x"), "none.yaml: (file): found 'No such file or directory'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_one_line(arguments, told, monkeypatch, capsys, tmp_path):
    """A wrong use exits with 2 and says on one line of standard error what is wrong, nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    code, output, error = here(monkeypatch, capsys, *arguments)
    assert (code, output, error.count("\n")) == (2, "", 1)
    assert error.startswith("fjaril: ")
    assert told in error


def test_a_stage_that_is_switched_off_is_not_run(monkeypatch, capsys, tmp_path):
    """It says which setting has it off; nothing waits for it: its group holds no record back."""
    monkeypatch.setenv("FJARIL_ANALYSIS__SPREAD", "false")
    code, _, error = here(monkeypatch, capsys, "--data", str(tmp_path), "run", "spread")
    assert code == 2
    assert "spread is switched off by the settings: set analysis.spread to true, or leave it out" in error
    consumers = {topic.name: topic.consumers for topic in app.topics(pipeline.settings.load(data=tmp_path))}
    assert (consumers["related"], consumers["nights"]) == (("index",), ())


def test_a_wrong_use_is_told_to_the_shell():
    """The same by the command itself: exit code and standard error."""
    done = fjaril("search", "--sise", "3", code=2)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


@pytest.mark.parametrize("command", [("search", "brand"), ("doctor",), ("dead", "list")], ids=" ".join)
def test_an_empty_data_directory_says_how_to_begin(tmp_path, command, monkeypatch, capsys):
    """Before anything is stored, the commands that read say what to run first, and make nothing."""
    code, _, error = here(monkeypatch, capsys, "--data", str(tmp_path / "new"), *command)
    assert code == 2
    assert "nothing is stored there yet; begin with `fjaril demo` or `fjaril run`" in error
    assert not (tmp_path / "new").exists()


def test_a_data_directory_that_is_a_file_is_named(tmp_path):
    """What cannot be a data directory is said to be one, by commands that would make it."""
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'}: " in fjaril("run", "relate", data=tmp_path / "file", code=2).stderr


@pytest.mark.parametrize("command", ["search", "doctor"])
def test_a_data_directory_that_cannot_be_written_is_named(data, tmp_path, command):
    """Reading needs locks in it: one line says so and what to do, also where the cache has gone."""
    copy = tmp_path / "data"
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("cache"))
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    unprivileged = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []  # what root may do goes beyond modes
    try:
        for folder in folders:
            folder.chmod(0o500)
        done = subprocess.run([*unprivileged, FJARIL, "--data", copy, command], capture_output=True, text=True, check=False)
    finally:
        for folder in folders:
            folder.chmod(0o700)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert line.startswith(f"fjaril: {copy}: this directory cannot be written")
    assert "copy the whole data directory and name the copy with --data" in line


def test_a_setting_that_is_wrong_is_named(tmp_path, monkeypatch, capsys):
    """The file, the key, what was found and what is allowed."""
    (tmp_path / "fjaril.yaml").write_text("http: {timeout: never}")
    code, _, told = here(monkeypatch, capsys, "--data", str(tmp_path), "sources", "list")
    assert code == 2
    assert told.startswith(f"fjaril: {tmp_path / 'fjaril.yaml'}: http.timeout: found 'never'; ")


def test_every_command_that_shows_something_gives_json(data, monkeypatch, capsys):
    """One line of JSON with ``--json``, for a program to read."""

    def shown(*arguments: str) -> Any:
        code, output, _ = here(monkeypatch, capsys, "--data", str(data), *arguments, "--json")
        assert (code, output.count("\n")) == (0, 1)
        return json.loads(output)

    page = shown("search", "Örebro", "--place", "1880", "-n", "3")
    assert (page["total"], len(page["hits"])) == (30, 3)
    further = shown("search", "Örebro", "--place", "1880", "-n", "100", "--after", page["after"])
    assert len(further["hits"]) == 27
    report = shown("doctor")
    assert {"fetched", "documents", "revisions", "duplicates", "tombstones", "dead", "lag", "balanced", "data"} <= report.keys()
    assert (report["fetched"], report["duplicates"], report["data"]) == (61, 29, str(data))
    (letter,) = shown("dead", "list")
    assert (letter["stage"], letter["source"]) == ("collect", "polisen")
    assert {source["health"] for source in shown("sources", "list")} >= {"unknown"}
    assert shown("search", "Örebro", "--until", "2020-01-01")["total"] == 0


def test_for_people_the_same_is_readable(data, monkeypatch, capsys):
    """Without ``--json`` the same facts stand in tables and sentences; several lines, no markup left in them."""
    found = here(monkeypatch, capsys, "--data", str(data), "search", "släckt")[1]
    assert "1 document found" in found
    assert "https://polisen.se/" in found
    assert "Branden i Örebro är släckt." in found
    assert "version 2" in found
    assert "<mark>" not in found
    assert "The books balance" not in here(monkeypatch, capsys, "--data", str(data), "doctor")[1]  # a dead record is worth a sentence
    listed = " ".join(here(monkeypatch, capsys, "--data", str(data), "dead", "list")[1].split())
    assert "1 record " in listed
    assert "not an event" in listed


def test_a_source_check_says_what_came(tmp_path):
    """A source that does not answer is a finding: exit code 1, its state as JSON, and nothing is stored."""
    (tmp_path / "sources.yaml").write_text("sources: [{id: one, kind: polisen, url: 'http://127.0.0.1:9/', name: One, purpose: prov}]")
    http = "{private_addresses: true, contact: test@example.org}"
    (tmp_path / "fjaril.yaml").write_text(f"sources: {tmp_path / 'sources.yaml'}\nhttp: {http}")
    (state,) = fjaril_json("sources", "check", data=tmp_path, code=1)
    assert (state["source"], state["health"]) == ("one", "unreachable")
    assert not (tmp_path / "bus.db").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--theme", "fire.vehicel"), "there is no theme 'fire.vehicel'; did you mean fire.vehicle"),
        (("theme:brand",), "there is no theme 'brand'"),
        (("--source", "polis"), "there is no source 'polis'; did you mean polisen"),
        (("-source:polis",), "there is no source 'polis'"),
        (("lang:fi",), "no document is in language 'fi'; there are "),
        (("--place", "Malmø"), "there is no municipality or county 'Malmø'; did you mean Malmö"),
        (("place:9999",), "there is no place with the code '9999'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_filter_for_what_there_is_not_is_refused(data, arguments, told, monkeypatch, capsys):
    """A mistyped value is named, with those that are spelt like it or those that there are, instead of finding nothing."""
    code, output, error = here(monkeypatch, capsys, "--data", str(data), "search", *arguments)
    assert (code, output, error.count("\n")) == (2, "", 1)
    assert told in error


def test_a_theme_that_nothing_has_is_no_error(data, monkeypatch, capsys):
    """What could be there finds nothing and says so."""
    assert "0 documents found" in here(monkeypatch, capsys, "--data", str(data), "search", "--theme", "migration", "--source", "polisen")[1]


def test_a_word_may_be_excluded_without_more_ado(data, monkeypatch, capsys):
    """``-word`` and ``-"a phrase"`` need no quotes around the whole query and no ``--``, also as the first word; ``-n`` is still an option."""

    def total(*arguments: str) -> int:
        return json.loads(here(monkeypatch, capsys, "--data", str(data), "search", *arguments, "--json")[1])["total"]

    assert total("Örebro", "-släckt") == 29
    assert total("-släckt", "-n", "1") == 29
    assert total("Örebro", '-"är släckt"', "--newest") == 29
    assert total("-övning", "Örebro") == 30


def test_what_is_shown_can_be_followed(data, monkeypatch, capsys):
    """Each document has its link; times say their zone; the mark of the next page stands whole on one line and gives the next page."""
    monkeypatch.setenv("TZ", "Europe/Stockholm")
    time.tzset()
    try:
        shown = here(monkeypatch, capsys, "--data", str(data), "search", "Örebro", "-n", "3")[1]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert shown.count("https://polisen.se/") == 3
    assert len(re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d CES?T  polisen", shown, re.MULTILINE)) == 3
    (mark,) = re.findall(r"^the next page: --after (\S+)$", shown, re.MULTILINE)
    assert "30 documents found" in fjaril("search", "Örebro", "-n", "3", "--after", mark, data=data).stdout


def test_nothing_that_is_shown_controls_the_terminal(data, tmp_path, monkeypatch, capsys):
    """Control characters of a document or a dead record stand as escapes, in tables and in JSON; its time may be the last there is."""
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    bad = "\x1b[2J\x9b31m\u202e\x07"
    settings = pipeline.settings.load(data=copy)
    index, bus = app.open_index(settings), app.open_bus(settings)
    last = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    origin = Provenance(source=f"k{bad}", native_id="1", fetched_url="", status=200, reliability="F", area="SE")
    index.upsert(
        [Document(id="bad", revision=1, content_hash="", title=f"Kontroll {bad}", text=f"Text {bad}", published=last, fetched=last,
                  url=f"https://a.example/{bad}", provenance=origin)]
    )  # fmt: skip
    index.close()
    letter = DeadLetter(
        stage="enrich",
        reason=f"found {bad}",
        died=last,
        source="k",
        topic="raw",
        key="k",
        original=f"\xff{bad}".encode("latin-1", "replace"),
    )
    bus.publish([Record(topic="dead", key="k", value=encode(letter), timestamp=last)])
    bus.close()
    number = str(fjaril_json("dead", "list", data=copy)[-1]["number"])
    monkeypatch.setenv("TZ", "Europe/Stockholm")
    time.tzset()
    for command in (("search", "kontroll"), ("search", "kontroll", "--json"), ("dead", "list"), ("dead", "show", number), ("doctor",)):
        _, output, error = here(monkeypatch, capsys, "--data", str(copy), *command)
        assert output, error
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", output + error), command
    monkeypatch.undo()
    time.tzset()
    assert "\\u001b[2J" in fjaril("dead", "show", number, data=copy).stdout


def test_a_story_is_found_with_those_that_were_merged_into_it(data, tmp_path, monkeypatch, capsys):
    """Documents keep the story that they came into; whichever of the merged ones is asked for, all are found."""
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    settings = pipeline.settings.load(data=copy)
    origin = Provenance(source="kommun", native_id="1", fetched_url="", status=200, reliability="F", area="SE")
    now = datetime(2026, 3, 1, tzinfo=UTC)
    names = {"a": "a" * 16, "b": "b" * 16, "c": "c" * 16, "d": "d" * 16}
    index, bus = app.open_index(settings), app.open_bus(settings)
    index.upsert(
        [Document(id=f"kommun{key}", revision=1, content_hash="", title=key, published=now, fetched=now, story=story, provenance=origin)
         for key, story in names.items()]
    )  # fmt: skip
    for gone, stays in (("a", "b"), ("b", "c")):
        record = Story(id=names[gone], first=now, last=now, into=names[stays])
        bus.publish([Record(topic="stories", key=record.id, timestamp=now, value=encode(record))])
    index.close()
    bus.close()
    for asked in "abc":
        _, output, error = here(monkeypatch, capsys, "--data", str(copy), "search", f"story:{names[asked]}", "--json")
        assert output, error
        assert sorted(hit["document"]["title"] for hit in json.loads(output)["hits"]) == ["a", "b", "c"]
    _, output, _ = here(monkeypatch, capsys, "--data", str(copy), "search", f"story:{names['d']}")
    assert f"story:{names['d']}" in output


def test_search_says_how_many_incidents_a_document_tells(data, tmp_path, monkeypatch, capsys):
    """A round-up is told from a notice about one thing."""
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    origin = Provenance(source="kommun", native_id="1", fetched_url="", status=200, reliability="F", area="SE")
    now = datetime(2026, 3, 1, tzinfo=UTC)
    told = tuple(Incident(start=n, end=n + 1) for n in range(4))
    index = app.open_index(pipeline.settings.load(data=copy))
    index.upsert(
        [Document(id=f"kommun{n}", revision=1, content_hash="", title=f"Sammandrag {n}", published=now, fetched=now, incidents=told[:n], provenance=origin)
         for n in (1, 4)]
    )  # fmt: skip
    index.close()
    _, output, _ = here(monkeypatch, capsys, "--data", str(copy), "search", "sammandrag")
    assert re.findall(r"\d+ incidents", output) == ["4 incidents"]


def test_run_says_at_once_what_it_does(tmp_path):
    """Before anything is fetched: how many sources, where everything is stored, how it is shown and how it is stopped."""
    (tmp_path / "sources.yaml").write_text("sources: [{id: one, kind: polisen, url: 'http://127.0.0.1:9/', name: One, purpose: prov}]")
    (tmp_path / "fjaril.yaml").write_text(
        f"sources: {tmp_path / 'sources.yaml'}\nhttp: {{private_addresses: true, contact: t@example.org}}"
    )
    with subprocess.Popen([FJARIL, "--data", tmp_path, "run"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        first, second, third = (process.stdout.readline() for _ in range(3))
        process.terminate()
    assert first.startswith(f"Collecting 1 source of {tmp_path / 'sources.yaml'}")
    assert str(tmp_path) in second
    assert "Ctrl-C" in second
    assert f"--data {tmp_path} search --newest" in third


def test_the_version_is_told(monkeypatch, capsys):
    """``fjaril --version`` is the package's version, with no command."""
    assert here(monkeypatch, capsys, "--version") == (0, f"fjaril {version('fjaril')}\n", "")


def test_the_doctor_exits_with_1_when_something_is_wrong(data, tmp_path, monkeypatch, capsys):
    """An index that is gone is a finding; the sentence says what to do, and doing it mends it."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    shutil.rmtree(copy / "index")
    assert "search finds 0 documents instead of 30: remove the index, then run again" in fjaril("doctor", data=copy, code=1).stdout
    with subprocess.Popen([FJARIL, "--data", copy, "run", "index"], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"starting" in process.stderr.readline()
        process.terminate()  # what waits is written before it ends
        process.stderr.read()
    assert process.returncode == 0
    code, output, _ = here(monkeypatch, capsys, "--data", str(copy), "doctor", "--json")
    assert (code, json.loads(output)["searchable"]) == (0, 30)


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("search",), ("search", "--json"), ("sources", "list"), ("tag",)],
    ids=" ".join,
)
def test_a_broken_pipe_is_quiet(data, arguments):
    """When the reader of a pipe has gone, as ``head`` does, the command ends without a word and without a failure."""
    read, write = os.pipe()
    os.close(read)
    command = [FJARIL, "--data", data, *arguments]
    lines = b'{"id": 1, "text": "Brand i Lund"}\n' * 300
    try:
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, input=lines, check=False, timeout=60)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_head_takes_what_it_wants(data):
    """``fjaril search | head -1`` gives the first line, with nothing on standard error and success for the shell."""
    command = f"set -o pipefail; '{FJARIL}' --data '{data}' search Örebro -n 30 | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_tag_keeps_order_and_what_it_was_given(data):
    """One line out for each line in, in order, with everything that was in it and what was found; blank lines are left out."""
    given = [
        {"id": n, "title": "Brand", "text": f"En villa i {place} brinner.", "mine": [n]} for n, place in enumerate(("Lund", "Kiruna") * 200)
    ]
    lines = "\n\n".join(json.dumps(line, ensure_ascii=False) for line in given)
    done = fjaril("tag", data=data, stdin=lines).stdout.splitlines()
    found = [json.loads(line) for line in done]
    assert [{name: line[name] for name in given[0]} for line in found] == given
    assert [line["places"][0]["code"] for line in found[:4]] == ["1281", "2584", "1281", "2584"]
    assert {line["themes"][0]["id"].split(".")[0] for line in found} == {"fire"}
    assert {line["lang"] for line in found} <= {"sv", "und"}
    first = found[0]["places"][0]
    assert given[0][first["field"]][first["start"] : first["end"]] == "Lund"


def test_tag_names_the_bad_line(data, tmp_path, monkeypatch, capsys):
    """A line that is no such object is named with what was expected; the others are tagged, and the exit code is 1."""
    file = tmp_path / "lines.jsonl"
    file.write_text('{"id": 1, "text": "Lugnt"}\n\n{"id": 2}\nnonsense\x1b[2J\n{"id": 5, "text": "Brand i Lund"}\n')
    done = fjaril("tag", file, data=data, code=1)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, 5]
    second, third = done.stderr.splitlines()
    assert second.startswith(f"fjaril: {file}: line 3: ")
    assert """found '{"id": 2}', expected an object {"id", "title"?, "text", "published"?}""" in second
    assert third.startswith(f"fjaril: {file}: line 4: ")
    assert "\x1b" not in third


def test_tag_gives_what_came_before_a_line_that_is_bad(data):
    """From standard input, too: what is good comes out whatever comes after it."""
    done = fjaril("tag", data=data, code=1, stdin='{"id": 1, "text": "Brand i Lund"}\n{"id": 2, "text": 3}\n')
    assert json.loads(done.stdout)["id"] == 1
    assert done.stderr.startswith("fjaril: line 2: ")


def test_stories_tags_what_is_not_tagged_and_names_the_bad_line(data):
    """Documents in time order in, the story of each out; a line that is no such object is left out, and the exit code is 1."""
    text = "En lastbil välte på riksväg 40 väster om Ulricehamn under natten och vägen var avstängd till klockan sex."
    lines = [{"id": 1, "text": text}, {"id": 2}, {"id": "c", "text": text, "places": [], "themes": []}]
    done = fjaril("stories", data=data, code=1, stdin="".join(json.dumps(line) + "\n" for line in lines))
    first, last = map(json.loads, done.stdout.splitlines())
    assert (first["id"], last["id"]) == (1, "c")
    assert first["story"] == last["story"]
    assert done.stderr.startswith("fjaril: line 2: ")
