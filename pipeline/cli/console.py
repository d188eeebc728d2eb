"""``fjaril console``, and the console beside ``fjaril run``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import settings_of

if TYPE_CHECKING:
    from pipeline.settings import Settings


def console(
    context: typer.Context,
    address: Annotated[
        str | None, typer.Option("--address", metavar="HOST:PORT", help="Where to answer (default: the setting console.address).")
    ] = None,
) -> None:
    """Show what was found in a browser, until Ctrl-C or SIGTERM. The pipeline may run meanwhile, or not."""
    from pipeline.app import writable
    from pipeline.console.room import opened
    from pipeline.console.server import Server
    from pipeline.errors import UsageError

    settings = settings_of(context)
    wanted = address or settings.console.address
    if not wanted:
        raise UsageError("console.address is empty, which means none: name one with --address, as 127.0.0.1:8765")
    writable(settings.data_dir)
    with opened(settings) as room:
        server = Server(room, wanted)
        _say(server.url)
        server.serve()


@contextmanager
def beside(settings: Settings) -> Iterator[None]:
    """The console in a thread, as long as the block runs; none where the setting is empty.

    :raises UsageError: if its address is taken.
    """
    if not settings.console.address:
        yield
        return
    from pipeline.app import writable
    from pipeline.console.room import opened
    from pipeline.console.server import Server

    writable(settings.data_dir)
    with opened(settings) as room:
        server = Server(room, settings.console.address)
        with server.beside():
            _say(server.url)
            yield


def _say(url: str) -> None:
    typer.echo(f"Console: {url}")
    sys.stdout.flush()
