"""The life of alerts: one an occurrence, whatever is delivered how often and whenever the stage is restarted."""

from __future__ import annotations

import os
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from enrich.spread.model import Finding, Grade, Version
from pipeline.alerts.live import desk
from pipeline.alerts.live.model import Alert, State
from pipeline.alerts.topics import ALERTS, EVIDENCE, JOURNAL, NOTIFICATIONS
from pipeline.model import SourceState, Story, encode
from pipeline.ports import Record
from pipeline.runner import TEXT_TOPICS, StageWorker
from tests.pipeline.alerts.live.world import FIRE, NOON, World, document, rule

MINUTE = timedelta(minutes=1)
HOUR = {"hours": 1}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def _again(folder, rules: str, **options) -> World:
    return World(folder, rules, **options)


def test_a_document_becomes_an_alert_that_somebody_is_told_of(world):
    """With what, where, why, how sure and the evidence, and the version of the rule; nothing of what the document says."""
    world.fire("d1", text="Anna Exempel ringde om en bil som brann.")
    alert = world.alert
    assert (alert.state, alert.rule, alert.rule_hash) == (State.FIRING, "brand", world.stage._watch.rules[0].version)
    assert (alert.places[0].code, alert.themes[0].code, alert.sources, alert.causes) == ("1480", "fire.vehicle", ("a",), ("d1",))
    assert alert.certainty.score == pytest.approx(0.72)
    [message] = world.messages
    assert (message.officer, message.channels, message.notification.links) == ("anna", ("sms", "jour"), ("https://press.example/d1",))
    stored = b"".join(record.value for topic in (ALERTS, JOURNAL, NOTIFICATIONS) for record in world.bus.read(topic))
    assert b"Exempel ringde" not in stored
    assert b"+467" not in stored
    assert world.changes(alert.id) == ["detected", "told"]


def test_however_often_it_is_delivered_it_is_one_alert(world):
    """The group is moved back to the beginning, and everything comes again; the same version published twice is one, too."""
    world.fire("d1")
    world.fire("d2", 1)
    before = (world.told, world.board.alerts)
    for topic in ("related", "ticks"):
        world.bus.seek("alerts", topic, NOON - timedelta(days=1))
    world.begin()
    world.tick(2)
    world.fire("d1", 3)
    assert (world.told, world.board.alerts) == before


def test_an_id_is_that_of_the_occurrence(tmp_path):
    """Of rule, key and first cause: another pipeline that finds the same gives it the same id."""
    ids = []
    for name in "ab":
        made = World(tmp_path / name, rule("många", "frequency", num_events=2, timeframe=HOUR, query_key="places.county"))
        made.fire("d1")
        made.fire("d2", 1 if name == "a" else 2)
        ids.append(made.alert.id)
        made.close()
    assert ids[0] == ids[1]


def test_a_withdrawal_cancels_and_is_told_at_once(world):
    """Those who were told hear of it; who was to be told later hears nothing at all."""
    world.fire("d1")
    world.fire("d2", 1)
    world.fire("d2", 2, revision=2, withdrawn=True)
    assert world.told == [(0, "trigger", "anna", 1)]
    world.fire("d1", 3, revision=2, withdrawn=True)
    assert world.told[1:] == [(3, "cancel", "anna", 1)]
    assert {alert.state for alert in world.board.alerts.values()} == {State.CANCELLED}
    assert "was withdrawn" in world.board.alerts[world.messages[0].notification.alert].change.why
    assert world.board.groups[world.messages[0].notification.alert].is_over


def test_what_is_withdrawn_leaves_no_address(world):
    """The index erases it from the topics that may hold it; what rules remember of it does not name it."""
    world.fire("d1")
    assert any(b"press.example/d1" in record.value for record in world.bus.read(EVIDENCE))
    assert not any(b"press.example" in record.value for record in world.bus.read(JOURNAL))
    world.bus.erase(TEXT_TOPICS, {"d1": NOON + MINUTE})
    world.begin()
    world.fire("d2", 6)
    assert not any(record.value for record in world.bus.read(EVIDENCE) if record.key == "d1")
    assert [one.notification.links for one in world.messages][-1] == ("https://press.example/d2",)


