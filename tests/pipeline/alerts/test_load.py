"""Rule files, right and wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.alerts.load import load
from pipeline.errors import SettingsError

GOOD = "name: a\npurpose: prova\ntype: any\n"
EXAMPLES = Path(__file__).parents[3] / "deploy" / "rules"


def test_the_examples_are_right():
    """What comes with the program loads, each with a purpose and someone to notify."""
    rules = load(EXAMPLES)
    assert len(rules) >= 4
    assert all(rule.notify and rule.purpose for rule in rules)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\ntype: any\n", r"rule\.yaml:1: .*purpose"),
        ("name: a\npurpose: prova\ntype: anyy\n", r"rule\.yaml:3: type"),
        (GOOD + "tyep: any\n", "tyep"),
        (
            "name: a\npurpose: prova\ntype: frequency\nnum_events: många\ntimeframe: {hours: 1}\n",
            r"rule\.yaml:4: num_events: found 'många'",
        ),
        ("name: a\npurpose: prova\ntype: frequency\nnum_events: 2\ntimeframe: {hours: 0}\n", r"rule\.yaml:5: timeframe"),
        ("name: a\npurpose: prova\ntype: frequency\nnum_events: 2\ntimeframe: {fortnights: 1}\n", "fortnights"),
        (GOOD + "filter:\n- term: {source: prov}\n- trem: {source: prov}\n", r"rule\.yaml:6: filter\[1\]\.trem"),
        ("name: a\npurpose: prova\ntype: cardinality\ncardinality_field: v\ntimeframe: {hours: 1}\n", "max_cardinality or min_cardinality"),
        ("name: a\npurpose: prova\ntype: new_term\n", "query_key"),
        (GOOD + "name: b\n", r"rule\.yaml:4: name: found 'name'; each key once; it stands on line 1"),
        ("name: [a\n", r"rule\.yaml:2"),
        (GOOD + "description: 2026-02-30\n", r"rule\.yaml:1: .*out of range"),
        ("", "found 'nothing'"),
        (GOOD + "---\n" + GOOD, "a name of its own"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    """File, line, key, what was found and what is allowed."""
    file = tmp_path / "rule.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        load(file)


def test_nothing_to_read_is_an_error_too(tmp_path):
    """A directory without rules, and a file that is not there."""
    with pytest.raises(SettingsError, match=r"no file that ends in \.yaml"):
        load(tmp_path)
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "rule.yaml")


def test_what_an_alert_inhibits_is_a_rule_of_the_set(tmp_path):
    """A name that is none is refused with file, line and key; of one file alone the others are not known."""
    (tmp_path / "a.yaml").write_text(GOOD + "inhibits:\n  rules: [b, c]\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text(GOOD.replace("name: a", "name: b"), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"a\.yaml:5: inhibits\.rules\[1\]: found 'c'; a rule of this set: a, b"):
        load(tmp_path)
    assert len(load(tmp_path / "a.yaml")) == 1
    (tmp_path / "c.yaml").write_text(GOOD.replace("name: a", "name: c"), encoding="utf-8")
    assert len(load(tmp_path)) == 3
