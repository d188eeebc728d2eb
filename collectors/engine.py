"""The one engine that makes every HTTP call: Scrapy, kept open with an idle spider, in the process's one event loop.

Twisted's reactor can be installed once in a process and never restarted, so :func:`run` installs it on a loop that is
used again by every later call; engines may be opened and closed in it as often as one likes.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import zlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from gzip import BadGzipFile
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DontCloseSpider,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response

from collectors.addresses import CheckedResolver
from collectors.failures import Blocked, Failure, Malformed, Unreachable
from pipeline.ports import Clock
from pipeline.settings import Http

T = TypeVar("T")
_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 590,
}

#: Exceptions of Scrapy, which state they are, and what people are told.
_FAILURES: tuple[tuple[type[Exception], type[Failure], str], ...] = (
    (TimeoutError, Unreachable, "no whole answer within {timeout:g} seconds"),
    (DownloadTimeoutError, Unreachable, "no whole answer within {timeout:g} seconds"),
    (DownloadConnectionRefusedError, Unreachable, "the server refuses the connection"),
    (DownloadCancelledError, Malformed, "the answer is larger than {limit:,} bytes"),
    (BadGzipFile, Malformed, "the answer cannot be decompressed"),
    (zlib.error, Malformed, "the answer cannot be decompressed"),
    (EOFError, Malformed, "the answer cannot be decompressed"),
    (ResponseDataLossError, Unreachable, "the connection broke before the answer was whole"),
    (DownloadFailedError, Unreachable, "the connection broke before the answer was whole"),
    (ValueError, Blocked, "{url!r} is not an address that can be called"),
)


class Answer(Struct, frozen=True, kw_only=True):
    """What a server answered, after decompression."""

    status: int
    #: The address that answered.
    url: str
    #: Names in lower case; fields that came several times are joined by ``, ``.
    headers: dict[str, str]
    body: bytes


class _Idle(Spider):
    name = "fjaril"

    def __init__(self, started: asyncio.Future[None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._started = started

    async def start(self) -> AsyncIterator[Any]:
        """Ask for nothing: requests come from outside."""
        if not self._started.done():
            self._started.set_result(None)
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request


class Engine:
    """Fetches; opened with ``async with``, inside :func:`run`.

    :param http: limits of size and time, contact, and whether private addresses are allowed.
    :param clock: kept for what shares it; the engine itself waits in real time.
    """

    def __init__(self, http: Http, clock: Clock) -> None:
        self.http, self.clock = http, clock
        self._resolver = CheckedResolver(private=http.private_addresses)
        self._crawler: Crawler | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if "twisted.internet.reactor" not in sys.modules or asyncio.get_running_loop() is not _loop():
            raise RuntimeError("the engine must be opened inside collectors.engine.run: it needs the loop that the reactor is on")
        from twisted.internet import reactor  # only now: importing it would install another kind

        self._outer: Any = reactor.installNameResolver(self._resolver)
        logging.getLogger("scrapy").setLevel(logging.ERROR)  # what it warns of is raised here, and becomes a state
        self._crawler = Crawler(_Idle, _settings(self.http))
        self._crawler.signals.connect(_stay, signals.spider_idle)
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.ensure_future(self._crawler.crawl_async(started=started))
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            await self._task  # raises why it could not start
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from twisted.internet import reactor

        assert self._crawler is not None  # noqa: S101
        assert self._task is not None  # noqa: S101
        await self._crawler.stop_async()
        await self._task
        reactor.installNameResolver(self._outer)

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: bytes = b"") -> Answer:
        """The answer of whatever status. Redirects are answers too: see :func:`collectors.redirects.follow`.

        :raises Unreachable: if there was no whole answer within ``http.timeout`` seconds.
        :raises Blocked: if the address is not public.
        :raises Malformed: if the answer is larger than ``http.max_bytes``, before or after decompression.
        """
        assert self._crawler is not None, "the engine is not open"  # noqa: S101
        try:
            refuse_url(url)
            request = Request(url, headers=dict(headers or {}), method=method, body=body, dont_filter=True)
            async with asyncio.timeout(self.http.timeout):
                response = await self._crawler.engine.download_async(request)
        except Exception as error:
            raise self._failure(url, error) from error
        return _answer(response)

    def _failure(self, url: str, error: Exception) -> Failure:
        if isinstance(error, Failure):
            return error
        if isinstance(error, CannotResolveHostError):
            return self._unresolved(str(error))
        if isinstance(error, IgnoreRequest) and "DOWNLOAD_MAXSIZE" in str(error):
            return Malformed(f"the answer is larger than {self.http.max_bytes:,} bytes after decompression")
        for known, kind, text in _FAILURES:
            if isinstance(error, known):
                return kind(text.format(url=url, timeout=self.http.timeout, limit=self.http.max_bytes))
        return Unreachable(f"{type(error).__name__}: {error}"[:300])

    def _unresolved(self, message: str) -> Failure:
        """Twisted's message ends with the name."""
        name = message.rpartition(" ")[2].removesuffix(".")
        address = self._resolver.refused.get(name)
        if address is None:
            return Unreachable(f"the name {name} cannot be resolved")
        return Blocked(f"{name} has the address {address}, which is not a public one; http.private_addresses would allow it")


