"""What happened, one line an occurrence: all that figures and exports need of the topic ``events``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from sys import intern

import msgspec
from msgspec import Struct

from pipeline.model import Instant


class _Event(Struct, frozen=True, gc=False):
    id: str
    time: Instant
    theme: str
    place: str | None = None


class _Sighting(Struct, frozen=True, gc=False):
    document: str
    source: str
    time: Instant
    copy_of: str | None = None


class _Occurrence(Struct, frozen=True, gc=False):
    event: _Event
    sightings: tuple[_Sighting, ...] = ()


class Happened(Struct, frozen=True, kw_only=True, gc=False):  # refers to nothing in a circle, and there are many
    """An occurrence that still stands."""

    id: str
    time: Instant
    #: Code of the municipality or county; empty where it does not say.
    place: str
    theme: str
    #: Source → its documents.
    sources: Mapping[str, int]
    #: Sources that told of it in words of their own.
    independent: int

    @property
    def coverage(self) -> int:
        """Documents that tell of it."""
        return sum(self.sources.values())


_decoder = msgspec.json.Decoder(_Occurrence)  # a third of the time of the whole record


def happened(events: Iterable[bytes], until: datetime | None = None) -> list[Happened]:
    """The occurrences of the last records of the topic, in the order of their times; withdrawn ones are left out.

    :param until: what was published later does not count, as if it had not come yet.
    """
    read = (_line(_decoder.decode(data), until) for data in events)
    return sorted((one for one in read if one is not None), key=lambda one: (one.time, one.id))


def _line(one: _Occurrence, until: datetime | None) -> Happened | None:
    sightings = [sighting for sighting in one.sightings if until is None or sighting.time < until]
    if not sightings:
        return None
    sources: dict[str, int] = {}
    for sighting in sightings:
        sources[sighting.source] = sources.get(sighting.source, 0) + 1
    own = {sighting.source for sighting in sightings if sighting.copy_of is None}
    event = one.event
    return Happened(
        id=event.id, time=event.time, place=intern(event.place or ""), theme=intern(event.theme), sources=_shared(tuple(sources.items())),
        independent=len(own),
    )  # fmt: skip


@lru_cache(maxsize=10_000)
def _shared(sources: tuple[tuple[str, int], ...]) -> Mapping[str, int]:
    """One for all that the same sources tell of: it weighs more than all the rest of a line."""
    return dict(sources)
