"""Conditional requests and how long an answer may be kept (RFC 9110, 8.8 and 13; RFC 9111, 5.2 and 5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

from pipeline.model import SourceState

#: Longest time that caching headers or ``ttl`` may keep us away, in seconds: a source's rhythm is not its cache's.
MAX_WAIT = 6 * 3600.0
#: Longest time that Retry-After may, in seconds.
MAX_RETRY_AFTER = 24 * 3600.0
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,12})")


class Validators(Struct, frozen=True, kw_only=True):
    """What identifies the version of an answer; both None where the source gives none that can be trusted."""

    etag: str | None = None
    last_modified: str | None = None


def request_headers(state: SourceState | None) -> dict[str, str]:
    """The header fields that ask for an answer only if it changed since ``state``."""
    if state is None:
        return {}
    fields = {"If-None-Match": state.etag, "If-Modified-Since": state.last_modified}
    return {name: value for name, value in fields.items() if value}


def validators(headers: Mapping[str, str]) -> Validators:
    """Those of an answer. ``Expires: 0`` marks servers whose validators do not change with the content: ignored there."""
    if headers.get("expires", "").strip() in {"0", "-1"}:
        return Validators()
    return Validators(etag=headers.get("etag"), last_modified=headers.get("last-modified"))


def same_version(state: SourceState | None, headers: Mapping[str, str]) -> bool:
    """Whether an answer carries the ETag that is known already: some servers send 200 with it instead of 304."""
    etag = validators(headers).etag
    return bool(etag and state is not None and state.etag == etag)


def freshness(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds for which an answer is fresh by its own word, within [0, MAX_WAIT]. max-age overrides Expires."""
    control = headers.get("cache-control", "").lower()
    if "no-cache" in control or "no-store" in control:
        return 0.0
    found = _MAX_AGE.search(control)
    if found:
        return min(max(int(found[1]) - _age(headers), 0.0), MAX_WAIT)
    expires = http_date(headers.get("expires", ""))
    if expires is None:
        return 0.0
    since = http_date(headers.get("date", "")) or now
    return min(max((expires - since).total_seconds(), 0.0), MAX_WAIT)


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that Retry-After asks to wait, written as seconds or as a date (RFC 9110, 10.2.3); 0 if it does not say."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,12}", text):
        return min(float(text), MAX_RETRY_AFTER)
    moment = http_date(text)
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER) if moment else 0.0


def http_date(text: str) -> datetime | None:
    """A time as HTTP writes it (RFC 9110, 5.6.7), in UTC; None if it is something else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _age(headers: Mapping[str, str]) -> float:
    text = headers.get("age", "").strip()
    return float(text) if re.fullmatch(r"\d{1,9}", text) else 0.0
