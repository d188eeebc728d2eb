"""E-mail, against a real mail server: threads, TLS, login, and what it refuses."""

from __future__ import annotations

import traceback
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from pydantic import SecretStr

from pipeline.alerts.notify import text
from pipeline.alerts.notify.build import channel
from pipeline.alerts.notify.config import EmailConfig
from pipeline.alerts.notify.mail import message
from pipeline.errors import ChannelBusyError, ChannelRefusedError
from tests.pipeline.alerts.notify.receivers import certificate, free_port, posting
from tests.pipeline.alerts.notify.samples import course, notifications, sample

ANNA, BO = "anna@kommun.example", "bo@kommun.example"
SENDER = "fjaril@kommun.example"
PASSWORD = "hemligt-ord-som-ingen-far-se"  # noqa: S105  (of the tests' own server)


def config(port: int, **more: object) -> EmailConfig:
    """A channel to the server on that port."""
    return replace(EmailConfig(host="127.0.0.1", port=port, security="none", sender=SENDER, timeout=2), **more)


def test_an_alert_is_one_thread():
    """Each message has an id of its own and refers to those before it; the subject stays the same."""
    with posting() as (post, port):
        one = channel("e", config(port), {})
        receipts = [one.send(told, ANNA) for told in course()]
    mails = [message_from_bytes(letter.content, policy=default) for letter in post.letters]
    ids = [mail["Message-ID"] for mail in mails]
    assert len(set(ids)) == 5
    assert ids == [receipt.reference for receipt in receipts]
    assert mails[0]["In-Reply-To"] is None
    assert [mail["In-Reply-To"] for mail in mails[1:]] == ids[:-1]
    assert [str(mail["References"]).split() for mail in mails[1:]] == [ids[:number] for number in range(1, 5)]
    assert {str(mail["Subject"]).removeprefix("Re: ") for mail in mails} == {text.subject(sample())}
    assert str(mails[0]["Subject"]) == "Hög: Fordonsbrand, Malmö (regel bilbränder)"
    assert mails[0]["Auto-Submitted"] == "auto-generated"
    assert mails[0].get_content().splitlines() == text.lines(sample(sent=course()[0].sent))
    assert post.letters[0].readers == [ANNA]


def test_what_is_sent_again_is_the_same_mail():
    """Mail programs show one id once; another reader's mail is another one, since their links are."""
    with posting() as (post, port):
        one = channel("e", config(port), {})
        for to in (ANNA, ANNA, BO):
            one.send(sample(), to)
    first, again, other = (message_from_bytes(letter.content) for letter in post.letters)
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first.as_bytes() == again.as_bytes()


def test_the_thread_hangs_by_its_first_mail():
    """However long it gets."""
    mail = message(sample(sequence=500), SENDER, ANNA)
    root = message(sample(), SENDER, ANNA)
    assert str(mail["References"]).split()[0] == root["Message-ID"]
    assert len(str(mail["References"]).split()) == 12


@given(notifications)
@settings(max_examples=300, deadline=None)
def test_no_name_adds_a_header(one):
    """Whatever stands in names, the mail has its ten headers and says what it says."""
    mail = message_from_bytes(message(one, SENDER, ANNA).as_bytes(), policy=default)
    expected = {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Fjaril-Alert",
        "Content-Type",
        "Content-Transfer-Encoding",
    }
    assert set(mail.keys()) - {"In-Reply-To", "References"} == expected | {"MIME-Version"}
    assert mail["To"] == ANNA
    assert one.alert in mail.get_content()


def test_starttls_and_login(tmp_path):
    """The server's certificate is checked against the file, and the password goes out encrypted alone."""
    context, ca = certificate(tmp_path)
    secrets = {"smtp": SecretStr(PASSWORD)}
    with posting(context=context, password=PASSWORD) as (post, port):
        safe = config(port, security="starttls", ca=str(ca), username="fjaril", secret="smtp")  # noqa: S106  (a name)
        channel("e", safe, secrets).send(sample(), ANNA)
        with pytest.raises(ChannelRefusedError, match="the login was not taken, it answered 535") as found:
            channel("e", safe, {"smtp": SecretStr("wrong-" + PASSWORD)}).send(sample(), ANNA)
        assert PASSWORD not in "".join(traceback.format_exception(found.value))
        with pytest.raises(ChannelBusyError, match="certificate"):
            channel("e", config(port, security="starttls"), {}).send(sample(), ANNA)
        with pytest.raises(ChannelRefusedError, match="answered 530"):
            channel("e", config(port), {}).send(sample(), ANNA)
    assert [(letter.tls, letter.user) for letter in post.letters] == [(True, "fjaril")]


def test_a_server_without_tls_is_not_trusted_with_anything():
    """STARTTLS that it does not offer is not left out."""
    with posting() as (post, port), pytest.raises(ChannelRefusedError, match="it lacks what security or username ask for"):
        channel("e", config(port, security="starttls"), {}).send(sample(), ANNA)
    assert not post.letters


@pytest.mark.parametrize(
    ("part", "answer", "error"),
    [
        ("rcpt", "550 no such user", ChannelRefusedError),
        ("rcpt", "450 greylisted", ChannelBusyError),
        ("answer", "554 no", ChannelRefusedError),
        ("answer", "451 later", ChannelBusyError),
    ],
)
def test_what_the_server_answers_decides(part, answer, error):
    """4xx may go out later, 5xx will not; and neither the reader nor what the server says of them is repeated."""
    with posting() as (post, port):
        setattr(post, part, answer)
        with pytest.raises(error, match=f"answered {answer[:3]}") as found:
            channel("e", config(port), {}).send(sample(), ANNA)
    assert ANNA not in "".join(traceback.format_exception(found.value))


def test_a_stopped_server_may_come_back():
    """What is refused while it is away goes out when it is back, on the same channel."""
    port = free_port()
    one = channel("e", config(port), {})
    with pytest.raises(ChannelBusyError, match="refused"):
        one.send(sample(), ANNA)
    with posting(port) as (post, _):
        one.send(sample(), ANNA)
    assert len(post.letters) == 1
    with pytest.raises(ChannelBusyError, match="refused"):
        one.send(sample(), ANNA)
