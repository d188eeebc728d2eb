"""Rota files, right and wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.current import Current
from pipeline.alerts.load import load as load_rules
from pipeline.alerts.rota.load import load
from pipeline.alerts.rota.regions import COUNTIES, POLICE
from pipeline.errors import SettingsError
from tests.pipeline.alerts.rota.rotas import HEAD, rota_of

DEPLOY = Path(__file__).parents[4] / "deploy"
NORD = "regions:\n  nord:\n"
WHOLE = '    shifts: [{from: "mon 00:00", to: "mon 00:00", officers: [anna]}]\n'
DAYS = '    shifts: [{days: mon-fri, from: "08:00", to: "17:00", officers: [anna]}]\n'


def test_the_example_is_right():
    """It loads, knows whom the example rules notify, and at any hour of a year somebody can be reached in each region."""
    rota = load(DEPLOY / "rota.yaml")
    for rule in load_rules(DEPLOY / "rules"):
        assert rota.targets(rule.notify, ["25"])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for name in rota.regions:
        assert all(duty.officers for duty in rota.timeline(name, begin, begin + timedelta(days=365)))


def test_the_police_has_seven_regions_of_all_counties():
    """Each county in one of them."""
    counties = [code for codes in POLICE.values() for code in codes]
    assert len(POLICE) == 7
    assert sorted(counties) == sorted(COUNTIES)
    assert len(COUNTIES) == 21


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        (NORD + DAYS, r"rota\.yaml:12: regions\.nord\.shifts: found 'nobody on duty mon 17:00 to tue 08:00, .*fri 17:00 to mon 08:00'"),
        (NORD + '    shifts: [{from: "00:00", to: "23:30", officers: [anna]}]\n', "sun 23:30 to mon 00:00'"),
        (NORD + "    shifts: []\n", "nobody on duty mon 00:00 to mon 00:00"),
        (NORD + WHOLE[:-2] + ', {days: sun, from: "02:00", to: "03:00", officers: [bo]}]\n', "two shifts sun 02:00 to sun 03:00"),
        (NORD + WHOLE.replace("anna", "annna"), r"rota\.yaml:12: regions\.nord\.shifts\[0\]\.officers\[0\]: found 'annna'; .*anna, bo, cia, desk"),
        (NORD + WHOLE.replace("officers", "oficers"), r"regions\.nord\.shifts\[0\].*oficers"),
        (NORD + WHOLE.replace("mon 00:00", "mån 25:00", 1), r"shifts\[0\]\.from: found 'mån 25:00'; a time of the clock"),
        (NORD + WHOLE.replace("[anna]", "[]"), "officers who are on duty each week, or a rotation"),
        (NORD + WHOLE.replace("officers: [anna]", "rotation: [anna, bo]"), "since: 2026-01-05"),
        (NORD + WHOLE.replace("officers: [anna]", "rotation: [anna, bo], since: 2026-01-06"), "a Monday"),
        (NORD + WHOLE.replace("officers: [anna]", "rotation: [anna, bo], since: 2026-02-30"), r"rota\.yaml:1.*(day is out of range|day .* month)"),
        (NORD + '    counties: ["25"]\n' + WHOLE, r"rota\.yaml:12: regions\.nord\.counties: .*its counties are known"),
        ("regions:\n  mitten:\n" + WHOLE, "codes of counties under counties, or a region of the police: nord, mitt"),
        ('regions:\n  mitten:\n    counties: ["02"]\n' + WHOLE, r"counties\[0\]: found '02'; .*\"01\" Stockholms län"),
        ("regions:\n  mitten:\n    counties: [01]\n" + WHOLE, r"Expected `str`, got `int`"),
        (NORD + WHOLE + '    night: {from: "22:00", to: "06:00", region: syd}\n', r"night\.region: found 'syd'; another region of the rota"),
        (NORD + WHOLE + '    night: {from: "22:00", to: "06:00", officers: [bo], channels: [fax]}\n', r"night\.channels\[0\]: found 'fax'; .*sms, epost"),
        (NORD + WHOLE + '    night: {from: "22:00", to: "06:00"}\n', r"nord\.night: found \[\]; a region, or officers"),
        (
            NORD + WHOLE + '    night: {from: "22:00", to: "06:00", region: syd}\n  syd:\n' + WHOLE
            + '    night: {from: "22:00", to: "06:00", region: nord}\n',
            "nord → syd → nord",
        ),
        (NORD + WHOLE + '    overrides: [{from: "2026-12-24 08:00", to: "2026-12-24 08:00", officers: [bo], reason: jul}]\n', "later than from"),
        (NORD + WHOLE + '    overrides: [{from: "2026-12-24T08:00Z", to: "2026-12-25", officers: [bo], reason: jul}]\n', "without a zone"),
        (NORD + WHOLE + "    overrides: [{from: 2026-12-24, to: 2026-12-25, officers: [bo]}]\n", "reason"),
        (
            NORD + WHOLE + "    overrides:\n    - {from: 2026-12-24, to: 2026-12-26, officers: [bo], reason: jul}\n"
            "    - {from: 2026-12-25, to: 2026-12-27, officers: [cia], reason: annandag}\n",
            r"overrides\[1\]: found '2026-12-25 00:00 to 2026-12-26 00:00'; .*\(jul\)",
        ),
        (NORD + WHOLE + "    escalation: [{after: {minutes: 10}, to: chefen}]\n", r"escalation\[0\]\.to: found 'chefen'; one of duty, fallback, nord, anna"),
        (NORD + WHOLE + "    escalation: [{after: {minutes: 9}, to: duty}, {after: {minutes: 9}, to: bo}]\n", r"escalation\[1\]\.after.*later than"),
        (NORD + WHOLE + "    timezone: Europe/Stokholm\n", r"timezone: found 'Europe/Stokholm'"),
        ("regions:\n  anna:\n" + '    counties: ["01"]\n' + WHOLE, "a name that is no officer's"),
        (NORD + WHOLE + "  nord:\n" + WHOLE, r"rota\.yaml:13: nord: .*each key once; it stands on line 11"),
        (NORD + WHOLE + "zone: Europe/Stockholm\n", "unknown field `zone`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, regions, said):
    """File, line, key, what was found and what is allowed; of a gap its hours."""
    with pytest.raises(SettingsError, match=said):
        rota_of(tmp_path, regions)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("fallback: [desk]", "fallback: []", r"rota\.yaml:9: fallback"),
        ("fallback: [desk]", "fallback: [dsk]", r"rota\.yaml:9: fallback\[0\]: found 'dsk'; one of the officers"),
        ("fallback: [desk]\n", "", "fallback"),
        ("+46701740606", "0701740606", r"rota\.yaml:6: officers\.bo\.channels\.sms: found '0701740606'; a phone number"),
        ("cia@kommun.example", "Cia <cia@kommun.example>", r"rota\.yaml:7: officers\.cia\.channels\.epost"),
        ('{sms: "+46701740606"}', '{fax: "1"}', r"officers\.bo\.channels\.fax: found 'fax'; one of the channels: sms, epost"),
        ('{sms: "+46701740606"}', "{}", "at least one channel"),
        ("  bo:", "  duty:", "another name"),
        ("https://sms.example", "http://sms.example", r"rota\.yaml:2: channels\.sms\.url"),
        ("https://sms.example", "https://{to}.example", r"channels\.sms\.url"),
        ("https://sms.example", "https://me:pw@sms.example", r"channels\.sms\.url"),
        ('text: "{text}"', 'text: "{txt}"', r"channels\.sms\.form\.text: found '{txt}'; text with placeholders among {digits}, {key}"),
        ('text: "{text}"', 'text: "{0.__class__}"', r"channels\.sms\.form\.text"),
        ('text: "{text}"', "text: hej", r"{text} somewhere"),
        ("kind: sms", "kind: fax", "fax"),
        ("from: fjaril@", "username: u, from: fjaril@", "username and secret together"),
        ("from: fjaril@", "username: u, secret: s, security: none, from: fjaril@", "does not go over the net in clear"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_people_and_channels_is_named(tmp_path, old, new, said):
    """Also placeholders that are none, addresses that their channel cannot reach, and a host that is not the file's own."""
    assert old in HEAD
    with pytest.raises(SettingsError, match=said):
        rota_of(tmp_path, NORD + WHOLE, HEAD.replace(old, new))


