"""What has been said of findings, and what is to be said now: stable ids, versions, history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from enrich.spread.model import BY_NIGHT, DID_NOT_HOLD, HELD, WITHDRAWN, Finding, Version
from pipeline.model import fingerprint

#: A change of score that is worth a new version.
_WORTH_SAYING = 0.5
#: Versions that a history keeps, the first and the latest.
_HISTORY = 50


class Episode(Struct, frozen=True, kw_only=True):
    """An episode as it is now, before anything is said of it."""

    #: Ids of the events in the order of time, the root's first.
    events: tuple[str, ...]
    score: float


@lru_cache(maxsize=4096)
def finding_id(root: str) -> str:
    """The id of the finding that began with an event."""
    return fingerprint("spread", root)[:16]


class Telling:
    """Findings that have been said and may still change, by theme."""

    def __init__(self) -> None:
        self._said: defaultdict[str, dict[str, Finding]] = defaultdict(dict)
        #: What a nightly run alone has found, by id.
        self._by_night: dict[str, Finding] = {}

    @property
    def findings(self) -> list[Finding]:
        """What is said now, strongest first."""
        return sorted((finding for said in self._said.values() for finding in said.values()), key=lambda finding: -finding.score)

    def close(self, theme: str, before: datetime) -> None:
        """Let go of findings that began earlier: they stay as they were said."""
        said = self._said[theme]
        for id_ in [id_ for id_, finding in said.items() if finding.times[0] < before]:
            del said[id_]
        self._by_night = {id_: finding for id_, finding in self._by_night.items() if finding.times[0] >= before}

    def resume(self, finding: Finding) -> None:
        """Go on from what was said before a restart; the last version of an id counts."""
        said = self._said[finding.theme]
        said.pop(finding.id, None)
        self._by_night.pop(finding.id, None)
        if finding.history and finding.history[-1].reason == BY_NIGHT:
            self._by_night[finding.id] = finding
        elif not finding.is_withdrawn:
            said[finding.id] = finding

    def judge(self, found: Sequence[Finding], at: datetime, since: datetime) -> list[Finding]:
        """Mark what was said by whether a nightly run found it too, and say what it alone has found, of what began ``since``.

        Only a verdict that is another one than before is said.
        """
        changed, known = [], set[str]()
        for said in self._said.values():
            for id_, old in said.items():
                same = next((one for one in found if _is_same(old, one)), None)
                known |= {same.root} if same else set()
                verdict = HELD if same else DID_NOT_HOLD
                if old.verdict != verdict:
                    judged = (
                        replace(old, expected_per_year=same.expected_per_year, q=same.q, power=same.power) if same else replace(old, q=1.0)
                    )
                    said[id_] = _next(judged, old, verdict, at)
                    changed.append(said[id_])
        for one in found:
            before = self._by_night.get(one.id)
            if one.kind == "spread" and one.root not in known and one.times[0] >= since and (before is None or before.events != one.events):
                self._by_night[one.id] = _next(one, before, BY_NIGHT, at)
                changed.append(self._by_night[one.id])
        return changed

    def tell(self, theme: str, now: Iterable[Episode], make: Callable[[int], Finding], at: datetime, reason: str) -> list[Finding]:
        """What is new or has changed.

        A finding keeps its id when it grows, and when an earlier root is found for its events.

        :param now: the episodes that are strong enough to be said, the strongest first.
        :param make: the finding of the n-th of them, without id, version and history.
        :param reason: why something may have changed: ``grew``, ``revised`` or ``withdrawn``.
        """
        said = self._said[theme]
        left, changed = dict(said), []
        episodes = list(now)
        roots = {finding_id(episode.events[0]) for episode in episodes}
        for n, episode in enumerate(episodes):
            id_ = finding_id(episode.events[0])
            if id_ not in left:
                id_ = _successor(episode, [old for old in left.values() if old.id not in roots]) or id_
            old = left.pop(id_, None) or self._by_night.pop(id_, None)
            if old is not None and old.events == episode.events and abs(old.score - episode.score) < _WORTH_SAYING:
                continue
            why = "found" if old is None else "grew" if len(episode.events) > len(old.events) else reason
            said[id_] = _next(replace(make(n), id=id_), old, why, at)
            changed.append(said[id_])
        for id_, old in left.items():
            del said[id_]
            changed.append(_next(replace(old, score=0.0, q=1.0), old, WITHDRAWN, at))
        return changed


def _is_same(said: Finding, found: Finding) -> bool:
    """Whether both say the same: the same root, or half of the events of what was said."""
    shared = len(set(said.events) & set(found.events))
    return found.kind == "spread" and (said.root == found.root or 2 * shared >= len(said.events))


def _successor(episode: Episode, vanished: list[Finding]) -> str | None:
    """The vanished finding that most of its events are in this episode."""
    shared = [(len(set(old.events) & set(episode.events)), old) for old in vanished]
    best = max(shared, key=lambda pair: (pair[0], pair[1].score), default=None)
    return best[1].id if best is not None and best[0] * 2 >= len(best[1].events) else None


def _next(finding: Finding, old: Finding | None, reason: str, at: datetime) -> Finding:
    version = 1 if old is None else old.version + 1
    line = Version(
        version=version, at=at, score=finding.score, places=len(finding.places), expected_per_year=finding.expected_per_year, reason=reason
    )
    history = (*(old.history if old else ()), line)
    if len(history) > _HISTORY:
        history = (history[0], *history[-_HISTORY + 1 :])
    return replace(finding, version=version, history=history)
