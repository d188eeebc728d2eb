from __future__ import annotations

import asyncio
import gzip
import io
import subprocess
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from collectors.engine import Answer, Engine, run
from collectors.failures import Blocked, Failure, Malformed, Unreachable
from pipeline.clock import SystemClock
from tests.collectors.server import Reply, Server
from tests.collectors.world import http
from tests.memory import forget_peak, peak

BAD_URLS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.254/",
    "http://192.168.0.1/",
    "http://192.168.255.255/",
    "http://169.254.169.254/",
    "http://169.254.0.1/",
    "http://100.64.0.1/",
    "http://100.127.255.254/",
    "http://192.0.0.1/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://localhost/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a00:1::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[2001::1]/",
    "http://user@example.org/",
    "http://user:word@127.0.0.1/",
    "http://example.org@127.0.0.1/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "gopher://example.org/",
    "http:///",
    "http://[::1",
    "http://example.org:99999/",
]


async def _fetch(server: Server, path: str, **changes: Any) -> Answer:
    async with Engine(http(**changes), SystemClock()) as engine:
        return await engine.fetch(server.url(path))


def _with_server(path: str, reply: Reply, **changes: Any) -> Answer:
    async def main() -> Answer:
        async with Server() as server:
            server.routes[path] = reply
            return await _fetch(server, path, **changes)

    return run(main())


def test_an_answer_has_status_lower_case_headers_and_bytes() -> None:
    """Whatever the status, the answer is given; field names are in lower case."""
    answer = _with_server("/x", Reply(418, b"\xff\x00", {"X-Thing": "a", "ETag": '"1"'}))
    assert (answer.status, answer.body, answer.headers["x-thing"], answer.headers["etag"]) == (418, b"\xff\x00", "a", '"1"')


def test_a_redirect_is_an_answer_too() -> None:
    """Where it leads is not called: that takes the politeness of another call."""
    answer = _with_server("/x", Reply(301, b"", {"Location": "/y"}))
    assert (answer.status, answer.headers["location"]) == (301, "/y")


def test_calls_name_the_program_and_its_contact() -> None:
    """One identifiable User-Agent, no cookies, no Referer."""

    async def main() -> list[dict[str, str]]:
        async with Server() as server, Engine(http(), SystemClock()) as engine:
            server.routes["/a"] = Reply(200, b"a", {"Set-Cookie": "a=b"})
            for path in ("/a", "/b"):
                await engine.fetch(server.url(path), {"If-None-Match": '"e"'})
            return [asked.headers for asked in server.asked]

    first, second = run(main())
    assert first["user-agent"].startswith("Fjaril/")
    assert first["user-agent"].endswith("(+test@example.org)")
    assert first["if-none-match"] == second["if-none-match"] == '"e"'
    assert not {"cookie", "referer"} & (first.keys() | second.keys())


@pytest.mark.parametrize("url", BAD_URLS)
def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    """None of the ways to write an address of this machine, its networks or another scheme gets through."""

    async def main() -> None:
        async with Engine(http(private_addresses=False, timeout=2.0), SystemClock()) as engine:
            await engine.fetch(url)

    with pytest.raises(Blocked):
        run(main())


