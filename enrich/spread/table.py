"""Events as columns: what the detection counts with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enrich.spread.model import Event

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
#: Events do not count as each other's cause in less: simultaneous. In hours.
SHORTEST = 2.0
#: Longest lag between cause and effect, and longest time from the root. In hours.
LONGEST, REACH = 264.0, 288.0
#: More events of a place and theme within so many hours are one burst.
BURST = 12.0
#: Links of documents that name more places say nothing: round-ups.
MOST_PLACES = 2
#: Kilometres; closer places may share more than news.
NEAR = 100.0
#: Codes of counties are the beginning of the codes of their municipalities.
_COUNTY = 2
#: Class of a pair that is never cause and effect: the same county.
NEVER = 255
#: Classes of pairs: none, tie backwards, tie; the same within ``NEAR`` kilometres.
CLASSES = 6


@dataclass(frozen=True, slots=True)
class Places:
    """The places that occur, and how each pair stands to each other."""

    codes: tuple[str, ...]
    #: Class of the pair (from, to), 0 to ``CLASSES`` - 1, or ``NEVER``. Shape (places, places).
    kind: NDArray[np.uint8]
    #: Whether there is any tie.
    tied: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Events with a place, sorted by theme and then by time, and the links among them."""

    ids: tuple[str, ...]
    themes: tuple[str, ...]
    vias: tuple[str, ...]
    #: Hours since 1970. Shape (events,), as ``place`` and ``theme``: indices into ``Places.codes`` and ``themes``.
    t: Floats
    place: Ints
    theme: Ints
    #: Links: from event ``source`` to the event ``target`` of the same theme, of kind ``via``; sorted by ``source``.
    source: Ints
    target: Ints
    via: Ints
    #: First event of each theme, and the number of events at the end.
    bounds: Ints

    def only(self, keep: Bools) -> Table:
        """The events that ``keep`` marks, with the links among them."""
        number = np.cumsum(keep) - 1
        links = keep[self.source] & keep[self.target]
        return replace(
            self,
            ids=tuple(np.array(self.ids, dtype=object)[keep]),
            t=self.t[keep],
            place=self.place[keep],
            theme=self.theme[keep],
            source=number[self.source[links]],
            target=number[self.target[links]],
            via=self.via[links],
            bounds=np.searchsorted(self.theme[keep], np.arange(len(self.themes) + 1)),
        )


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What of the events is tested, and what is set aside."""

    table: Table
    places: Places
    #: All events, by id.
    events: dict[str, Event]
    #: For each event without a place that several places point to: those events. A common source, not spread.
    common: dict[str, tuple[str, ...]]


def clean(
    events: Iterable[Event],
    ties: Iterable[tuple[str, str]] = (),
    position: Callable[[str], tuple[float, float] | None] = lambda _: None,
) -> Cleaned:
    """The events as columns, without round-ups and without what comes from a common source.

    :param events: in any order; the last one of an id counts.
    :param ties: pairs of places (from, to).
    :param position: (latitude, longitude) of a place in degrees, None where it is not known.
    """
    known = {event.id: event for event in events}
    common = _common(known)
    aside = {id_ for ids in common.values() for id_ in ids}
    chosen = sorted(
        (event for event in known.values() if event.place is not None and event.id not in aside), key=lambda e: (e.theme, e.time, e.id)
    )
    codes = tuple(sorted({event.place for event in chosen if event.place is not None}))
    at = {code: n for n, code in enumerate(codes)}
    themes = tuple(sorted({event.theme for event in chosen}))
    theme_at = {theme: n for n, theme in enumerate(themes)}
    number = {event.id: n for n, event in enumerate(chosen)}
    theme = np.array([theme_at[event.theme] for event in chosen], np.int64)
    vias = tuple(sorted({link.via for event in chosen for link in event.links}))
    via_at = {via: n for n, via in enumerate(vias)}
    links = sorted(
        {
            (n, number[link.to], via_at[link.via])
            for n, event in enumerate(chosen)
            for link in event.links
            if link.places_named <= MOST_PLACES and link.to in number and link.to != event.id
        }
    )
    columns = np.array(links, np.int64).reshape(-1, 3)
    columns = columns[theme[columns[:, 0]] == theme[columns[:, 1]]]
    table = Table(
        ids=tuple(event.id for event in chosen),
        themes=themes,
        vias=vias,
        t=np.array([event.time.timestamp() / 3600 for event in chosen], np.float64),
        place=np.array([at[event.place or ""] for event in chosen], np.int64),
        theme=theme,
        source=columns[:, 0].copy(),
        target=columns[:, 1].copy(),
        via=columns[:, 2].copy(),
        bounds=np.searchsorted(theme, np.arange(len(themes) + 1)),
    )
    return Cleaned(table=table, places=_places(codes, at, ties, position), events=known, common=common)


def _common(events: dict[str, Event]) -> dict[str, tuple[str, ...]]:
    """Events without a place that several others point to, with those."""
    sharing: defaultdict[str, set[str]] = defaultdict(set)
    for event in events.values():
        for link in event.links:
            source = events.get(link.to)
            if source is not None and source.place is None and event.place is not None:
                sharing[source.id].add(event.id)
    return {source: tuple(sorted(ids)) for source, ids in sharing.items() if len({events[id_].place for id_ in ids}) > 1}


def _places(codes: Sequence[str], at: dict[str, int], ties: Iterable[tuple[str, str]], position: Callable[[str], Any]) -> Places:
    count = len(codes)
    kind = np.zeros((count, count), np.uint8)
    tied = False
    pairs = Counter((at[a], at[b]) for a, b in ties if a in at and b in at)
    for a, b in pairs:
        kind[b, a] = max(kind[b, a], 1)
    for a, b in pairs:
        kind[a, b] = 2
        tied = True
    where = np.array([position(code) or (np.nan, np.nan) for code in codes], np.float64).reshape(-1, 2)
    kind[_distance(where) <= NEAR] += CLASSES // 2
    county = np.array([code[:_COUNTY] if code[:4].isdigit() else code for code in codes], object)
    kind[county[:, None] == county[None, :]] = NEVER
    return Places(codes=tuple(codes), kind=kind, tied=tied)


def _distance(where: Floats) -> Floats:
    """Kilometres between each two points (latitude, longitude), along the great circle."""
    latitude, longitude = np.radians(where[:, :1]), np.radians(where[:, 1:])
    across = np.sin((latitude - latitude.T) / 2) ** 2 + np.cos(latitude) * np.cos(latitude.T) * np.sin((longitude - longitude.T) / 2) ** 2
    distance: Floats = 2 * 6371.0 * np.arcsin(np.sqrt(np.clip(across, 0, 1)))
    return distance
