"""Types that look at one document at a time: any, blacklist, whitelist, change, new_term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pipeline.alerts.fields import Document, value, values
from pipeline.alerts.kinds.base import Event, Key, Kind, Match, keys_of, single
from pipeline.alerts.rule import AnyRule, BlacklistRule, ChangeRule, NewTermRule, WhitelistRule


class Everything(Kind):
    """Every document."""

    def __init__(self, rule: AnyRule) -> None:
        super().__init__(rule)
        self._keys = rule.keys

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            yield from _each(event, self._keys)


class Blacklist(Kind):
    """A value that is listed."""

    def __init__(self, rule: BlacklistRule) -> None:
        super().__init__(rule)
        self._rule, self._listed = rule, set(rule.blacklist)

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            found = [one for one in _scalars(event.document, self._rule.compare_key) if one in self._listed]
            if found:
                yield from _each(event, self._rule.keys, value=found[0])


class Whitelist(Kind):
    """A value that is not listed."""

    def __init__(self, rule: WhitelistRule) -> None:
        super().__init__(rule)
        self._rule, self._listed = rule, set(rule.whitelist)

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            found = _scalars(event.document, self._rule.compare_key)
            strange = [one for one in found if one not in self._listed] if found else []
            if strange or (not found and not self._rule.ignore_null):
                yield from _each(event, self._rule.keys, value=strange[0] if strange else None)


class Change(Kind):
    """A value other than the one that the key's last document had."""

    def __init__(self, rule: ChangeRule) -> None:
        super().__init__(rule)
        self._rule = rule
        self._fields = [rule.compare_key] if isinstance(rule.compare_key, str) else rule.compare_key
        self._within = rule.timeframe.delta if rule.timeframe else None
        self._last: dict[Key, tuple[list[Any], Event]] = {}

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            now = [value(event.document, field) for field in self._fields]
            if self._rule.ignore_null and any(not one and not isinstance(one, bool) for one in now):
                continue
            for key in keys_of(event.document, self._rule.keys):
                before = self._last.get(key)
                self._last[key] = (now, event)
                if before and before[0] != now and (self._within is None or event.time - before[1].time <= self._within):
                    yield Match(event.time, key, (before[1].id, event.id), {"old_value": before[0], "new_value": now})


class NewTerm(Kind):
    """A value that no document had before. What was seen is never forgotten."""

    def __init__(self, rule: NewTermRule) -> None:
        super().__init__(rule)
        self._rule = rule
        given = rule.fields if rule.fields is not None else list(rule.keys)
        self._fields = [(given,)] if isinstance(given, str) else [(one,) if isinstance(one, str) else tuple(one) for one in given]
        self._seen: dict[tuple[str, ...], set[Any]] = {fields: set() for fields in self._fields}

    def learn(self, document: Document) -> None:
        """The document belongs to the time before."""
        for fields in self._fields:
            self._seen[fields].update(self._values(document, fields))

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            for fields in self._fields:
                found, seen = self._values(event.document, fields), self._seen[fields]
                new = [one for one in found if one not in seen]
                seen.update(new)
                if new or (not found and self._rule.alert_on_missing_field):
                    yield from _each(event, self._rule.keys, field=", ".join(fields), value=new[0] if new else None)

    @staticmethod
    def _values(document: Document, fields: tuple[str, ...]) -> list[Any]:
        if len(fields) == 1:
            return [one for one in _scalars(document, fields[0]) if one]
        compound = tuple(single(document, field) for field in fields)
        return [compound] if all(compound) else []


def _scalars(document: Document, field: str) -> list[Any]:
    return [one if isinstance(one, str | int | float | bool) else str(one) for one in values(document, field)]


def _each(event: Event, fields: Sequence[str], **figures: Any) -> Iterator[Match]:
    for key in keys_of(event.document, fields):
        yield Match(event.time, key, (event.id,), figures)
