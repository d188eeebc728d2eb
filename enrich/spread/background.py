"""What would happen anyway: rates of events and of links by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enrich.spread.table import BURST, Floats, Ints, Table

#: Half widths in hours of the near and the wide window of the national rate, and hours that the wide one counts for.
_CLOSE, _WIDE, _WORTH = 12.0, 84.0, 36.0
#: Half width in hours of the window of the local link ratio, and how many events its mean over all counts for.
_LINKS, _EVENTS = 60.0, 10.0
#: A place and theme is believed to be average to this many events.
_SHRINK = 2.0
#: Hours of the day are believed to be even to this many events each.
_EVEN = 20.0
#: Events so long before a link's source could have been linked by chance, in hours.
_BEFORE = 120.0


@dataclass(frozen=True, slots=True)
class Background:
    """For each event of a table, shape (events,) each."""

    #: Expected events per hour of its place and theme at its time.
    rate: Floats
    #: Expected links by chance to one given event of the last 120 hours, over all kinds.
    link: Floats
    #: Further events of its place and theme within ``BURST`` hours after it.
    further: Ints
    #: Position in ``order`` of each event; ``order`` sorts by theme, place and time, so that further events come next.
    position: Ints
    order: Ints
    #: How much likelier an event is in each hour of the day (UTC) than on average, (24,).
    day: Floats


def background(table: Table) -> Background:
    """The background of each event.

    The rate is share x national rate x hour. Share of place B in theme k: proportional to (N_Bk + 2) / (1 + 2 / E_Bk) with E_Bk = N_B N_k / N.
    National rate: (n within 12 h + 36 h times the rate within 84 h) / 60 h, without the event itself. Source: the project's
    evaluation of detectors on simulated years.
    """
    rate, link = np.empty(len(table.t)), np.empty(len(table.t))
    places = int(table.place.max(initial=-1)) + 1
    by_place = np.bincount(table.place, minlength=places).astype(np.float64)
    hour = _hours(table.t)
    linked = np.bincount(table.source, minlength=len(table.t)).astype(np.float64)
    usual = (linked.sum() + 1) / (len(table.t) + 20)
    first, last = float(table.t.min(initial=0)), float(table.t.max(initial=1))
    for low, high in zip(table.bounds[:-1], table.bounds[1:], strict=True):
        t, place = table.t[low:high], table.place[low:high]
        own = np.bincount(place, minlength=places).astype(np.float64)
        expected = by_place * len(t) / max(len(table.t), 1)
        share = np.divide(own + _SHRINK, 1 + _SHRINK / np.maximum(expected, 1e-9))
        share /= share.sum() or 1
        close, close_hours = _within(t, _CLOSE, first, last)
        wide, wide_hours = _within(t, _WIDE, first, last)
        national = (close - 1 + _WORTH * (wide - 1) / wide_hours) / (close_hours + _WORTH)
        floor = 0.5 / (last - first + 1)
        rate[low:high] = share[place] * np.maximum(national, floor)
        near, _ = _within(t, _LINKS, first, last)
        total = np.concatenate([[0.0], np.cumsum(linked[low:high])])
        links = total[np.searchsorted(t, t + _LINKS, "right")] - total[np.searchsorted(t, t - _LINKS)] - linked[low:high]
        before = np.maximum(np.arange(len(t)) - np.searchsorted(t, t - _BEFORE), 1)
        link[low:high] = np.clip((links + _EVENTS * usual) / (near - 1 + _EVENTS) / before, 1e-5, 0.5)
    rate *= hour[(table.t % 24).astype(np.int64)]
    order = np.lexsort((table.t, table.place, table.theme))
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    return Background(rate=np.maximum(rate, 1e-9), link=link, further=_further(table, order), position=position, order=order, day=hour)


def _hours(t: Floats) -> Floats:
    """How much likelier an event is in each hour of the day (UTC) than on average, smoothed over three hours."""
    count = np.bincount((t % 24).astype(np.int64), minlength=24).astype(np.float64)
    smooth = (np.roll(count, 1) + 2 * count + np.roll(count, -1)) / 4 + _EVEN
    result: Floats = smooth / smooth.mean()
    return result


def _within(t: Floats, half: float, first: float, last: float) -> tuple[Floats, Floats]:
    """Events within ``half`` hours of each of the times ``t`` (itself too), and the hours that were looked at."""
    count = np.searchsorted(t, t + half, "right") - np.searchsorted(t, t - half)
    hours = np.minimum(t + half, last) - np.maximum(t - half, first)
    return count.astype(np.float64), np.maximum(hours, half)


def _further(table: Table, order: Ints) -> Ints:
    """Events of the same place and theme within ``BURST`` hours after each event."""
    # one key that grows with theme, place and time, so that one search answers for all
    span = float(np.ptp(table.t)) + 2 * BURST + 1 if len(table.t) else 1.0
    group = table.theme * (int(table.place.max(initial=0)) + 1) + table.place
    key = (group * span + table.t - table.t.min(initial=0))[order]
    result = np.empty(len(order), np.int64)
    result[order] = np.searchsorted(key, key + BURST, "right") - np.arange(len(order)) - 1
    return result
