"""The stage ``alerts``: what comes becomes alerts, alerts become messages, and both go to the bus at once.

Time is that of the records; where nothing comes, ticks tell it. What the stage knows is folded back from the topics that it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import structlog
from msgspec.structs import replace

from pipeline.alerts.current import Current
from pipeline.alerts.engine import Alert as Said
from pipeline.alerts.live import life, subjects
from pipeline.alerts.live.force import Force, Rules
from pipeline.alerts.live.groups import Groups
from pipeline.alerts.live.model import (
    Alert,
    Change,
    Command,
    Delivery,
    Evidence,
    Facts,
    Group,
    InForce,
    Made,
    Outgoing,
    Silence,
    Spoke,
    State,
    Taken,
    Tick,
)
from pipeline.alerts.live.subjects import Names, Subject
from pipeline.alerts.live.watch import Watch, Watched, hits_of
from pipeline.alerts.rota.duty import Rota
from pipeline.alerts.topics import ALERTS, CLOCK, EVIDENCE, GROUPS, IN_FORCE, INPUTS, JOURNAL, NOTIFICATIONS, SILENCES, SPOKEN, TICKS
from pipeline.dead import dead_record
from pipeline.errors import WireError
from pipeline.model import Wire, decode, encode
from pipeline.ports import Bus, Delivered, Reading, Record

log = structlog.get_logger()
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
#: Longest time between two looks at whether an alert has had no news for long.
_EXPIRY = timedelta(hours=1)


class Alerts:
    """Reads what rules are about, ticks, commands and what became of messages."""

    name = "alerts"
    inputs = INPUTS

    def __init__(self, rules: Rules, rota: Current[Rota] | None = None, names: Names | None = None) -> None:
        """:param rota: without it alerts are made and nobody is told."""
        self._force, self._names = Force(rules, rota), names or subjects.Codes()
        self._read: Reading | None = None
        #: Name of the last batch; empty while one is under way.
        self._batch = ""
        self._begin()

    def _begin(self) -> None:
        self._now = _BEGINNING
        self._force.forget()
        self._book = life.Book()
        self._facts: dict[str, Facts] = {}
        #: Document → the newest revision that counted for any rule.
        self._revisions: dict[str, int] = {}
        self._groups = Groups(self._book, self._facts)
        self._watch: Watch | None = None
        self._is_declared = False
        self._expiry = _BEGINNING

    # --- folding back --------------------------------------------------------------------------------------------------

    def restore(self, read: Reading) -> None:
        """Fold back alerts, groups, silences, and what the rules remember.

        The runner asks for it also when a partition is new to it; where the last batch that was committed is this stage's own last, there is
        nothing to fold back.
        """
        if self._batch and any(decode(record.value, Tick).batch == self._batch for record in read(CLOCK)):
            return
        self._begin()
        self._read = read
        for record in read(CLOCK):
            self._now = decode(record.value, Tick).at
        for record in read(IN_FORCE):
            self._force.restore(record.key, decode(record.value, InForce))
        self._fold_alerts(read)
        journal = self._fold_journal(read)
        if self._now > _BEGINNING:
            self._put_in_force(self._now)
            assert self._watch is not None  # noqa: S101  (it was made just now)
            spoken = (decode(record.value, Spoke) for record in read(SPOKEN))
            self._watch.replay(journal, spoken, self._now)
            self._groups.resume(self._now)

    def _fold_alerts(self, read: Reading) -> None:
        for record in read(ALERTS):
            self._book.put(decode(record.value, Alert))
        for record in read(SILENCES):
            self._silence(decode(record.value, Silence))
        for record in read(GROUPS):
            self._groups.restore(decode(record.value, Group))

    def _fold_journal(self, read: Reading) -> list[Taken]:
        """What counted for rules, in the order in which it came."""
        journal = sorted((decode(record.value, Taken) for record in read(JOURNAL) if record.value), key=lambda taken: taken.at)
        for taken in journal:
            self._facts[taken.id], self._revisions[taken.id] = taken.facts, taken.revision
        for record in read(EVIDENCE):
            if record.value and record.key in self._facts:
                self._facts[record.key] = replace(self._facts[record.key], url=decode(record.value, Evidence).url)
        return journal

    def _silence(self, silence: Silence) -> None:
        if silence.ends > self._now:
            self._groups.silences[silence.id] = silence
        else:
            self._groups.silences.pop(silence.id, None)
        self._groups.touch_all()

    # --- rules and rota ------------------------------------------------------------------------------------------------

    def _put_in_force(self, now: datetime) -> None:
        """Go by the rules and the rota as they stand in their files."""
        self._watch = self._force.watch(self._watch, now)
        self._groups.go_by({watched.rule.name: watched.rule for watched in self._watch.rules})
        self._groups.rota = self._force.rota
        self._is_declared = False

    def _declare(self, watch: Watch, now: datetime) -> Iterator[Record]:
        """Rules that are new learn from what was there before them, and say nothing of that; then it is said what is in force."""
        taught = self._force.taught(watch, self._read, now, self._names) if self._read is not None else []
        watch.learn(taught)
        for taken in taught:
            self._facts.setdefault(taken.id, taken.facts)
            yield from _noted(taken)
        yield from self._force.declared(watch, now)

    # --- what comes ----------------------------------------------------------------------------------------------------

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        """What becomes of each record, and then what is to be told."""
        self._batch = ""
        outputs: list[Record] = []
        for delivered in records:
            if not delivered.value:  # erased
                continue
            try:
                outputs += self._one(delivered)
            except WireError as error:
                if delivered.topic in {"related", "stories", "findings", "sources"}:
                    continue  # the index makes a dead letter of it, or its writer has: one is enough
                outputs.append(dead_record(self.name, str(error), delivered))
        outputs += self._tell(self._now)
        outputs += self._spoken()
        self._batch = token_hex(8)
        outputs.append(Record(topic=CLOCK, key="now", timestamp=self._now, value=encode(Tick(at=self._now, batch=self._batch))))
        return outputs

    def _one(self, delivered: Delivered) -> Iterator[Record]:
        moment = decode(delivered.value, Tick).at if delivered.topic == TICKS else delivered.timestamp
        is_tick = delivered.topic == TICKS
        if is_tick or delivered.topic in subjects.TOPICS or self._watch is None:  # those who act, and receivers, do not set the clock
            yield from self._advance(moment, look=is_tick)
        match delivered.topic:
            case "ticks":
                pass
            case "alert_commands":
                yield from self._command(decode(delivered.value, Command))
            case "deliveries":
                yield from self._delivery(decode(delivered.value, Delivery))
            case _:
                yield from self._subject(subjects.read(delivered))

    def _advance(self, moment: datetime, *, look: bool = False) -> Iterator[Record]:
        """Time comes to ``moment``: rules are run, what is due is told, what is old expires.

        :param look: see whether rules or rota have changed.
        """
        if moment > self._now:
            self._now = moment
            yield from self._expire()  # first: of what is long over nobody is reminded
            yield from self._tell(moment, before=True)
        if self._watch is None or (look and self._force.look(self._now)):
            self._put_in_force(self._now)
        if not self._is_declared and self._watch is not None:
            self._is_declared = True
            yield from self._declare(self._watch, self._now)
        assert self._watch is not None  # noqa: S101  (made by reloading)
        for watched, said in self._watch.advance(self._now):
            yield from self._said(watched, said)
        for watched in self._watch.ran:
            yield from self._ended(watched)

    def _subject(self, subject: Subject) -> Iterator[Record]:
        assert self._watch is not None  # noqa: S101  (time has come before)
        now = self._now
        about = [] if subject.is_gone else self._watch.about(subject)
        resting = self._book.resting_on(subject.id)
        if (not about and not resting) or subject.revision <= self._revisions.get(subject.id, 0):
            return
        found = subjects.facts(subject, now, self._names)
        if not subject.is_gone:
            self._facts[subject.id] = found
        yield from self._revised(subject, {watched.rule.name for watched in about}, resting)
        if about:
            time, hits = hits_of(about, subject, now)
            taken = Taken(id=subject.id, over=subject.over, revision=subject.revision, at=now, time=time, hits=hits, facts=found)
            self._revisions[subject.id] = subject.revision
            yield from _noted(taken)
            for watched, said in self._watch.take(taken):
                yield from self._said(watched, said)
            for watched in about:
                yield from self._ended(watched)

    def _revised(self, subject: Subject, about: set[str], resting: Iterable[Alert]) -> Iterator[Record]:
        """What an edit or a withdrawal means for alerts that rest on it."""
        for alert in resting:
            watched = self._watch.by_name.get(alert.rule) if self._watch else None
            if subject.is_gone or (watched is not None and alert.rule not in about and subject.over == watched.rule.subject):
                why = f"{subject.over[:-1]} {subject.id} {'was withdrawn' if subject.is_gone else 'was edited and is no longer about this'}"
                least = watched.runner.least if watched else 1
                yield from self._put(life.lose(alert, subject.id, self._facts, least, why, self._now))
            elif (made := life.revise(alert, subject.id, self._facts, self._now)) is not None:
                yield from self._put(made)

    # --- alerts --------------------------------------------------------------------------------------------------------

    def _said(self, watched: Watched, said: Said) -> Iterator[Record]:
        """A rule has spoken: a new alert, or more of one that stands."""
        rule = watched.rule
        causes = said.ids[:1] if rule.subject == "findings" else said.ids  # the events are the finding's
        id_ = life.alert_id(rule.name, said.key, causes[0] if causes else said.time.isoformat())
        known = self._book.alerts.get(id_)
        standing = self._book.of_key(rule.name, said.key) if watched.runner.lasts else known
        if standing is not None and standing.state.is_open:
            is_more = not set(causes) <= {*standing.causes, *standing.lost} or rule.subject == "findings"
            goes_on = watched.runner.is_by_run and self._now - standing.news >= rule.expires.delta / 4
            is_again = watched.runner.is_by_run and said.sent <= standing.news  # a run is done again after a restart
            if (is_more or goes_on) and not is_again:
                yield from self._put(life.renew(standing, causes, self._facts, rule, said.figures, self._now))
            return
        if known is not None:  # it was told of, and is over
            return
        alert = life.begin(rule, said.key, causes, self._facts, id_=id_, since=said.time, now=self._now, figures=said.figures)
        yield from self._put(life.addressed(alert, rule.group_by, self._groups.targets(alert, rule)))

    def _ended(self, watched: Watched) -> Iterator[Record]:
        """What a rule said of a key holds no longer."""
        for key in sorted(watched.over(), key=str):
            if (alert := self._book.of_key(watched.rule.name, key)) is not None:
                yield from self._put(life.move(alert, State.RESOLVED, Made(what="resolved", at=self._now, why="it no longer holds")))

    def _expire(self) -> Iterator[Record]:
        if self._now < self._expiry:
            return
        self._expiry = self._now + _EXPIRY
        for alert in list(self._book.standing()):
            span = self._groups.patience(alert)
            if self._now - alert.news >= span:
                yield from self._put(life.move(alert, State.EXPIRED, Made(what="expired", at=self._now, why=f"nothing new for {span}")))
            else:
                self._expiry = min(self._expiry, alert.news + span)

    def _command(self, command: Command) -> Iterator[Record]:
        if command.silence is not None:
            silence = command.silence if command.what == "silence" else replace(command.silence, ends=min(command.silence.ends, command.at))
            self._silence(silence)
            yield Record(topic=SILENCES, key=silence.id, timestamp=self._now, value=encode(silence))
            return
        if command.nonce and command.nonce in self._book.spent:
            return
        alert = self._book.alerts.get(command.alert)
        if alert is None:
            log.warning("a command names an alert that there is not", alert=command.alert, what=command.what, who=command.who)
            return
        made = Made(what=_DONE[command.what], at=command.at, who=command.who, why=command.why, nonce=command.nonce)
        if command.what == "mark":
            yield from self._put(life.mark(alert, command.useful, made))
            return
        group = self._groups.of(alert.id)
        told = [self._book.alerts[one] for one in group.said] if group else []
        for one in {alert.id: alert} | {one.id: one for one in told}:
            current = self._book.alerts[one]
            target = State.ACKNOWLEDGED if command.what == "acknowledge" else State.RESOLVED
            if current.state.is_open and current.state is not target:
                yield from self._put(life.move(current, target, made))

    def _delivery(self, delivery: Delivery) -> Iterator[Record]:
        """Who could not be reached is followed by who is next."""
        if not delivery.reached and (group := self._groups.unreached(delivery.alert)) is not None:
            yield self._record(group)

    # --- out -----------------------------------------------------------------------------------------------------------

    def _put(self, alert: Alert) -> Iterator[Record]:
        before = self._book.alerts.get(alert.id)
        self._book.put(alert)
        self._groups.touch(alert.group)
        if alert.state.is_open:
            self._expiry = min(self._expiry, alert.news + self._groups.patience(alert))
        if (before is None or before.state.is_open != alert.state.is_open) and self._groups.inhibits(alert.rule):
            self._groups.touch_all()
        yield self._record(alert)

    def _spoken(self) -> Iterator[Record]:
        for watched in self._watch.rules if self._watch else ():
            said, watched.runner.spoken = watched.runner.spoken, []
            for one in said:
                spoke = Spoke(essence=watched.essence, key=one.key, time=one.time, at=one.at, silence=one.silence, document=one.document)
                yield Record(topic=SPOKEN, key=watched.essence, timestamp=one.at, value=encode(spoke))

    def _tell(self, now: datetime, *, before: bool = False) -> Iterator[Record]:
        yield from (self._record(made) for made in self._groups.look(now, before=before))

    def _record(self, made: Wire) -> Record:
        topic, key = _WHERE[type(made)](made)
        moment = made.notification.sent if isinstance(made, Outgoing) else self._now
        return Record(topic=topic, key=key, timestamp=moment, value=encode(made))


def _noted(taken: Taken) -> Iterator[Record]:
    """What rules remember of a document, and apart from it what leaves with the document."""
    facts = replace(taken.facts, url=None)
    yield Record(topic=JOURNAL, key=taken.id, timestamp=taken.at, value=encode(replace(taken, facts=facts)))
    if taken.facts.url:
        yield Record(topic=EVIDENCE, key=taken.id, timestamp=taken.at, value=encode(Evidence(url=taken.facts.url)))


def start(bus: Bus, now: datetime) -> None:
    """Let the stage begin with what comes from now on, where it has never run: of what is long over nobody is to be told."""
    if next(bus.read(IN_FORCE), None) is None:
        for topic in subjects.TOPICS:
            bus.seek(Alerts.name, topic, now)


_DONE: Mapping[str, Change] = {"acknowledge": "acknowledged", "resolve": "resolved", "mark": "marked"}
_WHERE: dict[type[Wire], Callable[..., tuple[str, str]]] = {
    Alert: lambda made: (ALERTS, made.id),
    Group: lambda made: (GROUPS, made.id),
    Outgoing: lambda made: (NOTIFICATIONS, made.notification.alert),
}
