"""Parsers that can be killed: a process of its own with limits of CPU time and memory, kept warm between calls.

Both directions carry frames: four bytes of length (big-endian), then MessagePack of fixed Structs. Nothing that comes
out of the process is ever executed or unpickled.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from collectors.failures import Empty, Failure, Malformed
from collectors.items import Fetched, Parsed

#: Bytes of a feed that are parsed at all.
MAX_INPUT = 5_000_000
#: Seconds of CPU for one feed, bytes that the process may grow, and seconds of real time after which it counts as hung.
CPU_SECONDS, MEMORY, PATIENCE = 2.0, 256_000_000, 30.0

#: Answers that are read at the same time.
PROCESSES = 2


class Job(Struct, frozen=True, array_like=True):
    """What the process is asked."""

    #: Name of one of :data:`collectors.sandbox_worker.PARSERS`.
    parser: str
    fetched: Fetched
    timezone: str
    #: JSON of what else the parser is told.
    options: bytes = b"{}"


class Refused(Struct, frozen=True, tag=True):
    """The parser's own failure, as :class:`Empty` or :class:`Malformed`."""

    empty: bool
    reason: str


class Result(Struct, frozen=True, tag=True):
    parsed: Parsed


Reply = Result | Refused
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class Sandbox:
    """A few warm processes, each started when it is first needed, and again after it had to be killed.

    :param size: how many answers are read at the same time: one that is slow holds up no other.
    """

    def __init__(self, size: int = PROCESSES) -> None:
        self._workers = [_Worker() for _ in range(size)]
        self._free, self._places = list(self._workers), asyncio.Semaphore(size)

    @property
    def starts(self) -> int:
        """How many times a process was started."""
        return sum(worker.starts for worker in self._workers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def parse(self, fetched: Fetched, timezone: str, parser: str = "feed", options: Struct | None = None) -> Parsed:
        """What the answer holds.

        :raises Malformed: if it is too large, no feed, or cost more time or memory than is allowed.
        :raises Empty: if it holds nothing.
        """
        if len(fetched.body) > MAX_INPUT:
            raise Malformed(f"a {'feed' if parser == 'feed' else 'page'} of {len(fetched.body):,} bytes; at most {MAX_INPUT:,} are parsed")
        told = msgspec.json.encode(options) if options is not None else b"{}"
        async with self._places:
            worker = self._free.pop()  # the one that was used last
            try:
                reply = await worker.ask(_encoder.encode(Job(parser, fetched, timezone, told)))
            except BaseException:
                await worker.close()  # also when cancelled: a half-read answer must not meet the next question
                raise
            finally:
                self._free.append(worker)
        if isinstance(reply, Refused):
            raise (Empty if reply.empty else Malformed)(reply.reason)
        return reply.parsed

    async def close(self) -> None:
        """End the processes, if there are any."""
        for worker in self._workers:
            await worker.close()


class _Worker:
    """One process."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    async def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  (asyncio leaves its pipes to the collector)

    async def ask(self, question: bytes) -> Reply:
        """The process's answer.

        :raises Malformed: if it took too long, or died of it.
        """
        process = self._process or await self._start()
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        try:
            async with asyncio.timeout(PATIENCE):
                process.stdin.write(len(question).to_bytes(4, "big") + question)
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(4), "big")
                return _decoder.decode(await process.stdout.readexactly(size))
        except TimeoutError as error:
            raise Malformed(f"parsing it took more than {PATIENCE:g} seconds") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise await self._death(process) from error

    async def _death(self, process: asyncio.subprocess.Process) -> Failure:
        code = await process.wait()
        if code == -signal.SIGPROF:
            return Malformed(f"parsing it takes more than {CPU_SECONDS:g} seconds of CPU")
        return Malformed(f"the parser died of it (exit code {code})")

    async def _start(self) -> asyncio.subprocess.Process:
        self.starts += 1
        paths = os.pathsep.join(path for path in sys.path if path)
        # A clean environment: whatever a feed makes of the parser, there are no secrets in it.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "collectors.sandbox_worker",  # -P: no module of the current directory gets in
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": paths, "PYTHONUTF8": "1"},
        )  # fmt: skip
        return self._process
