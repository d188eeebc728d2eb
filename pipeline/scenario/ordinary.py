"""The ordinary days: occurrences drawn with a fixed seed, each told by the police and at times by an outlet and a post."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pipeline.scenario.data import END, START, ZONE, Form, Kind, Municipality, Written, channels, everyday, municipalities, ordinary

SEED = 20260302
#: Police notices a day: drawn from this range.
NOTICES = (25, 31)
#: Share of occurrences that an outlet covering the place writes about, and that someone posts about.
COVERED, POSTED = 0.5, 0.45
#: Longest summary of a police notice, in characters.
SUMMARY = 140
#: Hours of the day and their weights, by the name that a kind gives.
HOURS = {
    "alla": [1] * 24,
    "dag": [0] * 6 + [2, 4, 4, 3, 3, 3, 3, 3, 4, 5, 5, 4, 3, 2, 1, 1, 1, 0],
    "kvall": [4, 3, 2, 1] + [0] * 8 + [1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 6, 5],
    "natt": [4, 5, 5, 5, 4, 3, 2, 2, 1] + [0] * 10 + [1, 1, 2, 3, 4],
}
WEEKDAYS = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_POSTS = ("demo-flode-torget", "demo-flode-anslag")


def written() -> list[Written]:
    """The generated items; the same ones each time, and no two with the same text."""
    rng = random.Random(SEED)  # noqa: S311 - a repeatable draw, nothing secret
    used: set[str] = set()
    items: list[Written] = []
    for day in range((END - START).days):
        for _ in range(rng.randint(*NOTICES)):
            items += _occurrence(rng, day, used, len(items))
    for form in everyday().forms:
        items += _form(rng, form, used)
    return [item for item in items if item.text and item.at < _local(END)]


def _occurrence(rng: random.Random, day: int, used: set[str], number: int) -> Iterator[Written]:
    data = ordinary()
    kind = rng.choices(data.kinds, [kind.weight for kind in data.kinds])[0]
    hour = rng.choices(range(24), HOURS[kind.hours])[0]
    happened = START + timedelta(days=day, hours=hour, minutes=rng.randrange(60))
    place = rng.choice(list(municipalities().values()))
    facts = _facts(rng, place, happened)
    yield Written(
        key=f"polisen-{number:04}",
        source="demo-polisen",
        at=_local(happened + timedelta(minutes=rng.randint(8, 50))),
        happened=_local(happened),
        place=place.code,
        type=kind.type,
        text=_unused(rng, [kind.police], facts, used, SUMMARY),
    )
    yield from _told(rng, kind, place, happened, facts, used, number)


def _told(
    rng: random.Random, kind: Kind, place: Municipality, happened: datetime, facts: dict[str, str], used: set[str], number: int
) -> Iterator[Written]:
    """What an outlet and a post say of the same occurrence, in their own words."""
    outlet = next((channel for channel in channels().values() if place.code in channel.covers), None)
    if outlet and rng.random() < COVERED:
        yield Written(
            key=f"{outlet.id.rsplit('-', 1)[1]}-{number:04}",
            source=outlet.id,
            at=_local(happened + timedelta(minutes=rng.randint(70, 420))),
            place=place.code,
            title=_fill(rng, rng.choice(kind.title), facts),
            text=_unused(rng, kind.text, facts, used),
        )
    if kind.social and rng.random() < POSTED:
        source = rng.choice(_POSTS)
        yield Written(
            key=f"{source.rsplit('-', 1)[1]}-{number:04}",
            source=source,
            at=_local(happened + timedelta(minutes=rng.randint(3, 120))),
            place=place.code,
            text=_unused(rng, [kind.social], facts, used),
        )


def _form(rng: random.Random, form: Form, used: set[str]) -> Iterator[Written]:
    """The posts of a service, one every so many hours until it stops."""
    places = [place for code, place in municipalities().items() if not form.places or code in form.places]
    at, number = START + timedelta(minutes=rng.randint(20, 50)), 0
    while _local(at) < form.until:
        place = rng.choice(places)
        facts = _facts(rng, place, at)
        yield Written(
            key=f"{form.source.rsplit('-', 1)[1]}-{number:04}",
            source=form.source,
            at=_local(at),
            place=place.code,
            title=_fill(rng, rng.choice(form.titles), facts),
            text=_unused(rng, form.text, facts, used),
        )
        at += timedelta(hours=form.every, minutes=rng.randint(-90, 90))
        number += 1


def _facts(rng: random.Random, place: Municipality, happened: datetime) -> dict[str, str]:
    """What the sentences of one occurrence share, by the name of their slot."""
    data = ordinary()
    number = str(rng.randint(6, 24))
    facts = {
        "place": place.name,
        "omr": rng.choice(place.areas),
        "vag": rng.choice(place.roads),
        "gata": rng.choice(data.streets),
        "spot": rng.choice(data.spots),
        "fordon": rng.choice(data.vehicles),
        "gods": rng.choice(data.goods),
        "antal": rng.choice(("två", "tre", "fyra")),
        "alder": f"{rng.randrange(20, 75, 5)}-årsåldern",
        "belopp": f"{rng.randint(2, 90)} 000",
        "grader": str(rng.randint(-14, -2)).replace("-", "minus "),
        "hot": rng.choice(everyday().hazards),
        "kl": happened.astimezone(ZONE).strftime("%H.%M"),
        "nar": _when(happened),
        "n": number,
        "N": number,
    }
    return facts | {name.capitalize(): facts[name].capitalize() for name in ("nar", "antal", "gods", "fordon")}


def _when(happened: datetime) -> str:
    """``under måndagskvällen`` or ``natten till tisdagen``."""
    local = happened.astimezone(ZONE)
    day = WEEKDAYS[local.weekday()]
    if local.hour < 5:
        return f"natten till {day}en"
    part = next(name for end, name in ((9, "morgonen"), (12, "förmiddagen"), (17, "eftermiddagen"), (24, "kvällen")) if local.hour < end)
    return f"under {day}s{part}"


def _unused(rng: random.Random, groups: Sequence[tuple[str, ...]], facts: dict[str, str], used: set[str], limit: int = 2000) -> str:
    """One sentence from each group, filled: short enough and never said before; empty if some draws give nothing new."""
    for _ in range(60):
        text = " ".join(_fill(rng, rng.choice(group), facts) for group in groups)
        if len(text) <= limit and text.lower() not in used:
            used.add(text.lower())
            return text
    return ""


def _fill(rng: random.Random, sentence: str, facts: dict[str, str]) -> str:
    """The sentence with its choices taken and its slots filled, its first letter as written."""
    return _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), sentence).format_map(facts)


def _local(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