def test_a_gzip_bomb_is_stopped_without_the_memory() -> None:
    """Half a megabyte that inflates to 512 MB is malformed, and costs little more than the limit."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        for _ in range(512):
            file.write(bytes(1_000_000))
    assert len(packed.getvalue()) < 600_000
    forget_peak()
    before = peak()
    with pytest.raises(Malformed, match="after decompression"):
        _with_server("/bomb", Reply(200, packed.getvalue(), {"Content-Encoding": "gzip"}))
    assert peak() - before < 100_000_000


def test_a_large_body_is_stopped_by_its_announced_and_by_its_real_size() -> None:
    """20 MB are too many, whether Content-Length says so or the bytes just keep coming."""
    with pytest.raises(Malformed, match="larger than 15,000,000 bytes"):
        _with_server("/big", Reply(200, bytes(20_000_000)))

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(1000):
                writer.write(bytes(100_000))
                await writer.drain()
        except ConnectionError:
            pass  # as it should be
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(endless, "127.0.0.1", 0)
        async with Engine(http(max_bytes=1_000_000), SystemClock()) as engine:
            try:
                await engine.fetch(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            finally:
                server.close()
                await asyncio.sleep(0.05)

    with pytest.raises(Malformed, match="larger than 1,000,000 bytes"):
        run(main())


def test_the_deadline_is_over_the_whole_answer() -> None:
    """A server that gives a byte now and then does not hold a call for longer than the time-out."""
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"within 0\.5 seconds"):
        _with_server("/slow", Reply(200, bytes(100), drip=0.1), timeout=0.5)
    assert time.monotonic() - begun < 2.5


def test_broken_and_refused_connections_are_unreachable() -> None:
    """A cut answer, a closed port and an unknown name are told apart."""
    with pytest.raises(Unreachable, match="broke"):
        _with_server("/cut", Reply(200, b"half", cut=True))

    async def main(url: str) -> None:
        async with Engine(http(), SystemClock()) as engine:
            await engine.fetch(url)

    with pytest.raises(Unreachable, match="refuses the connection"):
        run(main("http://127.0.0.1:9/"))
    with pytest.raises(Unreachable, match=r"no-such-name\.invalid cannot be resolved"):
        run(main("http://no-such-name.invalid/"))


def test_engines_open_and_close_repeatedly_in_one_process() -> None:
    """The reactor stays, engines come and go, also two at a time."""

    async def main() -> int:
        async with Server() as server, Engine(http(), SystemClock()) as first, Engine(http(), SystemClock()) as second:
            server.routes["/x"] = Reply(200, b"x")
            answers = await asyncio.gather(*(engine.fetch(server.url("/x")) for engine in [first, second] * 5))
            return sum(answer.status for answer in answers)

    assert [run(main()) for _ in range(3)] == [2000] * 3


def test_an_engine_outside_its_loop_says_so() -> None:
    """In a loop of another kind its calls would never return."""

    async def main() -> None:
        async with Engine(http(), SystemClock()):
            pass

    with pytest.raises(RuntimeError, match=r"inside collectors\.engine\.run"):
        asyncio.run(main())


def test_run_gives_back_errors_and_cancels_on_interrupt() -> None:
    """What main raises comes out; an interrupt lets main clean up first."""

    async def fails() -> None:
        raise Failure("so it is")

    with pytest.raises(Failure, match="so it is"):
        run(fails())
    cleaned = []

    async def interrupted() -> None:
        asyncio.get_running_loop().call_later(0.01, _interrupt)
        try:
            await asyncio.sleep(5)
        finally:
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        run(interrupted())
    assert cleaned == [True]


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_a_process_with_an_engine_ends_by_itself_and_in_silence() -> None:
    """No thread or reactor keeps the process alive, and nothing is printed."""
    code = (
        "from collectors.engine import Engine, run\nfrom pipeline.clock import SystemClock\nfrom pipeline.settings import Http\n"
        "async def main():\n    async with Engine(Http(), SystemClock()):\n        pass\nrun(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_call_that_was_given_up_is_not_mentioned_at_the_end() -> None:
    """Scrapy goes on with it; when all is over it is ended, as asyncio.run ends what is left."""
    code = (
        "import asyncio\nfrom collectors.engine import Engine, run\nfrom pipeline.clock import SystemClock\n"
        "from pipeline.settings import Http\nfrom tests.collectors.server import Reply, Server\n"
        "async def main():\n"
        "    async with Server() as server, Engine(Http(private_addresses=True), SystemClock()) as engine:\n"
        "        server.routes['/slow'] = Reply(200, b'xx', drip=60)\n"
        "        call = asyncio.create_task(engine.fetch(server.url('/slow')))\n"
        "        while not server.asked:\n            await asyncio.sleep(0.01)\n"
        "        call.cancel()\n"
        "run(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2]
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_run_takes_a_coroutine() -> None:
    """Its type is what main returns."""

    async def main() -> int:
        return 7

    coroutine: Coroutine[Any, Any, int] = main()
    assert run(coroutine) == 7
