"""``fjaril console``, and the console beside ``fjaril run``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import complain, settings_of

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

    Where its address is taken, as by that of another directory, this is said, and the block runs all the same.
    """
    with ExitStack() as stack:
        if settings.console.address:
            _begin(settings, stack)
        yield


def _begin(settings: Settings, stack: ExitStack) -> None:
    from pipeline.app import writable
    from pipeline.console.room import opened
    from pipeline.console.server import Server
    from pipeline.errors import UsageError

    writable(settings.data_dir)
    room = stack.enter_context(opened(settings))
    try:
        server = Server(room, settings.console.address)
    except UsageError as error:
        complain(f"no console: {error}")
        return
    stack.enter_context(server.beside())
    _say(server.url)


def _say(url: str) -> None:
    typer.echo(f"Console: {url}")
    sys.stdout.flush()
