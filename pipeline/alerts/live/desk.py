"""What people see of alerts and do with them: for the command line and the console alike.

Who acts publishes a command, and the stage does it; so it works while the pipeline runs, from any process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b

from msgspec import Struct
from pydantic import SecretStr

from pipeline.alerts.live.model import Alert, Command, Delivery, Group, InForce, Silence
from pipeline.alerts.notify import acknowledge as links
from pipeline.alerts.topics import ALERTS, COMMANDS, DELIVERIES, GROUPS, IN_FORCE, SILENCES
from pipeline.errors import TokenError, UsageError
from pipeline.model import Wire, decode, encode
from pipeline.ports import Bus, Record

#: What silences go by.
LABELS = ("alert", "rule", "key", "county", "municipality", "theme", "severity")
#: The topics that :class:`Board` is folded from, and what their records are.
TOPICS: Mapping[str, type[Wire]] = {ALERTS: Alert, GROUPS: Group, SILENCES: Silence, IN_FORCE: InForce}


class Board(Struct, frozen=True, kw_only=True):
    """What stands now."""

    #: Id → its last version; those that are over, too.
    alerts: Mapping[str, Alert]
    groups: Mapping[str, Group]
    silences: Mapping[str, Silence]
    #: ``rules`` and ``rota``: what is in force, and what is wrong with the files.
    in_force: Mapping[str, InForce]

    @property
    def open(self) -> list[Alert]:
        """Those that are not over: the most severe first, then the latest."""
        order = ("critical", "high", "medium", "low")
        standing = sorted((one for one in self.alerts.values() if one.state.is_open), key=lambda one: one.news, reverse=True)
        return sorted(standing, key=lambda one: order.index(one.severity))

    @property
    def faults(self) -> list[str]:
        """Why what stands in the files is not in force."""
        return [one.fault for one in self.in_force.values() if one.fault]

    def told(self, alert: Alert) -> list[str]:
        """Officers who were told of it: of its group, as long as that is not over."""
        return [officer for group in self.groups.values() if alert.id in group.said for officer in group.officers]

    def silenced(self, at: datetime) -> list[Silence]:
        """The silences that are in force then, the first to end first."""
        return sorted((one for one in self.silences.values() if one.begins <= at < one.ends), key=lambda one: one.ends)

    def find(self, prefix: str) -> Alert:
        """The alert whose id begins so.

        :raises UsageError: if there is none, or several.
        """
        found = [one for one in self.alerts.values() if one.id.startswith(prefix)]
        if len(found) != 1:
            said = "there are several" if found else "there is no such alert"
            raise UsageError(f"alert {prefix!r}: {said}; `fjaril alerts list --all` shows their ids")
        return found[0]


def board(bus: Bus) -> Board:
    """What stands now, read from the bus."""
    last: dict[str, dict[str, Wire]] = {}
    for topic, kind in TOPICS.items():
        last[topic] = {record.key: decode(record.value, kind) for record in bus.read(topic) if record.value}
    return fold(last)


def fold(last: Mapping[str, Mapping[str, Wire]]) -> Board:
    """A board of the last record of each key, topic by topic: for who keeps them up to date himself."""
    found: dict[str, dict[str, Wire]] = {topic: dict(last.get(topic, {})) for topic in TOPICS}
    return Board(alerts=found[ALERTS], groups=found[GROUPS], silences=found[SILENCES], in_force=found[IN_FORCE])  # type: ignore[arg-type]


def history(bus: Bus, alert: str) -> list[Alert]:
    """Each version of an alert, the first first: what was done, by whom, when and why stands in its ``change``."""
    return [decode(record.value, Alert) for record in bus.read(ALERTS) if record.value and record.key == alert]


def deliveries(bus: Bus, group: str) -> list[Delivery]:
    """What became of the messages of a group."""
    found = (decode(record.value, Delivery) for record in bus.read(DELIVERIES) if record.value)
    return [one for one in found if one.alert == group]


def acknowledge(bus: Bus, alert: str, who: str, why: str, at: datetime) -> None:
    """Take an alert; of one that others were told with, as the first of them, all.

    :param alert: its whole id.
    """
    _publish(bus, Command(what="acknowledge", alert=alert, who=who, why=why, at=at))


def acknowledge_by_link(bus: Bus, secrets: Mapping[str, SecretStr], token: str, at: datetime) -> links.Acknowledgement:
    """Take what a link is for, once. To be done on POST; :func:`read_link` is for GET.

    :raises TokenError: if it is not ours, too old, or was used.
    """
    found = read_link(secrets, token, at)
    spent = {one.change.nonce for one in (decode(record.value, Alert) for record in bus.read(ALERTS) if record.value)}
    if found.nonce in spent:
        raise TokenError(f"the link to acknowledge alert {found.alert} was used already; `fjaril alerts show` says when")
    _publish(
        bus, Command(what="acknowledge", alert=found.alert, who=found.officer, why="by the link in the message", at=at, nonce=found.nonce)
    )
    return found


def read_link(secrets: Mapping[str, SecretStr], token: str, at: datetime) -> links.Acknowledgement:
    """What a link is for; nothing is done.

    :raises TokenError: if it is not ours, or too old.
    """
    secret = secrets.get("acknowledge")
    if secret is None:
        raise TokenError("links are not made here: the settings have no secret `acknowledge`")
    return links.verify([secret.get_secret_value().encode()], token, at)


def resolve(bus: Bus, alert: str, who: str, why: str, at: datetime) -> None:
    """Say that it is over; of one that others were told with, as the first of them, all."""
    _publish(bus, Command(what="resolve", alert=alert, who=who, why=why, at=at))


def mark(bus: Bus, alert: str, *, useful: bool, who: str, why: str, at: datetime) -> None:
    """Say whether it was of use: `fjaril rules test` shows how many of a rule's were."""
    _publish(bus, Command(what="mark", alert=alert, who=who, why=why, at=at, useful=useful))


