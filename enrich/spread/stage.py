"""The stage ``spread``: related documents become events, and events findings, as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from enrich.spread.live import Live
from enrich.spread.model import Finding, Occurrence
from enrich.spread.night import first_night
from enrich.spread.nightly import Nightly
from enrich.spread.occurrences import KEPT, Occurrences
from enrich.spread.sightings import BELIEVED
from enrich.spread.surges import Surges
from enrich.spread.table import Geography
from pipeline.dead import dead_record
from pipeline.errors import WireError
from pipeline.model import Document, decode, encode
from pipeline.ports import Delivered, Reading, Record

#: What is kept of the past beside the window, for documents that come late.
_LATE = timedelta(days=1)


class Spread:
    """Reads ``related`` and ``nights``; writes what happened to ``events`` and what it makes of it to ``findings``.

    Its state is folded back from those. Time is that of the records.
    """

    name = "spread"
    inputs = ("related", "nights")

    def __init__(self, geography: Geography | None = None) -> None:
        self._geography = geography or Geography()
        self._begin()

    def _begin(self) -> None:
        self._occurrences, self._surges = Occurrences(), Surges()
        self._nightly: Nightly | None = None
        self._live = self._fresh()
        #: What was told of events in the window, in order: what a new night is begun with.
        self._log: deque[tuple[datetime, Occurrence]] = deque()

    def _fresh(self) -> Live:
        learned = self._nightly.night if self._nightly else None
        return Live(learned or first_night(BELIEVED, tied=self._geography.tied), self._geography)

    def restore(self, read: Reading) -> None:
        """Fold back the last night, the events of the window, and what was said of them."""
        self._begin()
        for delivered in read("nights"):
            self._nightly = decode(delivered.value, Nightly)
        self._live = self._fresh()
        since = self._nightly.at - KEPT - _LATE if self._nightly else None
        for delivered in read("events", since):
            occurrence = decode(delivered.value, Occurrence)
            self._occurrences.restore(occurrence)
            self._log.append((delivered.timestamp, occurrence))
            self._tell(occurrence)
        self._live.resume(decode(delivered.value, Finding) for delivered in read("findings", since))

    def process(self, records: Sequence[Delivered]) -> list[Record]:
        """The events that each record makes or changes, then the findings that these make or change."""
        outputs: list[Record] = []
        for delivered in records:
            if delivered.value:
                outputs += self._night(delivered) if delivered.topic == "nights" else self._document(delivered)
        return outputs

    def _document(self, delivered: Delivered) -> list[Record]:
        try:
            document = decode(delivered.value, Document)
        except WireError:
            return []  # the index makes a dead letter of it: one is enough
        outputs: list[Record] = []
        for occurrence in self._occurrences.put(document):
            outputs.append(Record(topic="events", key=occurrence.event.id, timestamp=delivered.timestamp, value=encode(occurrence)))
            self._log.append((delivered.timestamp, occurrence))
            while self._log[0][0] < delivered.timestamp - KEPT - _LATE:
                self._log.popleft()
            outputs += _records(self._tell(occurrence), delivered.timestamp)
        return outputs

    def _tell(self, occurrence: Occurrence) -> list[Finding]:
        event = occurrence.event
        if not occurrence.is_withdrawn:
            return [*self._live.put(event), *self._surges.put(occurrence)]
        self._surges.remove(event.id)
        return self._live.withdraw(event.id)

    def _night(self, delivered: Delivered) -> list[Record]:
        """Go on with what the night has learned; what was said before is marked by whether it held."""
        try:
            self._nightly = decode(delivered.value, Nightly)
        except WireError as error:
            return [dead_record(self.name, str(error), delivered)]
        if self._nightly.night is None:
            return []
        before, self._live = self._live, self._fresh()
        for _, occurrence in self._log:
            if occurrence.is_withdrawn:
                self._live.withdraw(occurrence.event.id)
            else:
                self._live.put(occurrence.event)
        self._live.succeed(before)
        return _records(self._live.judge(self._nightly.findings, self._nightly.at), delivered.timestamp)


def _records(findings: Iterable[Finding], moment: datetime) -> list[Record]:
    return [Record(topic="findings", key=finding.id, timestamp=moment, value=encode(finding)) for finding in findings]
