"""``fjaril learn``, ``places explain`` and ``themes test`` as a user runs them, on an index of invented notices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from enrich import gazetteer as gazetteers
from pipeline import app
from pipeline.settings import Settings
from tests.e2e.commands import fjaril, fjaril_json
from tests.enrich.learn.notices import notices

LINE = json.dumps({"id": 1, "text": "En kobrak lågar vid Fjärilsplan."}) + "\n"


@pytest.fixture(scope="module")
def data(directory) -> Path:
    """A data directory with 900 notices in its index."""
    folder = directory("learn")
    settings = Settings(data_dir=folder)
    index = app.open_index(settings)
    index.upsert(notices(900, gazetteers.load(settings.cache)))
    index.close()
    app.open_bus(settings).close()
    return folder


@pytest.fixture
def learned(data) -> Iterator[Path]:
    """The same after ``fjaril learn``."""
    fjaril("learn", data=data)
    yield data
    fjaril("learn", "--forget", data=data)


def tag(data: Path) -> dict:
    return json.loads(fjaril("tag", data=data, stdin=LINE).stdout)


def test_learning_changes_what_tag_says_until_it_is_forgotten(data):
    """Figures are shown, the file is named, ``fjaril tag`` goes by it, and without it as before."""
    before = tag(data)
    assert (before["places"], before["themes"]) == ([], [])
    shown = fjaril("learn", data=data).stdout
    assert "Learned from 900 notices" in shown
    assert "takes it up at its next start" in shown
    assert str(data / "learned.json") in shown
    after = tag(data)
    assert [place["code"] for place in after["places"]] == ["1280"]
    assert after["themes"][0]["id"] == "fire.fire"
    assert "removed" in fjaril("learn", "--forget", data=data).stdout
    assert tag(data) == before
    assert "Nothing was learned" in fjaril("learn", "--forget", data=data).stdout


def test_the_figures_come_as_json(learned):
    """What was held back, with and without."""
    found = fjaril_json("learn", data=learned)
    assert found["notices"] == 900
    assert found["places"]["used"]
    assert found["places"]["before"]["municipality"]["of_all"] < found["places"]["after"]["municipality"]["of_all"]
    assert {theme["id"] for theme in found["by_theme"]} == {"fire", "theft"}


def test_a_word_is_explained(learned):
    """What it means officially, what was learned of it, and what decides; documents by their ids."""
    found = fjaril_json("places", "explain", "Fjärilsplan", data=learned)
    assert found["learned"]["areas"][0]["code"] == "1280"
    index = app.open_index(Settings(data_dir=learned))
    assert all("Fjärilsplan" in index.get(example).text for example in found["learned"]["examples"])
    index.close()
    shown = fjaril("places", "explain", "Lund", data=learned).stdout
    assert "1281" in shown
    assert "never unlearned" in shown
    assert "people bear it" in shown


def test_a_damaged_file_is_named_and_left_behind(learned):
    """The commands that read it say which file, and how to go on; ``--forget`` then helps."""
    (learned / "learned.json").write_text("damaged")
    said = fjaril("tag", data=learned, code=2, stdin=LINE).stderr
    assert "learned.json" in said
    assert "fjaril learn --forget" in said
    fjaril("learn", "--forget", data=learned)
    assert tag(learned)["places"] == []


def test_a_changed_lexicon_is_tested_on_documents(data, tmp_path):
    """Themes gained, with documents and the words that decide; nothing where nothing changed; a wrong file is refused."""
    file = tmp_path / "lexicon.yaml"
    file.write_text('themes:\n  - {id: theft.scooter, sv: Sparkcyklar, en: Scooters, strong: ["tjimpat"]}\n', encoding="utf-8")
    found = fjaril_json("themes", "test", "--lexicon", file, "--documents", 100, data=data)
    change = next(change for change in found["changes"] if change["theme"] == "theft.scooter")
    assert found["documents"] == 100
    assert (change["before"], change["after"], change["lost"]) == (0, change["gained"], 0)
    assert change["gains"][0]["words"] == ["tjimpat"]
    assert "theft.scooter" in fjaril("themes", "test", "--lexicon", file, data=data).stdout
    assert "no theme was gained or lost" in fjaril("themes", "test", data=data).stdout
    file.write_text("themes: []\n", encoding="utf-8")
    assert "lexicon.yaml" in fjaril("themes", "test", "--lexicon", file, data=data, code=2).stderr


def test_an_empty_index_teaches_nothing(directory):
    """It says what is missing and how to begin."""
    assert "begin with" in fjaril("learn", data=directory("nothing"), code=2).stderr