def test_an_edit_updates_or_cancels(world):
    """A document that is now about somewhere else moves its alert; one that is about something else cancels it; neither counts twice."""
    world.fire("d1")
    world.fire("d1", 1, revision=2, place="1481")
    assert [place.code for place in world.alert.places] == ["1481"]
    assert world.changes(world.alert.id) == ["detected", "told", "changed"]
    world.tick(6)
    assert world.told[1:] == [(6, "update", "anna", 1)]
    world.fire("d1", 7, revision=3, theme="theft")
    assert world.alert.state is State.CANCELLED
    world.fire("d1", 8, revision=4)
    assert world.alert.state is State.CANCELLED


def test_an_alert_of_many_stands_as_long_as_enough_are_left(tmp_path):
    """Of a frequency of three one may go when there are four, and no more."""
    made = World(tmp_path, rule("många", "cardinality", cardinality_field="id", max_cardinality=2, timeframe={"hours": 6}))
    for number in range(4):
        made.fire(f"d{number}", number)
    alert = made.alert
    assert alert.causes == ("d0", "d1", "d2", "d3")
    made.fire("d1", 10, revision=2, withdrawn=True)
    assert (made.alert.state, made.alert.lost) == (State.FIRING, ("d1",))
    made.fire("d2", 11, revision=2, withdrawn=True)
    assert made.alert.state is State.CANCELLED
    made.close()


def test_an_alert_about_a_place_is_there(tmp_path):
    """Where the rule works for each place apart: its documents may name others, whose regions are not told."""
    made = World(tmp_path, rule("många", "frequency", num_events=2, timeframe=HOUR, query_key="places.municipality"))
    both = document("d1", NOON, place="2580")
    here = document("d2", NOON).places
    made.come(msgspec.structs.replace(both, places=(*both.places, *here)), document("d2", NOON + MINUTE, place="1480"))
    assert (made.alert.key, [place.code for place in made.alert.places]) == ("1480", ["1480", "2580"])
    assert made.alert.targets == ("väst",)
    made.close()


def test_what_comes_too_late_is_not_counted(tmp_path):
    """Later than the rule's lateness after it was; a clock that is ahead does not empty the windows of others."""
    late = {"num_events": 2, "timeframe": {"hours": 3}, "lateness": {"hours": 2}}
    made = World(tmp_path, rule("många", "frequency", **late))
    made.fire("d1", published=NOON - 3 * 60 * MINUTE)
    made.fire("d2", 1, published=NOON - 60 * MINUTE)
    assert not made.board.alerts
    made.fire("d3", 2, published=NOON + timedelta(days=300))
    assert made.alert.causes == ("d2", "d3")
    made.close()


def test_what_lasts_is_one_alert_until_it_is_over(tmp_path):
    """A flatline speaks at each look: that is one occurrence, which is resolved when documents come again."""
    made = World(tmp_path, rule("tyst", "flatline", threshold=1, timeframe={"minutes": 10}, run_every={"minutes": 5}))
    for minute in range(0, 31, 5):
        made.tick(minute)
    assert made.alert.state is State.FIRING
    assert len(made.told) == 1
    made.fire("d1", 31)
    made.tick(35)
    assert (made.alert.state, made.alert.change.why) == (State.RESOLVED, "it no longer holds")
    made.tick(36)
    assert made.told[1:] == [(35, "resolved", "desk", 1)]
    for minute in range(40, 61, 5):
        made.tick(minute)
    assert [alert.state for alert in made.board.alerts.values()] == [State.RESOLVED, State.FIRING]
    made.close()


