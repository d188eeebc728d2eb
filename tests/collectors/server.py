"""A small HTTP/1.1 server on loopback that answers as told, also badly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self


class Asked(NamedTuple):
    path: str
    #: Names in lower case.
    headers: dict[str, str]
    body: bytes = b""


class Reply(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)
    #: Seconds before each byte of the body.
    drip: float = 0.0
    #: Announce more than is sent, and hang up.
    cut: bool = False


Route = Reply | Callable[[Asked], Reply]


class Server:
    """Routes by path; what is not routed is 404, as robots.txt mostly is."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host, self.routes, self.asked = host, dict[str, Route](), list[Asked]()
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str) -> str:
        return f"http://{self.host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has hung up, or the test is over
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        sent = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(lines[0].split(" ")[1], headers, sent)
        self.asked.append(asked)
        route = self.routes.get(asked.path, Reply(404, b"not found"))
        reply = route if isinstance(route, Reply) else route(asked)
        fields = {"Content-Length": str(len(reply.body) + (100 if reply.cut else 0)), **reply.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{head}\r\n".encode("latin-1"))
        if reply.drip:
            for byte in reply.body:
                await asyncio.sleep(reply.drip)
                writer.write(bytes([byte]))
        else:
            writer.write(reply.body)
        await writer.drain()
        return not reply.cut
