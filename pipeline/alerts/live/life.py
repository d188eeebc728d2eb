"""The life of alerts: each change makes a new version of an alert, and says who made it, when and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from pipeline.alerts.live.model import Alert, Facts, Made, State
from pipeline.alerts.notify.message import Certainty, Named
from pipeline.alerts.rota.regions import POLICE
from pipeline.alerts.rule import AnyType, Label
from pipeline.alerts.trial import type_of
from pipeline.model import county_of, fingerprint, municipality_of

#: What an alert keeps of what it rests on: the first, which are its cause, and the last.
_CAUSES, _NAMED = 500, 40


def alert_id(rule: str, key: str | None, cause: str) -> str:
    """Of an occurrence: the same however often it is found."""
    return fingerprint(rule, "" if key is None else f"={key}", cause)


class Book:
    """The alerts, those that are over too, and where to find them."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self._resting: dict[str, set[str]] = {}
        self._of_key: dict[tuple[str, str | None], dict[str, None]] = {}
        self.open: dict[str, None] = {}
        self._of_group: dict[str, dict[str, None]] = {}
        #: Nonces of links that were used.
        self.spent: set[str] = set()

    def put(self, alert: Alert) -> Alert:
        """Take a version in."""
        before = self.alerts.get(alert.id)
        gone = set(before.causes) - set(alert.causes) if before else set()
        for cause in gone:
            self._resting.get(cause, set()).discard(alert.id)
        for cause in alert.causes:
            self._resting.setdefault(cause, set()).add(alert.id)
        self.alerts[alert.id] = alert
        for where in (self.open, self._of_key.setdefault((alert.rule, alert.key), {}), self._of_group.setdefault(alert.group, {})):
            if alert.state.is_open:
                where[alert.id] = None
            else:
                where.pop(alert.id, None)
        if alert.change.nonce:
            self.spent.add(alert.change.nonce)
        return alert

    def standing(self) -> Iterator[Alert]:
        """Those that are not over, in the order in which they were found."""
        return (self.alerts[one] for one in list(self.open))

    def of_group(self, name: str) -> list[Alert]:
        """Those of a group that are not over, in the order in which they were found."""
        return [self.alerts[one] for one in self._of_group.get(name, ())]

    def resting_on(self, document: str) -> list[Alert]:
        """Those that are not over and rest on the document."""
        return [self.alerts[one] for one in sorted(self._resting.get(document, ())) if one in self.open]

    def of_key(self, rule: str, key: str | None) -> Alert | None:
        """The latest alert of the rule about the key that is not over."""
        return next((self.alerts[one] for one in reversed(self._of_key.get((rule, key), {}))), None)


def begin(
    rule: AnyType, key: str | None, causes: Sequence[str], facts: Mapping[str, Facts], *,
    id_: str, since: datetime, now: datetime, figures: Mapping[str, Any],
) -> Alert:  # fmt: skip
    """A new alert; whom it is for is not known yet.

    :param causes: ids of the documents that made it, the oldest first.
    :param since: when what it tells of was.
    """
    made = Alert(
        id=id_, rule=rule.name, rule_hash=rule.version, kind=type_of(rule), purpose=rule.purpose, severity=rule.severity, key=key,
        group="", causes=_bounded(causes), figures=_numbers(rule, figures), found=now, since=since, first=since, last=since, news=now,
        change=Made(what="detected", at=now, why=f"{type_of(rule)}: {', '.join(f'{name} {value}' for name, value in figures.items())}"),
    )  # fmt: skip
    return _described(made, facts)


def renew(
    alert: Alert, causes: Iterable[str], facts: Mapping[str, Facts], rule: AnyType, figures: Mapping[str, Any], now: datetime
) -> Alert:
    """More of the same."""
    more = [one for one in causes if one not in alert.causes]
    made = replace(
        alert, causes=_bounded((*alert.causes, *more)), lost=tuple(one for one in alert.lost if one not in more),
        figures=_numbers(rule, figures), news=now,
    )  # fmt: skip
    return _changed(_described(made, facts), Made(what="renewed", at=now, why=f"{len(more)} more" if more else "it goes on"))


def revise(alert: Alert, document: str, facts: Mapping[str, Facts], now: datetime) -> Alert | None:
    """A document that it rests on has changed; None if nothing of it is told otherwise."""
    made = _described(alert, facts)
    told = ("places", "themes", "sources", "certainty", "first", "last")
    if all(getattr(made, name) == getattr(alert, name) for name in told):
        return None
    return _changed(made, Made(what="changed", at=now, why=f"document {document} was edited"))


