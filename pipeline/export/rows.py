"""Makes the rows of a day from what the topics say. What was published after the day is as if it had not come yet."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from enrich.spread.model import Finding, Occurrence, Sighting
from enrich.spread.usual import KNOWN, Expected, Usual, ordinary, ratio, tail
from enrich.views.common import Names
from pipeline.alerts.live.model import Alert
from pipeline.export.model import AlertRow, Day, FindingRow, QualityRow, TrendRow
from pipeline.index import keys
from pipeline.model import DeadLetter, decode
from pipeline.ports import Bus
from pipeline.situation.figures import VARIES
from pipeline.situation.history import Happened, happened
from pipeline.situation.period import midnight

#: A row without an occurrence is written where as many were expected.
WORTH = 0.5
#: What a source's usual number is of, and how many a day make its silence one.
USUAL, TALKS = timedelta(days=28), 2.0
_DAY = timedelta(days=1)


def day_of(bus: Bus, day: date, names: Names) -> Day:
    """The rows of a day."""
    start, end = midnight(day), midnight(day + _DAY)
    events = {record.key: record.value for record in bus.read("events") if record.value}
    return Day(
        day=day,
        trend=tuple(_trend(day, happened(events.values(), end), start, end, names)),
        findings=tuple(_findings(day, _versions(bus, Finding, "findings"), start, end, names)),
        alerts=tuple(_alerts(day, _versions(bus, Alert, "alerts"), start, end)),
        quality=tuple(_quality(day, events.values(), _dead(bus), start, end)),
    )


# --- trend


def _trend(day: date, history: Sequence[Happened], start: datetime, end: datetime, names: Names) -> Iterator[TrendRow]:
    first = bisect_left(history, start, key=lambda one: one.time)
    inside: defaultdict[tuple[str, str], list[Happened]] = defaultdict(list)
    for one in history[first:]:
        inside[one.place, one.theme or "none"].append(one)
    usual = Usual[tuple[str, str]]()
    known = {(one.place, one.theme or "none") for one in history[:first]}
    for one in history[:first]:
        usual.add(one.time, [(one.place, one.theme or "none")])
    is_known = usual.first is not None and start - usual.first >= KNOWN
    counted = {
        key: (
            inside[key],
            usual.expected(key, end - timedelta(microseconds=1), end - start, start)._replace(varies=VARIES) if is_known else None,
        )
        for key in sorted(known | set(inside))
    }
    shares = _shares({key: tail(len(came), expected) for key, (came, expected) in counted.items() if expected})
    for key, (came, expected) in counted.items():
        if came or (expected and expected.mean >= WORTH):
            yield _compared(_row(day, key, came, names), expected, shares.get(key))


def _row(day: date, key: tuple[str, str], came: Sequence[Happened], names: Names) -> TrendRow:
    place, theme = key
    return TrendRow(
        day=day,
        place=place,
        place_name=names.place(place) if place else "",
        county=keys.county(place) if place else "",
        theme=theme,
        theme_name=names.theme(theme),
        occurrences=len(came),
        coverage=sum(one.coverage for one in came),
        independent_sources=sum(one.independent for one in came),
        expected=None,
        low=None,
        high=None,
        rate_ratio=None,
        ratio_low=None,
        ratio_high=None,
        q=None,
    )


def _compared(row: TrendRow, expected: Expected | None, q: float | None) -> TrendRow:
    if expected is None or q is None:
        return row
    (low, high), (times, least, most) = ordinary(expected), ratio(row.occurrences, expected)
    return replace(
        row,
        expected=rounded(expected.mean),
        low=low,
        high=high,
        rate_ratio=rounded(times),
        ratio_low=rounded(least),
        ratio_high=rounded(most),
        q=rounded(q),
    )


def _shares(chances: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Benjamini and Hochberg's q of each."""
    ordered = sorted(chances, key=lambda key: (-chances[key], key))
    found, least = {}, 1.0
    for rank, key in zip(range(len(ordered), 0, -1), ordered, strict=True):
        least = min(least, chances[key] * len(ordered) / rank)
        found[key] = least
    return found


# --- findings and alerts


