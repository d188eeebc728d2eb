"""A small invented year: quiet places, and one thing that spreads among them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from enrich.spread.model import Event, Link

START = datetime(2025, 3, 1, tzinfo=UTC)
#: Codes of invented municipalities, five in each of forty counties; the first forty are each in a county of its own.
PLACES = tuple(f"{county:02d}{number}" for number in range(80, 85) for county in range(1, 41))


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def event(id_: str, hours: float, place: str | None, *links: Link | str, theme: str = "fire") -> Event:
    """An event so many hours after the start; a link may be given by its target's id."""
    made = tuple(link if isinstance(link, Link) else Link(to=link) for link in links)
    return Event(id=id_, time=at(hours), place=place, theme=theme, links=made)


def quiet(days: int = 120, seed: int = 1, each: float = 0.02) -> list[Event]:
    """``each`` events a day, place and theme, of two themes, one in twenty with a link by chance to an earlier one."""
    chance = random.Random(seed)
    events: list[Event] = []
    for theme in ("fire", "theft"):
        own = sorted((chance.uniform(0, days * 24), place) for place in PLACES for _ in range(round(days * each + chance.random())))
        made: list[Event] = []
        for n, (hours, place) in enumerate(own):
            near = [other for other in made if (at(hours) - other.time) < timedelta(hours=120)]
            links = (chance.choice(near).id,) if near and chance.random() < 0.05 else ()
            made.append(event(f"{theme}{n}", hours, place, *links, theme=theme))
        events += made
    return sorted(events, key=lambda e: e.time)


def cascade(hours: float = 1000.0, prefix: str = "c") -> list[Event]:
    """A root and eight places that follow within three days, all linked to it."""
    lags = (6.0, 9.0, 14.0, 20.0, 27.0, 35.0, 44.0, 54.0)
    root = event(f"{prefix}0", hours, PLACES[0])
    return [root, *(event(f"{prefix}{n}", hours + lag, PLACES[n * 3], f"{prefix}0") for n, lag in enumerate(lags, 1))]
