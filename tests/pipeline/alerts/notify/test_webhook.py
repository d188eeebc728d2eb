"""Signatures of webhooks: the standard's own example, and what is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.notify.webhook import key_of, sign, verify
from pipeline.errors import UsageError

AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
KEYS = [b"a" * 32, b"b" * 24]


def test_the_standards_own_example():
    """Secret, id, time, body and signature as the specification's libraries test them."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY)
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(), st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True))
def test_what_is_signed_is_taken(body, message):
    """With either key while one is being replaced, and whatever else is signed with beside it."""
    signed = sign(KEYS, message, AT, body)
    for keys in ([KEYS[0]], [KEYS[1]], KEYS):
        assert verify(keys, {name.upper(): value for name, value in signed.items()}, body, AT) == message
    strange = signed | {"webhook-signature": "v1a,xyz v2,ö " + signed["webhook-signature"]}
    assert verify(KEYS, strange, body, AT) == message


@pytest.mark.parametrize(
    ("change", "body", "now", "said"),
    [
        ({}, BODY + b" ", AT, "was not made with any"),
        ({"webhook-id": "other"}, BODY, AT, "was not made with any"),
        ({"webhook-timestamp": "1614265331"}, BODY, AT, "was not made with any"),
        ({"webhook-signature": ""}, BODY, AT, "was not made with any"),
        ({"webhook-signature": "v1," + base64.b64encode(b"x" * 32).decode()}, BODY, AT, "was not made with any"),
        ({}, BODY, AT + timedelta(minutes=5, seconds=1), "is taken within"),
        ({}, BODY, AT - timedelta(minutes=5, seconds=1), "is taken within"),
        ({"webhook-timestamp": "soon"}, BODY, AT, "in seconds"),
        ({"webhook-timestamp": "9" * 30}, BODY, AT, "in seconds"),
        ({"webhook-timestamp": "١٦"}, BODY, AT, "in seconds"),
    ],
)
def test_what_is_not_is_refused(change, body, now, said):
    """Another body, id, time or signature; too old or too young."""
    with pytest.raises(UsageError, match=said):
        verify(KEYS, sign(KEYS, "m", AT, BODY) | change, body, now)


def test_a_header_that_is_missing_is_said():
    """Each of the three."""
    signed = sign(KEYS, "m", AT, BODY)
    for name in signed:
        with pytest.raises(UsageError, match="a webhook without"):
            verify(KEYS, {other: value for other, value in signed.items() if other != name}, BODY, AT)
