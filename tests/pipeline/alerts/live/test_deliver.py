"""Messages on their way: real receivers on loopback that answer, fail and are stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from pydantic import SecretStr

from pipeline.alerts.current import Current
from pipeline.alerts.live import desk
from pipeline.alerts.live.deliver import Deliverer
from pipeline.alerts.live.model import Delivery, State
from pipeline.alerts.live.ticks import Ticks
from pipeline.alerts.rota.load import load as load_rota
from pipeline.alerts.topics import DELIVERIES
from pipeline.clock import SystemClock
from pipeline.errors import SettingsError, TokenError
from pipeline.model import decode
from pipeline.runner import Runner
from tests.pipeline.alerts.live.world import FIRE, ROTA, World, document
from tests.pipeline.alerts.notify.receivers import Answer, Receiver, free_port, receiving

SECRETS = {"acknowledge": SecretStr("0123456789abcdef0123456789abcdef")}
MAIL = "  post: {{kind: email, host: 127.0.0.1, port: {port}, security: none, from: fjaril@kommun.example, attempts: 2, patience: 5}}\n"


class Sms:
    """What a gateway got."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    @property
    def got(self) -> list[tuple[str, str]]:
        """(key, to) of each request."""
        bodies = [parse_qs(one.body.decode()) for one in self._receiver.got]
        return [(body["key"][0], body["to"][0]) for body in bodies]

    @property
    def texts(self) -> list[str]:
        return [parse_qs(one.body.decode())["text"][0] for one in self._receiver.got]


def _rota(receiver: Receiver, more: str = "") -> str:
    text = ROTA.replace("http://127.0.0.1:9/sms", receiver.url).replace("http://127.0.0.1:9/jour", receiver.url.replace("/in", "/jour"))
    return text.replace("officers:\n  anna", more + "officers:\n  anna", 1)


def _deliverer(world: World, link: str = "") -> Deliverer:
    assert world.rota is not None
    return Deliverer(world.bus, Current(world.rota, load_rota), SECRETS, SystemClock(), link=link)


def _until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def _outcomes(world: World) -> list[Delivery]:
    return [decode(record.value, Delivery) for record in world.bus.read(DELIVERIES)]


@contextmanager
def _fired(folder: Path, rota: str) -> Iterator[World]:
    """A world in which somebody is to be told of a fire just now."""
    made = World(folder, FIRE, rota)
    made.come(document("d1", SystemClock().now()))
    yield made
    made.close()


def test_a_message_is_sent_once_with_its_key(tmp_path):
    """To the address that the rota has; what became of it stands on the bus; a new process does not send it again."""
    with receiving() as receiver, _fired(tmp_path, _rota(receiver)) as world:
        [message] = world.messages
        for _ in range(2):
            one = _deliverer(world)
            one.step()
            _until(lambda: bool(_outcomes(world)))
            one.step()
            one.close()
        assert Sms(receiver).got == [(message.notification.key, "+46701740605")]
        [outcome] = _outcomes(world)
        assert (outcome.id, outcome.officer, outcome.channel, outcome.attempts, outcome.failures) == (message.id, "anna", "sms", 1, {})


def test_a_receiver_that_fails_is_tried_again_with_the_same_key(tmp_path):
    """Until it takes it."""
    with receiving(Answer(503), Answer(503), Answer(200)) as receiver, _fired(tmp_path, _rota(receiver)) as world:
        one = _deliverer(world)
        one.step()
        _until(lambda: bool(_outcomes(world)))
        one.close()
        assert len({key for key, _ in Sms(receiver).got}) == 1
        assert _outcomes(world)[0].attempts == 3


def test_what_was_not_brought_to_an_end_is_sent_at_the_next_start(tmp_path):
    """A process that was given it and died: the next sends it, with the same key."""
    with receiving(Answer(503)) as receiver, _fired(tmp_path, _rota(receiver)) as world:
        one = _deliverer(world)
        one.step()
        _until(lambda: bool(receiver.got))
        one.close()
        assert _outcomes(world) == []
        receiver.script[:] = [Answer(200)]
        other = _deliverer(world)
        other.step()
        _until(lambda: bool(_outcomes(world)))
        other.close()
        assert len({key for key, _ in Sms(receiver).got}) == 1