def _findings(day: date, versions: Mapping[str, list[Finding]], start: datetime, end: datetime, names: Names) -> Iterator[FindingRow]:
    for id_, all_of in sorted(versions.items()):
        said = [finding for finding in all_of if finding.history and finding.history[-1].at < end]
        if said and said[-1].history[-1].at >= start and said[-1].times:
            yield _finding(day, id_, said[-1], names)


def _finding(day: date, id_: str, finding: Finding, names: Names) -> FindingRow:
    return FindingRow(
        day=day,
        id=id_,
        version=finding.version,
        said=finding.history[-1].at,
        kind=finding.kind,
        grade=finding.grade.value,
        theme=finding.theme,
        theme_name=names.theme(finding.theme),
        places=" ".join(finding.places),
        place_names=", ".join(names.place(code) for code in finding.places),
        began=min(finding.times),
        last=max(finding.times),
        steps=len(finding.edges),
        linked=finding.linked,
        expected_per_year=finding.expected_per_year,
        q=finding.q,
        reason=finding.history[-1].reason,
    )


def _alerts(day: date, versions: Mapping[str, list[Alert]], start: datetime, end: datetime) -> Iterator[AlertRow]:
    for id_, all_of in sorted(versions.items()):
        known = [alert for alert in all_of if alert.change.at < end]
        if known and start <= known[-1].found < end:
            yield _alert(day, id_, known)


def _alert(day: date, id_: str, versions: Sequence[Alert]) -> AlertRow:
    last = versions[-1]
    taken = next((alert.change.at for alert in versions if alert.change.what == "acknowledged"), None)
    return AlertRow(
        day=day,
        id=id_,
        rule=last.rule,
        kind=last.kind,
        severity=str(last.severity),
        state=last.state.value,
        found=last.found,
        places=" ".join(place.code for place in last.places),
        themes=" ".join(theme.code for theme in last.themes),
        causes=len(last.causes),
        useful=last.useful,
        acknowledged_after=round((taken - last.found) / timedelta(minutes=1), 1) if taken else None,
    )


# --- quality


def _quality(day: date, events: Iterable[bytes], dead: Sequence[DeadLetter], start: datetime, end: datetime) -> Iterator[QualityRow]:
    told = list(_told(events, end))
    sources = {sighting.source for _, sighting in told if sighting.time >= start - USUAL}
    of_day = [(event, sighting) for event, sighting in told if sighting.time >= start]
    before = Counter(sighting.source for _, sighting in told if start - USUAL <= sighting.time < start)
    first = min((sighting.time for _, sighting in told), default=start)
    days = max(1.0, min(USUAL / _DAY, (start - first) / _DAY))
    letters = Counter(letter.source for letter in dead if start <= letter.died < end)
    for source in sorted(sources | {name for name in letters if name}):
        mine = [(event, sighting) for event, sighting in of_day if sighting.source == source]
        usual = before[source] / days
        yield QualityRow(
            day=day,
            source=source,
            documents=len({sighting.document for _, sighting in mine}),
            usual=round(usual, 2),
            copies=len({sighting.document for _, sighting in mine if sighting.copy_of}),
            without_place=len({sighting.document for event, sighting in mine if event.event.place is None}),
            without_theme=len({sighting.document for event, sighting in mine if not event.event.theme}),
            dead=letters[source],
            silent=not mine and usual >= TALKS,
        )


def _told(events: Iterable[bytes], end: datetime) -> Iterator[tuple[Occurrence, Sighting]]:
    for data in events:
        occurrence = decode(data, Occurrence)
        yield from ((occurrence, sighting) for sighting in occurrence.sightings if sighting.time < end)


def _dead(bus: Bus) -> list[DeadLetter]:
    return [decode(record.value, DeadLetter) for record in bus.read("dead") if record.value]


def rounded(number: float) -> float:
    """As it is exported: four digits."""
    return float(f"{number:.4g}")


_Versioned = TypeVar("_Versioned", Finding, Alert)


def _versions(bus: Bus, kind: type[_Versioned], topic: str) -> dict[str, list[_Versioned]]:
    """Id → its versions, the oldest first."""
    found: defaultdict[str, list[_Versioned]] = defaultdict(list)
    for record in bus.read(topic):
        if record.value:
            found[record.key].append(decode(record.value, kind))
    return found
