"""What people add to pictures: assessments, markings, versions that are kept, and who signed them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from enrich.redaction import redact
from pipeline.access.roles import Principal
from pipeline.errors import UsageError
from pipeline.situation.changes import changes
from pipeline.situation.model import Assessment, Marking, Section, Sharing, SignOff, Situation
from pipeline.sqlite import Database

#: Characters of an assessment.
_LONGEST = 10_000
_SCHEMA = """
CREATE TABLE assessments(
  id INTEGER PRIMARY KEY, area TEXT NOT NULL, at REAL NOT NULL, who TEXT NOT NULL, agency TEXT NOT NULL, text TEXT NOT NULL,
  sharing TEXT NOT NULL
) STRICT;
CREATE INDEX assessments_by_area ON assessments(area, at);
CREATE TABLE markings(area TEXT NOT NULL, section TEXT NOT NULL, sharing TEXT NOT NULL, PRIMARY KEY(area, section)) STRICT;
CREATE TABLE versions(
  area TEXT NOT NULL, number INTEGER NOT NULL, picture TEXT NOT NULL, PRIMARY KEY(area, number)
) STRICT;
"""


class SituationStore:
    """The file that they stand in."""

    def __init__(self, path: Path) -> None:
        """:raises FjarilError: if it cannot be opened."""
        self._database = Database(path, _SCHEMA)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    # --- by people

    def assess(self, area: str, who: Principal, text: str, sharing: Sharing, now: datetime) -> Assessment:
        """Keep what somebody writes of an area, without personal numbers, telephone numbers and addresses.

        :raises UsageError: if it is empty or too long, or is shared with agencies that are not named.
        """
        _check(sharing)
        kept = redact(text.strip()).text
        if not 0 < len(kept) <= _LONGEST:
            raise UsageError(f"assessment: found {len(kept)} characters; write 1 to {_LONGEST}")
        values = (area, now.timestamp(), who.name, who.agency, kept, _text(sharing))
        rows = self._database.rows(
            "INSERT INTO assessments(area, at, who, agency, text, sharing) VALUES (?, ?, ?, ?, ?, ?) RETURNING id", values
        )
        return Assessment(id=rows[0][0], at=now, who=who.name, agency=who.agency, text=kept, sharing=sharing)

    def withdraw(self, assessment: int) -> None:
        """Remove an assessment, also from what is shown of versions that were kept.

        :raises UsageError: if there is none.
        """
        if not self._database.rows("DELETE FROM assessments WHERE id = ? RETURNING id", (assessment,)):
            raise UsageError(f"assessment: there is none with number {assessment}")

    def mark(self, area: str, section: Section, sharing: Sharing) -> None:
        """Say who may see a section of an area, from now on.

        :raises UsageError: if it is shared with agencies that are not named.
        """
        _check(sharing)
        self._database.rows("INSERT OR REPLACE INTO markings VALUES (?, ?, ?)", (area, section.value, _text(sharing)))

    def sign(self, situation: Situation, who: Principal, now: datetime) -> Situation:
        """Keep the picture as a version that somebody answers for."""
        return self._keep(replace(situation, signed=SignOff(at=now, who=who.name, agency=who.agency)))

    # --- pictures

    def complete(self, situation: Situation) -> Situation:
        """The picture with assessments since it begins, markings, its number, and what changed since the last version kept before it."""
        last = self.last(situation.area.code, situation.made)
        return replace(
            situation,
            version=last.version + 1 if last else 1,
            assessments=self._assessments(situation),
            sharing=self._markings(situation.area.code),
            changes=changes(last, situation) if last else None,
        )

    def keep(self, situation: Situation) -> Situation:
        """Keep the picture as a version nobody has signed."""
        return self._keep(situation)

    def last(self, area: str, before: datetime | None = None) -> Situation | None:
        """The last version that was kept of an area, made before a time."""
        return next((one for one in reversed(self.versions(area)) if before is None or one.made < before), None)

    def versions(self, area: str) -> list[Situation]:
        """All versions that were kept, oldest first."""
        rows = self._database.rows("SELECT picture FROM versions WHERE area = ? ORDER BY number", (area,))
        return [msgspec.json.decode(picture, type=Situation) for (picture,) in rows]

    def forget(self, before: datetime) -> int:
        """Remove versions and assessments older than a time; returns how many."""
        with self._database.transaction():
            gone = self._database.rows("DELETE FROM assessments WHERE at < ? RETURNING id", (before.timestamp(),))
            old = self._database.rows("DELETE FROM versions WHERE json_extract(picture, '$.made') < ? RETURNING number", (_iso(before),))
        return len(gone) + len(old)

    def _keep(self, situation: Situation) -> Situation:
        with self._database.transaction():
            ((newest,),) = self._database.rows("SELECT ifnull(max(number), 0) FROM versions WHERE area = ?", (situation.area.code,))
            kept = replace(situation, version=newest + 1)
            bare = replace(kept, assessments=(), changes=None)  # an assessment that is withdrawn is gone
            self._database.rows("INSERT INTO versions VALUES (?, ?, ?)", (situation.area.code, kept.version, _text(bare)))
        return kept

    def _assessments(self, situation: Situation) -> tuple[Assessment, ...]:
        rows = self._database.rows(
            "SELECT id, at, who, agency, text, sharing FROM assessments WHERE area = ? AND at >= ? AND at <= ? ORDER BY at, id",
            (situation.area.code, situation.since.timestamp(), max(situation.made, situation.until).timestamp()),
        )
        return tuple(
            Assessment(
                id=id_,
                at=datetime.fromtimestamp(at, UTC),
                who=who,
                agency=agency,
                text=text,
                sharing=msgspec.json.decode(sharing, type=Sharing),
            )
            for id_, at, who, agency, text, sharing in rows
        )

    def _markings(self, area: str) -> dict[Section, Sharing]:
        rows = self._database.rows("SELECT section, sharing FROM markings WHERE area = ? ORDER BY section", (area,))
        return {Section(section): msgspec.json.decode(sharing, type=Sharing) for section, sharing in rows}


def _check(sharing: Sharing) -> None:
    if (sharing.marking is Marking.PARTNERS) != bool(sharing.agencies):
        raise UsageError(
            f"marking: found {sharing.marking.value!r} with agencies {', '.join(sharing.agencies) or '(none)'}; partners are named, others are not"
        )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
