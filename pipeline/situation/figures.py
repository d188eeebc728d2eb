"""Key figures, trends and the map's counts: observed against what would come anyway."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from enrich.gazetteer import Gazetteer
from enrich.spread.usual import KNOWN, Expected, Usual, ordinary, ratio
from pipeline.model import municipality_of
from pipeline.situation.history import Happened
from pipeline.situation.model import Day, Figure, Spot, Trend
from pipeline.situation.period import day_of, midnight
from pipeline.situation.privacy import group, is_told

#: By what of its square the rate of a day or more varies beside chance: with it 95 % of the stretches of the recorded notices lie within
#: :func:`~enrich.spread.usual.ordinary` (docs/lagesbild.md).
VARIES = 0.1
#: A ratio whose interval goes beyond this says nothing, and is not said.
_NOTHING = 100
_HOUR = timedelta(hours=1)


class Baseline:
    """What is usual in an area, from what came before the period alone.

    :param usual: of (place, group of themes), what came before.
    """

    def __init__(self, usual: Usual[tuple[str, str]], since: datetime, until: datetime, places: Collection[str]) -> None:
        self._usual, self._since, self._places = usual, since, places
        #: Half a period more must have been seen before it is known what a period has.
        self._is_known = usual.first is not None and since - usual.first >= max(KNOWN, (until - since) / 2)

    def expected(self, theme: str, start: datetime, end: datetime) -> Expected | None:
        """Of a group between two times; None before it is known what is usual."""
        hours = round((end - start) / _HOUR)
        if not self._is_known or not hours:
            return None
        keys = ((place, theme) for place in self._places)
        found = self._usual.together(keys, end - timedelta(microseconds=1), hours * _HOUR, self._since)
        return found._replace(varies=VARIES)


def figures(
    inside: Sequence[Happened], themes: Collection[str], baseline: Baseline, since: datetime, until: datetime
) -> tuple[Figure, ...]:
    """A figure for each group that is known or came, most first."""
    counts = Counter(group(one.theme) for one in inside)
    confirmed = Counter(group(one.theme) for one in inside if one.independent > 1)
    made = [
        _figure(theme, counts[theme], confirmed[theme], baseline.expected(theme, since, until))
        for theme in dict.fromkeys([*counts, *themes])
    ]
    shown = [figure for figure in made if figure.count != 0 or (figure.expected or 0) >= 1]
    return tuple(sorted(shown, key=lambda f: (-(f.count or 0), -(f.expected or 0), f.theme)))


def _figure(theme: str, count: int, confirmed: int, expected: Expected | None) -> Figure:
    if not is_told(theme, count):
        return Figure(theme=theme, count=None)
    if expected is None:
        return Figure(theme=theme, count=count, confirmed=confirmed)
    low, high = ordinary(expected)
    figure = Figure(theme=theme, count=count, expected=round(expected.mean, 2), low=low, high=high, confirmed=confirmed)
    times, least, most = ratio(count, expected)
    if most > _NOTHING:
        return figure
    return replace(figure, ratio=round(times, 2), ratio_low=round(least, 2), ratio_high=round(most, 2))


def trends(inside: Sequence[Happened], told: Sequence[Figure], baseline: Baseline, since: datetime, until: datetime) -> tuple[Trend, ...]:
    """Day by day, of the groups whose counts are told; a personal group only where no day of it is below the fewest."""
    days = list(_days(since, until))
    by: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for one in inside:
        by[group(one.theme)][day_of(one.time)] += 1
    shown = [figure.theme for figure in told if figure.count and all(is_told(figure.theme, n) for n in by[figure.theme].values())]
    return tuple(
        Trend(
            theme=theme,
            days=tuple(
                Day(date=day.isoformat(), count=by[theme][day], expected=_rounded(baseline.expected(theme, start, end)))
                for day, start, end in days
            ),
        )
        for theme in shown
    )


def spots(inside: Sequence[Happened], gazetteer: Gazetteer) -> tuple[Spot, ...]:
    """Occurrences by municipality; those known by their county alone have no place on the map."""
    counts = Counter(code for one in inside if (code := municipality_of(one.place)))
    found = ((gazetteer.describe(code), count) for code, count in sorted(counts.items()))
    return tuple(
        Spot(code=place.code, name=place.name, latitude=place.latitude, longitude=place.longitude, count=count)
        for place, count in found
        if place
    )


def _days(since: datetime, until: datetime) -> list[tuple[date, datetime, datetime]]:
    day, days = day_of(since), []
    while (start := midnight(day)) < until:
        days.append((day, max(start, since), min(midnight(day + timedelta(days=1)), until)))
        day += timedelta(days=1)
    return days


def _rounded(expected: Expected | None) -> float | None:
    return round(expected.mean, 2) if expected else None
