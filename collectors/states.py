"""From a visit to the source's new state. Pure functions: the same input gives the same state."""

from __future__ import annotations

from datetime import datetime

import msgspec

from collectors.failures import Empty, Failure, Gone, Malformed
from collectors.items import Parsed
from collectors.validators import validators
from collectors.visit import Visit
from pipeline import health
from pipeline.model import Health, Source, SourceState

#: A source is said to have shrunk when it gives less than this part of its usual number, and usually gives at least so many.
SHRUNK_BELOW, SHRUNK_FROM = 0.5, 10.0
#: Weight of the last answer in the usual number of items; lower after a short one, so that an outage does not become usual.
WEIGHT, WEIGHT_SHRUNK = 0.2, 0.05


def blank(source: Source, now: datetime) -> SourceState:
    """The state of a source that was never fetched."""
    return SourceState(source=source.id, url=source.url, checked=now, health=Health.UNKNOWN)


def moved_back(state: SourceState, source: Source) -> SourceState:
    """The state for asking the configured address again: what identified an answer of another address says nothing of it."""
    return msgspec.structs.replace(state, url=source.url, moved=False, etag=None, last_modified=None, body_hash=None)


def failed(source: Source, state: SourceState, failure: Failure, now: datetime) -> SourceState:
    """After a visit that gave nothing. What is known of its items stays.

    After an empty or unreadable answer the validators are forgotten: a 304 must not hide that it is so still.
    """
    forget = isinstance(failure, Empty | Malformed)
    return msgspec.structs.replace(
        state,
        # a source that is gone is asked again when its owner gives another address than the one that is gone
        url=source.url if isinstance(failure, Gone) else state.url,
        checked=now,
        health=failure.health,
        detail=failure.reason,
        etag=None if forget else state.etag,
        last_modified=None if forget else state.last_modified,
        body_hash=None if forget else state.body_hash,
        wait=failure.wait,
        failures=state.failures + 1,
        failed=now,
        failure=failure.reason,
        volume=health.counted(state.volume, state.checked, now, 0),
    )


def not_modified(state: SourceState, visit: Visit, wait: float, now: datetime) -> SourceState:
    """After an answer without anything new. What was short stays short."""
    shrunk = state.health is Health.SHRUNK
    return msgspec.structs.replace(
        state,
        url=visit.moved or state.url,
        checked=now,
        health=Health.SHRUNK if shrunk else Health.UNCHANGED,
        detail=state.detail if shrunk else "nothing has changed",
        wait=wait,
        failures=0,
        took=_smooth(state.took, visit.took),
        moved=visit.moved is not None or (state.moved and visit.answer.url == state.url),
        volume=health.counted(state.volume, state.checked, now, 0),
    )


def modified(
    state: SourceState, visit: Visit, parsed: Parsed, new: int, unchanged: int, wait: float, now: datetime, noticed: int = 0
) -> SourceState:
    """After an answer that was parsed.

    :param new: how many items were published, withdrawals included.
    :param unchanged: how many were known already.
    :param noticed: how many of the new ones are withdrawals that no record of the answer states.
    """
    shrunk = is_short(state, parsed)
    unreadable = bool(parsed.bad) and not parsed.items
    known = validators(visit.answer.headers)
    forget = unreadable or parsed.cut  # the rest must come, also where the server would say that nothing has changed
    detail = _detail(state, parsed, new, shrunk=shrunk)
    return msgspec.structs.replace(
        state,
        url=visit.moved or state.url,
        checked=now,
        health=_health(new, shrunk=shrunk, unreadable=unreadable),
        detail=detail,
        etag=None if forget else known.etag,
        last_modified=None if forget else known.last_modified,
        body_hash=None if forget else visit.body_hash,
        wait=wait,
        failures=state.failures + 1 if unreadable else 0,
        failed=now if unreadable else state.failed,
        failure=detail if unreadable else state.failure,
        changed=now if new else state.changed,
        usual_items=_usual(state, len(parsed.items), shrunk=shrunk),
        fetched=state.fetched + parsed.size + noticed,
        unchanged=state.unchanged + unchanged,
        cursor=state.cursor if parsed.cursor is None else parsed.cursor,
        hub=parsed.hub,
        topic=parsed.topic,
        took=_smooth(state.took, visit.took),
        moved=visit.moved is not None or (state.moved and visit.answer.url == state.url),
        pauses=health.paused(state.pauses, state.changed, now) if new else state.pauses,
        volume=health.counted(state.volume, state.checked, now, new),
    )


def received(state: SourceState, parsed: Parsed, new: int, unchanged: int, now: datetime, noticed: int = 0) -> SourceState:
    """After something that came by itself: of a stream, or pushed by a hub. Parameters as of :func:`modified`."""
    return msgspec.structs.replace(
        state,
        checked=now,
        health=Health.CHANGED if new else Health.UNCHANGED,
        detail=_detail(state, parsed, new, shrunk=False),
        wait=0.0,
        failures=0,
        changed=now if new else state.changed,
        fetched=state.fetched + parsed.size + noticed,
        unchanged=state.unchanged + unchanged,
        cursor=state.cursor if parsed.cursor is None else parsed.cursor,
        pauses=health.paused(state.pauses, state.changed, now) if new else state.pauses,
        volume=health.counted(state.volume, state.checked, now, new),
    )


def _smooth(before: float, value: float) -> float:
    return round(value if not before else (1 - WEIGHT) * before + WEIGHT * value, 3)


def is_short(state: SourceState, parsed: Parsed) -> bool:
    """Whether the answer has far fewer items than the source usually gives."""
    return state.usual_items >= SHRUNK_FROM and len(parsed.items) < SHRUNK_BELOW * state.usual_items


def _health(new: int, *, shrunk: bool, unreadable: bool) -> Health:
    if unreadable:
        return Health.MALFORMED
    if shrunk:
        return Health.SHRUNK
    return Health.CHANGED if new else Health.UNCHANGED


def _detail(state: SourceState, parsed: Parsed, new: int, *, shrunk: bool) -> str:
    parts = [f"{parsed.size} items, {new} of them new or changed"]
    if shrunk:
        parts.append(f"usually it has about {state.usual_items:.0f}")
    if parsed.bad:
        parts.append(f"{len(parsed.bad)} could not be read: {parsed.bad[0].reason}")
    return "; ".join([*parts, *parsed.problems])[:1000]


def _usual(state: SourceState, count: int, *, shrunk: bool) -> float:
    if not count:
        return state.usual_items
    weight = WEIGHT_SHRUNK if shrunk else WEIGHT
    return count if not state.usual_items else (1 - weight) * state.usual_items + weight * count