def test_a_stopped_mail_server_is_followed_by_the_next_channel_and_person(tmp_path):
    """Anna's mail server is stopped: she is told by SMS. Bo has nothing else, so whoever is next is told at once."""
    people = ROTA.replace(
        'anna: {name: Anna Exempel, channels: {sms: "+46701740605", jour: "+46701740605"}}',
        'anna: {name: Anna Exempel, channels: {post: anna@kommun.example, sms: "+46701740605"}}',
    )
    people = people.replace(
        'bo: {name: Bo Exempel, channels: {sms: "+46701740606"}}', "bo: {name: Bo Exempel, channels: {post: bo@kommun.example}}"
    )
    with receiving() as receiver:
        rota = people.replace("http://127.0.0.1:9/sms", receiver.url).replace(
            "officers:\n  anna", MAIL.format(port=free_port()) + "officers:\n  anna", 1
        )
        with _fired(tmp_path, rota) as world:
            one = _deliverer(world)
            one.step()
            _until(lambda: bool(_outcomes(world)))
            [first] = _outcomes(world)
            assert (first.officer, first.channel, list(first.failures)) == ("anna", "sms", ["post"])
            world.tick((world.now - world.messages[0].notification.sent) / timedelta(minutes=1))
            later = (world.messages[0].notification.sent + timedelta(minutes=10) - _noon()) / timedelta(minutes=1)
            world.tick(later)
            one.step()
            _until(lambda: len(_outcomes(world)) == 2)
            assert (_outcomes(world)[1].officer, _outcomes(world)[1].reached) == ("bo", False)
            world.run()
            assert world.messages[-1].officer == "desk"
            one.step()
            _until(lambda: len(_outcomes(world)) == 3)
            one.close()
            assert _outcomes(world)[2].reached
            assert [to for _, to in Sms(receiver).got] == ["+46701740605", "+46701740609"]


def _noon():
    from tests.pipeline.alerts.live.world import NOON

    return NOON


def test_a_slow_receiver_holds_up_nobody_else(tmp_path):
    """Each channel has threads of its own; so have alerts, unless chance puts them together."""
    with receiving() as quick, receiving(Answer(delay=3)) as slow:
        rota = ROTA.replace("http://127.0.0.1:9/sms", slow.url).replace("http://127.0.0.1:9/jour", quick.url)
        rota = rota.replace(
            'bo: {name: Bo Exempel, channels: {sms: "+46701740606"}}', 'bo: {name: Bo Exempel, channels: {jour: "+46701740606"}}'
        )
        with _fired(tmp_path, rota.replace("officers: [anna]", "officers: [anna, bo]")) as world:
            one = _deliverer(world)
            one.step()
            _until(lambda: bool(_outcomes(world)), 2.5)
            assert [outcome.officer for outcome in _outcomes(world)] == ["bo"]
            one.close()


def test_the_link_in_a_message_acknowledges_once(tmp_path):
    """It is the officer's own, and the same if the message is sent again; the second time it says that it was used."""
    with receiving() as receiver, _fired(tmp_path, _rota(receiver)) as world:
        one = _deliverer(world, "http://127.0.0.1:8765")
        one.step()
        _until(lambda: bool(_outcomes(world)))
        one.close()
        link = Sms(receiver).texts[0].rpartition(" ")[2]
        assert link.startswith("http://127.0.0.1:8765/kvittera/")
        assert one._links.of(world.messages[0]) == link
        token, now = link.rpartition("/")[2], SystemClock().now()
        assert desk.read_link(SECRETS, token, now).officer == "anna"
        assert world.alert.state is State.FIRING
        assert desk.acknowledge_by_link(world.bus, SECRETS, token, now).alert == world.alert.id
        world.run()
        assert (world.alert.state, world.alert.change.who) == (State.ACKNOWLEDGED, "anna")
        with pytest.raises(TokenError, match="used already"):
            desk.acknowledge_by_link(world.bus, SECRETS, token, now)
        with pytest.raises(TokenError, match="good until"):
            desk.acknowledge_by_link(world.bus, SECRETS, token, now + timedelta(days=2))


