"""``fjaril doctor``: do the books balance, does anything wait, what is installed."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TypeVar

import msgspec
from msgspec import Struct

from pipeline import erase
from pipeline.app import READS
from pipeline.dead import DEAD, letters
from pipeline.errors import SettingsError
from pipeline.model import Books, IndexBooks, Retry, SourceState, Wire, decode
from pipeline.ports import Bus, Index
from pipeline.settings import Settings, limited, load_sources, unstated

_LIBRARIES = ("apsw", "elasticsearch", "feedparser", "kafka-python", "scrapy", "spacy", "tantivy")
#: How often to count again what moves while it is counted, and the seconds between.
_TRIES, _PAUSE = 100, 0.02
#: Without a look for what is past its retention, and of an erasure, before something is amiss.
_OVERDUE, _UNFINISHED = timedelta(hours=48), timedelta(hours=3)
_REMEDY = "`fjaril run` erases it each night, or once it has run for an hour, `fjaril erase --past-retention` now"
T = TypeVar("T")
W = TypeVar("W", bound=Wire)


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
    #: Withdrawals that no source made: documents erased on request.
    erased: int = 0
    #: Records that a stage could not process, and that were not retried.
    dead: int
    #: Those of them that the index could not take: their versions are counted above, too.
    dead_unindexed: int = 0
    #: How many of the dead are still kept.
    dead_kept: int = 0
    #: Stage → records that wait before it.
    lag: dict[str, int]
    #: Documents that search can find, and how many it should be.
    searchable: int = 0
    searchable_expected: int = 0
    #: Whether old documents leave the index (``keep.index``): then fewer may be found than came.
    expires: bool = False
    #: What is wrong, in sentences; empty if nothing is.
    problems: list[str] = []
    versions: dict[str, str] = {}
    #: What the index is, and how it finds words.
    index: str = ""
    #: Whether what is past its retention is erased each night, and when it was last looked for.
    retention: str = ""

    @property
    def accounted(self) -> int:
        """Items that were indexed, duplicates, dead, or wait before a stage; what waits for the index was counted by relate."""
        indexed = self.documents + self.revisions + self.tombstones
        return indexed + self.duplicates + self.dead - self.dead_unindexed + self.lag["enrich"] + self.lag["relate"]

    @property
    def balanced(self) -> bool:
        """Whether every item fetched is accounted for."""
        return self.fetched + self.erased == self.accounted

    @property
    def complete(self) -> bool:
        """Whether search finds what it should; as long as something waits nobody can tell."""
        fewest = 0 if self.expires else self.searchable_expected - self.dead_unindexed
        waiting = any(self.lag[stage] for stage in ("enrich", "relate", "index"))
        return waiting or fewest <= self.searchable <= self.searchable_expected


def examine(bus: Bus, index: Index, *, expires: bool = False) -> Report:
    """Count what is on the bus and in the index; the pipeline may run meanwhile.

    :param expires: whether old documents leave the index.
    """
    counted = _unmoved(lambda: _count(bus))
    report = msgspec.structs.replace(
        counted,
        dead_kept=len(letters(bus)),
        searchable=index.count(),
        expires=expires,
        index=index.about(),
        versions={"python": platform.python_version(), "fjaril": version("fjaril")} | {name: version(name) for name in _LIBRARIES},
    )
    return msgspec.structs.replace(report, problems=_problems(report))


def _count(bus: Bus) -> Report:
    states = _last(bus, "sources", SourceState)
    books = _last(bus, "books", Books)
    retried = _last(bus, "retried", Retry)
    unindexed = sum(book.dead for book in _last(bus, "index_books", IndexBooks).values())
    return Report(
        fetched=sum(state.fetched for state in states.values()),
        documents=sum(b.documents for b in books.values()),
        revisions=sum(b.revisions for b in books.values()),
        tombstones=sum(b.tombstones for b in books.values()),
        duplicates=sum(state.unchanged for state in states.values()) + sum(b.duplicates for b in books.values()),
        erased=sum(1 for _ in bus.read("erased")),
        dead=bus.count(DEAD) - len(retried),
        dead_unindexed=unindexed - sum(retry.stage == "index" for retry in retried.values()),
        lag={stage: sum(bus.lag(stage, inputs).values()) for stage, inputs in READS.items()},
        searchable_expected=sum(b.standing for b in books.values()),
    )


def _last(bus: Bus, topic: str, kind: type[W]) -> dict[str, W]:
    """The last record of each key; one that is replaced while the topic is read may come twice."""
    return {record.key: decode(record.value, kind) for record in bus.read(topic)}


def _unmoved(count: Callable[[], T]) -> T:
    """What is counted twice alike, at once: a record that moves on meanwhile may be counted in neither place, or in both."""
    for _ in range(_TRIES):
        before, after = count(), count()
        if before == after:
            break
        time.sleep(_PAUSE)
    return after


def retained(report: Report, bus: Bus, settings: Settings, now: datetime) -> Report:
    """The report with what is known of retention: whether it is looked after, how lately, and what is amiss."""
    kept = erase.receipts(bus)
    looked, problems = erase.looked(kept), []
    nightly = f"erased each night at {settings.keep.erase_hour}:00 UTC" if settings.keep.erase_nightly else "erased on command only"
    if settings.keep.erase_nightly and looked is not None and now - looked >= _OVERDUE:
        problems.append(f"what is past its retention was last looked for {looked:%Y-%m-%d}: {_REMEDY}")
    cut_short = [one for one in kept if not one.is_complete and now - one.at >= _UNFINISHED]
    problems += [f"the erasure of {one.at:%Y-%m-%d %H:%M} has not finished: `fjaril run` finishes it within the hour" for one in cut_short]
    try:
        sources = load_sources(settings.sources)
        if settings.keep.erase_nightly and looked is None:
            overdue = len(erase.past_retention(bus, limited(sources, settings.keep), now - _OVERDUE))
            problems += [f"{overdue} items are past their retention, and nobody has ever looked: {_REMEDY}"] if overdue else []
        slips = unstated(sources, settings.keep)
        problems += [f"keep.purposes.{slip}: no source of {settings.sources} states this purpose" for slip in slips]
    except SettingsError as error:
        problems.append(str(error))
    line = f"{nightly}; last {f'{looked:%Y-%m-%d %H:%M}' if looked else 'never'}"
    return msgspec.structs.replace(report, retention=line, problems=[*report.problems, *problems])


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
    if report.dead_kept:
        problems.append(f"records that could not be processed: {report.dead_kept}; see `fjaril dead list`")
    return problems
