"""Rules tried on what the bus holds, as they would have been while it came: what would have been told, against what was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from pipeline.alerts.current import Current
from pipeline.alerts.live import subjects
from pipeline.alerts.live.model import Alert, State
from pipeline.alerts.live.stage import Alerts
from pipeline.alerts.live.subjects import Names
from pipeline.alerts.rule import AnyType
from pipeline.alerts.topics import ALERTS
from pipeline.model import decode
from pipeline.ports import Bus, Delivered

_BATCH = 1_000


class Difference(Struct, frozen=True, kw_only=True):
    """What a rule would tell otherwise than it was told."""

    rule: str
    #: Occurrences that were told of, that would be, and that are both.
    before: int
    now: int
    both: int
    #: Those of one alone, the oldest first.
    no_longer: tuple[Alert, ...] = ()
    new: tuple[Alert, ...] = ()


def rehearse(bus: Bus, rules: Current[tuple[AnyType, ...]], since: datetime, names: Names | None = None) -> list[Alert]:
    """What the rules would have made of what came since then, by the clock of the records; what was there before teaches them.

    Nothing is written, and nobody is told.
    """
    stage = Alerts(rules, names=names)

    stage.restore(_Taught(bus))
    records = sorted((record for topic in subjects.TOPICS for record in bus.read(topic, since)), key=lambda record: record.timestamp)
    made: dict[str, Alert] = {}
    for begin in range(0, len(records), _BATCH):
        for output in stage.process(records[begin : begin + _BATCH]):
            if output.topic == ALERTS:
                alert = decode(output.value, Alert)
                made[alert.id] = alert
    return list(made.values())


class _Taught:
    """Reads what rules are about, and nothing of what the stage has written."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __call__(self, topic: str, since: datetime | None = None) -> Iterator[Delivered]:
        return self._bus.read(topic, since) if topic in subjects.TOPICS else iter(())


def differences(before: Iterable[Alert], now: Iterable[Alert]) -> list[Difference]:
    """Rule by rule; alerts are the same occurrence if they have an id or a document in common."""
    mine: dict[str, tuple[list[Alert], list[Alert]]] = {}
    for place, alerts in enumerate((before, now)):
        for alert in alerts:
            mine.setdefault(alert.rule, ([], []))[place].append(alert)
    return [_difference(rule, *both) for rule, both in sorted(mine.items())]


def sent(alerts: Iterable[Alert], since: datetime) -> list[Alert]:
    """Those found since then that somebody was told of, or was to be."""
    return [alert for alert in alerts if alert.found >= since and not (alert.state is State.CANCELLED and alert.version == 1)]


def _difference(rule: str, before: list[Alert], now: list[Alert]) -> Difference:
    traces = [{trace for alert in alerts for trace in _traces(alert)} for alerts in (before, now)]
    gone = [alert for alert in before if traces[1].isdisjoint(_traces(alert))]
    new = [alert for alert in now if traces[0].isdisjoint(_traces(alert))]
    return Difference(
        rule=rule, before=len(before), now=len(now), both=len(now) - len(new),
        no_longer=tuple(sorted(gone, key=lambda alert: alert.found)), new=tuple(sorted(new, key=lambda alert: alert.found)),
    )  # fmt: skip


def _traces(alert: Alert) -> set[str]:
    return {alert.id, *alert.causes, *alert.lost}
