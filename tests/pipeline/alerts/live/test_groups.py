"""What is told when, to whom: groups, silences, inhibition, and the steps of the rota."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.alerts.live import desk
from pipeline.alerts.live.model import Alert, Delivery, State
from pipeline.alerts.notify.message import Kind
from pipeline.alerts.topics import ALERTS, DELIVERIES
from pipeline.errors import UsageError
from pipeline.model import decode, encode
from pipeline.ports import Record
from tests.pipeline.alerts.live.world import FIRE, NOON, ROTA, World, document, rule

MINUTE = timedelta(minutes=1)
NIGHTS = """\
    shifts:
    - {from: "sun 03:00", to: "sun 02:00", officers: [anna]}
    - {from: "sun 02:00", to: "sun 03:00", officers: [bo]}
    escalation:
    - {after: {minutes: 10}, to: duty}
    - {after: {minutes: 20}, to: fallback}
"""


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def test_a_thousand_alerts_in_a_minute_are_one_message(tmp_path):
    """With how many there are; and one that all are acknowledged."""
    made = World(tmp_path, FIRE + "group_wait: {minutes: 1}\n")
    for second in range(50):
        made.come(*(document(f"d{second}-{n}", NOON + timedelta(seconds=second)) for n in range(20)), run=False)
    made.run()
    assert made.told == []
    made.tick(1)
    assert made.told == [(1, "trigger", "anna", 1_000)]
    assert len(made.messages[0].notification.links) == 10
    desk.acknowledge(made.bus, made.messages[0].notification.alert, "anna", "", made.now)
    made.run()
    assert made.told[1:] == [(1, "acknowledged", "anna", 1_000)]
    assert {one.state for one in made.board.alerts.values()} == {State.ACKNOWLEDGED}
    made.close()


def test_a_group_waits_gathers_and_repeats(tmp_path):
    """``group_wait`` from its first alert, ``group_interval`` from its last message, ``repeat_interval`` while nobody acknowledges."""
    options = "group_wait: {seconds: 30}\ngroup_interval: {minutes: 10}\nrepeat_interval: {hours: 2}\nnotify: [fallback]\n"
    made = World(tmp_path, FIRE + options)
    made.fire("d1")
    made.tick(0.4)
    assert made.told == []
    made.tick(0.5)
    made.fire("d2", 1)
    made.tick(10.4)
    assert made.told == [(0.5, "trigger", "desk", 1)]
    made.tick(10.5)
    made.tick(130)
    made.tick(130.5)
    assert made.told == [(0.5, "trigger", "desk", 1), (10.5, "update", "desk", 2), (130.5, "update", "desk", 2)]
    assert [one.notification.sequence for one in made.messages] == [1, 2, 3]
    assert len({one.notification.alert for one in made.messages}) == 1
    made.close()


def test_aggregation_gathers_as_in_elastalert(tmp_path):
    """It is how long a new group waits."""
    made = World(tmp_path, FIRE.replace("realert: {seconds: 0}", "aggregation: {minutes: 2}"))
    made.fire("d1")
    made.fire("d2", 1)
    made.tick(2)
    assert made.told == [(2, "trigger", "anna", 2)]
    made.close()


def test_groups_are_by_the_labels_that_a_rule_names(tmp_path):
    """And by whom they are for: alerts of two regions are never one message."""
    rota = ROTA + "  nord:\n    shifts:\n    - {from: 'mon 00:00', to: 'mon 00:00', officers: [bo]}\n"
    made = World(tmp_path, FIRE + "group_by: [municipality]\n", rota)
    for number, place in enumerate(("1480", "1480", "1481", "2580")):
        made.come(document(f"d{number}", NOON, place=place), run=False)
    made.run()
    assert sorted(made.told) == [(0, "trigger", "anna", 1), (0, "trigger", "anna", 2), (0, "trigger", "bo", 1)]
    made.close()


def test_nobody_acknowledges_so_the_next_is_told(world):
    """At the times of the rota's steps, the fallback in the end; each message has a number of its own."""
    world.fire("d1")
    for minute in (9.9, 10, 19, 20.5, 60):
        world.tick(minute)
    assert world.told == [(0, "trigger", "anna", 1), (10, "trigger", "bo", 1), (20.5, "trigger", "desk", 1)]
    assert world.board.told(world.alert) == ["anna", "bo", "desk"]
    assert [one.notification.sequence for one in world.messages] == [1, 2, 3]
    world.fire("d2", 61)
    references = {one.officer: [before.sequence for before in one.notification.earlier] for one in world.messages[3:]}
    assert references == {"anna": [1], "bo": [2], "desk": [3]}  # what each was sent, as CAP refers to it


