"""What changes while people look: the state of the topics is kept up to date, and those who look are told that there is something new."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from random import random

import structlog

from pipeline.console.room import Room
from pipeline.errors import FjarilError

log = structlog.get_logger()
#: Seconds between two looks at the topics, and between two signs of life to those who wait.
_LOOK, _SIGN = 1.0, 15.0
#: Seconds of work that a page loaded anew is, about: those who look are told one after the other, that others need not wait for them all.
_APART = 0.005


class Pulse:
    """Looks at the topics, and tells who listens that something changed."""

    def __init__(self, room: Room) -> None:
        self._room, self._stop = room, threading.Event()
        self._listeners: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="console-pulse", daemon=True)
        self._count = -1
        #: Counted up whenever something changed.
        self.version = 0

    def start(self) -> None:
        """Read what there is, then go on looking.

        :raises FjarilError: if bus or index cannot be read.
        """
        self.look()
        self._thread.start()

    def end(self) -> None:
        """Look no more; who listens is let go."""
        self._stop.set()
        self._tell()

    def stop(self) -> None:
        """The same, and wait until it is so."""
        self.end()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Look once."""
        count = self._room.index.count()
        if self._room.desk.refresh() or count != self._count:
            self._count = count
            self.version += 1
            self._tell()

    async def changes(self) -> AsyncIterator[str]:
        """Server-sent events: ``changed`` with the version, and a comment now and then; ends when the console stops."""
        loop, awake = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(awake.set)

        with self._lock:
            self._listeners.add(wake)
        try:
            yield "retry: 3000\n\n"
            while not self._stop.is_set():
                try:
                    await asyncio.wait_for(awake.wait(), _SIGN)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                awake.clear()
                await asyncio.sleep(random() * _APART * len(self._listeners))  # noqa: S311
                if not self._stop.is_set():
                    yield f"event: changed\ndata: {self.version}\n\n"
        finally:
            with self._lock:
                self._listeners.discard(wake)

    def _tell(self) -> None:
        with self._lock:
            for wake in self._listeners:
                wake()

    def _run(self) -> None:
        self._room.maker()  # before somebody asks for the first picture
        while not self._stop.wait(_LOOK):
            try:
                self.look()
                self._room.renew()
            except FjarilError as error:  # a server that is away comes back
                log.warning("console", error=str(error))