def test_a_silent_source_is_told_of_until_it_speaks(tmp_path):
    """Once for each silence."""
    made = World(tmp_path, rule("tyst-källa", "silence", least={"minutes": 5}, pauses=5, run_every={"minutes": 5}))
    for number in range(8):
        made.fire(f"d{number}", 10 * number)
    for minute in range(75, 130, 5):
        made.tick(minute)
    assert (made.alert.key, made.alert.state) == ("a", State.FIRING)
    made.fire("d9", 131)
    assert made.alert.state is State.RESOLVED
    made.close()


def test_what_nobody_hears_of_any_more_expires(world):
    """After a day without news, acknowledged or not."""
    world.fire("d1")
    world.tick(24 * 60 - 1)
    assert world.alert.state is State.FIRING
    world.tick(24 * 60 + 2)
    assert (world.alert.state, world.alert.change.why) == (State.EXPIRED, "nothing new for 1 day, 0:00:00")


def _finding(version: int, *places: str, reason: str = "found") -> Finding:
    return Finding(
        id="f" * 32, theme="fire.vehicle", root="e0", places=places, events=tuple(f"e{n}" for n in range(len(places))), edges=(), score=9.0,
        expected_per_year=0.5, q=0.04, grade=Grade.LINKED, version=version,
        history=(Version(version=version, at=NOON, score=9.0, places=len(places), expected_per_year=0.5, reason=reason),),
    )  # fmt: skip


def test_a_finding_is_one_alert_however_far_it_goes(tmp_path):
    """It is told again when it has come further, and cancelled when it is withdrawn."""
    made = World(tmp_path, rule("spridning", "spread", places=2, grades=["linked"], notify=["region-väst"]))

    def come(minute: int, finding: Finding) -> None:
        made.bus.publish([Record(topic="findings", key=finding.id, timestamp=NOON + minute * MINUTE, value=encode(finding))])
        made.run()

    come(0, _finding(1, "1480"))
    assert not made.board.alerts
    come(1, _finding(2, "1480", "1481"))
    assert (made.alert.certainty.q, made.alert.certainty.grade, made.alert.causes) == (0.04, "linked", ("f" * 32,))
    come(8, _finding(3, "1480", "1481", "0180"))
    assert [one[:2] for one in made.told] == [(1, "trigger"), (8, "update")]
    assert [place.code for place in made.messages[-1].notification.places] == ["1480", "1481", "0180"]
    come(9, _finding(4, "1480", "1481", "0180", reason="withdrawn"))
    assert made.alert.state is State.CANCELLED
    assert made.told[-1][1] == "cancel"
    made.close()


def test_stories_and_sources_are_watched_too(tmp_path):
    """A story by how many sources it has, a source by its health."""
    rules = rule("stor", "any", over="stories", filter=[{"range": {"independent": {"gte": 2}}}], lateness={"days": 9})
    rules += rule("källa", "change", over="sources", query_key="source", compare_key="health", ignore_null=True, notify=["fallback"])
    made = World(tmp_path, rules)
    base = {"id": "s1", "first": NOON, "last": NOON, "places": {"1480": 2}, "themes": {"fire": 2}}
    for minute, sources in ((0, {"a": 1}), (1, {"a": 1, "b": 1}), (2, {"a": 1, "b": 1, "c": 1})):
        story = Story(**base, documents={f"d{n}": n for n in range(len(sources))}, originals=sources)
        made.bus.publish([Record(topic="stories", key="s1", timestamp=NOON + minute * MINUTE, value=encode(story))])
        made.run()
    assert (made.alert.rule, made.alert.causes, made.alert.places[0].code) == ("stor", ("s1",), "1480")
    for minute, health in ((3, "changed"), (4, "changed"), (5, "unreachable")):
        state = SourceState(source="a", url="https://press.example", checked=NOON + minute * MINUTE, health=health)
        made.bus.publish([Record(topic="sources", key="a", timestamp=state.checked, value=encode(state))])
        made.run()
    assert [alert.rule for alert in made.board.open] == ["källa", "stor"]
    made.close()


