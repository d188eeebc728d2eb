"""Writes the export of a day: whole or not at all, one at a time, and the same bytes each time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from msgspec import Struct

from pipeline import disk
from pipeline.errors import FjarilError, UsageError
from pipeline.export import manifest as manifests
from pipeline.export.dcat import dcat
from pipeline.export.files import of_parquet, parquet, plain_csv, swedish_csv
from pipeline.export.manifest import File, Manifest, file_of
from pipeline.export.model import AlertRow, Day, FindingRow, QualityRow, TrendRow

_KINDS: dict[str, type[Struct]] = {"trend": TrendRow, "findings": FindingRow, "alerts": AlertRow, "quality": QualityRow}
_FORMS = {".parquet": parquet, ".csv": plain_csv, "-excel.csv": swedish_csv}
#: Seconds that another export is waited for: the nightly export and the nightly erasure may meet.
_PATIENCE = 20.0


def write(day: date, make: Callable[[Day | None], Day], directory: Path, publisher: str, address: str) -> Manifest:
    """Write ``DIRECTORY/YYYY-MM-DD/``: each table in each form, ``dcat.jsonld`` and ``manifest.json``.

    What stood there before is replaced by a rename: a reader finds the old files, the new ones, or for an instant none, never some of
    each. What is the same already stays as it is.

    :param make: makes the rows of the day, given those that stand there, if any do; called while the directory is held, so that none are
        written which are older than what stands there.
    :raises UsageError: if another process exports there for longer than is waited, or it cannot be written.
    """
    with only_one(directory):
        contents, manifest = _contents(make(_read(directory / day.isoformat())), publisher, f"{address}{day}/" if address else "")
        with _explained(directory):
            _replace(directory / day.isoformat(), contents, manifest)
    return manifest


def days(directory: Path) -> list[date]:
    """The days that are exported there, in order."""
    found = []
    for path in directory.glob("????-??-??") if directory.is_dir() else ():
        try:
            found.append(date.fromisoformat(path.name))
        except ValueError:
            continue
    return sorted(found)


def remove(directory: Path, day: date) -> None:
    """Remove the export of a day.

    :raises UsageError: if another process exports there for longer than is waited.
    """
    with only_one(directory):
        shutil.rmtree(directory / day.isoformat(), ignore_errors=True)


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Hold the directory once nobody else does; what a process that was killed left there is put right.

    :raises UsageError: if somebody else holds it for longer than is waited, or it cannot be written.
    """
    with _explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
        busy = f"{directory}: another export is being written there; wait for it, or name another with --output"
        held = disk.hold(directory / ".lock", busy, _PATIENCE)
    with held:
        with _explained(directory):
            _heal(directory)
        yield


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{directory}: {error.strerror}; name a directory that can be written with --output") from error


def _heal(directory: Path) -> None:
    """Put a day back that was to be replaced and is not yet, and remove what is half written or was replaced."""
    for old in directory.glob(".????-??-??.old"):
        target = directory / old.stem.removeprefix(".")
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    for new in directory.glob(".????-??-??.new"):
        shutil.rmtree(new)


def _read(target: Path) -> Day | None:
    """The rows of an export, None if there is none, or it is not whole."""
    try:
        day = manifests.verify(target).day
    except FjarilError:
        return None
    stored = {table: (target / f"{table}.parquet").read_bytes() for table in _KINDS}
    return Day(
        day=day,
        trend=of_parquet(TrendRow, stored["trend"]),
        findings=of_parquet(FindingRow, stored["findings"]),
        alerts=of_parquet(AlertRow, stored["alerts"]),
        quality=of_parquet(QualityRow, stored["quality"]),
    )


def _contents(day: Day, publisher: str, address: str) -> tuple[dict[str, bytes], Manifest]:
    """Name → content of each file of a day, and the manifest among them."""
    made = {
        f"{table}{end}": (table, len(rows), form(_KINDS[table], rows))
        for table in _KINDS
        for end, form in _FORMS.items()
        for rows in (getattr(day, table),)
    }
    files: tuple[File, ...] = tuple(file_of(name, table, rows, data) for name, (table, rows, data) in made.items())
    metadata = dcat(day.day, files, publisher, address)
    manifest = Manifest(day=day.day, files=(*files, file_of("dcat.jsonld", "", 0, metadata)))
    contents = {name: data for name, (_, _, data) in made.items()} | {"dcat.jsonld": metadata, manifests.NAME: manifests.encoded(manifest)}
    return contents, manifest


def _replace(target: Path, contents: dict[str, bytes], manifest: Manifest) -> None:
    try:
        if manifests.verify(target) == manifest:
            return
    except FjarilError:
        pass  # none, or not whole
    new, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    new.mkdir()
    for name, data in contents.items():
        with (new / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    disk.sync(new)
    if target.exists():
        target.rename(old)
    new.rename(target)
    disk.sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)
