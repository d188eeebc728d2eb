"""The protests of 2017–2018 in the United States as occurrences: a place and a day each, without any link."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

from enrich.spread.model import Event, Occurrence, Sighting


def occurrences(file: Path) -> list[Occurrence]:
    """In the order of time; those of a day half a minute apart, around noon."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: (row["date"], row["city_st"]))
    made = []
    for n, row in enumerate(rows):
        when = datetime.fromisoformat(row["date"]).replace(hour=12, tzinfo=UTC) + timedelta(seconds=30 * (n % 100))
        event = Event(id=f"p{n}", time=when, place=row["city_st"], theme="protest")
        sighting = Sighting(document=event.id, time=when, source="count", place=event.place, theme=event.theme)
        made.append(Occurrence(event=event, sightings=(sighting,)))
    return sorted(made, key=lambda one: one.event.time)
