"""Windows of the real police events as recorded polls, so that ``fjaril replay`` can play them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

#: The API holds the latest events; one poll an hour, as seldom as it may be.
_HELD, _EVERY = 500, timedelta(hours=1)


def record(events: Path, since: datetime, until: datetime, to: Path) -> None:
    """Write polls of [since, until) to a file: every hour in which something was published."""
    kept = [event for event in _read(events) if since <= _published(event) < until]
    kept.sort(key=_published)
    shown = 0
    with to.open("wb") as file:
        at = since
        while at < until:
            at += _EVERY
            there = [event for event in kept if _published(event) <= at]
            if len(there) > shown:
                body = msgspec.json.encode([_served(event) for event in reversed(there[-_HELD:])]).decode()
                file.write(msgspec.json.encode({"polled_at": at, "body": body}) + b"\n")
            shown = len(there)


def _read(events: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(events) as lines:
        yield from map(msgspec.json.decode, lines)


def _published(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["published"]).astimezone(UTC)


def _served(event: dict[str, Any]) -> dict[str, Any]:
    """The event as the API gives it."""
    when = datetime.fromisoformat(event["published"])
    zone = f"{when:%z}"
    return {
        "id": event["id"], "datetime": f"{when:%Y-%m-%d} {when.hour}:{when:%M:%S} {zone[:3]}:{zone[3:]}", "name": event["name"],
        "summary": event["summary"], "url": event["url"], "type": event["type"],
        "location": {"name": event["location_name"], "gps": event["location_gps"]},
    }  # fmt: skip
