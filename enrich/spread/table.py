"""Events as columns: what the detection counts with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from enrich.spread.model import Event

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
#: (latitude, longitude) of a place in degrees, None where it is not known.
Position = Callable[[str], tuple[float, float] | None]
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

    @property
    def years(self) -> float:
        """How long the events go on, in years; a week at least."""
        return max(float(np.ptp(self.t)) if len(self.t) else 0.0, 168.0) / (365 * 24)

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


def clean(events: Iterable[Event], geography: Geography | None = None) -> Cleaned:
    """The events as columns, without round-ups and without what comes from a common source.

    :param events: in any order; the last one of an id counts.
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
    return Cleaned(table=table, places=(geography or Geography()).places(codes), events=known, common=common)


def _common(events: dict[str, Event]) -> dict[str, tuple[str, ...]]:
    """Events without a place that several others point to, with those."""
    sharing: defaultdict[str, set[str]] = defaultdict(set)
    for event in events.values():
        for link in event.links:
            source = events.get(link.to)
            if source is not None and source.place is None and event.place is not None:
                sharing[source.id].add(event.id)
    return {source: tuple(sorted(ids)) for source, ids in sharing.items() if len({events[id_].place for id_ in ids}) > 1}


class Geography:
    """How places stand to each other: ties and distances. Made once, asked for any places."""

    def __init__(self, ties: Iterable[tuple[str, str]] = (), position: Position = lambda _: None, codes: Iterable[str] = ()) -> None:
        """:param ties: pairs of places (from, to).

        :param position: (latitude, longitude) of a place in degrees, None where it is not known.
        :param codes: places that will be asked for.
        """
        self._codes = set(codes)
        self._to: defaultdict[str, set[str]] = defaultdict(set)
        self._from: defaultdict[str, set[str]] = defaultdict(set)
        for a, b in ties:
            self._to[a].add(b)
            self._from[b].add(a)
        self._position = position

    @property
    def codes(self) -> set[str]:
        """The places that have ties, and those that will be asked for."""
        return set(self._to) | set(self._from) | self._codes

    @property
    def tied(self) -> bool:
        """Whether there is any tie."""
        return bool(self._to)

    def kinds(self, rows: Sequence[str], columns: Sequence[str]) -> NDArray[np.uint8]:
        """Class of each pair (from a row, to a column); see :class:`Places`."""
        at = {code: n for n, code in enumerate(columns)}
        kind = np.zeros((len(rows), len(columns)), np.uint8)
        for level, ties in ((1, self._from), (2, self._to)):
            for row, code in enumerate(rows):
                kind[row, [at[other] for other in ties.get(code, ()) if other in at]] = level
        kind[_distance(self._where(rows), self._where(columns)) <= NEAR] += CLASSES // 2
        kind[_counties(rows)[:, None] == _counties(columns)[None, :]] = NEVER
        return kind

    def places(self, codes: Sequence[str]) -> Places:
        """All of these, each to each."""
        return Places(codes=tuple(codes), kind=self.kinds(codes, codes), tied=self.tied)

    def _where(self, codes: Sequence[str]) -> Floats:
        return np.array([self._position(code) or (np.nan, np.nan) for code in codes], np.float64).reshape(-1, 2)


def _counties(codes: Sequence[str]) -> NDArray[np.object_]:
    return np.array([code[:_COUNTY] if code[:4].isdigit() else code for code in codes], object)


def _distance(one: Floats, other: Floats) -> Floats:
    """Kilometres between points (latitude, longitude) and others, along the great circle."""
    a, b = np.radians(one)[:, None, :], np.radians(other)[None, :, :]
    half = np.sin((a - b) / 2) ** 2
    across = half[..., 0] + np.cos(a[..., 0]) * np.cos(b[..., 0]) * half[..., 1]
    distance: Floats = 2 * 6371.0 * np.arcsin(np.sqrt(np.clip(across, 0, 1)))
    return distance
