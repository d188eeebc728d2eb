"""What a type of rule is given and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple

from pipeline.alerts.fields import Document, project, value, values
from pipeline.alerts.rule import Rule

#: A value of the query key; all documents have the same where a rule has none.
Key = str | None


class Event(NamedTuple):
    """A document that the rule's filter lets through."""

    time: datetime
    id: str
    document: Document


class Match(NamedTuple):
    """What a rule has to say, before it is known whether it is silent."""

    time: datetime
    key: Key
    #: Documents that made it, the oldest first.
    ids: tuple[str, ...]
    #: What was counted, for the text of the alert.
    figures: Mapping[str, Any] = {}


class Kind(ABC):
    """A type of rule with what it remembers. A run gives it the documents that have come, oldest first, then the time."""

    #: What it says of a document it says at the next run, of all that came since the last; else as soon as the document comes.
    by_run = False
    #: It says so again for as long as it holds: that is one occurrence.
    lasts = False

    def __init__(self, rule: Rule) -> None:
        self._reads = rule.reads
        #: Fewer documents than this, once some were withdrawn, would not have made it speak.
        self.least = 1
        #: While it is told what was long ago, and what it said then, it says nothing by itself.
        self.is_muted = False
        #: Keys of which what was said is over, since the last time that somebody looked.
        self.over: set[Key] = set()

    def project(self, document: Document) -> dict[str, Any]:
        """What of the document it looks at, as a document of its own."""
        return project(document, self._reads)

    @abstractmethod
    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:
        """The documents of the run that ends at ``run``; there may be none."""

    def tick(self, run: datetime) -> Iterator[Match]:  # noqa: ARG002  (for those that go by it)
        """Time has come to ``run``."""
        yield from ()

    def spoke(self, key: Key, time: datetime) -> None:  # noqa: B027  (most types remember nothing of it)
        """It said something of the key, of that time, while it is muted."""

    @property
    def is_timed(self) -> bool:
        """Whether time alone can make it speak: runs without documents are then to be done too."""
        return False


def keys_of(document: Document, fields: Sequence[str]) -> list[Key]:
    """The groups a document belongs to: one for each value of its query key, those of several fields joined by a comma."""
    if not fields:
        return [None]
    if len(fields) == 1:
        found: list[Any] = values(document, fields[0])
        return [_written(one) for one in found] or [None]
    parts: list[list[Any]] = [values(document, field) or [None] for field in fields]
    return [", ".join(str(one) for one in combination) for combination in product(*parts)]


def _written(one: Any) -> str:
    return one if isinstance(one, str) else str(one)


def single(document: Document, field: str) -> Any:
    """The value of a field as something that can be compared and kept: a list or an object as its text."""
    found = value(document, field)
    return found if found is None or isinstance(found, str | int | float | bool) else str(found)
