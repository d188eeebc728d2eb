"""Small drawings of findings: arrows on the map and along time, as numbers for templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from math import atan2, cos, hypot, pi, sin

from msgspec import Struct

from pipeline.console.land import HEIGHT, WIDTH, point
from pipeline.console.pages.spread import Stop
from pipeline.situation.model import Spot

_BEND, _HEAD, _GAP = 0.12, 13.0, 10.0
_WIDTH, _ROW, _TOP, _LEFT, _RIGHT = 560, 26, 22, 10, 10


class Arrow(Struct, frozen=True):
    """A bent line and its head, as SVG paths."""

    path: str
    head: str


def arrow(start: tuple[float, float], end: tuple[float, float]) -> Arrow:
    """From one position (longitude, latitude) to another, bent to its left, so that there and back are told apart."""
    (x1, y1), (x2, y2) = point(*start), point(*end)
    mx, my = (x1 + x2) / 2 + (y2 - y1) * _BEND, (y1 + y2) / 2 - (x2 - x1) * _BEND
    angle = atan2(y2 - my, x2 - mx)
    length = hypot(x2 - mx, y2 - my) or 1.0
    tip = min(_GAP, length / 2)
    tx, ty = x2 - tip * cos(angle), y2 - tip * sin(angle)
    bx, by = tx - _HEAD * cos(angle), ty - _HEAD * sin(angle)
    wings = [(tx - _HEAD * cos(angle + turn), ty - _HEAD * sin(angle + turn)) for turn in (pi / 7, -pi / 7)]
    head = f"M{tx:.1f} {ty:.1f}L{wings[0][0]:.1f} {wings[0][1]:.1f}L{wings[1][0]:.1f} {wings[1][1]:.1f}z"
    return Arrow(f"M{x1:.1f} {y1:.1f}Q{mx:.1f} {my:.1f} {bx:.1f} {by:.1f}", head)


class Tick(Struct, frozen=True):
    """A midnight, or another round hour."""

    x: float
    label: str
    anchor: str


class Dot(Struct, frozen=True):
    """An event."""

    x: float
    y: float
    label: str
    #: Where the label stands from it: right above, or left below, where no line goes.
    dx: float
    dy: float
    anchor: str


class Line(Struct, frozen=True):
    """From a cause to what follows it."""

    x1: float
    y1: float
    x2: float
    y2: float


class Timeline(Struct, frozen=True):
    """Events from left to right, each place on a row of its own."""

    height: int
    ticks: tuple[Tick, ...]
    dots: tuple[Dot, ...]
    arrows: tuple[Line, ...]


def timeline(stops: Sequence[Stop], local: timedelta = timedelta(0)) -> Timeline:
    """The events along time.

    :param local: what clocks here are before UTC.
    """
    first, last = min(stop.time for stop in stops), max(stop.time for stop in stops)
    span = max(last - first, timedelta(hours=1))
    rows = {place: number for number, place in enumerate(dict.fromkeys(stop.place.id for stop in stops))}

    def x(moment: datetime) -> float:
        return round(_LEFT + (moment - first) / span * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(stop: Stop) -> float:
        return _TOP + _ROW * rows[stop.place.id]

    at = {stop.number: (x(stop.time), y(stop)) for stop in stops}
    dots, named = [], set[str]()
    for stop in stops:
        left, top = at[stop.number]
        label = "" if stop.place.id in named else stop.place.name
        named.add(stop.place.id)
        end = left > _WIDTH * 0.6
        dots.append(Dot(left, top, label, -8 if end else 8, 15 if end else -6, "end" if end else "start"))
    arrows = tuple(Line(*at[stop.after_number], *at[stop.number]) for stop in stops if stop.after_number)
    return Timeline(_TOP + _ROW * len(rows) + 16, tuple(_ticks(first + local, span, x, local)), tuple(dots), arrows)


def _ticks(first: datetime, span: timedelta, x: Callable[[datetime], float], local: timedelta) -> Iterator[Tick]:
    days = max(1, round(span / timedelta(days=5)))
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    number = 0
    while number < 12 and (moment := midnight + timedelta(days=1 + days * number)) <= first + span:
        left = x(moment - local)
        yield Tick(left, f"{moment:%Y-%m-%d}", "start" if left < 40 else "end" if left > _WIDTH - 40 else "middle")
        number += 1


class Label(Struct, frozen=True):
    """Where a name stands beside its mark."""

    stop: Stop
    x: float
    y: float
    anchor: str


#: Of a label on the map: its height, what a letter takes, and how far it stands from its mark.
_TALL, _LETTER, _BESIDE = 22.0, 10.5, 13.0


def labels(stops: Sequence[Stop]) -> list[Label]:
    """A label for each stop that has a position, beside its mark where it covers no other label or mark: right, left, above, below."""
    placed = [(stop, point(*stop.position)) for stop in stops if stop.position]
    taken = [(x - 8, y - 8, x + 8, y + 8) for _, (x, y) in placed]
    made = []
    for stop, (x, y) in placed:
        wide = _LETTER * (len(stop.place.name) + 2)
        tries = [
            (x + _BESIDE, y + 7, "start", x + _BESIDE), (x - _BESIDE, y + 7, "end", x - _BESIDE - wide),
            (x, y - 14, "middle", x - wide / 2), (x, y + 28, "middle", x - wide / 2),
        ]  # fmt: skip
        boxes = [(left, top - _TALL * 0.8, left + wide, top + _TALL * 0.2) for _, top, _, left in tries]
        number = min(range(len(tries)), key=lambda one: (sum(_meet(boxes[one], box) for box in taken) + _sticks_out(boxes[one]), one))
        taken.append(boxes[number])
        made.append(Label(stop, round(tries[number][0], 1), round(tries[number][1], 1), tries[number][2]))
    return made


class SpotName(Struct, frozen=True):
    """A municipality's name and count on its map."""

    x: float
    y: float
    text: str


def spot_names(spots: Sequence[Spot], tall: float) -> list[SpotName]:
    """The names of those with most, each where it covers no other.

    :param tall: height of a letter, in units of the map.
    """
    taken: list[_Box] = []
    made = []
    for spot in sorted(spots, key=lambda one: (-one.count, one.code)):
        (x, y), text = point(spot.longitude, spot.latitude), f"{spot.name} {spot.count}"
        wide = tall * _LETTER / _TALL * len(text)
        boxes = [(x - wide, top - tall, x + wide, top) for top in (y, y + tall, y - tall)]
        free = next((box for box in boxes if not any(_meet(box, other) for other in taken)), None)
        if free:
            taken.append(free)
            made.append(SpotName(x, round(free[3], 1), text))
    return made


_Box = tuple[float, float, float, float]


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _sticks_out(box: _Box) -> int:
    """Worse than covering anything: it could not be read."""
    return 100 * (box[0] < 0 or box[2] > WIDTH or box[1] < 0 or box[3] > HEIGHT)
