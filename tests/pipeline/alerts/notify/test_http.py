# ruff: noqa: S105, S106  (secrets of receivers that the tests start)
"""The channels that speak HTTP, against a real receiver that answers well, badly, late or not at all."""

from __future__ import annotations

import base64
import json
import time
import traceback
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from pydantic import SecretStr

from pipeline.alerts.notify import text, webhook
from pipeline.alerts.notify.build import channel
from pipeline.alerts.notify.config import AnyChannel, AppriseConfig, CapConfig, PagerDutyConfig, SmsConfig, WebhookConfig
from pipeline.alerts.notify.http import _retry_after, connect
from pipeline.errors import ChannelBusyError, ChannelError, ChannelRefusedError, SettingsError
from tests.pipeline.alerts.notify.receivers import Answer, Receiver, certificate, free_port, receiving
from tests.pipeline.alerts.notify.samples import ALERT, course, sample

PHONE = "+46701740605"
SECRET = "hemligt-ord-som-ingen-far-se"
WHSEC = "whsec_" + base64.b64encode(b"k" * 32).decode()
SECRETS = {"a": SecretStr(SECRET), "w": SecretStr(WHSEC), "w2": SecretStr("whsec_" + base64.b64encode(b"n" * 24).decode())}


def config_of(kind: str, url: str, **more: object) -> AnyChannel:
    """A channel of the kind, to this receiver."""
    given: dict[str, dict[str, object]] = {
        "webhook": {"secrets": ["w"]},
        "pagerduty": {"secret": "a"},
        "sms": {"secret": "a", "headers": {"Authorization": "Bearer {secret}"}, "form": {"to": "{to}", "text": "{text}", "key": "{key}"}},
        "cap": {"secret": "a", "headers": {"X-Key": "{secret}"}, "sender": "fjaril@kommun.example"},
    }
    found: AnyChannel = msgspec.convert({"kind": kind, "url": url, "timeout": 0.6, **given[kind], **more}, AnyChannel)
    return found


HTTP = ("webhook", "pagerduty", "sms", "cap")


def address(kind: str) -> str | None:
    """Whom to send to on a channel of the kind."""
    return PHONE if kind == "sms" else None


def no_secret(error: BaseException) -> None:
    """Neither the error nor anything that would be logged with it holds a secret or an address."""
    said = "".join(traceback.format_exception(error)) + repr(error)
    for hidden in (SECRET, WHSEC, WHSEC.removeprefix("whsec_"), PHONE, PHONE.lstrip("+")):
        assert hidden not in said


def test_a_webhook_is_signed_as_the_standard_says():
    """A receiver that knows the secret takes it, within five minutes; sent again it has the same id and body."""
    with receiving() as receiver:
        one = channel("w", config_of("webhook", receiver.url), SECRETS)
        assert one.send(sample(), None) == one.send(sample(), None)
    first, second = receiver.got
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == f"{ALERT}-1"
    key = base64.b64decode(WHSEC.removeprefix("whsec_"))
    assert webhook.verify([key], first.headers, first.body, datetime.now(UTC)) == f"{ALERT}-1"
    said = json.loads(first.body)
    assert (said["type"], said["data"]["alert"], said["data"]["places"][0]["code"]) == ("alert.trigger", ALERT, "1280")


def test_pagerduty_is_told_of_one_incident():
    """Trigger, acknowledge and resolve have the alert's id; an update triggers the same one again, a withdrawal resolves it."""
    with receiving(Answer(202)) as receiver:
        one = channel("p", config_of("pagerduty", receiver.url), SECRETS)
        for told in course():
            one.send(told, None)
    said = [json.loads(got.body) for got in receiver.got]
    assert [event["event_action"] for event in said] == ["trigger", "acknowledge", "trigger", "resolve", "resolve"]
    assert {event["dedup_key"] for event in said} == {ALERT}
    assert {event["routing_key"] for event in said} == {SECRET}
    assert said[0]["payload"]["severity"] == "error"
    assert said[0]["payload"]["summary"] == "Hög: Fordonsbrand, Malmö (regel bilbränder)"
    assert "payload" not in said[3]


@pytest.mark.parametrize(
    ("more", "check"),
    [
        (
            {},
            lambda got: parse_qs(got.body.decode())["text"] == [text.sms(sample())] and got.headers["authorization"] == f"Bearer {SECRET}",
        ),
        (
            {"form": {}, "json": {"number": "{digits}", "message": "Larm: {text}", "literal": "x"}},
            lambda got: json.loads(got.body) == {"number": PHONE[1:], "message": "Larm: " + text.sms(sample()), "literal": "x"},
        ),
        (
            {"form": {}, "method": "GET", "query": {"nr": "{to}", "m": "{text}"}},
            lambda got: parse_qs(urlsplit(got.path).query) == {"nr": [PHONE], "m": [text.sms(sample())]} and not got.body,
        ),
    ],
)
def test_an_sms_gateway_gets_what_it_wants(more, check):
    """As a form, as JSON or in the URL, with its key; a value that looks like a placeholder is one no more."""
    with receiving() as receiver:
        channel("s", config_of("sms", receiver.url, **more), SECRETS).send(sample(), PHONE)
    assert check(receiver.got[0])


