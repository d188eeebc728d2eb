"""One visit of a source: ask politely, judge the answer, parse it. Nothing is published here."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from collectors import validators
from collectors.engine import Answer, Engine
from collectors.failures import Blocked, Empty, Failure, Gone, Malformed, Unreachable
from collectors.items import Fetched, Kind, Parsed, digest
from collectors.politeness import Gate
from collectors.registry import kind_of
from collectors.robots import Robots
from pipeline.model import Source, SourceState
from pipeline.ports import Clock

_READABLE = frozenset({200, 203, 304})
_REFUSALS: dict[int, tuple[type[Failure], str]] = {
    204: (Empty, "no content"),
    205: (Empty, "no content"),
    401: (Blocked, "access refused"),
    403: (Blocked, "access refused"),
    404: (Unreachable, "there is nothing at this address; it may have moved"),
    410: (Gone, "the source is gone for good, and is not asked again"),
    429: (Blocked, "too many calls"),
}


class Visit(Struct, frozen=True, kw_only=True):
    """What a visit gave."""

    answer: Answer
    #: None: nothing has changed since the state that the visit started from.
    parsed: Parsed | None
    #: Fingerprint of the body, None where there was none to compare.
    body_hash: str | None


class Visitor:
    """Visits sources, through one engine and one gate.

    :param kinds: see :mod:`collectors.registry`.
    """

    def __init__(self, engine: Engine, clock: Clock, kinds: Mapping[str, Kind]) -> None:
        self._engine, self._clock, self.kinds = engine, clock, kinds
        self.gate = Gate(clock, engine.http.host_delay)
        self._robots = Robots(engine, self.gate, clock)

    async def visit(self, source: Source, url: str, state: SourceState | None) -> Visit:
        """What the source gives at ``url``, compared with ``state``.

        :raises Failure: as its subclass for each state of a source that gives nothing to collect.
        """
        kind = kind_of(self.kinds, source.kind)
        kind.check(self._engine.http)
        delay = await self._robots.allow(url) if kind.obeys_robots else 0.0
        host = urlsplit(url).hostname or ""
        async with self.gate.turn(host, delay):
            answer = await self._engine.fetch(url, validators.request_headers(state))
        if answer.status not in _READABLE:
            refusal = refused(answer, validators.retry_after(answer.headers, self._clock.now()), final_404=kind.final_404)
            if answer.status in {429, 503}:
                self.gate.hold(host, refusal.wait)
            raise refusal
        return await self._read(source, kind, answer, state)

    async def _read(self, source: Source, kind: Kind, answer: Answer, state: SourceState | None) -> Visit:
        if answer.status == 304 or validators.same_version(state, answer.headers):
            return Visit(answer=answer, parsed=None, body_hash=state.body_hash if state else None)
        if "content-encoding" in answer.headers:
            raise Malformed(f"compressed as {answer.headers['content-encoding']!r}, which cannot be read")
        body_hash = digest(answer.body)
        if state is not None and state.body_hash == body_hash:
            return Visit(answer=answer, parsed=None, body_hash=body_hash)
        fetched = Fetched(body=answer.body, url=answer.url, headers=answer.headers)
        return Visit(answer=answer, parsed=await kind.parse(fetched, source), body_hash=body_hash)


def refused(answer: Answer, wait: float, *, final_404: bool) -> Failure:
    """Why an answer that does not have a readable status gives nothing.

    :param wait: seconds that it asks to wait.
    :param final_404: whether 404 means that the source is gone for good.
    """
    status = answer.status
    if status == 404 and final_404:
        return Gone("answered 404, which is final for this kind of source; it is not asked again")
    if status in _REFUSALS:
        kind, text = _REFUSALS[status]
        return kind(f"answered {status}: {text}", wait)
    text = "an error of the server" if 500 <= status < 600 else "expected 200 with a body"
    return Unreachable(f"answered {status}: {text}", wait)
