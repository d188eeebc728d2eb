"""Findings: which hold, in which order, and the sources that nothing can be said from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from enrich.spread.model import DID_NOT_HOLD, Finding
from pipeline.errors import UsageError
from pipeline.health import is_silent
from pipeline.model import SourceState

_KINDS = ("spread", "surge", "burst", "common source", "simultaneous")


class BlindSpot(Struct, frozen=True, kw_only=True):
    """A source that nothing can be said from, or an area that no other source tells of: it is not calm there, it is not seen."""

    kind: Literal["failing", "silent", "area"]
    #: Id of the source; empty for an area.
    source: str = ""
    #: Code of the area; empty for a source.
    area: str = ""
    state: SourceState | None = None


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Those that were not withdrawn: spread first, what chance gives most seldom first."""
    standing = (finding for finding in findings if not finding.is_withdrawn)
    return sorted(standing, key=lambda f: (_KINDS.index(f.kind), f.verdict == DID_NOT_HOLD, f.expected_per_year, f.id))


def find(findings: Mapping[str, Finding], prefix: str) -> Finding:
    """The finding whose id begins so, withdrawn ones too.

    :raises UsageError: if there is none, or several.
    """
    found = [finding for id_, finding in findings.items() if id_.startswith(prefix)]
    if len(found) != 1:
        what = f"{len(found)} findings begin so; give more of it" if found else "there is no such finding; `fjaril spread` lists them"
        raise UsageError(f"spread show: found {prefix!r}; {what}")
    return found[0]


def silent(states: Sequence[SourceState]) -> list[SourceState]:
    """The sources that had given nothing new for longer than their own rhythm when the last of all was asked."""
    latest = max((state.checked for state in states), default=None)
    return [state for state in states if latest and is_silent(state, latest)]


def blind_spots(states: Sequence[SourceState], areas: Mapping[str, str]) -> list[BlindSpot]:
    """Sources that do not work or have been silent, then the areas that no other source tells of: nothing is known there.

    :param areas: code of the area that each source tells of.
    """
    quiet = {state.source for state in silent(states)}
    spots: list[BlindSpot] = []
    working = set()
    for state in sorted(states, key=lambda state: state.source):
        if state.health.is_failure:
            spots.append(BlindSpot(kind="failing", source=state.source, state=state))
        elif state.source in quiet:
            spots.append(BlindSpot(kind="silent", source=state.source, state=state))
        else:
            working.add(areas.get(state.source))
    asked = {areas[state.source] for state in states if state.source in areas}
    return spots + [BlindSpot(kind="area", area=area) for area in sorted(asked - working)]
