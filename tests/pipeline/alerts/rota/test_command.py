"""``fjaril rota`` as a person runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.pipeline.alerts.rota.rotas import HEAD

EXAMPLE = Path(__file__).parents[4] / "deploy" / "rota.yaml"
RULES = EXAMPLE.parent / "rules"


@pytest.fixture
def fjaril(monkeypatch, capsys, tmp_path):
    """Run the command line: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fjaril", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_who_is_told_at_night(fjaril):
    """The question that the rota is for, with the night's officers and each step after them."""
    code, said, _ = fjaril("rota", "who", "--rota", str(EXAMPLE), "--region", "nord", "--at", "2026-12-24 03:00", "--json")
    found = json.loads(said)
    assert (code, found["region"], found["at"], found["by"], found["reason"]) == (
        0,
        "nord",
        "2026-12-24T03:00:00+01:00",
        "night",
        "stockholm",
    )
    assert found["officers"] == ["dan.example"]
    told = [(rung["after_minutes"], [one["id"] for one in rung["officers"]]) for rung in found["rungs"]]
    assert told == [(0, ["dan.example"]), (5, ["dan.example", "bo.exempel"]), (15, ["dan.example"]), (30, ["ledningscentral"])]
    assert found["rungs"][0]["officers"][0]["channels"] == ["sms"]
    code, said, _ = fjaril("rota", "who", "--rota", str(EXAMPLE), "--region", "NORD", "--at", "2026-12-24T12:00+01:00")
    assert code == 0
    assert "Cia Exempel, by override (julhelgen) until 2026-12-26 22:00" in " ".join(said.split())


def test_a_week_with_a_change_of_the_clock(fjaril):
    """The night to 25 October has nine hours."""
    code, said, _ = fjaril("rota", "week", "--rota", str(EXAMPLE), "--region", "nord", "--from", "2026-10-24", "--days", "2", "--json")
    pieces = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert [(one["start"], one["end"]) for one in pieces[2:3]] == [("2026-10-24T22:00:00+02:00", "2026-10-25T06:00:00+01:00")]
    code, said, _ = fjaril("rota", "week", "--rota", str(EXAMPLE), "--region", "nord", "--from", "2026-10-24")
    assert code == 0
    assert "Sat 2026-10-24 22:00 CEST" in said
    assert "Sun 2026-10-25 06:00 CET" in said


def test_the_rota_of_the_settings(fjaril, tmp_path):
    """Without a file it is the settings' own; what is in no region is said, and so is a rule that notifies nobody it knows."""
    assert "name a file, or set rota in the settings" in fjaril("rota", "check")[2]
    (tmp_path / "fjaril.yaml").write_text(f"rota: {EXAMPLE}\n", encoding="utf-8")
    code, said, _ = fjaril("rota", "check", "--rules", str(RULES), "--json")
    found = json.loads(said)
    assert (code, found["rules"]) == (0, 4)
    assert found["regions"]["nord"] == ["22", "23", "24", "25"]
    assert "12" in found["fallback_only"]
    code, said, _ = fjaril("rota", "check")
    assert code == 0
    assert "12 Skåne län" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["who", "--region", "norr"], "region 'norr': the rota has no such region; it has stockholm, nord, väst, mälardalen"),
        (["who", "--region", "nord", "--at", "julafton"], "--at: found 'julafton'; a date and a time"),
        (["week", "--from", "24 dec"], "--from: found '24 dec'; a date"),
    ],
)
def test_what_cannot_be_answered_is_said(fjaril, arguments, said):
    """In one line, with exit code 2."""
    code, _, told = fjaril("rota", *arguments, "--rota", str(EXAMPLE))
    assert code == 2
    assert said in told
    assert len(told.splitlines()) == 1


def test_a_wrong_rota_and_a_rule_for_nobody(fjaril, tmp_path):
    """File, line and key; the rule by its name."""
    file = tmp_path / "rota.yaml"
    file.write_text(HEAD + "regions:\n  nord:\n    shifts: []\n", encoding="utf-8")
    code, _, said = fjaril("rota", "check", str(file))
    assert code == 2
    assert "rota.yaml:12: regions.nord.shifts: found 'nobody on duty mon 00:00 to mon 00:00'" in said
    file.write_text(HEAD, encoding="utf-8")
    code, _, said = fjaril("rota", "check", str(file), "--rules", str(RULES))
    assert code == 2
    assert "rule tyst-källa: notify: 'drift' is not in the rota; it may be region, fallback, anna, bo, cia, desk" in said
