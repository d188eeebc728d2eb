"""The rules and the rota that are in force: files that people edit while the program runs, and what a new rule learns of the past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from msgspec.structs import replace

from pipeline.alerts.current import Current
from pipeline.alerts.live import subjects
from pipeline.alerts.live.model import InForce, Taken
from pipeline.alerts.live.subjects import Names
from pipeline.alerts.live.watch import Watch
from pipeline.alerts.rota.duty import Rota
from pipeline.alerts.rule import AnyType
from pipeline.alerts.topics import IN_FORCE
from pipeline.errors import WireError
from pipeline.model import encode
from pipeline.ports import Delivered, Reading, Record

log = structlog.get_logger()
Rules = Current[tuple[AnyType, ...]]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
#: Between two looks at the files.
_LOOK = timedelta(seconds=2)
#: How long what was there before a new rule teaches it.
_HISTORY = timedelta(days=30)


class Force:
    """What is in force, and what the bus says of it."""

    def __init__(self, rules: Rules, rota: Current[Rota] | None) -> None:
        self._rules, self._rota = rules, rota
        self.forget()

    def forget(self) -> None:
        """Know nothing of what the bus says."""
        self._looked = _BEGINNING
        #: Essence of a rule → since when it looks.
        self._since: dict[str, datetime] = {}
        self._said: dict[str, InForce] = {}

    def restore(self, name: str, said: InForce) -> None:
        """What the bus says."""
        self._said[name] = said
        self._since |= said.since

    @property
    def rota(self) -> Rota | None:
        """The rota; None: nobody is told."""
        return self._rota.value if self._rota is not None else None

    def look(self, now: datetime) -> bool:
        """Whether rules or rota have changed, or cannot be used as they now stand: then the old ones stay, and why is logged."""
        if now < self._looked + _LOOK:
            return False
        self._looked = now
        changed = False
        for name, current in (("rules", self._rules), ("rota", self._rota)):
            if current is not None and current.refresh():
                changed = True
                if current.fault is not None:
                    log.error("what was changed cannot be used; what was before stays in force", of=name, reason=str(current.fault))
                else:
                    log.info("what was changed is in force", of=name, version=current.version)
        return changed

    def watch(self, before: Watch | None, now: datetime) -> Watch:
        """The rules, with what those remember that count as they did."""
        made = Watch(self._rules.value, self._since, now)
        for watched in made.rules:
            if before is not None and (old := before.by_essence.get(watched.essence)) is not None:
                watched.go_on(old)
        return made

    def taught(self, watch: Watch, read: Reading, now: datetime, names: Names) -> list[Taken]:
        """What rules that were not in force before are taught: what was there before them, in the order in which it came."""
        new = Watch([watched.rule for watched in watch.rules if watched.essence not in self._since], {}, now)
        there = (
            record
            for topic, over in subjects.TOPICS.items() if any(watched.rule.subject == over for watched in new.rules)
            for record in read(topic, now - _HISTORY) if record.value and record.timestamp < now
        )  # fmt: skip
        return sorted((taken for record in there if (taken := _past(new, record, names)) is not None), key=lambda taken: taken.at)

    def declared(self, watch: Watch, now: datetime) -> Iterator[Record]:
        """What is in force, if that is not what was said last."""
        self._since = {one.essence: self._since.get(one.essence, one.since) for one in watch.rules}
        said = {"rules": _in_force(self._rules, now, self._since, {one.rule.name: one.version for one in watch.rules})}
        if self._rota is not None:
            said["rota"] = _in_force(self._rota, now, {}, {})
        for name, found in said.items():
            before = self._said.get(name)
            if before is None or replace(before, at=now) != found:
                self._said[name] = found
                yield Record(topic=IN_FORCE, key=name, timestamp=now, value=encode(found))


def _past(new: Watch, record: Delivered, names: Names) -> Taken | None:
    """What a record that was there before is to rules that are new; nothing where it cannot be read."""
    try:
        subject = subjects.read(record)
    except WireError:
        return None
    about = [] if subject.is_gone else new.about(subject)
    if not about:
        return None
    found, at = subjects.facts(subject, record.timestamp, names), record.timestamp
    hits = {watched.essence: watched.given(subject) for watched in about}
    for watched in about:
        watched.seen[subject.id] = subject.revision
    return Taken(id=subject.id, over=subject.over, revision=subject.revision, at=at, time=found.time, hits=hits, facts=found)


def _in_force(current: Rules | Current[Rota], now: datetime, since: Mapping[str, datetime], rules: Mapping[str, str]) -> InForce:
    return InForce(
        version=current.version, at=now, fault="" if current.fault is None else str(current.fault), since=dict(since), rules=dict(rules)
    )  # fmt: skip
