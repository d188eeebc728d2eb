"""The list of an export's files, with what each of them must be."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline.errors import FjarilError

NAME = "manifest.json"


class File(Struct, frozen=True, kw_only=True):
    """A file of an export."""

    name: str
    #: The table that it holds; empty for metadata.
    table: str
    rows: int
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What an export holds. There is no time of making in it: the same rows give the same bytes."""

    day: date
    #: Of the layout of the rows.
    version: int = 1
    files: tuple[File, ...]


def file_of(name: str, table: str, rows: int, data: bytes) -> File:
    """The line of a file."""
    return File(name=name, table=table, rows=rows, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def encoded(manifest: Manifest) -> bytes:
    """As it stands in its file."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def verify(directory: Path) -> Manifest:
    """Read an export's manifest, and compare its files with it.

    :raises FjarilError: naming the file that is missing, too many, or is not what the manifest says.
    """
    path = directory / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise FjarilError(f"{path}: {error}; an export is whole only with its manifest: make it again with `fjaril export`") from error
    strange = {one.name for one in directory.iterdir()} ^ {NAME, *(file.name for file in manifest.files)}
    if strange:
        raise FjarilError(
            f"{directory}: found other files than its manifest: {', '.join(sorted(strange))}; make it again with `fjaril export`"
        )
    for file in manifest.files:
        found = file_of(file.name, file.table, file.rows, (directory / file.name).read_bytes())
        if found != file:
            raise FjarilError(
                f"{directory / file.name}: its checksum is not the manifest's; it was changed: make it again with `fjaril export`"
            )
    return manifest
