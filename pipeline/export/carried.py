"""A day that is made anew after its topics have forgotten: what they can no longer tell stays as it was exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from pipeline.export.model import Day, QualityRow, TrendRow
from pipeline.export.rows import TALKS, USUAL, WORTH, rounded
from pipeline.ports import Bus
from pipeline.situation.period import midnight

#: Five times as long as :mod:`enrich.spread.usual` remembers: what came before counts for less than a hundredth.
_HISTORY = timedelta(days=300)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def over(bus: Bus, made: Day, before: Day) -> Day:
    """The rows of a day, made anew, with what only those that were exported ``before`` still know.

    Where nothing that the day is made of has expired they are what was made. Of a day that began before what topic ``events`` holds
    nothing can be counted again: it stays as it was.
    """
    start, told, died = midnight(made.day), _whole_since(bus, "events"), _whole_since(bus, "dead")
    if told > start:
        return before
    return replace(
        made,
        trend=tuple(_trend(made.trend, before.trend)) if start - told < _HISTORY else made.trend,
        quality=tuple(_quality(made.quality, before.quality, is_usual_known=start - told >= USUAL, is_dead_known=died <= start)),
    )


def _whole_since(bus: Bus, topic: str) -> datetime:
    """From when on a topic holds all that came: since ever, unless something of it has expired or was erased."""
    published, held = bus.count(topic), 0
    first: dict[int, datetime] = {}  # not the least time: what was revised stands at the end with its old one, and may outlive its like
    for record in bus.read(topic):
        held += bool(record.value)
        first.setdefault(record.partition, record.timestamp)
    return max(first.values(), default=_LATEST) if held < published else _EARLIEST


def _trend(made: Sequence[TrendRow], before: Sequence[TrendRow]) -> Iterator[TrendRow]:
    now, was = ({(row.place, row.theme): row for row in rows} for rows in (made, before))
    for key in sorted(now.keys() | was.keys()):
        counted = now[key] if key in now else replace(was[key], occurrences=0, coverage=0, independent_sources=0)
        row = _expected(counted, was.get(key))
        if row.occurrences or (row.expected is not None and row.expected >= WORTH):
            yield row


def _expected(row: TrendRow, old: TrendRow | None) -> TrendRow:
    """What was expected does not depend on what came; what came against it does, and is told as far as it is still known."""
    if old is None:
        return replace(row, expected=None, low=None, high=None, rate_ratio=None, ratio_low=None, ratio_high=None, q=None)
    if row.occurrences == old.occurrences:
        return replace(old, coverage=row.coverage, independent_sources=row.independent_sources)
    times = rounded(row.occurrences / old.expected) if old.expected else None
    return replace(row, expected=old.expected, low=old.low, high=old.high, rate_ratio=times, ratio_low=None, ratio_high=None, q=None)


def _quality(
    made: Sequence[QualityRow], before: Sequence[QualityRow], *, is_usual_known: bool, is_dead_known: bool
) -> Iterator[QualityRow]:
    now, was = {row.source: row for row in made}, {row.source: row for row in before}
    for source in sorted(now.keys() | was.keys()):
        old = was[source] if source in was else now[source]
        row = now.get(source, replace(old, documents=0, copies=0, without_place=0, without_theme=0, usual=0.0, dead=0))
        usual = row.usual if is_usual_known else old.usual
        dead = row.dead if is_dead_known else max(row.dead, old.dead)
        # a source that gave something on the day and has no row any more was erased
        if source in now or dead or not (is_usual_known or old.documents):
            yield replace(row, usual=usual, dead=dead, silent=not row.documents and usual >= TALKS)
