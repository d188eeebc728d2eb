"""The nightly run: everything that is kept is looked at again, with as much care as there is time for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from enrich.spread.detect import detect
from enrich.spread.findings import findings
from enrich.spread.model import Event, Finding, Grade, Influence
from enrich.spread.network import network
from enrich.spread.night import Night, night
from enrich.spread.table import Geography, clean
from pipeline.model import Instant, Wire

#: From fewer events, links or days nothing is learned of how things spread: what is known before the first night stays. Chance is tried
#: within blocks of four weeks.
_EVENTS, _LINKS, _YEARS = 200, 20, 28 / 365
#: A finding is handed on up to this many false ones a year, and holds if it is among those.
SAID = 52.0


class Nightly(Wire, frozen=True, kw_only=True, tag="nightly"):
    """What a nightly run found (topic ``nights``); the last one counts."""

    at: Instant
    #: What live detection goes by until the next night; None: too little was seen.
    night: Night | None
    findings: tuple[Finding, ...] = ()
    network: tuple[Influence, ...] = ()
    events: int = 0


def run(
    events: Iterable[Event], at: datetime, geography: Geography, *, decoys: int = 200, log: Callable[[str], None] = lambda _: None
) -> Nightly:
    """Detect anew in all events, with ``decoys`` decoys."""
    known = {event.id: event for event in events}
    cleaned = clean(known.values(), geography)
    table = cleaned.table
    if len(table.t) < _EVENTS or len(table.source) < _LINKS or table.years < _YEARS:
        return Nightly(at=at, night=None, events=len(known))
    detection = detect(cleaned, decoys=decoys, log=log)
    found = [f for f in findings(detection) if f.grade is not Grade.SIMULTANEOUS and (f.kind != "spread" or f.expected_per_year <= SAID)]
    return Nightly(
        at=at, night=night(detection), findings=tuple(found), network=tuple(i for i in network(detection) if i.q <= 0.2), events=len(known)
    )