def test_a_bad_edit_leaves_the_rota_in_force(tmp_path):
    """What was read stays until what is in the file is right; each change is told once."""
    rota_of(tmp_path, NORD + WHOLE)
    file = tmp_path / "rota.yaml"
    current = Current(file, load)
    before, version = current.value, current.version
    assert not current.refresh()
    file.write_text(HEAD + NORD + DAYS, encoding="utf-8")
    assert current.refresh()
    assert "nobody on duty" in str(current.fault)
    assert (current.value, current.version) == (before, version)
    assert not current.refresh()
    file.unlink()
    assert current.refresh()
    assert "No such file" in str(current.fault)
    assert current.value is before
    rota_of(tmp_path, NORD + WHOLE.replace("anna", "bo"))
    assert current.refresh()
    assert current.fault is None
    assert current.version != version
    assert current.value.on_duty("nord", datetime(2026, 5, 5, tzinfo=UTC)).officers[0].id == "bo"


def test_rules_in_a_directory_stay_in_force_too(tmp_path):
    """A file that is added, changed or removed is a change of the whole set."""
    rule = "name: a\npurpose: prova\ntype: any\n"
    (tmp_path / "a.yaml").write_text(rule, encoding="utf-8")
    current = Current(tmp_path, load_rules)
    (tmp_path / "b.yaml").write_text(rule, encoding="utf-8")
    assert current.refresh()
    assert "a name of its own" in str(current.fault)
    assert [one.name for one in current.value] == ["a"]
    (tmp_path / "b.yaml").write_text(rule.replace("name: a", "name: b"), encoding="utf-8")
    assert current.refresh()
    assert [one.name for one in current.value] == ["a", "b"]
    assert not current.refresh()