def lose(alert: Alert, document: str, facts: Mapping[str, Facts], least: int, why: str, now: datetime) -> Alert:
    """A document that it rests on does so no longer; with fewer than ``least`` left it is cancelled."""
    causes = tuple(one for one in alert.causes if one != document)
    made = replace(alert, causes=causes, lost=(*alert.lost, document))
    if len(causes) < min(least, _CAUSES):
        return _changed(replace(made, state=State.CANCELLED), Made(what="cancelled", at=now, why=why))
    return _changed(_described(made, facts), Made(what="lost", at=now, why=why))


def told(alert: Alert, now: datetime, why: str) -> Alert:
    """Somebody was told: what was pending fires."""
    return _changed(replace(alert, state=State.FIRING, held=""), Made(what="told", at=now, why=why))


def hold(alert: Alert, now: datetime, why: str, who: str) -> Alert:
    """Nobody is told of it for the time being: it is silenced or inhibited; without a reason, somebody is again."""
    return _changed(replace(alert, held=why), Made(what="held" if why else "released", at=now, why=why, who=who))


def move(alert: Alert, state: State, made: Made) -> Alert:
    """The next state of its life."""
    return _changed(replace(alert, state=state), made)


def mark(alert: Alert, useful: bool | None, made: Made) -> Alert:  # noqa: FBT001  (it is what is said)
    """Somebody said whether it was of use."""
    return _changed(replace(alert, useful=useful), made)


def addressed(alert: Alert, labels: Sequence[Label], targets: tuple[str, ...]) -> Alert:
    """With whom it is for, and the name of what it is told with: those with the same labels, for the same."""
    same = ", ".join(f"{name} {alert.label(name) or '-'}" for name in labels) or "all"
    return replace(alert, targets=targets, group=f"{same} > {', '.join(targets)}")


def _changed(alert: Alert, made: Made) -> Alert:
    return replace(alert, version=alert.version + 1, change=made)


def _bounded(causes: Sequence[str]) -> tuple[str, ...]:
    once = tuple(dict.fromkeys(causes))
    return once if len(once) <= _CAUSES else (*once[: _CAUSES // 2], *once[-_CAUSES // 2 :])


def _described(alert: Alert, facts: Mapping[str, Facts]) -> Alert:
    """With places, themes and sources of what it rests on; the first place and theme stay the first."""
    known = [facts[one] for one in alert.causes if one in facts]
    if not known:
        return alert
    times = [one.time for one in known]
    scores = [one.certainty.score for one in known if one.certainty.score is not None]
    last = known[-1].certainty
    certainty = Certainty(score=max(scores, default=None), q=last.q, grade=last.grade)
    return replace(
        alert, places=_nearest_first(_named(one.places for one in known), alert.key), themes=_named(one.themes for one in known), certainty=certainty,
        sources=tuple(dict.fromkeys(one.source for one in known if one.source and not one.is_copy)) or (known[0].source,),
        first=min(times), last=max(times), since=min(alert.since, *times),
    )  # fmt: skip


def counties(alert: Alert) -> set[str]:
    """Where it is: of one that is about a place, where that lies; else all that its documents name."""
    codes = [place.code for place in alert.places]
    inside = [code for code in codes if _lies_in(code, alert.key)]
    return {county for code in inside or codes if (county := county_of(code)) is not None}


def _nearest_first(places: tuple[Named, ...], key: str | None) -> tuple[Named, ...]:
    """Where the rule works for each place apart, the place that this alert is about comes before those that its documents also name."""
    return tuple(sorted(places, key=lambda place: (not _lies_in(place.code, key), place.code != key)))[:_NAMED]


def _lies_in(code: str, key: str | None) -> bool:
    county = county_of(code)
    return key is not None and (key in {code, municipality_of(code), county} or county in POLICE.get(key, ()))


def _named(given: Iterable[tuple[Named, ...]]) -> tuple[Named, ...]:
    return tuple({one.code: one for some in given for one in some}.values())


def _numbers(rule: AnyType, figures: Mapping[str, Any]) -> dict[str, float]:
    """Figures that are numbers, with the rule's timeframe in hours: no text of a document gets out this way."""
    found = {name: round(float(one), 4) for name, one in figures.items() if isinstance(one, int | float) and not isinstance(one, bool)}
    span = getattr(rule, "timeframe", None)
    return found if span is None else found | {"hours": round(span.delta.total_seconds() / 3600, 4)}