def test_a_number_cannot_become_another_address():
    """What stands for {to} in a URL is quoted: the host and the path stay those of the file."""
    with receiving() as receiver:
        config = config_of("sms", receiver.url + "/{to}/send", form={"text": "{text}"})
        channel("s", config, SECRETS).send(sample(), "../../@evil.example/?#")
    assert receiver.got[0].path == "/in/..%2F..%2F%40evil.example%2F%3F%23/send"


def test_cap_is_posted_and_acknowledgements_are_not():
    """They are of concern to those on duty alone."""
    with receiving() as receiver:
        one = channel("c", config_of("cap", receiver.url), SECRETS)
        receipts = [one.send(told, None) for told in course()]
    assert [receipt.told for receipt in receipts] == [True, False, True, True, True]
    assert len(receiver.got) == 4
    assert receiver.got[0].headers["content-type"] == "application/cap+xml; charset=utf-8"
    assert receiver.got[0].headers["x-key"] == SECRET


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize(
    ("answer", "error", "after", "said"),
    [
        (Answer(429, (("Retry-After", "7"),)), ChannelBusyError, 7.0, "answered 429"),
        (Answer(500, body="fel på sista raden".encode()), ChannelBusyError, None, "answered 500: fel på sista raden"),
        (Answer(503, (("Retry-After", "snart"),)), ChannelBusyError, None, "answered 503"),
        (Answer(408), ChannelBusyError, None, "answered 408"),
        (Answer(400, body=b"bad \x1b[31m request"), ChannelRefusedError, None, "answered 400: bad [31m request"),
        (Answer(401), ChannelRefusedError, None, "check the channel's url, secret and fields"),
        (Answer(307, (("Location", "http://127.0.0.1:1/"),)), ChannelRefusedError, None, "redirects are not followed"),
        (Answer(delay=5), ChannelBusyError, None, "no answer within 0.6 s"),
        (Answer(drips="head"), ChannelBusyError, None, "no answer within 0.6 s"),
    ],
)
def test_what_did_not_go_out_says_why(kind, answer, error, after, said):
    """Whether it may go out later, and when; in time, and without a secret."""
    with receiving(answer) as receiver:
        one = channel("k", config_of(kind, receiver.url), SECRETS)
        begun = time.monotonic()
        with pytest.raises(error) as found:
            one.send(sample(), address(kind))
        assert time.monotonic() - begun < 3
    assert said in str(found.value)
    assert str(found.value).startswith("channel k: 127.0.0.1")
    assert getattr(found.value, "after", None) == after
    no_secret(found.value)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("kind", HTTP)
def test_what_was_taken_is_not_sent_again(kind):
    """A status of 200 says so, also when the rest of the answer does not come."""
    with receiving(Answer(body=b"x" * 100, drips="body")) as receiver:
        assert channel("k", config_of(kind, receiver.url), SECRETS).send(sample(), address(kind)).told


@pytest.mark.parametrize("kind", HTTP)
def test_what_a_receiver_repeats_is_hidden(kind):
    """Some answer with what they were sent."""
    secret = WHSEC if kind == "webhook" else SECRET
    told = [secret, *([PHONE, PHONE.lstrip("+")] if kind == "sms" else [])]
    with receiving(Answer(403, body=f"no: {' '.join(told)} in {secret.removeprefix('whsec_')}".encode())) as receiver:
        with pytest.raises(ChannelRefusedError, match="answered 403: no: •••") as found:
            channel("k", config_of(kind, receiver.url), SECRETS).send(sample(), address(kind))
        no_secret(found.value)


@pytest.mark.parametrize("kind", HTTP)
def test_a_port_that_nobody_listens_on(kind):
    """May be listened on later."""
    with pytest.raises(ChannelBusyError, match="refused") as found:
        channel("k", config_of(kind, f"http://127.0.0.1:{free_port()}/"), SECRETS).send(sample(), address(kind))
    no_secret(found.value)