def test_once_somebody_acknowledges_nobody_else_is_told(world):
    """Those who were told hear who has it. A new alert begins with those who are first."""
    world.fire("d1")
    world.tick(10)
    alert = world.alert
    desk.acknowledge(world.bus, alert.id, "anna", "åker dit", NOON + 11 * MINUTE)
    world.run()
    world.tick(30)
    assert world.told[2:] == [(10, "acknowledged", "anna", 1), (10, "acknowledged", "bo", 1)]
    change = world.board.alerts[alert.id].change
    assert (change.what, change.who, change.why, change.at) == ("acknowledged", "anna", "åker dit", NOON + 11 * MINUTE)
    world.fire("d2", 31)
    assert world.told[4:] == [(31, "update", "anna", 2), (31, "update", "bo", 2)]
    world.tick(41)
    assert world.told[6:] == [(41, "trigger", "bo", 1)]


def test_a_person_ends_it(world):
    """Resolved by hand it is told at once."""
    world.fire("d1")
    desk.resolve(world.bus, world.alert.id, "anna", "släckt", NOON + MINUTE)
    world.run()
    assert (world.alert.state, world.alert.change.why) == (State.RESOLVED, "släckt")
    assert [one[1:3] for one in world.told] == [("trigger", "anna"), ("resolved", "anna")]


def test_after_a_long_stop_nobody_is_reminded_of_what_is_over(world):
    """What would have been told again meanwhile has expired."""
    world.fire("d1")
    world.begin()
    world.tick(60 * 30)
    assert [one[1] for one in world.told[1:]] == ["resolved"]


def test_the_fallback_is_always_there(tmp_path):
    """What happens in no region; a rule that names somebody whom the rota does not know."""
    made = World(tmp_path, FIRE)
    made.fire("d1", place="2580")
    assert made.told == [(0, "trigger", "desk", 1)]
    assert made.messages[0].notification.language == "en"
    made.rules.write_text(FIRE.replace("brand", "annan") + "notify: [nobody-here]\n", encoding="utf-8")
    made.tick(5)
    made.fire("d2", 6)
    assert made.told[1:] == [(6, "trigger", "desk", 1)]
    made.close()


def test_without_a_rota_alerts_stand_and_nobody_is_told(tmp_path):
    """They can be seen and acknowledged."""
    made = World(tmp_path, FIRE, rota=None)
    made.fire("d1")
    assert (made.alert.state, made.told) == (State.FIRING, [])
    assert "there is no rota" in made.alert.change.why
    desk.acknowledge(made.bus, made.alert.id, "anna", "", NOON)
    made.run()
    assert made.alert.state is State.ACKNOWLEDGED
    made.close()


def test_who_cannot_be_reached_is_followed_at_once(world):
    """A message that no channel took brings the next step forward; when all were tried, all are told again after the interval."""
    world.fire("d1")
    alert = world.alert.id

    def fail(officer: str, minutes: float) -> None:
        at = NOON + minutes * MINUTE
        failed = Delivery(id=f"{alert}:{officer}:{minutes}", alert=alert, key=alert, officer=officer, kind=Kind.TRIGGER, at=at)
        world.bus.publish([Record(topic=DELIVERIES, key=failed.id, timestamp=at, value=encode(failed))])
        world.tick(minutes)

    fail("anna", 1)
    assert world.told[1:] == [(1, "trigger", "bo", 1)]
    fail("bo", 2)
    fail("desk", 3)
    assert world.told[2:] == [(2, "trigger", "desk", 1)]
    world.begin()
    world.tick(8)
    assert sorted(one[2] for one in world.told[3:]) == ["anna", "bo", "desk"]


def test_a_silence_has_author_reason_and_end(world):
    """What it covers is not told, and says why; when it ends, what still stands is told."""
    made = desk.silence(world.bus, {"county": "14", "rule": "brand"}, "anna", "övning", NOON, NOON + 60 * MINUTE)
    world.run()
    world.fire("d1", 1)
    assert world.told == []
    assert (world.alert.state, world.alert.held) == (State.PENDING, f"silenced by anna until {made.ends.isoformat()}: övning")
    world.fire("d2", 2, place="2580")
    assert world.told == [(2, "trigger", "desk", 1)]
    world.begin()
    world.tick(60)
    assert world.told[1:] == [(60, "trigger", "anna", 1)]
    assert world.changes(world.messages[-1].notification.alert) == ["detected", "held", "released", "told"]


