"""One visit of a source: ask politely, judge the answer, parse it. Nothing is published here."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from msgspec import Struct

from collectors import validators
from collectors.engine import Answer, Engine
from collectors.failures import Blocked, Empty, Failure, Gone, Malformed, Unreachable
from collectors.items import Fetched, Kind, Parsed, digest
from collectors.politeness import Gate, host_of
from collectors.redirects import follow
from collectors.registry import kind_of
from collectors.robots import Robots
from pipeline.model import Source, SourceState
from pipeline.ports import Clock

_log = structlog.get_logger(__name__)
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
    #: Where the source has moved for good, see :class:`collectors.redirects.End`.
    moved: str | None
    #: None: nothing has changed since the state that the visit started from.
    parsed: Parsed | None
    #: Fingerprint of the body, None where there was none to compare.
    body_hash: str | None


class Visitor:
    """Visits sources, through one engine and one gate.

    :param kinds: see :mod:`collectors.registry`.
    """

    def __init__(self, engine: Engine, clock: Clock, kinds: Mapping[str, Kind]) -> None:
        self._engine, self._clock, self._kinds = engine, clock, kinds
        self.gate = Gate(clock, engine.http.host_delay)
        self.robots = Robots(engine, self.gate, clock)

    async def visit(self, source: Source, url: str, state: SourceState | None) -> Visit:
        """What the source gives at ``url``, compared with ``state``.

        :raises Failure: as its subclass for each state of a source that gives nothing to collect; nothing else, whatever the
            source answers. What nobody thought of is :class:`Malformed`, and logged with its traceback.
        """
        try:
            return await self._visit(source, url, state)
        except Failure:
            raise
        except Exception as error:
            _log.exception("source_not_read", source=source.id, url=url)
            raise Malformed(f"reading it failed, which the log explains: {type(error).__name__}: {error}"[:300]) from error

    async def _visit(self, source: Source, url: str, state: SourceState | None) -> Visit:
        kind = kind_of(self._kinds, source.kind)
        kind.check(self._engine.http)
        fields = validators.request_headers(state)

        async def ask(address: str) -> Answer:
            # the terms that exempt an interface from robots.txt are those of its own host
            asks = kind.obeys_robots or host_of(address) != host_of(source.url)
            delay = await self.robots.allow(address) if asks else 0.0
            async with self.gate.turn(host_of(address), delay):
                return await self._engine.fetch(address, fields)

        end = await follow(url, ask)
        self._judge(end.answer, kind)
        parsed, body_hash = await self._read(source, kind, end.answer, state)
        return Visit(answer=end.answer, moved=end.moved, parsed=parsed, body_hash=body_hash)

    def _judge(self, answer: Answer, kind: Kind) -> None:
        if answer.status in _READABLE:
            return
        refusal = refused(answer, validators.retry_after(answer.headers, self._clock.now()), final_404=kind.final_404)
        if answer.status in {429, 503}:
            self.gate.hold(host_of(answer.url), refusal.wait)
        raise refusal

    async def _read(self, source: Source, kind: Kind, answer: Answer, state: SourceState | None) -> tuple[Parsed | None, str | None]:
        """``parsed`` and ``body_hash`` of the visit."""
        if answer.status == 304 or validators.same_version(state, answer.headers):
            return None, state.body_hash if state else None
        if "content-encoding" in answer.headers:
            raise Malformed(f"compressed as {answer.headers['content-encoding']!r}, which cannot be read")
        body_hash = digest(answer.body)
        if state is not None and state.body_hash == body_hash:
            return None, body_hash
        fetched = Fetched(body=answer.body, url=answer.url, headers=answer.headers)
        return await kind.parse(fetched, source), body_hash


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
