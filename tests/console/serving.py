"""A console that really answers, on a port of loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from pipeline.console.room import Room
from pipeline.console.server import Server


def copy_of(data: Path, folder: Path) -> None:
    """Copy a data directory without what was done in it."""
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("access", "situations*"))


@contextmanager
def served(room: Room) -> Iterator[httpx.Client]:
    """A client of it, which follows no redirection and keeps no cookies but those that it was given."""
    server = Server(room, "127.0.0.1:0")
    with server.beside(), httpx.Client(base_url=server.url, timeout=30) as client:
        yield client
