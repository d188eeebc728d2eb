"""robots.txt as RFC 9309 says: a site's word on which of its pages may be fetched by programs.

It is asked for every feed. Interfaces whose documented terms allow calling them are exempt (``Kind.obeys_robots``):
the terms are the more particular permission.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from msgspec import Struct
from protego import Protego

from collectors.engine import Answer, Engine
from collectors.failures import Blocked, Failure
from collectors.politeness import Gate, host_of
from collectors.redirects import follow
from collectors.validators import retry_after
from pipeline.ports import Clock

#: The name by which a robots.txt addresses us.
AGENT = "Fjaril"
#: How long an answer counts, in seconds (RFC 9309, 2.4), and how long a failure to get one.
KEPT, KEPT_FAILURE = 24 * 3600.0, 600.0
#: Longest Crawl-delay that is waited for, in seconds; a site that asks for more does not want to be read.
MAX_DELAY = 3600.0
#: Bytes that are read of it (RFC 9309, 2.5).
MAX_BYTES = 500 * 1024


class _Rules(Struct, frozen=True):
    expires: datetime
    #: None: everything is allowed.
    rules: Protego | None = None
    #: Why nothing is allowed; empty: the rules decide.
    closed: str = ""


class Robots:
    """Asks, through the same engine and gate as everything else, and remembers."""

    def __init__(self, engine: Engine, gate: Gate, clock: Clock) -> None:
        self._engine, self._gate, self._clock = engine, gate, clock
        self._known: dict[str, _Rules] = {}
        #: So that sources of the same site do not ask for the same rules at the same time.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def allow(self, url: str) -> float:
        """Let pass what may be fetched; the seconds that the site asks for between two calls, 0 if it does not say.

        :raises Blocked: if robots.txt forbids the page, asks for more than :data:`MAX_DELAY`, or could not be read because
            of an error of the server.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        async with self._locks[origin]:
            known = self._known.get(origin)
            if known is None or known.expires <= self._clock.now():
                known = self._known[origin] = await self._ask(origin)
        if known.closed:
            raise Blocked(f"{known.closed}, so nothing may be fetched (RFC 9309)")
        if known.rules is None:
            return 0.0
        if not known.rules.can_fetch(url, AGENT):
            raise Blocked(f"{origin}/robots.txt forbids {parts.path or '/'} to {AGENT}")
        delay = float(known.rules.crawl_delay(AGENT) or 0.0)
        if delay > MAX_DELAY:
            raise Blocked(f"{origin}/robots.txt asks for {delay:,.0f} seconds between two calls; at most {MAX_DELAY:,.0f} are waited for")
        return delay

    async def _ask(self, origin: str) -> _Rules:
        try:
            answer = (await follow(f"{origin}/robots.txt", self._fetch)).answer
        except Failure as error:
            return self._rules(KEPT_FAILURE, closed=f"{origin}/robots.txt: {error.reason}")
        if answer.status in {429, 503}:
            self._gate.hold(host_of(answer.url), retry_after(answer.headers, self._clock.now()))
        return self._judge(origin, answer)

    async def _fetch(self, url: str) -> Answer:
        async with self._gate.turn(host_of(url)):
            return await self._engine.fetch(url)

    def _judge(self, origin: str, answer: Answer) -> _Rules:
        """RFC 9309, 2.3.1: 4xx allows everything, 5xx nothing."""
        if 200 <= answer.status < 300:
            return self._rules(KEPT, rules=Protego.parse(answer.body[:MAX_BYTES].decode("utf-8", "replace")))
        if 400 <= answer.status < 500:
            return self._rules(KEPT)
        return self._rules(KEPT_FAILURE, closed=f"{origin}/robots.txt answered {answer.status}")

    def _rules(self, seconds: float, rules: Protego | None = None, closed: str = "") -> _Rules:
        return _Rules(self._clock.now() + timedelta(seconds=seconds), rules, closed)
