"""Serves the console: by itself until it is told to stop, or in a thread beside the pipeline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import uvicorn

from pipeline import app
from pipeline.console.live import Pulse
from pipeline.console.room import Room
from pipeline.console.site import Site
from pipeline.errors import SettingsError, UsageError

#: Seconds that answers may take to be finished when the console stops.
_FINISH = 2
#: Connections that may wait to be taken.
_WAITING = 256


class _Uvicorn(uvicorn.Server):
    """Lets those go first who listen for news: they would stay for ever."""

    def __init__(self, config: uvicorn.Config, pulse: Pulse) -> None:
        super().__init__(config)
        self._pulse = pulse

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See the library."""
        self._pulse.end()
        await super().shutdown(sockets)


class Server:
    """A console that answers at an address."""

    def __init__(self, room: Room, address: str) -> None:
        """Take the address.

        :raises UsageError: if it is taken.
        :raises SettingsError: if it is none.
        """
        self._site = Site(room)
        self._socket = listen(address)
        host, port = self._socket.getsockname()[:2]
        #: Where it is found.
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        config = uvicorn.Config(
            self._site.app(), log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=_FINISH,
            proxy_headers=False, lifespan="off", h11_max_incomplete_event_size=32_768,
        )  # fmt: skip
        self._server = _Uvicorn(config, self._site.pulse)

    def serve(self) -> None:
        """Answer until SIGTERM or Ctrl-C.

        :raises FjarilError: if bus or index cannot be read.
        """
        self._site.pulse.start()
        app.calm_collector()  # the state of the topics lives as long as the process
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._site.pulse.stop()
            self._socket.close()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Answer in a thread until the block ends.

        :raises FjarilError: if bus or index cannot be read.
        """
        self._site.pulse.start()
        thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="console", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.should_exit = True
            thread.join()
            self._site.pulse.stop()
            self._socket.close()


def listen(address: str) -> socket.socket:
    """A socket at ``HOST:PORT``; port 0 is any that is free.

    :raises UsageError: if the address is taken, or not of this machine.
    :raises SettingsError: if it is none.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError("settings", "console.address", address, "HOST:PORT, as 127.0.0.1:8765; empty for none")
    host = host.strip("[]")
    with ExitStack() as stack:
        made = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it only where it makes the socket: 40 ms an answer
        try:
            made.bind((host, int(port)))
            made.listen(_WAITING)  # who comes before it is ready waits a moment
        except OSError as error:
            raise UsageError(
                f"console.address: {address}: {error.strerror}; stop what uses it, or set another with FJARIL_CONSOLE__ADDRESS, empty for none"
            ) from error
        stack.pop_all()
        return made
