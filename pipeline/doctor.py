"""``fjaril doctor``: do the books balance, does anything wait, what is installed."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import TypeVar

import msgspec
from msgspec import Struct

from pipeline.dead import DEAD
from pipeline.model import Books, DeadLetter, ItemState, SourceState, decode
from pipeline.ports import Bus, Index

_CONSUMERS = {"enrich": ("raw",), "relate": ("documents",), "index": ("related",)}
_LIBRARIES = ("apsw", "feedparser", "scrapy", "spacy", "tantivy")
#: How often to count again what moves while it is counted, and the seconds between.
_TRIES, _PAUSE = 100, 0.02
T = TypeVar("T")


class Report(Struct, frozen=True, kw_only=True):
    """The state of a data directory. fetched = indexed + duplicates + dead + waiting, where indexed = documents + revisions + tombstones."""

    #: Items in all the answers of all the sources.
    fetched: int
    #: First versions of documents.
    documents: int
    #: Later versions: edits at the source.
    revisions: int
    #: Withdrawals at the source.
    tombstones: int
    #: Items that had come before, unchanged.
    duplicates: int
    #: Records that a stage could not process, and that were not retried.
    dead: int
    #: Those of them that died before the index: their versions are counted above, too.
    dead_unindexed: int = 0
    #: Stage → records that wait before it.
    lag: dict[str, int]
    #: Documents that search can find, and how many it should be.
    searchable: int = 0
    searchable_expected: int = 0
    #: What is wrong, in sentences; empty if nothing is.
    problems: list[str] = []
    versions: dict[str, str] = {}

    @property
    def accounted(self) -> int:
        """Items that were indexed, known already, dead, or wait before a stage; what waits for the index was counted by relate."""
        indexed = self.documents + self.revisions + self.tombstones
        return indexed + self.duplicates + self.dead - self.dead_unindexed + self.lag["enrich"] + self.lag["relate"]

    @property
    def balanced(self) -> bool:
        """Whether every item fetched is accounted for."""
        return self.fetched == self.accounted

    @property
    def complete(self) -> bool:
        """Whether search finds what it should; as long as something waits nobody can tell."""
        fewest = self.searchable_expected - self.dead_unindexed
        return any(self.lag.values()) or fewest <= self.searchable <= self.searchable_expected


def examine(bus: Bus, index: Index) -> Report:
    """Count what is on the bus and in the index; the pipeline may run meanwhile."""
    counted = _unmoved(lambda: _count(bus))
    withdrawn = sum(decode(record.value, ItemState).withdrawn for record in bus.read("items"))
    report = msgspec.structs.replace(
        counted,
        dead_unindexed=_dead_unindexed(bus),
        searchable=index.count(),
        searchable_expected=counted.documents - withdrawn,
        versions={"python": platform.python_version(), "fjaril": version("fjaril")} | {name: version(name) for name in _LIBRARIES},
    )
    return msgspec.structs.replace(report, problems=_problems(report))


def _count(bus: Bus) -> Report:
    states = [decode(record.value, SourceState) for record in bus.read("sources")]
    books = [decode(record.value, Books) for record in bus.read("books")]
    return Report(
        fetched=sum(state.fetched for state in states),
        documents=sum(b.documents for b in books),
        revisions=sum(b.revisions for b in books),
        tombstones=sum(b.tombstones for b in books),
        duplicates=sum(state.unchanged for state in states) + sum(b.duplicates for b in books),
        dead=bus.count(DEAD) - bus.count("retried"),
        lag={stage: sum(bus.lag(stage, inputs).values()) for stage, inputs in _CONSUMERS.items()},
    )


def _dead_unindexed(bus: Bus) -> int:
    retried = {record.key for record in bus.read("retried")}
    letters = (decode(record.value, DeadLetter) for record in bus.read(DEAD) if record.value and str(record.offset) not in retried)
    return sum(letter.stage == "index" for letter in letters)


def _unmoved(count: Callable[[], T]) -> T:
    """What is counted twice alike, at once: a record that moves on meanwhile may be counted in neither place, or in both."""
    for _ in range(_TRIES):
        before, after = count(), count()
        if before == after:
            break
        time.sleep(_PAUSE)
    return after


def facts(report: Report) -> dict[str, object]:
    """The report as plain values, with whether the books balance."""
    return dict(msgspec.to_builtins(report)) | {"balanced": report.balanced}


def _problems(report: Report) -> list[str]:
    problems = []
    if not report.balanced:
        problems.append(f"{report.fetched} items were fetched and {report.accounted} are accounted for: restore the bus from a copy")
    if not report.complete:
        problems.append(
            f"search finds {report.searchable} documents instead of {report.searchable_expected}: remove the index, then run again"
        )
    if report.dead:
        problems.append(f"{report.dead} records could not be processed: see `fjaril dead list`")
    return problems
