"""Attempts, back-off, the breaker and dead letters; against real receivers that fail, stop and come back."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.alerts.notify.breaker import Breaker, State
from pipeline.alerts.notify.build import channel, deliveries
from pipeline.alerts.notify.deliver import Backoff, Delivery
from pipeline.alerts.notify.message import DeadLetter, Notification, Receipt
from pipeline.errors import ChannelBusyError, ChannelError, ChannelRefusedError
from tests.pipeline.alerts.notify.receivers import Answer, Receiver, Watch, posting, receiving
from tests.pipeline.alerts.notify.samples import ALERT, sample
from tests.pipeline.alerts.notify.test_http import PHONE, SECRETS, config_of
from tests.pipeline.alerts.notify.test_mail import ANNA
from tests.pipeline.alerts.notify.test_mail import config as mail_config


def delivery(receiver: Receiver, watch: Watch, dead: list[DeadLetter], backoff: Backoff | None = None, kind: str = "webhook") -> Delivery:
    """To the receiver, with a clock that does not wait."""
    one = channel("k", config_of(kind, receiver.url), SECRETS)
    return Delivery(one, backoff or Backoff(), Breaker(monotonic=watch), dead.append, monotonic=watch, sleep=watch.sleep, draw=lambda: 0.5)


def test_a_receiver_that_fails_for_a_while_gets_it_in_the_end():
    """With the same key at each attempt; it is waited for as long as it asks."""
    watch, dead = Watch(), []
    with receiving(Answer(500), Answer(429, (("Retry-After", "20"),)), Answer(503), Answer()) as receiver:
        receipt = delivery(receiver, watch, dead).send(sample(), None)
    assert receipt.attempts == len(receiver.got) == 4
    assert watch.slept == [0.5, 20, 2]
    assert {got.headers["webhook-id"] for got in receiver.got} == {f"{ALERT}-1"}
    assert {got.body for got in receiver.got} == {receiver.got[0].body}
    assert not dead


@pytest.mark.parametrize("kind", ["webhook", "pagerduty", "sms", "cap"])
def test_what_is_refused_is_not_tried_again(kind):
    """It is buried with its reason, and said."""
    watch, dead = Watch(), []
    with receiving(Answer(400, body=b"no")) as receiver, pytest.raises(ChannelRefusedError):
        delivery(receiver, watch, dead, kind=kind).send(sample(), PHONE if kind == "sms" else None)
    assert len(receiver.got) == 1
    assert not watch.slept
    assert [(one.key, one.attempts, "answered 400" in one.reason) for one in dead] == [(f"{ALERT}-1", 1, True)]
    assert PHONE not in repr(dead)


def test_what_never_goes_out_is_buried_once():
    """After as many attempts as there may be."""
    watch, dead = Watch(), []
    with receiving(Answer(500)) as receiver, pytest.raises(ChannelBusyError, match="answered 500"):
        delivery(receiver, watch, dead, Backoff(attempts=3)).send(sample(), None)
    assert len(receiver.got) == 3
    assert [one.attempts for one in dead] == [3]


def test_nobody_is_waited_for_longer_than_there_is_patience():
    """A receiver that asks for an hour is given up at once, not after the hour."""
    watch, dead = Watch(), []
    with receiving(Answer(429, (("Retry-After", "3600"),))) as receiver, pytest.raises(ChannelBusyError):
        delivery(receiver, watch, dead).send(sample(), None)
    assert len(receiver.got) == len(dead) == 1
    assert watch.now == 0


def test_a_stopped_receiver_is_left_alone_and_gets_what_comes_when_it_is_back():
    """The breaker opens after five failures: nothing is sent; after its rest one attempt is made, and all is as before."""
    watch, dead = Watch(), []
    receiver = Receiver()
    one = delivery(receiver, watch, dead, Backoff(attempts=5, patience=0))
    for _ in range(5):
        with pytest.raises(ChannelBusyError, match="refused"):
            one.send(sample(), None)
    with pytest.raises(ChannelBusyError, match="is tried again in 10 s"):
        one.send(sample(), None)
    assert [letter.attempts for letter in dead] == [1, 1, 1, 1, 1, 0]
    receiver.start()
    try:
        with pytest.raises(ChannelBusyError, match="is tried again"):
            one.send(sample(), None)
        assert not receiver.got
        watch.now += 10
        assert one.send(sample(), None).attempts == 1
        assert one.send(sample(sequence=2), None).attempts == 1
    finally:
        receiver.stop()
    assert [got.headers["webhook-id"] for got in receiver.got] == [f"{ALERT}-1", f"{ALERT}-2"]


def test_who_has_patience_waits_for_the_breaker():
    """An alert that comes while it is open goes out when the receiver is back, within the same call."""
    dead: list[DeadLetter] = []
    receiver = Receiver()

    class Returning(Watch):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.now > 60 and not receiver.got and not self.back:
                receiver.start()
                self.back = True

        back = False

    watch = Returning()
    one = delivery(receiver, watch, dead, Backoff(attempts=20, patience=600))
    try:
        receipt = one.send(sample(), None)
    finally:
        receiver.stop()
    assert len(receiver.got) == 1
    assert receipt.attempts > 5
    assert not dead
    assert 60 < watch.now < 600


def test_a_mail_server_that_comes_back():
    """The same with SMTP: refused, then taken once, with one Message-ID."""
    with posting() as (post, port):
        post.answer = "451 later"
        watch, dead = Watch(), []
        inner = channel("e", mail_config(port), {})

        def sleep(seconds: float) -> None:
            watch.sleep(seconds)
            post.answer = "250 OK"

        one = Delivery(inner, Backoff(), Breaker(monotonic=watch), dead.append, monotonic=watch, sleep=sleep)
        receipt = one.send(sample(), ANNA)
    assert receipt.attempts == len(post.letters) == 2
    assert all(receipt.reference.encode() in letter.content for letter in post.letters)


def test_one_channel_that_is_down_does_not_hold_up_another():
    """Each has its own breaker."""
    dead: list[DeadLetter] = []
    with receiving() as receiver:
        configs = {
            "down": config_of("webhook", "http://127.0.0.1:9/", attempts=1),
            "up": config_of("webhook", receiver.url),
        }
        made = deliveries(configs, SECRETS, dead.append)
        for _ in range(6):
            with pytest.raises(ChannelBusyError):
                made["down"].send(sample(), None)
        assert made["up"].send(sample(), None).channel == "up"
    assert len(dead) == 6


@given(st.integers(1, 200), st.none() | st.floats(0, 1000), st.floats(0, 1, exclude_max=True))
@settings(max_examples=500)
def test_back_off_is_bounded_and_polite(failures, after, drawn):
    """Never less than asked for, never more than that or the bound, and drawn from the whole of it."""
    backoff = Backoff()
    delay = backoff.delay(failures, after, lambda: drawn)
    assert (after or 0) <= delay <= max(after or 0, min(60, 2 ** (failures - 1)))
    assert backoff.delay(failures, None, lambda: 0) == 0


class Script:
    """A channel that does what it is told to. Stands for a receiver where thousands of runs are made."""

    name = "s"

    def __init__(self, outcomes: list[str]) -> None:
        self.outcomes = outcomes
        self.keys: list[str] = []

    def send(self, notification: Notification, to: str | None) -> Receipt:
        self.keys.append(notification.key)
        match self.outcomes.pop(0) if self.outcomes else "taken":
            case "busy":
                raise ChannelBusyError("busy")
            case "wait":
                raise ChannelBusyError("busy", after=30)
            case "refused":
                raise ChannelRefusedError("refused")
        return Receipt(channel="s", key=notification.key)


@given(st.lists(st.sampled_from(["busy", "wait", "refused", "taken"]), max_size=60), st.integers(1, 6), st.floats(0, 600))
@settings(max_examples=1000, deadline=None)
def test_each_notification_is_taken_or_buried(outcomes, attempts, patience):
    """Never both, never neither; never more attempts than there may be, and never with another key."""
    watch, dead = Watch(), []
    script = Script(list(outcomes))
    one = Delivery(
        script, Backoff(attempts=attempts, patience=patience), Breaker(monotonic=watch), dead.append, monotonic=watch, sleep=watch.sleep
    )  # fmt: skip
    for number in range(1, 13):
        before, graves, begun = len(script.keys), len(dead), watch.now
        try:
            receipt = one.send(sample(sequence=number), None)
        except ChannelError:
            assert len(dead) == graves + 1
            assert dead[-1].key == sample(sequence=number).key
        else:
            assert len(dead) == graves
            assert receipt.key == sample(sequence=number).key
        assert len(script.keys) - before <= attempts
        assert set(script.keys[before:]) <= {sample(sequence=number).key}
        assert watch.now - begun <= patience + 1e-6


class BreakerMachine(RuleBasedStateMachine):
    """The breaker against what it promises: it opens after five failures in a row, lets one try when it has rested, and no other."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch()
        self.breaker = Breaker(failures=5, rest=10, longest=80, monotonic=self.watch)
        self.row, self.open_until, self.rest, self.probing = 0, 0.0, 10.0, False

    @rule(seconds=st.sampled_from([0.1, 1, 5, 10, 20, 79]))
    def time_goes_on(self, seconds: float) -> None:
        self.watch.now += seconds

    @precondition(lambda self: not self.probing)
    @rule(works=st.booleans())
    def somebody_sends(self, works: bool) -> None:  # noqa: FBT001  (drawn)
        wait = self.breaker.wait()
        if self.open_until > self.watch.now:
            assert wait == pytest.approx(self.open_until - self.watch.now)
            return
        assert wait == 0
        was_open = self.open_until > 0
        if works:
            self.breaker.worked()
            self.row, self.open_until, self.rest = 0, 0.0, 10.0
            return
        self.breaker.failed()
        self.row += 1
        if was_open:
            self.rest = min(2 * self.rest, 80)
        if was_open or self.row >= 5:
            self.open_until = self.watch.now + self.rest

    @precondition(lambda self: 0 < self.open_until <= self.watch.now)
    @rule()
    def two_want_to_try(self) -> None:
        assert self.breaker.wait() == 0
        assert 0 < self.breaker.wait() <= 1
        assert self.breaker.state is State.HALF_OPEN
        self.breaker.worked()
        self.row, self.open_until, self.rest = 0, 0.0, 10.0

    @invariant()
    def its_state_is_told(self) -> None:
        expected = State.CLOSED if not self.open_until else State.OPEN if self.open_until > self.watch.now else State.HALF_OPEN
        assert self.breaker.state is expected


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def test_one_of_many_threads_tries():
    """When the breaker has rested, a hundred threads ask at once: one goes on."""
    watch = Watch()
    breaker = Breaker(failures=1, monotonic=watch)
    breaker.failed()
    watch.now = 10
    let: list[float] = []
    threads = [threading.Thread(target=lambda: let.append(breaker.wait())) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == 0 for wait in let) == 1
