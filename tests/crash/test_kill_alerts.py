"""SIGKILL at seeded moments while alerts are made and told: none is lost, and none is told with two keys."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from pipeline.alerts.live import desk
from pipeline.alerts.live.life import alert_id
from pipeline.alerts.live.model import Delivery, Outgoing
from pipeline.alerts.topics import DELIVERIES, NOTIFICATIONS
from pipeline.clock import SystemClock
from pipeline.model import decode, encode
from pipeline.ports import Record
from tests.crash.alerter import alert, open_bus
from tests.pipeline.alerts.live.world import ROTA, document, rule
from tests.pipeline.alerts.notify.receivers import Answer, receiving

#: Kills in all, and documents that come between two of them, at most.
KILLS = 200 if os.environ.get("TESTS_LONG") else 15
MOST = 4
SEED = 20260302
#: Each document alone; every third of a municipality; a source that is new.
RULES = (
    rule("var-och-en", "any", query_key="id", group_by=["key"])
    + rule("var-tredje", "frequency", num_events=3, timeframe={"hours": 2}, query_key="places.municipality", group_by=["rule", "key"], group_interval={"hours": 3})
    + rule("ny", "new_term", fields="provenance.source", group_by=["rule"], group_wait={"seconds": 1}, group_interval={"hours": 3})
)  # fmt: skip
PLACES = ("1480", "1481")


@pytest.fixture(scope="module")
def processes():
    """Starts processes that have everything imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.alerter", "apsw", "pydantic"])
    return context


def _expected(count: int) -> Iterator[str]:
    """Ids of the alerts that so many documents make."""
    window: dict[str, list[str]] = {}
    known: set[str] = set()
    for number in range(count):
        id_, place, source = f"d{number:04}", PLACES[number % 3 % 2], f"s{number // 7}"
        yield alert_id("var-och-en", id_, id_)
        mine = window.setdefault(place, [])
        mine.append(id_)
        if len(mine) == 3:
            yield alert_id("var-tredje", place, mine[0])
            mine.clear()
        if source not in known:
            known.add(source)
            yield alert_id("ny", None, id_)


def test_however_often_it_is_killed_each_alert_is_told_with_one_key(tmp_path: Path, processes):
    """The receiver sometimes fails; a message may come twice, but with the same key and for the same alert."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng, kills, count = random.Random(SEED), 0, 0
    answers = [Answer(rng.choice([200, 200, 200, 503])) for _ in range(KILLS * MOST)]
    with receiving(*answers, Answer(200)) as receiver:
        (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
        (folder / "rota.yaml").write_text(ROTA.replace("http://127.0.0.1:9/sms", receiver.url), encoding="utf-8")
        bus, clock = open_bus(folder), SystemClock()
        process = None
        while kills < KILLS:
            process = processes.Process(target=alert, args=(folder,), daemon=True)
            process.start()
            end = time.monotonic() + rng.uniform(0.1, 0.7)
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(left, rng.uniform(0.01, 0.2)))
                for _ in range(rng.randrange(MOST)):
                    one = document(f"d{count:04}", clock.now(), place=PLACES[count % 3 % 2], source=f"s{count // 7}")
                    bus.publish([Record(topic="related", key=one.id, value=encode(one), timestamp=one.fetched)])
                    count += 1
            assert process.is_alive(), f"it stopped by itself after {kills} kills: {process.exitcode}"
            process.kill()
            process.join(10)
            process.close()
            kills += 1
        process = processes.Process(target=alert, args=(folder,), daemon=True)
        process.start()
        expected = set(_expected(count))
        end = time.monotonic() + 120 + KILLS
        while not _is_done(bus, expected):
            assert time.monotonic() < end, _left(bus, expected)
            assert process.is_alive()
            time.sleep(0.2)
        process.kill()
        process.join(10)
        board = desk.board(bus)
        assert set(board.alerts) == expected
        outgoing = [decode(record.value, Outgoing) for record in bus.read(NOTIFICATIONS)]
        keys = {message.notification.key for message in outgoing}
        got = Counter(parse_qs(one.body.decode())["key"][0] for one in receiver.got)
        sent = [decode(record.value, Delivery) for record in bus.read(DELIVERIES)]
        assert set(got) == keys, [one for one in sent if one.key not in got][:5]  # what was made was sent, and nothing else was
        assert len(outgoing) == len(keys)
        told = {alert for group in board.groups.values() for alert in group.said}
        assert told <= expected
        singles = {alert_id("var-och-en", f"d{n:04}", f"d{n:04}") for n in range(count)}
        assert {message.notification.alert for message in outgoing} >= singles
        assert all(message.notification.sequence == 1 for message in outgoing)  # no thing has two keys
        print(
            f"{kills} kills, {count} documents, {len(expected)} alerts, {len(keys)} messages, {sum(got.values()) - len(got)} came again or were refused"
        )
        bus.close()


def _is_done(bus, expected: set[str]) -> bool:
    """Alerts are looked at first: what they are told by is there then, and what became of that is looked at last."""
    told = {one for one, alert in desk.board(bus).alerts.items() if alert.state != "pending" or alert.rule != "var-och-en"}
    ids = {decode(record.value, Outgoing).id for record in bus.read(NOTIFICATIONS)}
    done = {record.key for record in bus.read(DELIVERIES) if decode(record.value, Delivery).reached}
    return told >= expected and ids == done


def _left(bus, expected: set[str]) -> str:
    board = desk.board(bus)
    return f"not found: {expected - set(board.alerts)}; found besides: {set(board.alerts) - expected}; states: {Counter(one.state for one in board.alerts.values())}"


def test_a_tick_a_second_is_enough(tmp_path: Path, processes):
    """What is due is told although nothing comes."""
    folder = tmp_path / "data"
    folder.mkdir()
    with receiving() as receiver:
        (folder / "rules.yaml").write_text(rule("brand", "any", group_wait={"seconds": 2}), encoding="utf-8")
        (folder / "rota.yaml").write_text(ROTA.replace("http://127.0.0.1:9/sms", receiver.url), encoding="utf-8")
        bus = open_bus(folder)
        one = document("d1", SystemClock().now() + timedelta(seconds=1))
        bus.publish([Record(topic="related", key=one.id, value=encode(one), timestamp=one.fetched)])
        process = processes.Process(target=alert, args=(folder,), daemon=True)
        process.start()
        end = time.monotonic() + 30
        while not receiver.got:
            assert time.monotonic() < end
            time.sleep(0.05)
        process.kill()
        process.join(10)
        assert SystemClock().now() >= one.fetched + timedelta(seconds=2)
        bus.close()