def test_what_is_known_is_not_folded_back_again(world):
    """A topic that is new to the process costs nothing, unless another process has taken a batch since, or one failed."""
    world.fire("d1")
    book = world.stage._book
    world.tick(1)
    assert world.stage._book is book
    other = World(world.folder / "x", bus=world.bus)
    other.stage = world.stage.__class__(world.stage._force._rules, world.stage._force._rota)
    other.worker = StageWorker(other.stage, world.bus, 10)
    other.now = world.now
    other.fire("d2", 2)
    world.fire("d3", 3)
    assert world.stage._book is not book
    assert len(world.board.alerts) == 3


def test_changed_rules_are_taken_while_it_runs(world):
    """A bad file leaves the old rules in force, is logged with file, line and key, and is shown; a good one is taken."""
    world.fire("d1")
    world.rules.write_text(FIRE.replace("purpose: prova", "purpos: prova"), encoding="utf-8")
    with capture_logs() as logs:
        world.tick(1)
    [line] = [line for line in logs if line["log_level"] == "error"]
    assert "rules.yaml:1" in line["reason"]
    assert "purpos" in line["reason"]
    assert "rules.yaml:1" in world.board.faults[0]
    world.fire("d2", 2)
    assert len(world.board.alerts) == 2
    world.rules.write_text(FIRE.replace("fire}", "theft}"), encoding="utf-8")
    world.tick(3)
    assert world.board.faults == []
    world.fire("d3", 4)
    world.fire("d4", 5, theme="theft.vehicle")
    assert [one.causes for one in world.board.alerts.values()] == [("d1",), ("d2",), ("d4",)]
    assert len({one.rule_hash for one in world.board.alerts.values()}) == 2


def test_a_rule_remembers_when_only_its_telling_changes(tmp_path):
    """Two documents before, one after: the third is the third. What it counts changed: it begins with what was there."""
    text = rule("många", "frequency", num_events=3, timeframe=HOUR)
    made = World(tmp_path, text)
    made.fire("d1")
    made.fire("d2", 1)
    made.rules.write_text(text.replace("prova", "prova mera"), encoding="utf-8")
    made.tick(2)
    made.fire("d3", 3)
    assert made.alert.causes == ("d1", "d2", "d3")
    made.close()


@pytest.mark.parametrize("restart", [False, True])
def test_a_new_rule_knows_what_was_there_before(tmp_path, restart):
    """What is new to it is not what was there; it says nothing of that."""
    made = World(tmp_path, rule("annan", "any", filter=[{"term": {"themes.id": "none"}}]))
    made.fire("d1", source="a")
    made.fire("d2", 1, source="b")
    made.tick(1.5)
    made.rules.write_text(rule("ny", "new_term", fields="provenance.source"), encoding="utf-8")
    if restart:
        made.begin()
    made.tick(2)
    made.fire("d3", 3, source="b")
    assert not made.board.alerts
    made.fire("d4", 4, source="c")
    assert made.alert.causes == ("d4",)
    made.close()


def test_what_cannot_be_read_stops_nothing(world):
    """A record of the past that is no JSON, one that comes, and a command that is none, which is buried."""
    for topic, value in (("related", b"{"), ("stories", b"[]"), ("alert_commands", b"{}")):
        world.bus.publish([Record(topic=topic, key="bad", timestamp=NOON, value=value)])
    world.fire("d1", 1)
    world.rules.write_text(FIRE + "---\n" + rule("ny", "new_term", fields="provenance.source"), encoding="utf-8")
    world.tick(2)
    world.fire("d2", 3, source="b")
    assert sorted(one.rule for one in world.board.alerts.values()) == ["brand", "brand", "ny"]
    assert [record.key for record in world.bus.read("dead")] == ["bad"]