def test_a_silence_can_be_ended(world):
    """By whoever wishes to hear again."""
    made = desk.silence(world.bus, {"theme": "fire"}, "anna", "övning", NOON, NOON + 60 * MINUTE)
    world.run()
    world.fire("d1", 1)
    assert world.told == []
    desk.unsilence(world.bus, made, "bo", "övningen är över", NOON + 2 * MINUTE)
    world.run()
    world.tick(2)
    assert world.told == [(2, "trigger", "anna", 1)]
    assert world.board.silenced(NOON + 3 * MINUTE) == []


@pytest.mark.parametrize(
    ("labels", "reason", "minutes", "said"),
    [
        ({}, "x", 1, "none of them"),
        ({"colour": "red"}, "x", 1, "colour"),
        ({"rule": "a"}, " ", 1, "reason"),
        ({"rule": "a"}, "x", 0, "later"),
    ],
)
def test_a_silence_that_says_too_little_is_refused(world, labels, reason, minutes, said):
    """For whom, why, until when."""
    with pytest.raises(UsageError, match=said):
        desk.silence(world.bus, labels, "anna", reason, NOON, NOON + minutes * MINUTE)


def test_the_end_of_one_does_not_tell_of_another_that_is_held(world):
    """A silenced alert of the same group stays untold when the other is over."""
    world.fire("d1")
    desk.silence(world.bus, {"municipality": "1481"}, "anna", "övning", NOON, NOON + 600 * MINUTE)
    world.run()
    world.fire("d2", 1, place="1481")
    world.tick(7)
    told = world.messages[0].notification.alert
    desk.resolve(world.bus, told, "anna", "", NOON + 8 * MINUTE)
    world.run()
    assert [one[1:] for one in world.told] == [("trigger", "anna", 1), ("resolved", "anna", 1)]
    assert [one.state for one in world.board.open] == [State.PENDING]
    world.tick(600)
    assert world.told[2] == (600, "trigger", "anna", 1)
    assert world.messages[2].notification.alert != told


def test_a_snoozed_alert_comes_again(world):
    """Told of, then silent for an hour, and then told again unless somebody has taken it."""
    world.fire("d1")
    desk.silence(world.bus, {"alert": world.alert.id}, "anna", "efter mötet", NOON + MINUTE, NOON + 60 * MINUTE)
    world.run()
    for minute in (10, 20, 59):
        world.tick(minute)
    assert len(world.told) == 1
    world.tick(60)
    assert world.told[1] == (60, "update", "anna", 1)


def test_a_greater_alert_keeps_lesser_ones_from_being_told(tmp_path):
    """In the same county, as long as it stands."""
    rules = FIRE + rule("våld", "any", filter=[{"term": {"themes.id": "violence"}}], inhibits={"rules": ["brand"], "equal": ["county"]})
    made = World(tmp_path, rules)
    made.fire("v1", theme="violence")
    made.fire("d1", 1)
    made.fire("d2", 2, place="2580")
    assert [one[2] for one in made.told] == ["anna", "desk"]
    [held] = [one for one in made.board.open if one.held]
    assert held.held.startswith("inhibited by alert")
    greater = next(one for one in made.board.open if one.rule == "våld")
    desk.resolve(made.bus, greater.id, "anna", "", NOON + 3 * MINUTE)
    made.run()
    assert ("trigger", "anna", 1) in [one[1:] for one in made.told[2:]]
    made.close()


@pytest.mark.parametrize("change", [datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)])
def test_in_the_nights_of_the_clock_change_steps_come_when_they_should(tmp_path, change):
    """Ten and twenty minutes are that also across the change, and somebody is on duty throughout."""
    made = World(tmp_path, FIRE, ROTA.split("    shifts:")[0] + NIGHTS)
    for minutes in range(0, 121, 30):
        at = change + minutes * MINUTE
        before = len(made.messages)
        made.come(document(f"d{minutes}", at))
        for later in (5, 10, 20, 25):
            made.tick((at - NOON) / MINUTE + later)
        mine = made.messages[before:]
        assert [(one.notification.sent - at) / MINUTE for one in mine] == [0, 10, 20]
        assert mine[-1].officer == "desk"
        assert mine[0].notification.timezone == "Europe/Stockholm"
        desk.resolve(made.bus, mine[0].notification.alert, "anna", "", at + 26 * MINUTE)
        made.run()
    made.close()