def refuse_url(url: str) -> None:
    """Let only plain addresses pass: http or https, a host, no user name in front of it.

    :raises Blocked: saying what is wrong.
    """
    try:
        parts = urlsplit(url)
        bad = parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc
        _ = parts.port
    except ValueError as error:
        raise Blocked(f"{url!r} is not an address: {error}") from error
    if bad:
        raise Blocked(f"{url!r} is not an address that may be called; expected http or https, a host, and no user name")


def user_agent(http: Http) -> str:
    """How every call names itself: the program, its version and where its owner can be reached."""
    return f"Fjaril/{version('fjaril')}" + (f" (+{http.contact})" if http.contact else "")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end in the loop on which the reactor is installed, and give what it returns.

    May be called again in the same process, from the same thread. On an interrupt ``main`` is cancelled and awaited; what it
    leaves running, as Scrapy does with a call that was given up, is ended with it.

    :raises RuntimeError: if another kind of reactor is installed already.
    """
    loop = _loop()
    task = loop.create_task(main)
    try:
        return loop.run_until_complete(task)
    except KeyboardInterrupt:
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        raise
    finally:
        left = asyncio.all_tasks(loop)
        for task_left in left:
            task_left.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


def _loop() -> asyncio.AbstractEventLoop:
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor, install

    if "twisted.internet.reactor" not in sys.modules:
        loop = asyncio.new_event_loop()
        atexit.register(loop.close)
        asyncio.set_event_loop(loop)
        install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor

    if not isinstance(reactor, AsyncioSelectorReactor):
        raise RuntimeError(f"the engine needs Twisted's asyncio reactor; found {type(reactor).__name__}")  # noqa: TRY004
    found: asyncio.AbstractEventLoop = reactor._asyncioEventloop  # noqa: SLF001  (Scrapy reads it the same way)
    asyncio.set_event_loop(found)
    return found


def _stay() -> None:
    raise DontCloseSpider


def _settings(http: Http) -> dict[str, Any]:
    return {
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "USER_AGENT": user_agent(http),
        "DEFAULT_REQUEST_HEADERS": {},
        "DOWNLOAD_MAXSIZE": http.max_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": http.timeout,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        # Spacing calls is the gate's business, in the pipeline's own time; retrying is the schedule's.
        "CONCURRENT_REQUESTS": 64,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "DOWNLOAD_DELAY": 0,
        # Exactly these: no cookies, no redirects, no retries, no proxy (behind which an address could not be checked), no console.
        "DOWNLOADER_MIDDLEWARES_BASE": _MIDDLEWARES,
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {},
        "DOWNLOAD_HANDLERS_BASE": dict.fromkeys(("http", "https"), "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"),
    }


def _answer(response: Response) -> Answer:
    names: dict[bytes, list[bytes]] = response.headers
    return Answer(
        status=response.status,
        url=response.url,
        headers={name.decode("latin-1").lower(): b", ".join(values).decode("latin-1") for name, values in names.items()},
        body=response.body,
    )
