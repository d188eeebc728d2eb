"""The state of a source: whether it answers, and when it last gave something new."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from pipeline.health import silent_from
from pipeline.model import SourceState


class SourceEvent(Struct, frozen=True):
    """ECS ``event``: the source."""

    provider: str


class SourceUrl(Struct, frozen=True):
    """ECS ``url``."""

    full: str


class SourceView(Struct, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """What its last fetch showed."""

    #: When it was last asked.
    timestamp: datetime
    event: SourceEvent
    url: SourceUrl
    health: str
    #: Whether the last fetch gave nothing that can be used, and how many before it did not either.
    failing: bool
    failures: int
    #: What was found, in a sentence; what was wrong when it last failed, and when.
    message: str
    failure: str
    failed: datetime | None
    #: When it last gave something new, and from when on it is silent by its own rhythm if nothing more comes.
    changed: datetime | None
    silent_from: datetime | None
    fetched: int
    unchanged: int


def source_view(state: SourceState) -> SourceView:
    """The state as it is shown."""
    return SourceView(
        timestamp=state.checked,
        event=SourceEvent(state.source),
        url=SourceUrl(state.url),
        health=state.health.value,
        failing=state.health.is_failure,
        failures=state.failures,
        message=state.detail,
        failure=state.failure,
        failed=state.failed,
        changed=state.changed,
        silent_from=silent_from(state),
        fetched=state.fetched,
        unchanged=state.unchanged,
    )
