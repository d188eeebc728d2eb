"""A rule tried on documents: what it would have sent, and why it did or did not speak of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from pipeline.alerts.engine import Alert, Course
from pipeline.alerts.fields import TIMES, Document, moment, values
from pipeline.alerts.kinds.base import Event, keys_of
from pipeline.alerts.query import compile_query
from pipeline.alerts.rota.duty import Rota
from pipeline.alerts.rule import AnyType, Rule
from pipeline.errors import UsageError

_WEEK = timedelta(weeks=1)


class Tally(Struct, frozen=True, kw_only=True):
    """What a rule would have sent."""

    rule: str
    type: str
    #: Documents that its filter lets through.
    documents: int
    alerts: int
    per_week: float
    first: datetime | None
    last: datetime | None
    #: Of its alerts that somebody has marked, those that were of use, and the others.
    useful: int = 0
    not_useful: int = 0
    #: Who would have been told first, most often first; empty where there is no rota.
    to: tuple[str, ...] = ()

    @property
    def precision(self) -> float | None:
        """Share of the marked ones that were of use; None where none was marked."""
        marked = self.useful + self.not_useful
        return self.useful / marked if marked else None


def event_of(document: Document, number: int = 0) -> Event:
    """The document as rules see it.

    :raises UsageError: if it does not say when it was.
    """
    when = moment(document)
    if when is None:
        raise UsageError(f"document {document.get('id', number)}: it says no time; expected one of {', '.join(TIMES)}, as ISO 8601")
    return Event(when, str(document.get("id", number)), document)


def tally(
    rules: Sequence[AnyType], course: Course, alerts: Iterable[Alert], marks: Mapping[str, Mapping[str, bool]] | None = None, rota: Rota | None = None
) -> list[Tally]:  # fmt: skip
    """How often each of the rules would have spoken.

    :param alerts: what came of the course.
    :param marks: rule → document that a marked alert rested on → whether that was of use.
    """
    by_name = {rule.name: rule for rule in rules}
    documents = {event.id: event.document for event in course.events}
    sent: dict[str, list[datetime]] = {rule.name: [] for rule in rules}
    marked: dict[str, Counter[bool]] = {rule.name: Counter() for rule in rules}
    to: dict[str, Counter[str]] = {rule.name: Counter() for rule in rules}
    for alert in alerts:
        sent[alert.rule].append(alert.sent)
        known = [useful for one in alert.ids if (useful := (marks or {}).get(alert.rule, {}).get(one)) is not None]
        marked[alert.rule].update(known[:1])
        if rota is not None:
            to[alert.rule].update(recipients(by_name[alert.rule], alert, documents, rota))
    span = course.events[-1].time - course.events[0].time if course.events else timedelta(0)
    weeks = max(span / _WEEK, 1 / 7)
    return [
        Tally(
            rule=rule.name, type=type_of(rule), documents=len(mine), alerts=len(times),
            per_week=round(len(times) / weeks, 2), first=min(times, default=None), last=max(times, default=None),
            useful=marked[rule.name][True], not_useful=marked[rule.name][False], to=tuple(name for name, _ in to[rule.name].most_common()),
        )
        for rule, mine in zip(rules, course.about, strict=True) for times in [sent[rule.name]]
    ]  # fmt: skip


def recipients(rule: AnyType, alert: Alert, documents: Mapping[str, Document], rota: Rota) -> list[str]:
    """Who would have been told first of an alert, by name.

    :raises UsageError: if the rule names somebody that the rota does not know.
    """
    counties = {str(county) for one in alert.ids for county in values(documents.get(one, {}), "places.county")}
    codes = {code[:2] for one in alert.ids for code in values(documents.get(one, {}), "places") if isinstance(code, str)}  # of a finding
    rungs = (rota.rungs(target, alert.sent)[0] for target in rota.targets(rule.notify, counties | codes))
    return list(dict.fromkeys(officer.name for rung in rungs for officer in rung.officers))


def explain(rule: AnyType, document: str, events: Sequence[Event]) -> Iterator[tuple[str, bool, str]]:
    """Step by step why the rule did or did not speak of a document: (step, whether it holds, what was found).

    :raises UsageError: if the document is not among the events.
    """
    event = next((one for one in events if one.id == document), None)
    if event is None:
        raise UsageError(f"document {document}: it is not among the {len(events)} documents that were read")
    holds = True
    for number, query in enumerate(rule.filter):
        found = compile_query(query, f"filter[{number}]")(event.document)
        holds &= found
        yield f"filter[{number}]", found, _short(query)
    keys = keys_of(event.document, rule.keys)
    if rule.keys:
        yield "query_key", keys != [None], ", ".join(f"{key}" for key in keys)
    if not holds:
        yield "alert", False, "the filter does not let the document through"
        return
    mine = [alert for alert in Course([rule], events).alerts() if event.id in alert.ids]
    if not mine:
        yield type_of(rule), False, f"it counts for the rule, but no alert has come of it: {_short(_options(rule))}"
    for alert in mine:
        yield (
            type_of(rule),
            True,
            f"alert at {alert.time.isoformat()}, sent {alert.sent.isoformat()}, of {len(alert.ids)} documents: {_short(dict(alert.figures))}",
        )


def type_of(rule: AnyType) -> str:
    """The name of its type."""
    return str(rule.__struct_config__.tag)


def _options(rule: AnyType) -> Mapping[str, Any]:
    """The options that the type alone has."""
    return {name: getattr(rule, name) for name in rule.__struct_fields__ if name not in Rule.__struct_fields__}


def _short(said: Any) -> str:
    text = ", ".join(f"{name}: {value}" for name, value in said.items()) if isinstance(said, Mapping) else str(said)
    return text if len(text) <= 200 else text[:199] + "…"
