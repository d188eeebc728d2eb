"""A console that really answers, on a port of loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from pipeline.console.room import Room
from pipeline.console.server import Server


@contextmanager
def served(room: Room) -> Iterator[httpx.Client]:
    """A client of it, which follows no redirection and keeps no cookies but those that it was given."""
    server = Server(room, "127.0.0.1:0")
    with server.beside(), httpx.Client(base_url=server.url, timeout=30) as client:
        yield client
