"""What a rule would have sent: how often, to whom, and how much of it was of use."""

from __future__ import annotations

from pathlib import Path

from pipeline.alerts.engine import Course
from pipeline.alerts.rota.load import load
from pipeline.alerts.trial import recipients, tally
from tests.pipeline.alerts.live.world import ROTA
from tests.pipeline.alerts.streams import at, rule


def _rota(folder: Path):
    file = folder / "rota.yaml"
    file.write_text(ROTA, encoding="utf-8")
    return load(file)


def test_a_tally_says_to_whom_and_how_much_was_of_use(tmp_path):
    """Marked alerts are known by the documents that they rested on, also when the rule is another now; who was on duty is the rota's."""
    made = rule("frequency", num_events=2, timeframe={"hours": 1})
    west, north = [{"code": "1480"}], [{"code": "2580"}]
    events = [at(0, places=west), at(1, places=west), at(2, places=west), at(3, places=west), at(4, places=north), at(5, places=north)]
    course = Course([made], events)
    alerts = list(course.alerts())
    assert [alert.ids for alert in alerts] == [("0", "1"), ("2", "3"), ("4", "5")]
    [found] = tally([made], course, alerts, {"prov": {"1": True, "2": False, "9": False}, "annan": {"4": True}}, _rota(tmp_path))
    assert (found.alerts, found.useful, found.not_useful, found.precision) == (3, 1, 1, 0.5)
    assert found.to == ("Anna Exempel", "Desk Example")
    [unmarked] = tally([made], course, alerts)
    assert (unmarked.precision, unmarked.to) == (None, ())


def test_who_is_told_of_a_finding_is_by_its_places(tmp_path):
    """A finding's places are codes."""
    made = rule("spread", places=2)
    event = at(0, kind="spread", expected_per_year=1.0, q=0.1, grade="linked", places=["1480", "2580"], events=["e"])
    [alert] = Course([made], [event]).alerts()
    assert recipients(made, alert, {event.id: event.document}, _rota(tmp_path)) == ["Anna Exempel"]


def test_a_rule_is_about_what_it_says():
    """Records that say what they are reach the rules that are about those; a plain document reaches all."""
    about_stories, about_documents = rule("any", over="stories"), rule("any")
    events = [at(0, type="story"), at(1, type="document"), at(2, type="spread"), at(3)]
    assert [alert.ids for alert in Course([about_stories], events).alerts()] == [("0",), ("3",)]
    assert [alert.ids for alert in Course([about_documents], events).alerts()] == [("1",), ("3",)]