def test_usefulness_is_marked(world):
    """By whoever was told, and counted by rule."""
    world.fire("d1")
    world.fire("d2", 10)
    first, second = world.board.alerts
    desk.mark(world.bus, first, useful=True, who="anna", why="", at=NOON)
    desk.mark(world.bus, second, useful=False, who="anna", why="det var en övning", at=NOON)
    world.run()
    assert desk.usefulness(world.board.alerts.values()) == {"brand": (1, 1)}
    assert world.board.alerts[second].change.why == "det var en övning"


_steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0.3, 1, 6, 12, 250]),
        st.sampled_from(["come", "come", "come", "again", "gone", "ack", "resolve", "silence", "fail", "tick", "restart"]),
        st.sampled_from(["1480", "1481", "2580"]),
    ),
    min_size=1,
    max_size=30,
)


def _happens(world: World, number: int, minute: float, what: str, place: str) -> None:
    now = NOON + minute * MINUTE
    standing = world.board.open
    match what:
        case "come":
            world.fire(f"d{number}", minute, place=place)
        case "again" | "gone" if standing:
            world.fire(standing[0].causes[0], minute, place=place, revision=2 + number, withdrawn=what == "gone")
        case "ack" | "resolve" if standing:
            {"ack": desk.acknowledge, "resolve": desk.resolve}[what](world.bus, standing[-1].id, "anna", "", now)
        case "silence":
            desk.silence(world.bus, {"municipality": place}, "anna", "övning", now, now + 20 * MINUTE)
        case "fail" if world.messages:
            last = world.messages[-1]
            failed = Delivery(
                id=last.id, alert=last.notification.alert, key=last.notification.key, officer=last.officer, kind=Kind.TRIGGER, at=now
            )
            world.bus.publish([Record(topic=DELIVERIES, key=failed.id, timestamp=now, value=encode(failed))])
        case "restart":
            world.begin()


@settings(
    deadline=None, max_examples=400 if os.environ.get("TESTS_LONG") else 20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_steps, wait=st.sampled_from([0, 30]), by=st.sampled_from([["rule"], ["municipality"], []]))
def test_whatever_happens_what_is_told_holds_together(tmp_path_factory, steps, wait, by):
    """Numbers of a group's messages have no gap, nobody gets one twice, nothing follows its end, and in the end everything was told."""
    text = FIRE + f"group_wait: {{seconds: {wait}}}\ngroup_by: {by}\n"
    world = World(tmp_path_factory.mktemp("w"), text)
    minute = 0.0
    for number, (pause, what, place) in enumerate(steps):
        minute += pause
        _happens(world, number, minute, what, place)
        world.tick(minute)
    for later in (25, 50, 75):
        world.tick(minute + later)
    messages = world.messages
    assert len({one.id for one in messages}) == len(messages)
    groups: dict[str, list[int]] = {}
    for one in messages:
        mine = groups.setdefault(one.notification.alert, [])
        assert one.notification.sequence - (mine[-1] if mine else 0) in {0, 1}
        mine.append(one.notification.sequence)
    for alert in groups:
        kinds = [one.notification.kind for one in messages if one.notification.alert == alert]
        assert kinds[0] is Kind.TRIGGER
        ends = [place for place, kind in enumerate(kinds) if kind in {Kind.RESOLVED, Kind.CANCEL}]
        silenced = any(what == "silence" for _, what, _ in steps)  # what was silenced then is told of later
        assert silenced or not ends or all(kind in {Kind.RESOLVED, Kind.CANCEL} for kind in kinds[ends[0] :])
    for alert in (decode(record.value, Alert) for record in world.bus.read(ALERTS)):
        if alert.change.what == "told":
            begun = [silence for silence in world.board.silences.values() if silence.begins < alert.change.at]
            assert not any(silence.holds(alert, alert.change.at) for silence in begun)
    for alert in world.board.open:
        assert alert.state is not State.PENDING, alert
        assert not alert.held
    world.close()
