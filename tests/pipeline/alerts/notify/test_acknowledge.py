"""Links to acknowledge by: nobody else's, not for ever, once."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.notify.acknowledge import make, redeem, verify
from pipeline.errors import SettingsError, TokenError
from tests.pipeline.alerts.notify.samples import ALERT

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=12)
alerts = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", fullmatch=True) | st.from_regex(r"([0-9a-f]{2}){1,40}", fullmatch=True)
officers = st.text(min_size=1, max_size=64).filter(lambda name: name.isprintable())


@given(alerts, officers, st.integers(1, 10**7), st.binary(min_size=32, max_size=64))
@settings(max_examples=500)
def test_what_was_made_is_taken(alert, officer, seconds, key):
    """It says the alert, the officer and until when; in letters that are safe in a URL."""
    token = make(key, alert, officer, NOW + timedelta(seconds=seconds))
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    found = verify([OTHER, key], token, NOW)
    assert (found.alert, found.officer, found.expires) == (alert, officer, NOW + timedelta(seconds=seconds))


def test_any_bit_makes_it_another():
    """Each bit of the token's text, and each bit of what it holds: refused."""
    token = make(KEY, ALERT, "anna.exempel", UNTIL)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    changed = [
        bytes(byte ^ (1 << bit) if number == at else byte for number, byte in enumerate(data))
        for data in (raw,)
        for at in range(len(data))
        for bit in range(8)
    ]
    texts = [base64.urlsafe_b64encode(one).rstrip(b"=") for one in changed]
    texts += [
        token.encode()[:at] + bytes([token.encode()[at] ^ (1 << bit)]) + token.encode()[at + 1 :]
        for at in range(len(token))
        for bit in range(8)
    ]
    assert len(texts) == 8 * (len(raw) + len(token))
    for text in texts:
        with pytest.raises(TokenError, match="not made here"):
            verify([KEY], text.decode("latin-1"), NOW)


@given(st.text() | st.binary(max_size=120).map(lambda data: base64.urlsafe_b64encode(data).decode().rstrip("=")))
@settings(max_examples=1000)
def test_nothing_else_is_taken(text):
    """Any text is refused as such."""
    with pytest.raises(TokenError):
        verify([KEY], text, NOW)


@given(alerts, officers, st.data())
@settings(max_examples=300)
def test_a_part_or_more_is_not_taken(alert, officer, data):
    """Cut off, added to, padded, or made of two."""
    token, other = make(KEY, alert, officer, UNTIL), make(KEY, alert, officer + "x", UNTIL)
    cut = data.draw(st.integers(0, len(token) - 1))
    for wrong in (token[:cut], token + "A", token + "=", " " + token, token[:cut] + other[cut:]):
        if wrong not in {token, other}:
            with pytest.raises(TokenError):
                verify([KEY], wrong, NOW)


def test_it_is_good_until_it_expires():
    """To the second."""
    token = make(KEY, ALERT, "anna.exempel", UNTIL)
    assert verify([KEY], token, UNTIL - timedelta(seconds=1)).alert == ALERT
    for late in (UNTIL, UNTIL + timedelta(days=365)):
        with pytest.raises(TokenError, match="good until 2026-10-25T12:30"):
            verify([KEY], token, late)


def test_it_is_good_once():
    """The second time is refused; another officer's link to the same alert is another one."""
    spent: set[str] = set()
    first, second = (make(KEY, ALERT, "anna.exempel", UNTIL) for _ in range(2))
    assert redeem([KEY], first, NOW, spent).officer == "anna.exempel"
    with pytest.raises(TokenError, match="was used already"):
        redeem([KEY], first, NOW, spent)
    assert redeem([KEY], second, NOW, spent)
    assert redeem([KEY], make(KEY, ALERT, "bo.exempel", UNTIL), NOW, spent).officer == "bo.exempel"
    assert len(spent) == 3


def test_what_is_refused_is_not_spent():
    """A link that was tried with a wrong letter still works as it stands."""
    spent: set[str] = set()
    token = make(KEY, ALERT, "anna.exempel", UNTIL)
    with pytest.raises(TokenError):
        redeem([OTHER], token, NOW, spent)
    assert not spent
    assert redeem([KEY], token, NOW, spent)


def test_it_fits_an_sms():
    """For an id of 32 digits and a name of 12 it takes 78 characters; the same nonce gives the same link."""
    nonce = b"123456"
    tokens = {make(KEY, ALERT, "anna.exempel", UNTIL, nonce) for _ in range(3)}
    assert len(tokens) == 1
    assert len(tokens.pop()) == 78


@pytest.mark.parametrize("key", [b"", b"k" * 31])
def test_a_short_key_is_refused(key):
    """Whether it makes or checks, and without repeating it."""
    with pytest.raises(SettingsError, match="at least 32 random bytes"):
        make(key, ALERT, "anna.exempel", UNTIL)
    with pytest.raises(SettingsError, match="at least 32 random bytes"):
        verify([key], "x", NOW)