EVERY = (
    rule("a", "any", query_key="provenance.source", realert={"minutes": 2}, filter=[{"term": {"themes.id": "fire"}}])
    + rule("b", "blacklist", compare_key="provenance.source", blacklist=["a"], realert={"minutes": 5})
    + rule("c", "change", query_key="places.municipality", compare_key="provenance.source", ignore_null=True, realert={"minutes": 3})
    + rule("d", "frequency", num_events=3, timeframe={"minutes": 10}, query_key="places.municipality")
    + rule("e", "spike", timeframe={"minutes": 5}, spike_height=2, spike_type="both", threshold_ref=1)
    + rule("f", "flatline", timeframe={"minutes": 5}, threshold=1, query_key="provenance.source")
    + rule("g", "new_term", fields=["provenance.source", "places.code"])
    + rule("h", "cardinality", cardinality_field="provenance.source", max_cardinality=2, timeframe={"minutes": 10})
    + rule("i", "cardinality", cardinality_field="places.code", min_cardinality=2, timeframe={"minutes": 8}, query_key="provenance.source")
    + rule("j", "metric_aggregation", metric_agg_key="places.score", metric_agg_type="value_count", max_threshold=2, min_threshold=0)
    + rule("k", "spike_aggregation", metric_agg_key="places.score", metric_agg_type="value_count", timeframe={"minutes": 5}, spike_height=2, spike_type="up")
    + rule("l", "percentage_match", match_bucket_filter=[{"term": {"provenance.source": "a"}}], max_percentage=50, buffer_time={"minutes": 10})
    + rule("m", "silence", pauses=2, least={"minutes": 1}, factor=1, exponential_realert={"hours": 1}, realert={"minutes": 1})
)  # fmt: skip
_things = st.one_of(
    st.tuples(st.just("come"), st.sampled_from("abc"), st.sampled_from(["1480", "1481"]), st.sampled_from(["fire", "theft"])),
    st.tuples(st.just("edit"), st.sampled_from("abc"), st.sampled_from(["1480", "1481"]), st.sampled_from(["fire", "theft"])),
    st.tuples(st.just("gone"), st.just(""), st.just(""), st.just("")),
    st.tuples(st.sampled_from(["ack", "resolve", "tick"]), st.just(""), st.just(""), st.just("")),
)


@settings(
    deadline=None, max_examples=800 if os.environ.get("TESTS_LONG") else 25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    things=st.lists(st.tuples(st.sampled_from([0, 0.5, 1, 3, 7]), st.sampled_from([0, 0, 2, 9]), _things), min_size=1, max_size=25),
    restarts=st.sets(st.integers(0, 24), min_size=1, max_size=25),
)
def test_a_restart_changes_nothing(tmp_path_factory, things, restarts):
    """All types of rules, whatever comes, late or not: a stage that forgot everything goes on as if it had not."""
    told, stood = [], []
    for points in (set(), restarts):
        made = World(tmp_path_factory.mktemp("w"), EVERY)
        minute, last = 0.0, 0
        made.tick(0)
        for number, (pause, late, (what, source, place, theme)) in enumerate(things):
            minute += pause
            if number in points:
                made.begin()
            at = NOON + minute * MINUTE
            if what == "come":
                last = number
                made.come(document(f"d{number}", at, source=source, place=place, theme=theme, published=at - late * MINUTE))
            elif what == "edit":
                made.come(document(f"d{last}", at, source=source, place=place, theme=theme, revision=2 + number))
            elif what == "gone":
                made.come(document(f"d{last}", at, revision=2 + number, withdrawn=True))
            elif what == "tick":
                made.tick(minute)
            elif standing := sorted(made.board.open, key=lambda one: one.id):
                {"ack": desk.acknowledge, "resolve": desk.resolve}[what](made.bus, standing[0].id, "anna", "", at)
                made.run()
        made.tick(minute + 30)
        told.append(sorted((one.id, str(one.notification.kind), one.notification.sent, one.notification.alerts) for one in made.messages))
        stood.append({one.id: _plain(one) for one in made.board.alerts.values()})
        made.close()
    assert stood[0] == stood[1]
    assert told[0] == told[1]


def _plain(alert: Alert) -> tuple:
    return (alert.rule, alert.key, alert.state, alert.causes, alert.lost, alert.figures, alert.found, alert.news)
