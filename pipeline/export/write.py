"""Writes the export of a day: whole or not at all, one at a time, and the same bytes each time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from msgspec import Struct

from pipeline import disk
from pipeline.errors import FjarilError, UsageError
from pipeline.export import manifest as manifests
from pipeline.export.dcat import dcat
from pipeline.export.files import parquet, plain_csv, swedish_csv
from pipeline.export.manifest import File, Manifest, file_of
from pipeline.export.model import AlertRow, Day, FindingRow, QualityRow, TrendRow

_KINDS: dict[str, type[Struct]] = {"trend": TrendRow, "findings": FindingRow, "alerts": AlertRow, "quality": QualityRow}
_FORMS = {".parquet": parquet, ".csv": plain_csv, "-excel.csv": swedish_csv}


def write(day: Day, directory: Path, publisher: str, address: str) -> Manifest:
    """Write ``DIRECTORY/YYYY-MM-DD/``: each table in each form, ``dcat.jsonld`` and ``manifest.json``.

    What stood there before is replaced by a rename: a reader finds the old files, the new ones, or for an instant none, never some of
    each. What is the same already stays as it is.

    :raises UsageError: if another process exports there, or it cannot be written.
    """
    made = {
        f"{table}{end}": (table, len(rows), form(_KINDS[table], rows))
        for table in _KINDS
        for end, form in _FORMS.items()
        for rows in (getattr(day, table),)
    }
    files: tuple[File, ...] = tuple(file_of(name, table, rows, data) for name, (table, rows, data) in made.items())
    metadata = dcat(day.day, files, publisher, f"{address}{day.day}/" if address else "")
    manifest = Manifest(day=day.day, files=(*files, file_of("dcat.jsonld", "", 0, metadata)))
    contents = {name: data for name, (_, _, data) in made.items()} | {"dcat.jsonld": metadata, manifests.NAME: manifests.encoded(manifest)}
    try:
        with only_one(directory):
            _replace(directory / day.day.isoformat(), contents, manifest)
    except OSError as error:
        raise UsageError(f"{directory}: {error.strerror}; name a directory that can be written with --output") from error
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
    """Remove the export of a day."""
    with only_one(directory):
        shutil.rmtree(directory / day.isoformat(), ignore_errors=True)


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Hold the directory.

    :raises UsageError: if another process does.
    """
    directory.mkdir(parents=True, exist_ok=True)
    held = disk.lock(directory / ".lock")
    if held is None:
        raise UsageError(f"{directory}: another export is being written there; wait for it, or name another with --output")
    with held:
        yield


def _replace(target: Path, contents: dict[str, bytes], manifest: Manifest) -> None:
    try:
        if manifests.verify(target) == manifest:
            return
    except FjarilError:
        pass  # none, or not whole
    new, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for left in (new, old):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
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
