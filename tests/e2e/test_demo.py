"""``fjaril demo`` finds what its scenario holds."""

from __future__ import annotations

import re
import subprocess

import pytest

import pipeline.settings
from pipeline import app, scenario
from pipeline.model import SourceState, decode
from tests.e2e.commands import every_document, fjaril, fjaril_json


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, fjaril("demo", data=folder).stdout


@pytest.fixture(scope="module")
def index(demo):
    found = app.open_index(pipeline.settings.load(data=demo[0]))
    yield found
    found.close()


def test_counts(demo):
    """Documents, edits and withdrawals are exactly those of the scenario; nothing is dead; the books balance."""
    truth, report = scenario.truth(), fjaril_json("doctor", data=demo[0])
    assert (report["documents"], report["revisions"], report["tombstones"]) == (truth.documents, truth.edits, truth.withdrawn)
    assert report["dead"] == 0
    assert report["balanced"]
    assert report["problems"] == []


def test_the_towns_of_the_plot_in_their_order(demo):
    """What the demo prints names the towns of the plot in the order in which the fires came to them."""
    lines = demo[1].split("Burning cars")[1]
    places = [lines.index(f" {town.name} ") for town in scenario.truth().towns]
    assert places == sorted(places)


def test_the_first_notice_of_each_town_is_placed_and_themed(index):
    """The first notice of each town happened in that municipality, and is a vehicle fire."""
    for town in scenario.truth().towns:
        document = index.get(town.document)
        assert next(p.municipality for p in document.places if p.role == "happened") == town.code
        assert "fire.vehicle" in {theme.id for theme in document.themes}


def test_personal_data_was_taken_out(index):
    """The post with a personal number, a phone number and an e-mail address holds none of them, and says that it did."""
    document = index.get(scenario.truth().personal)
    assert sorted(r.kind for r in document.redactions) == ["email", "personal_number", "phone"]
    assert not any(secret in document.text for secret in ("19121212", "@", "174 06"))


def test_personal_data_is_nowhere_in_the_index(demo):
    """No file of the index holds the personal number or the address."""
    files = [path for path in (demo[0] / "index").rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert b"19121212-1212" not in content
        assert b"hittegods@" not in content


def test_copies_are_coverage(index):
    """As many documents as the scenario repeats word for word are marked as copies."""
    assert sum(d.copy_of is not None for d in every_document(index)) == scenario.truth().copies


def test_the_withdrawn_post_is_erased(demo):
    """The withdrawn post is found no more, and what it said is in no file of the data directory."""
    report = fjaril_json("doctor", data=demo[0])
    assert report["searchable"] == report["documents"] - 1
    said = "sjukhuset i Gävle nu".encode()
    assert any(said in a.body for a in scenario.answers()), "the scenario no longer holds the words that this test looks for"
    for path in (path for path in demo[0].rglob("*") if path.is_file()):
        assert said not in path.read_bytes(), path


def test_the_broken_feed_recovered(demo):
    """The feed that was broken for days ends healthy, and its state says when it failed last and why."""
    settings = pipeline.settings.load(data=demo[0])
    bus = app.open_bus(settings)
    states = {r.key: decode(r.value, SourceState) for r in bus.read("sources")}
    bus.close()
    state = states[scenario.truth().broken[0]]
    assert not state.health.is_failure
    assert state.failed is not None
    assert state.failure


def test_what_it_says_to_go_on_with_works(demo):
    """Each command that the demo prints, pasted into a shell, succeeds; each search finds something."""
    hints = [line.partition("  # ")[0].strip() for line in demo[1].split("Go on\n")[1].splitlines()]
    assert len(hints) == 5
    for hint in hints:
        done = subprocess.run(["bash", "-c", hint], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), hint
        assert " search " not in hint or re.search(r"^[1-9]\d* documents? found", done.stdout, re.MULTILINE), hint


def test_one_word_for_one_thing(demo):
    """The demo, a replay's report and the doctor tell the books in the same sentence."""
    (sentence,) = re.findall(r"^\d+ items fetched: .*$", fjaril("doctor", data=demo[0]).stdout, re.MULTILINE)
    assert sentence in " ".join(demo[1].split())


def test_again_adds_nothing(demo):
    """A second run of the demo on the same directory adds nothing."""
    before = fjaril_json("doctor", data=demo[0])
    fjaril("demo", data=demo[0])
    assert fjaril_json("doctor", data=demo[0]) == before
