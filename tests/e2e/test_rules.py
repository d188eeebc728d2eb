"""``fjaril rules`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.commands import fjaril, fjaril_json

RULE = """
name: bränder
purpose: prova
type: frequency
filter:
- term: {themes.id: fire}
query_key: places.municipality
num_events: 2
timeframe: {hours: 6}
"""


def _documents(path: Path) -> Path:
    rows = [
        {"id": f"d{n}", "published": f"2026-03-01T{hour:02}:00:00Z", "themes": [{"id": "fire.vehicle"}], "places": [{"code": code}]}
        for n, (hour, code) in enumerate([(1, "1480"), (3, "0180"), (5, "1480:hisingen"), (20, "0180")])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{inget\n", encoding="utf-8")
    return path


def test_a_rule_is_checked_tried_and_explained(tmp_path):
    """Alerts come as JSON Lines; a line that cannot be read is named and the rest goes on; why not is said step by step."""
    rule = tmp_path / "rule.yaml"
    rule.write_text(RULE, encoding="utf-8")
    docs = _documents(tmp_path / "docs.jsonl")
    assert fjaril_json("rules", "check", rule)[0]["type"] == "frequency"
    done = fjaril("rules", "test", rule, "--docs", docs, code=1)
    assert "line 5" in done.stderr
    [alert] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (alert["rule"], alert["time"], alert["key"], alert["ids"]) == ("bränder", "2026-03-01T05:00:00Z", "1480", ["d0", "d2"])
    docs.write_text(docs.read_text(encoding="utf-8").replace("{inget\n", ""), encoding="utf-8")
    steps = {step["step"]: step["holds"] for step in fjaril_json("rules", "explain", rule, "d1", "--docs", docs)}
    assert steps == {"filter[0]": True, "query_key": True, "frequency": False}
    assert any("alert at 2026-03-01T05:00" in step["found"] for step in fjaril_json("rules", "explain", rule, "d2", "--docs", docs))


def test_a_wrong_rule_is_refused(tmp_path):
    """With file, line and key, and the exit code for wrong use."""
    rule = tmp_path / "rule.yaml"
    rule.write_text(RULE.replace("purpose: prova\n", ""), encoding="utf-8")
    said = fjaril("rules", "check", rule, code=2).stderr
    assert "rule.yaml:2" in said
    assert "purpose" in said