def test_what_is_long_over_is_not_sent(tmp_path):
    """A message of the day before yesterday alarms nobody; that it was not sent is known."""
    with receiving() as receiver:
        world = World(tmp_path, FIRE + "lateness: {days: 9}\n", _rota(receiver))
        world.come(document("d1", SystemClock().now() - timedelta(hours=25)))
        one = _deliverer(world)
        one.step()
        _until(lambda: bool(_outcomes(world)))
        one.close()
        assert "older than" in _outcomes(world)[0].failures["sms"]
        assert receiver.got == []
        world.close()


def test_a_channel_that_rests_is_passed_over(tmp_path):
    """Where there is another: nobody waits for a receiver that is known not to answer."""
    with receiving() as receiver:
        rota = ROTA.replace("http://127.0.0.1:9/jour", receiver.url)
        with _fired(tmp_path, rota) as world:
            one = _deliverer(world)
            for _ in range(5):
                one._senders["sms"]._breaker.failed()
            one.step()
            _until(lambda: bool(_outcomes(world)), 5)
            one.close()
            assert (_outcomes(world)[0].channel, _outcomes(world)[0].attempts) == ("jour", 1)
            assert "left alone" in _outcomes(world)[0].failures["sms"]


def test_a_missing_secret_is_refused_at_the_start(tmp_path):
    """Naming channel and secret."""
    with receiving() as receiver:
        more = '  hook: {kind: webhook, url: "http://127.0.0.1:1/", secrets: [hook]}\n'
        with _fired(tmp_path, _rota(receiver, more)) as world, pytest.raises(SettingsError, match="FJARIL_SECRETS__HOOK"):
            _deliverer(world)


def test_a_secret_that_is_too_short_is_refused_at_the_start(tmp_path):
    """Not when the first alert is to be sent."""
    with receiving() as receiver, _fired(tmp_path, _rota(receiver)) as world:
        assert world.rota is not None
        with pytest.raises(SettingsError, match="acknowledge"):
            Deliverer(
                world.bus, Current(world.rota, load_rota), {"acknowledge": SecretStr("kort")}, SystemClock(), link="https://fjaril.example"
            )


def test_a_channel_that_breaks_is_followed_by_the_next(tmp_path, monkeypatch):
    """Also where the fault is ours."""
    with receiving() as receiver, _fired(tmp_path, _rota(receiver)) as world:
        one = _deliverer(world)

        def broken(*_: object) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(one._senders["sms"], "send", broken)
        one.step()
        _until(lambda: bool(_outcomes(world)))
        one.close()
        assert (_outcomes(world)[0].channel, _outcomes(world)[0].failures) == ("jour", {"sms": "broken"})


def test_from_document_to_message_it_takes_less_than_two_seconds(tmp_path):
    """p99 of 150 documents that come one by one while stage and deliverer run: from being published to being received."""
    with receiving() as receiver:
        world = World(tmp_path, FIRE + "group_by: [key]\nquery_key: id\ngroup_interval: {seconds: 1}\n", _rota(receiver))
        clock = SystemClock()
        runner = Runner(world.bus, [Ticks(world.bus, clock), world.worker, _deliverer(world)])
        runner.start()
        came: list[float] = []
        for number in range(150):
            before = time.monotonic()
            world.come(document(f"d{number}", clock.now()), run=False)
            _until(lambda many=number + 1: len(receiver.got) >= many)
            came.append(time.monotonic() - before)
        runner.stop()
        p50, p99 = np.percentile(came, [50, 99])
        print(f"from document to message: p50 {p50:.3f} s, p99 {p99:.3f} s")
        assert len(receiver.got) == 150
        assert p99 <= 2
        world.close()
