"""What changed since the version before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from pipeline.situation.model import BlindLine, Change, Section, Situation, SpreadLine, StoryLine
from pipeline.situation.period import day_of


def changes(before: Situation, now: Situation) -> tuple[Change, ...]:
    """What is new, gone, more or fewer. Counts are compared where both are told, and the periods have as many days.

    A story or finding that the period has left behind is no change.
    """
    first = day_of(now.since).isoformat()
    return (
        *_figures(before, now),
        *_lines(Section.STORIES, _told(one for one in before.stories if one.last >= first), _told(now.stories)),
        *_lines(Section.SPREAD, _told(one for one in before.spread if one.began >= now.since), _told(now.spread)),
        *_lines(Section.BLIND, _unseen(before.blind), _unseen(now.blind)),
    )


def _figures(before: Situation, now: Situation) -> Iterator[Change]:
    if _days(before) != _days(now):
        return
    old = {figure.theme: figure.count for figure in before.figures}
    for figure in now.figures:
        was, count = old.get(figure.theme, 0), figure.count
        if was is not None and count is not None and was != count:
            yield Change(section=Section.FIGURES, kind="more" if count > was else "fewer", what=figure.theme, before=was, after=count)


def _lines(section: Section, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    yield from (Change(section=section, kind="new", what=what) for id_, what in now.items() if id_ not in before)
    yield from (Change(section=section, kind="gone", what=what) for id_, what in before.items() if id_ not in now)


def _told(lines: Iterable[StoryLine | SpreadLine]) -> dict[str, str]:
    """Id → theme and the first places, as ``fire|Umeå, Luleå``."""
    return {line.id: f"{line.theme}|{', '.join(line.places[:3])}" for line in lines}


def _unseen(lines: Iterable[BlindLine]) -> dict[str, str]:
    return {f"{line.kind} {line.what}": line.what for line in lines}


def _days(situation: Situation) -> int:
    return round((situation.until - situation.since) / timedelta(days=1) + 0.5)