def test_tls_is_checked(tmp_path):
    """A receiver whose certificate is signed by the file's is taken, any other is not; an answer that drips through TLS ends in time, too."""
    context, file = certificate(tmp_path)
    with receiving(Answer(), Answer(drips="head"), context=context) as receiver:
        channel("k", config_of("webhook", receiver.url, ca=str(file)), SECRETS).send(sample(), None)
        with pytest.raises(ChannelBusyError, match="no answer within"):
            channel("k", config_of("webhook", receiver.url, ca=str(file)), SECRETS).send(sample(), None)
        with pytest.raises(ChannelBusyError, match="certificate"):
            channel("k", config_of("webhook", receiver.url), SECRETS).send(sample(), None)
    assert len(receiver.got) == 2
    with pytest.raises(ChannelRefusedError, match=r"ca .*gone\.pem"):
        channel("k", config_of("webhook", receiver.url, ca=str(tmp_path / "gone.pem")), SECRETS)


@pytest.mark.parametrize("host", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::"])  # noqa: S104
def test_no_channel_reaches_the_link(host):
    """Where clouds keep their credentials: refused whatever the file says."""
    with pytest.raises(OSError, match="is no address for a receiver"):
        connect(host, 80, 0.5)


def test_a_secret_that_is_missing_or_of_another_form_is_said_when_channels_are_made():
    """Not when the first alert is to go out; and without the secret."""
    with pytest.raises(SettingsError, match="FJARIL_SECRETS__A"):
        channel("p", PagerDutyConfig(secret="a"), {})
    with pytest.raises(ChannelRefusedError, match="base64 of 24 to 64 bytes") as found:
        channel("w", WebhookConfig(url="https://a.example", secrets=["a"]), SECRETS)
    no_secret(found.value)
    for one in (SmsConfig(url="https://a.example", secret="a"), CapConfig(url="https://a.example", sender="a", secret="a")):
        assert SECRET not in repr(one) + repr(channel("k", one, SECRETS)) + repr(vars(channel("k", one, SECRETS))["_client"])


def test_retry_after_is_read_as_seconds_and_as_a_date():
    """Of the past: at once."""
    now = datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC)
    assert _retry_after("120", now) == 120
    assert _retry_after("Sun, 25 Oct 2026 01:00:00 GMT", now) == 30
    assert _retry_after("Sun, 25 Oct 2020 01:00:00 GMT", now) == 0
    assert _retry_after("snart", now) is None
    assert _retry_after(None, now) is None


def test_apprise_tells_a_receiver():
    """Its JSON service stands for the many: subject and text arrive; a failure may go out later, a redirect is not followed."""
    with receiving(Answer(), Answer(500), Answer(302, (("Location", "/elsewhere"),)), Answer()) as receiver:
        config = AppriseConfig(url=f"json://{{secret}}:{{to}}@127.0.0.1:{receiver.port}/in?redirect=yes", secret="a", timeout=2)
        one = channel("m", config, SECRETS)
        one.send(sample(), "anna")
        for _ in range(2):
            with pytest.raises(ChannelBusyError, match="JSON did not take it") as found:
                one.send(sample(), "anna")
            no_secret(found.value)
    assert len(receiver.got) == 3
    assert {got.path.partition("?")[0].rstrip("/") for got in receiver.got} == {"/in"}
    said = json.loads(receiver.got[0].body)
    assert said["title"] == text.subject(sample())
    assert said["message"].splitlines()[0] == "LARM, hög"


def test_apprise_does_not_log_what_is_secret(caplog):
    """It would write its URLs."""
    caplog.set_level(0)
    with pytest.raises(ChannelError) as found:
        channel("m", AppriseConfig(url=f"json://u:{{secret}}@127.0.0.1:{free_port()}/", secret="a", timeout=1), SECRETS).send(
            sample(), None
        )
    no_secret(found.value)
    assert SECRET not in caplog.text
    with pytest.raises(ChannelRefusedError, match="apprise --details"):
        channel("m", AppriseConfig(url="nosuch://{secret}", secret="a"), SECRETS).send(sample(), None)


def test_a_receiver_that_stands_still_does_not_hold_others_up():
    """Each request has its own connection."""
    slow, fast = Receiver(Answer(delay=5)), Receiver()
    slow.start()
    fast.start()
    try:
        with pytest.raises(ChannelBusyError):
            channel("slow", config_of("webhook", slow.url), SECRETS).send(sample(), None)
        channel("fast", config_of("webhook", fast.url), SECRETS).send(sample(), None)
    finally:
        slow.stop()
        fast.stop()
    assert len(fast.got) == 1


def test_timestamps_are_those_of_the_attempt():
    """An attempt an hour later is signed for that time, so that a receiver takes it."""
    begin = datetime(2026, 5, 5, 12, tzinfo=UTC)
    times = iter([begin, begin + timedelta(hours=1)])
    with receiving() as receiver:
        one = channel("w", config_of("webhook", receiver.url), SECRETS, now=lambda: next(times))
        one.send(sample(), None)
        one.send(sample(), None)
    first, second = (int(got.headers["webhook-timestamp"]) for got in receiver.got)
    assert second - first == 3600
