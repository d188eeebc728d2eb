"""``fjaril lagesbild`` as a person runs it."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from enrich.gazetteer import load
from pipeline.cli import main
from pipeline.errors import SettingsError
from pipeline.settings import load as load_settings

UNTIL = ("--until", "2026-03-16")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The gazetteer, made once."""
    folder = tmp_path_factory.mktemp("cache")
    load(folder)
    return folder


@pytest.fixture
def fjaril(state, cache, tmp_path, monkeypatch, capfdbinary):
    """Run the command line over the invented spring: (exit code, standard output, standard error)."""
    data = tmp_path / "data"
    shutil.copytree(cache, data / "cache")
    (data / "fjaril.yaml").write_text('areas: {kusten: ["2480", "2482"]}\n', encoding="utf-8")

    def run(*arguments: object) -> tuple[int, bytes, str]:
        monkeypatch.setattr(sys, "argv", ["fjaril", "--data", str(data), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfdbinary.readouterr()
        return int(ended.value.code or 0), said.out, said.err.decode()

    run.data = data
    return run


@pytest.mark.parametrize("area", ["2480", "Umeå", "umeå kommun", "24", "Västerbottens län", "kusten"])
def test_an_area_by_code_or_name(fjaril, area):
    """A municipality, a county, an area of the settings."""
    code, said, _ = fjaril("lagesbild", area, *UNTIL, "--format", "json")
    assert code == 0
    assert next(one["count"] for one in json.loads(said)["figures"] if one["theme"] == "fire") == 5


@pytest.mark.parametrize(
    ("form", "begins"), [("html", b"<!doctype html>"), ("pdf", b"%PDF-"), ("atom", b"<?xml"), ("geojson", b'{"type":"FeatureCollection"')]
)
def test_each_form_on_standard_output_and_in_a_file(fjaril, tmp_path, form, begins):
    """The same beginning either way; the file's name is said."""
    assert fjaril("lagesbild", "2480", *UNTIL, "--format", form)[1].startswith(begins)
    code, said, _ = fjaril("lagesbild", "2480", *UNTIL, "--format", form, "-o", tmp_path / "bild")
    assert (code, said.decode().strip()) == (0, str(tmp_path / "bild"))
    assert (tmp_path / "bild").read_bytes().startswith(begins)


def test_what_people_add_is_kept_and_logged(fjaril):
    """An assessment, a marking and a signature; a partner agency sees what is meant for it; the log says who did what, not what they wrote."""
    assert (
        fjaril(
            "lagesbild", "2480", *UNTIL, "--assess", "Fler bränder väntas.", "--share", "räddningstjänsten", "--mark", "spread", "--sign"
        )[0]
        == 0
    )
    seen = {}
    for agency in ("räddningstjänsten", "socialtjänsten"):
        seen[agency] = json.loads(fjaril("lagesbild", "2480", *UNTIL, "--for", agency, "--format", "json")[1])
    assert [len(one["assessments"]) for one in seen.values()] == [1, 0]
    assert [len(one["spread"]) for one in seen.values()] == [1, 0]
    assert seen["räddningstjänsten"]["version"] == 2  # the first was signed
    log = fjaril("audit", "list", "--json")[1].decode()
    assert [entry["action"] for entry in json.loads(log)] == ["situation.sign", "situation.assess", "situation.share"]
    assert "bränder" not in log


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Lilleby",), "found 'Lilleby'; expected a municipality or county"),
        (("2480", "--period", "sju"), "--period: found 'sju'"),
        (("2480", "--until", "i går"), "--until: found 'i går'"),
        (("2480", "--format", "docx"), "--format: found 'docx'; expected one of html, pdf"),
        (("2480", "--lang", "fi"), "--lang: found 'fi'"),
        (("2480", "--mark", "hemligt"), "--mark: found 'hemligt'; expected one of figures"),
        (("2480", "--assess", "   "), "assessment: found 0 characters"),
        (("2480", "--mark", "map", "--share", ","), "partners are named"),
        (("2480", "-o", "/finns/inte/bild.html"), "name a file that can be written"),
    ],
)
def test_what_cannot_be_is_named(fjaril, arguments, said):
    """In one line, with what would be right; exit code 2."""
    code, _, told = fjaril("lagesbild", *arguments)
    assert code == 2
    assert said in told
    assert told.startswith("fjaril: ")


def test_a_period_after_everything_says_when_the_last_was(fjaril):
    """The picture is made, with the pipeline's standstill as a blind spot."""
    code, said, told = fjaril("lagesbild", "2480", "--until", "2026-06-01", "--format", "json")
    assert code == 0
    assert "the last occurrence of all was on 2026-03-1" in told
    assert json.loads(said)["blind"][0]["kind"] == "stopped"


def test_a_directory_without_anything_says_how_to_begin(fjaril):
    """Instead of an empty picture."""
    (fjaril.data / "bus.db").unlink()
    code, _, told = fjaril("lagesbild", "2480")
    assert code == 2
    assert "begin with `fjaril demo`" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('areas: {kusten: ["Umeå"]}', r"fjaril\.yaml: areas\.kusten\.0: found 'Umeå'; string should match .*areas of your own"),
        ('areas: {"!": ["24"]}', r"fjaril\.yaml: areas\.!\.\[key\]: found '!'"),
        (
            "access: {oidc: {groups: {vakt: {role: officer, roll: x}}}}",
            r"access\.oidc\.groups\.vakt\.roll: .* allowed here: role, agency, areas",
        ),
        (
            "access: {oidc: {groups: {vakt: {role: chef}}}}",
            r"access\.oidc\.groups\.vakt\.role: found 'chef'; .*viewer, analyst, officer or admin",
        ),
        ("access: {oidc: {groups: {vakt: officer}}}", r"access\.oidc\.groups\.vakt: .* it holds keys: role, agency, areas"),
        ("access: {oidc: {groups: {vakt: {agency: x}}}}", r"fjaril\.yaml: access\.oidc\.groups\.vakt\.role: .*field required"),
        ("access: {oidc: {scope: profile}}", r"access\.oidc\.scope: found 'profile'; .*with openid"),
    ],
)
def test_settings_of_ones_own_names_are_explained(tmp_path, text, said):
    """Areas and groups have names that the program does not know: an error names them, what was found and what is allowed."""
    (tmp_path / "fjaril.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        load_settings(data=tmp_path)
