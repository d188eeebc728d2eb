"""``fjaril demo`` finds what its scenario holds."""

from __future__ import annotations

import re
import subprocess
from datetime import datetime

import pytest

import pipeline.settings
from enrich.spread.model import Finding, Occurrence
from pipeline import app, scenario
from pipeline.app import every_document
from pipeline.model import Document, SourceState, decode
from tests.e2e.commands import fjaril, fjaril_json


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


def test_the_spread_is_found(demo):
    """The fires are found with their towns in order and the grade linked; first said in the second town, before the third one burned."""
    truth = scenario.truth()
    found = [finding for finding in fjaril_json("spread", data=demo[0]) if finding["kind"] == "spread"]
    assert found[0]["places"] == [town.code for town in truth.towns]
    assert found[0]["theme"] == "fire.vehicle"
    assert found[0]["grade"] == "linked"
    assert found[0]["expected_per_year"] < 1
    assert datetime.fromisoformat(found[0]["history"][0]["at"]) < truth.towns[2].happened
    assert " → ".join(town.name for town in truth.towns[:2]) in " ".join(demo[1].split("Found while")[1].split())


def test_the_evidence_is_shown_in_order(demo):
    """Each town in order with verbatim words, sources with their grade, what was shared, and what was rejected."""
    found = fjaril_json("spread", data=demo[0])[0]
    shown = fjaril("spread", "show", found["id"][:6], data=demo[0]).stdout
    headings = [shown.index(f"\n{number}. {town.name}, ") for number, town in enumerate(scenario.truth().towns, 1)]
    assert headings == sorted(headings)
    for words in (
        "precis som i trollhättan natten innan",
        "shares https://klipp.exempel.example/v/stromslund",
        "demo-flode-torget (reliability D)",
        "rejected: after ",
        "consistent with spread, linked",
        "version 1, ",
    ):
        assert words in shown
    assert "orsak" not in shown
    assert "caused" not in shown
    assert "there is no such finding" in fjaril("spread", "show", "zzz", data=demo[0], code=2).stderr


@pytest.mark.parametrize(("name", "begins"), [("map.svg", b"<svg"), ("map.png", b"\x89PNG"), ("map.html", b"<!DOCTYPE html>")])
def test_the_map_is_drawn(demo, tmp_path, name, begins):
    """As SVG, PNG and HTML, with the towns and times in the one that can be read; nothing in it is fetched from elsewhere."""
    file = tmp_path / name
    fjaril("spread", "--map", str(file), data=demo[0])
    content = file.read_bytes()
    assert content.lstrip().startswith(begins)
    if name == "map.svg":
        for number, town in enumerate(scenario.truth().towns, 1):
            assert f"{number} {town.name} " in content.decode()
    assert "expected a file that ends in .svg" in fjaril("spread", "--map", str(tmp_path / "map.bmp"), data=demo[0], code=2).stderr


def test_a_fortnight_is_too_short_for_the_network(demo):
    """Nothing is learned of who follows whom, and it says what is needed."""
    assert "four weeks" in fjaril("spread", "network", data=demo[0]).stdout
    assert fjaril_json("spread", "network", data=demo[0]) == []


def test_coverage_is_not_counted(demo):
    """The round-up, the withdrawn post and fires that have nothing to do with it are in no finding; copies are told as one event."""
    truth, settings = scenario.truth(), pipeline.settings.load(data=demo[0])
    bus = app.open_bus(settings)
    events = {r.key: decode(r.value, Occurrence) for r in bus.read("events")}
    last = {r.key: decode(r.value, Finding) for r in bus.read("findings")}
    documents = {r.key: decode(r.value, Document) for r in bus.read("related") if r.value}
    bus.close()
    (found,) = (f for f in last.values() if f.theme == "fire.vehicle" and f.kind == "spread" and not f.is_withdrawn)
    telling = {s.document for event in found.events for s in events[event].sightings}
    withdrawn = {id_ for id_, document in documents.items() if document.withdrawn}
    assert len(withdrawn) == truth.withdrawn
    assert not telling & {truth.round_up, truth.drill, *truth.unrelated, *withdrawn}
    for copy in (d for d in documents.values() if d.copy_of):
        told = [{s.document for s in event.sightings} for event in events.values()]
        assert all(copy.copy_of in one for one in told if copy.id in one)


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
    assert len(hints) == 8
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
