"""Counts of documents by area, theme and hour, kept beside the documents in one SQLite transaction; answers trends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import apsw

from pipeline.index.keys import counted, hour_number, hour_start
from pipeline.index.question import HOURS, check_trend
from pipeline.model import Document
from pipeline.ports import Filters, TrendBucket

SCHEMA = """
CREATE TABLE IF NOT EXISTS rollup (
  hour INTEGER NOT NULL, place TEXT NOT NULL, theme TEXT NOT NULL, documents INTEGER NOT NULL,
  PRIMARY KEY (hour, place, theme)
) WITHOUT ROWID
"""
_HOUR = timedelta(hours=1)

#: (hour, area, theme): one cell of the rollup.
Cell = tuple[int, str, str]


def cells(document: Document) -> Iterator[Cell]:
    """The cells in which the document counts once each; none if it is withdrawn."""
    if document.withdrawn:
        return
    hour = hour_number(document.published)
    for place, theme in counted(document):
        yield hour, place, theme


def apply(connection: apsw.Connection, changes: Mapping[Cell, int]) -> None:
    """Add the changes to the stored counts, in the connection's transaction."""
    rows = [(*cell, change) for cell, change in sorted(changes.items()) if change]
    connection.executemany(
        "INSERT INTO rollup VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET documents = documents + excluded.documents", rows
    )
    lowered = [row[:3] for row in rows if row[3] < 0]
    connection.executemany("DELETE FROM rollup WHERE hour = ? AND place = ? AND theme = ? AND documents = 0", lowered)


def trend(
    connection: apsw.Connection, filters: Filters, bucket: Literal["hour", "day", "week"], by: Sequence[Literal["place", "theme"]]
) -> tuple[TrendBucket, ...]:
    """See :meth:`pipeline.ports.Index.trend`."""
    check_trend(filters, bucket, by)
    where, values = _where(filters)
    place, theme = ("place" if "place" in by else "''"), ("theme" if "theme" in by else "''")
    step = HOURS[bucket]
    sql = (  # every part is one of the constants above; what the user gave is bound
        f"SELECT hour / {step} * {step}, {place}, {theme}, sum(documents) FROM rollup WHERE {where} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"  # noqa: S608
    )
    return tuple(
        TrendBucket(start=hour_start(start), place=where_, theme=what, count=count)
        for start, where_, what, count in connection.execute(sql, values)
    )


def _where(filters: Filters) -> tuple[str, list[str | int]]:
    parts: list[str] = ["1"]
    values: list[str | int] = []
    if filters.places:
        # The first two digits are the county; the code of a country abroad is found as itself.
        parts.append(_any_of(len(filters.places), "place = ? OR (length(place) = 4 AND substr(place, 1, 2) = ?)"))
        values += [code for code in filters.places for _ in range(2)]
    if filters.themes:
        parts.append(_any_of(len(filters.themes), "theme = ? OR substr(theme, 1, length(?) + 1) = ? || '.'"))
        values += [theme for theme in filters.themes for _ in range(3)]
    if filters.since is not None:
        parts.append("hour >= ?")
        values.append(hour_number(filters.since))
    if filters.until is not None:
        parts.append("hour < ?")
        values.append(_hours_before(filters.until))
    return " AND ".join(parts), values


def _any_of(times: int, condition: str) -> str:
    return "(" + " OR ".join([condition] * times) + ")"


def _hours_before(until: datetime) -> int:
    """The first hour of which no part is before ``until``."""
    number = hour_number(until)
    return number if hour_start(number) == until else number + 1


def change(counts: Counter[Cell], before: Sequence[Document], after: Sequence[Document]) -> None:
    """Add to ``counts`` what they change by when ``before`` are replaced by ``after``."""
    for documents, one in ((after, 1), (before, -1)):
        for document in documents:
            for cell in cells(document):
                counts[cell] += one
