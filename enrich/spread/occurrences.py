"""Documents become events: one occurrence at one place, however many tell of it; and events get links by what their documents share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from enrich.spread.model import Event, Link, Occurrence, Sighting
from enrich.spread.sightings import CHANNEL, MENTION, NAME, REPOST, STORY, TAG, TEXT, URL, sightings
from enrich.spread.table import LONGEST, MOST_PLACES, REACH
from pipeline.model import Document, fingerprint

#: Occurrences are remembered for so long.
KEPT = timedelta(hours=REACH + 24)
#: A document tells of an occurrence that it shares something with within so long; and of one that its source has not told of yet within
#: so long. A summary retells what happened within so long.
_SHARED, _SOON, _RETOLD = timedelta(hours=72), timedelta(hours=12), timedelta(hours=24)
#: What so many occurrences share is common, and says nothing.
_COMMON = {URL: 12, STORY: 12, TAG: 6, CHANNEL: 6, NAME: 6}
#: Documents of an occurrence that are remembered: the first ones.
_MOST = 50


@dataclass(slots=True, eq=False)
class _Open:
    """An occurrence of the window."""

    id: str
    place: str | None
    theme: str
    #: By (document, part).
    sightings: dict[tuple[str, int], Sighting] = field(default_factory=dict)

    @property
    def time(self) -> datetime:
        return min(sighting.time for sighting in self.sightings.values())

    def holders(self, item: str) -> Iterator[Sighting]:
        return (sighting for sighting in self.sightings.values() if item in sighting.items)


class Occurrences:
    """The occurrences of the last thirteen days. What comes out follows from what went in, in its order."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        #: Ids of occurrences by place, by document, by item, and by the municipalities that their documents name.
        self._at: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._of: dict[str, dict[str, None]] = {}
        self._holding: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._mentioning: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._told: dict[str, Occurrence] = {}
        self._latest: datetime | None = None

    def __len__(self) -> int:
        return len(self._open)

    def restore(self, occurrence: Occurrence) -> None:
        """Take back what was told before a restart; a later one of an id replaces it."""
        id_ = occurrence.event.id
        if id_ in self._open:
            for sighting in list(self._open[id_].sightings.values()):
                self._leave(id_, sighting)
            self._close_if_empty(id_)
        self._told.pop(id_, None)
        if not occurrence.is_withdrawn:
            for sighting in occurrence.sightings:
                self._enter(id_, occurrence.event.place, occurrence.event.theme, sighting)
            self._told[id_] = occurrence

    def put(self, document: Document) -> list[Occurrence]:
        """Take a document, a new version of one, or the withdrawal of one; returns the occurrences that are new or have changed."""
        touched, near = dict.fromkeys(self._of.get(document.id, ())), dict[str, None]()
        for id_ in touched:
            for sighting in [one for key, one in self._open[id_].sightings.items() if key[0] == document.id]:
                near |= self._related(sighting)
                self._leave(id_, sighting)
        for sighting in () if document.withdrawn else self._countable(document):
            id_ = (
                self._home(sighting)
                or fingerprint("event", sighting.document, str(sighting.part), sighting.place or "", sighting.theme)[:16]
            )
            self._enter(id_, sighting.place, self._open[id_].theme if id_ in self._open else sighting.theme, sighting)
            near |= self._related(sighting)
            touched[id_] = None
        changed = [occurrence for id_ in touched | near if (occurrence := self._tell(id_))]
        self._forget_old()
        return changed

    def _countable(self, document: Document) -> Iterator[Sighting]:
        """What a document tells, if it is not past already."""
        for sighting in sightings(document):
            if self._latest is None or sighting.time > self._latest - KEPT:
                self._latest = max(self._latest or sighting.time, sighting.time)
                yield sighting

    # --- which occurrence

    def _home(self, sighting: Sighting) -> str | None:
        """The occurrence that it tells of: the one that it alone told of before it was edited, else the nearest in time."""
        there = [self._open[id_] for id_ in (self._at.get(sighting.place, ()) if sighting.place else ())]
        possible = [one for one in there if one.theme in sighting.themes]
        if emptied := next((one.id for one in possible if not one.sightings), None):
            return emptied
        near = sorted((abs(one.time - sighting.time), one.id) for one in possible)
        return next((id_ for gap, id_ in near if self._is_same(self._open[id_], sighting, gap)), None)

    def _is_same(self, one: _Open, sighting: Sighting, gap: timedelta) -> bool:
        if gap > _SHARED:
            return False
        if gap <= (_RETOLD if sighting.retold else _SOON) and (
            sighting.retold or all(s.source != sighting.source for s in one.sightings.values())
        ):
            return True
        told = {document for document, _ in one.sightings}
        strong = {item for item in sighting.items if item.startswith((URL, STORY))}
        return sighting.copy_of in told or any(strong & set(s.items) for s in one.sightings.values())

    def _enter(self, id_: str, place: str | None, theme: str, sighting: Sighting) -> None:
        one = self._open.setdefault(id_, _Open(id_, place, theme))
        if len(one.sightings) >= _MOST:
            return
        one.sightings[sighting.document, sighting.part] = sighting
        self._of.setdefault(sighting.document, {})[id_] = None
        if place is not None:
            self._at[place][id_] = None
        for item in sighting.items:
            self._holding[item][id_] = None
        for code in sighting.mentions:
            self._mentioning[code][id_] = None

    def _leave(self, id_: str, sighting: Sighting) -> None:
        one = self._open[id_]
        del one.sightings[sighting.document, sighting.part]
        left = one.sightings.values()
        if not any(other.document == sighting.document for other in left):
            _drop(self._of, sighting.document, id_)
        for item in sighting.items:
            if not any(item in other.items for other in left):
                _drop(self._holding, item, id_)
        for code in sighting.mentions:
            if not any(code in other.mentions for other in left):
                _drop(self._mentioning, code, id_)

    def _close_if_empty(self, id_: str) -> None:
        one = self._open[id_]
        if not one.sightings:
            del self._open[id_]
            if one.place is not None:
                _drop(self._at, one.place, id_)

    def _forget_old(self) -> None:
        """The oldest stand first, but for those that came late."""
        while self._open and self._latest is not None:
            id_ = next(iter(self._open))
            if self._open[id_].time > self._latest - KEPT:
                break
            for sighting in list(self._open[id_].sightings.values()):
                self._leave(id_, sighting)
            self._close_if_empty(id_)
            self._told.pop(id_, None)

    # --- links

    def _related(self, sighting: Sighting) -> dict[str, None]:
        """The occurrences whose links may change with it."""
        near: dict[str, None] = {}
        for item in sighting.items:
            if len(self._holding.get(item, ())) <= _limit(item) + 1:
                near |= self._holding.get(item, {})
        return near | (self._mentioning.get(sighting.place, {}) if sighting.place else {})

    def _tell(self, id_: str) -> Occurrence | None:
        """The occurrence as it is now, if that has not been told yet."""
        one, before = self._open.get(id_), self._told.get(id_)
        if one is None:
            return None
        if not one.sightings:
            self._close_if_empty(id_)
            return Occurrence(event=before.event) if before and self._told.pop(id_, None) else None
        event = Event(id=id_, time=one.time, place=one.place, theme=one.theme, links=tuple(self._links(one)))
        now = Occurrence(event=event, sightings=tuple(one.sightings.values()))
        if now == before:
            return None
        self._told[id_] = now
        return now

    def _links(self, one: _Open) -> list[Link]:
        """Links to earlier occurrences elsewhere: the first and the last that holds the same item; the best known one at a place named."""
        named: dict[tuple[str, str], int] = {}
        for sighting in one.sightings.values():
            for to, via in (*self._by_items(one, sighting), *self._by_mentions(one, sighting)):
                named[to, via] = min(sighting.named, named.get((to, via), sighting.named))
        return [Link(to=to, via=via, places_named=count) for (to, via), count in sorted(named.items())]

    def _by_items(self, one: _Open, sighting: Sighting) -> Iterator[tuple[str, str]]:
        origin = self._open.get(next(iter(self._of.get(sighting.copy_of or "", ())), ""))
        if origin is not None and self._is_before(origin, one) and all(s.source != sighting.source for s in origin.sightings.values()):
            yield origin.id, TEXT
        for item in sighting.items:
            holding = self._holding[item]
            if len(holding) > _limit(item):
                continue
            kind = item.partition(":")[0]
            earlier = sorted((h.time, h.id) for h in (self._open[id_] for id_ in holding) if self._is_before(h, one))
            if not earlier:
                continue
            first = self._open[earlier[0][1]]
            if first.place is None:
                if kind == URL:  # it came from nowhere in particular: a common source
                    yield first.id, URL
                continue
            for id_ in {first.id, earlier[-1][1]}:
                holder = self._open[id_]
                if holder.place is not None and (via := _via(kind, item, sighting, holder)):
                    yield id_, via

    def _by_mentions(self, one: _Open, sighting: Sighting) -> Iterator[tuple[str, str]]:
        for code in sighting.mentions if sighting.named <= MOST_PLACES else ():
            there = [self._open[id_] for id_ in self._at.get(code, ())]
            known = [(-len(other.sightings), other.time, other.id) for other in there if self._is_before(other, one)]
            if known:
                yield min(known)[2], MENTION

    @staticmethod
    def _is_before(other: _Open, one: _Open) -> bool:
        if other is one or not other.sightings or other.place == one.place or (other.place is not None and other.theme != one.theme):
            return False
        return timedelta() < one.time - other.time <= timedelta(hours=LONGEST)


def _via(kind: str, item: str, sighting: Sighting, holder: _Open) -> str:
    """What kind of link an item makes; empty if it is none: the same source says the same of many places (boilerplate)."""
    others = [other for other in holder.holders(item) if other.source != sighting.source or kind not in {STORY, NAME}]
    if not others:
        return ""
    return REPOST if kind == URL and any(other.own == item for other in others) else kind


def _limit(item: str) -> int:
    return _COMMON[item.partition(":")[0]]


def _drop(index: dict[str, dict[str, None]], key: str, id_: str) -> None:
    index[key].pop(id_, None)
    if not index[key]:
        del index[key]
