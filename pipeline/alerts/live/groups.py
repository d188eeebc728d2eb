"""What is told of alerts, and when: groups as Alertmanager has them, silences, inhibition, and the steps of the rota.

A group is told of after ``group_wait``, of what is new in it after ``group_interval``, of what nobody acknowledges after
``repeat_interval``. What a person does, and what is taken back, is told at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from pipeline.alerts.live import life
from pipeline.alerts.live.messages import outgoing
from pipeline.alerts.live.model import SYSTEM, Alert, Facts, Group, Heard, Ladder, Silence, State
from pipeline.alerts.notify.message import Earlier, Kind
from pipeline.alerts.rota.duty import FALLBACK, Officer, Rota, Rung
from pipeline.alerts.rule import AnyType
from pipeline.errors import UsageError
from pipeline.model import Wire

log = structlog.get_logger()
#: How many earlier messages are referred to.
_EARLIER = 50
_To = dict[str, tuple[Officer, tuple[str, ...]]]


class Groups:
    """The groups that are not over, and what is to be told of them."""

    def __init__(self, book: life.Book, facts: Mapping[str, Facts]) -> None:
        self._book, self._facts = book, facts
        self.rules: Mapping[str, AnyType] = {}
        self._inhibiting: list[AnyType] = []
        self._patience: dict[str, timedelta] = {}
        self.rota: Rota | None = None
        self.groups: dict[str, Group] = {}
        self.silences: dict[str, Silence] = {}
        self._dirty: dict[str, None] = {}
        self._due: dict[str, datetime] = {}

    def go_by(self, rules: Mapping[str, AnyType]) -> None:
        """The rules that are in force, by name."""
        self.rules = rules
        self._patience = {}
        self._inhibiting = [rule for rule in rules.values() if rule.inhibits is not None]
        self.touch_all()

    # --- from outside --------------------------------------------------------------------------------------------------

    def restore(self, group: Group) -> None:
        """A group as it stands on the bus; the last one counts. Alerts that are no longer kept leave it."""
        if group.is_over:
            self.groups.pop(group.name, None)
        else:
            self.groups[group.name] = replace(group, said={one: said for one, said in group.said.items() if one in self._book.alerts})

    def patience(self, alert: Alert) -> timedelta:
        """How long an alert may be without news."""
        if alert.rule not in self._patience:
            self._patience[alert.rule] = _expires(self.rules.get(alert.rule))
        return self._patience[alert.rule]

    def inhibits(self, rule: str) -> bool:
        """Whether alerts of the rule keep others from being told."""
        return any(one.name == rule for one in self._inhibiting)

    def resume(self, now: datetime) -> None:
        """Once all was restored: when each group is to be looked at next."""
        for name in [*self.groups]:
            self._plan(name, [alert for alert in self._book.of_group(name) if not self._held(alert, now)[0]])

    def touch(self, name: str) -> None:
        """Something of the group has changed."""
        self._dirty[name] = None

    def touch_all(self) -> None:
        """Something has changed that any group may depend on."""
        self._dirty |= dict.fromkeys([*self.groups, *(alert.group for alert in self._book.standing())])

    def of(self, alert: str) -> Group | None:
        """The group whose first alert it is."""
        return next((group for group in self.groups.values() if group.id == alert), None)

    def unreached(self, alert: str) -> Group | None:
        """Somebody of the group could not be reached; the group, if it is not over."""
        if (group := self.of(alert)) is None:
            return None
        self.groups[group.name] = replace(group, unreached=True)
        self.touch(group.name)
        return self.groups[group.name]

    def targets(self, alert: Alert, rule: AnyType) -> tuple[str, ...]:
        """Whom an alert is for; the fallback where the rule names somebody that the rota does not know."""
        if self.rota is None:
            return ()
        try:
            return self.rota.targets(rule.notify, life.counties(alert))
        except UsageError as error:
            log.warning("a rule names somebody that the rota does not know; the fallback is told", rule=rule.name, reason=str(error))
            return (FALLBACK,)

    def look(self, now: datetime, *, before: bool = False) -> Iterator[Wire]:
        """What is to be told now: versions of alerts and groups, and messages.

        :param before: only what was due before: what comes at the same time is told with what came.
        """
        for silence in [one for one in self.silences.values() if one.ends <= now]:
            del self.silences[silence.id]
            self._again(silence)
            self.touch_all()
        due = {name: None for name, at in self._due.items() if at < now or (at == now and not before)}
        if not before:
            due |= self._dirty
        for name in sorted(due):
            self._dirty.pop(name, None)
            self._due.pop(name, None)
            yield from self._flush(name, now)

    # --- one group -----------------------------------------------------------------------------------------------------

    def _flush(self, name: str, now: datetime) -> Iterator[Wire]:
        standing = self._book.of_group(name)
        group = self.groups.get(name)
        if group is None:
            if not standing:
                return
            group = Group(id=standing[0].id, name=name, began=standing[0].found)
            yield self._keep(group)
        free = []
        for alert in standing:
            why, who = self._held(alert, now)
            if why != alert.held:
                alert = self._book.put(life.hold(alert, now, why, who))  # noqa: PLW2901
                yield alert
            if not why:
                free.append(alert)
        there = {alert.id for alert in standing}
        over = [self._book.alerts[one] for one in group.said if one not in there]
        if not there and not over:
            yield self._end(group)
            return
        yield from self._tell(group, standing, free, over, now)
        self._plan(name, free)

    def _tell(self, group: Group, standing: Sequence[Alert], free: Sequence[Alert], over: Sequence[Alert], now: datetime) -> Iterator[Wire]:
        wait, interval, repeat = self._spans((*standing, *over)[0])
        new = [alert for alert in free if alert.gist != group.said.get(alert.id)]
        untaken = [alert for alert in free if alert.state is not State.ACKNOWLEDGED]
        if group.told is None:
            if new and now >= group.began + wait:
                yield from self._send(*self._first(group, free, now), Kind.TRIGGER, free, over, now)
            return
        is_time = now >= group.told + interval
        if over and not free:  # what is held back is not told of
            if is_time or _at_once(over):
                ended = Kind.CANCEL if all(alert.state is State.CANCELLED for alert in over) else Kind.RESOLVED
                yield from self._send(group, self._heard(group), ended, (), over, now)
        elif (over and _at_once(over)) or (new and any(alert.change.who != SYSTEM for alert in new)):
            kind = Kind.UPDATE if over else Kind.ACKNOWLEDGED
            yield from self._send(group, self._heard(group), kind, free, over, now)
        elif (new or over) and is_time:
            if new and not any(alert.id in group.said for alert in untaken):  # what was told of is taken: begin with the first
                anew, to = self._first(group, free, now)
                yield from self._send(anew, self._heard(group) | to, Kind.UPDATE, free, over, now)
            else:
                yield from self._send(group, self._heard(group) | self._duty(free, now), Kind.UPDATE, free, over, now)
        elif untaken:
            pause = interval if group.unreached else repeat
            again = now >= group.told + pause
            yield from self._remind(group, free, untaken, now, again=again)

    def _remind(self, group: Group, free: Sequence[Alert], untaken: Sequence[Alert], now: datetime, *, again: bool) -> Iterator[Wire]:
        """Nobody has acknowledged: tell who is next, or all again."""
        further, to = self._steps(group, now)
        if to:
            yield from self._send(further, to, Kind.TRIGGER, untaken, (), now)
        elif again:
            yield from self._send(group, self._heard(group) | self._duty(untaken, now), Kind.UPDATE, free, (), now)

    def _plan(self, name: str, free: Sequence[Alert]) -> None:
        """When the group is to be looked at again."""
        group = self.groups.get(name)
        if group is None:
            return
        lead = self._book.alerts.get(next(iter(group.said), group.id))
        if lead is None:
            return
        wait, interval, repeat = self._spans(lead)
        when: list[datetime] = []
        if group.told is None:
            when.append(group.began + wait)
        else:
            untold = any(self._book.alerts[alert.id].gist != group.said.get(alert.id) for alert in free)
            over = any(not self._book.alerts[one].state.is_open for one in group.said)
            if untold or over or group.unreached:
                when.append(group.told + interval)
            if any(alert.state is not State.ACKNOWLEDGED for alert in free):
                when.append(group.told + repeat)
                steps = [(self._rungs(ladder), ladder.done) for ladder in group.ladders]
                when += [rungs[done].at for rungs, done in steps if done < len(rungs)]
        if when:
            self._due[name] = min(when)

    def _send(
        self, group: Group, officers: _To, kind: Kind, free: Sequence[Alert], over: Sequence[Alert], now: datetime
    ) -> Iterator[Wire]:  # fmt: skip
        group = replace(group, sequence=group.sequence + 1)
        zone = self.rota.zone.key if self.rota else "UTC"
        messages = outgoing(group, kind, list(free) or list(over), officers, self._facts, zone, now)
        heard = dict(group.officers)
        for officer, channels in officers.values():
            before = heard[officer.id].sequences if officer.id in heard else ()
            heard[officer.id] = Heard(channels=channels, sequences=(*before, group.sequence)[-_EARLIER:])
        said = dict(group.said)
        for alert in over:
            said.pop(alert.id, None)
        for alert in free:
            if alert.state is State.PENDING:
                whom = ", ".join(officer.name for officer, _ in officers.values()) or "nobody: there is no rota"
                alert = self._book.put(life.told(alert, now, f"{kind}: {whom}"))  # noqa: PLW2901
                yield alert
            said[alert.id] = alert.gist
        earlier = (*group.earlier, Earlier(group.sequence, kind, now))[-_EARLIER:]
        group = replace(group, told=now, said=said, officers=heard, unreached=False, earlier=earlier)
        yield self._keep(group) if said else self._end(group)
        yield from messages

    def _keep(self, group: Group) -> Group:
        self.groups[group.name] = group
        return group

    def _end(self, group: Group) -> Group:
        self.groups.pop(group.name, None)
        self._due.pop(group.name, None)
        return replace(group, is_over=True)

    # --- to whom -------------------------------------------------------------------------------------------------------

    def _first(self, group: Group, alerts: Sequence[Alert], now: datetime) -> tuple[Group, _To]:
        """Those who are told first; the steps are counted from now."""
        ladders = tuple(Ladder(target=target, began=now) for target in alerts[0].targets)
        return replace(group, ladders=ladders), _to(self._rungs(ladder)[0] for ladder in ladders)

    def _heard(self, group: Group) -> _To:
        """Those who were told of it."""
        officers = self.rota.officers if self.rota else {}
        return {one: (officers[one], heard.channels) for one, heard in group.officers.items() if one in officers}

    def _duty(self, alerts: Sequence[Alert], now: datetime) -> _To:
        """Those who are first now: since they were told there may be others on duty."""
        return _to(self._rungs(Ladder(target=target, began=now))[0] for target in alerts[0].targets)

    def _steps(self, group: Group, now: datetime) -> tuple[Group, _To]:
        """Those who are to be told because nobody has acknowledged; one step more where somebody could not be reached."""
        reached: list[Rung] = []
        ladders = []
        for ladder in group.ladders:
            rungs, done = self._rungs(ladder), ladder.done
            while done < len(rungs) and (rungs[done].at <= now or (group.unreached and done == ladder.done)):
                reached.append(rungs[done])
                done += 1
            ladders.append(replace(ladder, done=done))
        return (replace(group, ladders=tuple(ladders)) if reached else group), _to(reached)

    def _rungs(self, ladder: Ladder) -> tuple[Rung, ...]:
        """The steps of a target; the fallback's where a new rota no longer knows it."""
        if self.rota is None:
            return (Rung(after=timedelta(0), at=ladder.began, officers=(), by="fallback"),)
        known = ladder.target in self.rota.regions or ladder.target in self.rota.officers
        return self.rota.rungs(ladder.target if known else FALLBACK, ladder.began)

    # --- held back -----------------------------------------------------------------------------------------------------

    def _held(self, alert: Alert, now: datetime) -> tuple[str, str]:
        """(why nobody is told of it now, by whom); empty if somebody is."""
        for silence in self.silences.values():
            if silence.holds(alert, now):
                return f"silenced by {silence.author} until {silence.ends.isoformat()}: {silence.reason}", silence.author
        for rule in self._inhibiting:
            if rule.inhibits is None or alert.rule not in rule.inhibits.rules or rule.name == alert.rule:
                continue
            for other in self._book.standing():
                if other.rule == rule.name and all(other.label(one) == alert.label(one) for one in rule.inhibits.equal):
                    return f"inhibited by alert {other.id} of rule {rule.name}", SYSTEM
        return "", SYSTEM

    def _again(self, silence: Silence) -> None:
        """What was told before a silence began is told again when it has ended, unless somebody has taken it."""
        for name, group in self.groups.items():
            again = {one: "" for one in group.said if (alert := self._book.alerts[one]).state is State.FIRING and silence.covers(alert)}
            if again:
                self.groups[name] = replace(group, said={**group.said, **again})

    def _spans(self, alert: Alert) -> tuple[timedelta, timedelta, timedelta]:
        """``group_wait``, ``group_interval`` and ``repeat_interval``; the usual ones of a rule that is gone."""
        rule = self.rules.get(alert.rule)
        if rule is None:
            return timedelta(0), timedelta(minutes=5), timedelta(hours=4)
        return rule.wait, rule.group_interval.delta, rule.repeat_interval.delta


def _expires(rule: AnyType | None) -> timedelta:
    return timedelta(days=1) if rule is None else rule.expires.delta


def _at_once(over: Sequence[Alert]) -> bool:
    """What a person has ended, and what is taken back, is told without waiting."""
    return any(alert.change.who != SYSTEM or alert.state is State.CANCELLED for alert in over)


def _to(rungs: Iterable[Rung]) -> _To:
    return {
        officer.id: (officer, tuple(dict.fromkeys(address.channel for address in officer.addresses)))
        for rung in rungs for officer in rung.officers
    }  # fmt: skip
