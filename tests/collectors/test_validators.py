from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from collectors.validators import MAX_RETRY_AFTER, MAX_WAIT, freshness, http_date, request_headers, retry_after, same_version, validators
from collectors.waiting import Hints, wait_of
from pipeline.model import Health, SourceState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday


def _state(**changes: str) -> SourceState:
    return SourceState(source="s", url="https://example.org/", checked=NOW, health=Health.CHANGED, **changes)


def test_a_request_carries_what_the_last_answer_gave() -> None:
    """ETag becomes If-None-Match, Last-Modified If-Modified-Since; nothing becomes nothing."""
    assert request_headers(None) == request_headers(_state()) == {}
    both = request_headers(_state(etag='W/"1"', last_modified="Sun, 01 Mar 2026 10:00:00 GMT"))
    assert both == {"If-None-Match": 'W/"1"', "If-Modified-Since": "Sun, 01 Mar 2026 10:00:00 GMT"}


@pytest.mark.parametrize("expires", ["0", "-1", " 0 "])
def test_expires_0_makes_validators_worthless(expires: str) -> None:
    """Servers that say so send validators which do not follow the content."""
    headers = {"expires": expires, "etag": '"1"', "last-modified": "x"}
    assert request_headers(_state()) == {}
    assert validators(headers) == validators({})
    assert not same_version(_state(etag='"1"'), headers)


def test_an_unchanged_etag_on_a_200_is_not_modified() -> None:
    """Only an ETag that is there and the same."""
    assert same_version(_state(etag='"1"'), {"etag": '"1"'})
    assert not same_version(_state(etag='"1"'), {"etag": '"2"'})
    assert not same_version(_state(), {})
    assert not same_version(None, {"etag": '"1"'})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age=600, s-maxage=9"}, 600),
        ({"cache-control": "s-maxage=600"}, 0),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600, no-cache"}, 0),
        ({"cache-control": "no-store, max-age=600"}, 0),
        ({"cache-control": "max-age=31536000"}, MAX_WAIT),
        ({"cache-control": "max-age=nonsense"}, 0),
        ({"cache-control": "max-age=60", "expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, 60),
        ({"expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, 3600),
        ({"expires": "Sun, 01 Mar 2026 13:00:00 GMT", "date": "Sun, 01 Mar 2026 12:30:00 GMT"}, 1800),
        ({"expires": "Sat, 28 Feb 2026 13:00:00 GMT"}, 0),
        ({"expires": "0"}, 0),
        ({"expires": "Thu, 99 Foo 2026"}, 0),
    ],
)
def test_freshness(headers: dict[str, str], seconds: float) -> None:
    """max-age over Expires, no-cache over max-age, and never longer than MAX_WAIT (RFC 9111, 5.2 and 5.3)."""
    assert freshness(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sun, 01 Mar 2026 12:05:00 GMT", 300),
        ("Sunday, 01-Mar-26 12:05:00 GMT", 300),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
        ("99999999", MAX_RETRY_AFTER),
    ],
)
def test_retry_after(text: str, seconds: float) -> None:
    """Seconds or a date (RFC 9110, 10.2.3), at most a day; nonsense is nothing."""
    assert retry_after({"retry-after": text}, NOW) == seconds


@pytest.mark.parametrize(
    ("hints", "fresh", "wait"),
    [
        (Hints(), 0, 0),
        (Hints(ttl=1800), 600, 1800),
        (Hints(ttl=1800), 3600, 3600),
        (Hints(ttl=10**9), 0, MAX_WAIT),
        (Hints(skip_hours=(1, 2)), 0, 0),
        (Hints(skip_hours=(12, 13)), 0, 2 * 3600),
        (Hints(skip_days=("Sunday",)), 0, 12 * 3600),
        (Hints(skip_hours=tuple(range(24))), 0, 900),
    ],
)
def test_the_next_visit_waits_for_ttl_freshness_and_quiet_hours(hints: Hints, fresh: float, wait: float) -> None:
    """The longest of them, in GMT; a source that is always quiet is visited all the same."""
    assert wait_of(hints, fresh, 900, NOW) == wait


def test_a_wait_ends_when_the_quiet_hours_end() -> None:
    """To the second, from any moment."""
    moment = NOW + timedelta(minutes=17, seconds=3)
    assert moment + timedelta(seconds=wait_of(Hints(skip_hours=(12, 13)), 0, 60, moment)) == datetime(2026, 3, 1, 14, 0, tzinfo=UTC)


def test_a_date_beyond_the_calendar_is_none() -> None:
    """A date that cannot be expressed in UTC is no date, and no error."""
    assert http_date("Fri, 31 Dec 9999 23:59:59 -0100") is None