def silence(bus: Bus, labels: Mapping[str, str], who: str, why: str, at: datetime, until: datetime) -> Silence:
    """Tell nobody of alerts with these labels until then; ``{"alert": ID}`` snoozes one.

    :raises UsageError: if there is no label, one that there is not, no reason, or an end that is not later.
    """
    strange = [name for name in labels if name not in LABELS]
    if not labels or strange:
        raise UsageError(f"a silence is for {', '.join(LABELS)}; found {', '.join(strange) or 'none of them'}")
    if not why.strip():
        raise UsageError("a silence needs a reason")
    if until <= at:
        raise UsageError(f"a silence ends later than now; found {until.isoformat()}")
    id_ = blake2b(repr((sorted(labels.items()), who, at)).encode(), digest_size=8).hexdigest()
    made = Silence(id=id_, labels=dict(labels), author=who, reason=why, begins=at, ends=until)
    _publish(bus, Command(what="silence", who=who, why=why, at=at, silence=made))
    return made


def unsilence(bus: Bus, silence: Silence, who: str, why: str, at: datetime) -> None:
    """End a silence now."""
    _publish(bus, Command(what="unsilence", who=who, why=why, at=at, silence=silence))


def marks(alerts: Iterable[Alert]) -> dict[str, dict[str, bool]]:
    """Rule → document that a marked alert rested on → whether that alert was of use."""
    found: dict[str, dict[str, bool]] = {}
    for alert in alerts:
        if alert.useful is not None:
            found.setdefault(alert.rule, {}).update(dict.fromkeys((*alert.causes, *alert.lost), alert.useful))
    return found


def usefulness(alerts: Iterable[Alert]) -> dict[str, tuple[int, int]]:
    """Rule → how many of its alerts were marked useful, and how many not."""
    found: dict[str, tuple[int, int]] = {}
    for alert in alerts:
        if alert.useful is not None:
            good, bad = found.get(alert.rule, (0, 0))
            found[alert.rule] = (good + alert.useful, bad + (not alert.useful))
    return found


def _publish(bus: Bus, command: Command) -> None:
    key = command.alert or (command.silence.id if command.silence else "")
    bus.publish([Record(topic=COMMANDS, key=key, timestamp=command.at, value=encode(command))])
