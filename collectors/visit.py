"""One visit of a source: ask politely, judge the answer, parse it. Nothing is published here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import msgspec
import structlog
from msgspec import Struct

from collectors import validators
from collectors.engine import Answer, Engine
from collectors.failures import Blocked, Empty, Failure, Gone, Malformed, Unreachable
from collectors.items import Fetched, Kind, Parsed, digest
from collectors.ledger import Ledger
from collectors.politeness import Gate, host_of
from collectors.redirects import follow
from collectors.registry import kind_of
from collectors.robots import Robots
from pipeline.model import Source, SourceState, document_id
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
    #: What else was asked for, to read the answer.
    further: tuple[Answer, ...] = ()
    #: Seconds from question to answer, turns that were waited for left out.
    took: float = 0.0


class Visitor:
    """Visits sources, through one engine and one gate.

    :param kinds: see :mod:`collectors.registry`.
    """

    def __init__(self, engine: Engine, clock: Clock, kinds: Mapping[str, Kind]) -> None:
        self._engine, self._clock, self._kinds = engine, clock, kinds
        self.gate = Gate(clock, engine.http.host_delay)
        self.robots = Robots(engine, self.gate, clock)

    async def visit(self, source: Source, url: str, state: SourceState | None, ledger: Ledger | None = None) -> Visit:
        """What the source gives at ``url``, compared with ``state`` and, by kinds that ask for more, with what is known of its items.

        Without a ledger nothing counts as new: no article or page of a single item is asked for.

        :raises Failure: as its subclass for each state of a source that gives nothing to collect; nothing else, whatever the
            source answers. What nobody thought of is :class:`Malformed`, and logged with its traceback.
        """
        try:
            return await self._visit(source, url, state, ledger)
        except Failure:
            raise
        except Exception as error:
            _log.exception("source_not_read", source=source.id, url=url)
            raise Malformed(f"reading it failed, which the log explains: {type(error).__name__}: {error}"[:300]) from error

    async def _visit(self, source: Source, url: str, state: SourceState | None, ledger: Ledger | None) -> Visit:
        kind = kind_of(self._kinds, source.kind)
        kind.check(self._engine.http)
        question = kind.ask(source, url, state.cursor if state else "")
        conditions = {} if kind.rereads else validators.request_headers(state)
        fields = conditions | question.headers
        took = 0.0

        async def ask(address: str) -> Answer:
            nonlocal took
            same = address == question.url
            async with self._turn(kind, source, address):
                began = self._clock.now()
                if same and question.method != "GET":
                    answer = await self._engine.fetch(address, question.headers, method=question.method, body=question.body)
                else:  # what a question says of itself, as a key, is not for other hosts
                    own = host_of(address) == host_of(question.url)
                    answer = await self._engine.fetch(address, fields if own else conditions)
                took += max(0.0, (self._clock.now() - began).total_seconds())
                return answer

        end = await follow(question.url, ask)
        self._judge(end.answer, kind)
        further = Further(self, source, kind, ledger, state.cursor if state else "")
        parsed, body_hash = await self._read(source, kind, end.answer, state, further)
        # the address of a question with a cursor is not the one that the source has moved to
        moved = end.moved if question.url == url else None
        return Visit(answer=end.answer, moved=moved, parsed=parsed, body_hash=body_hash, further=tuple(further.answers), took=took)

    @asynccontextmanager
    async def _turn(self, kind: Kind, source: Source, address: str) -> AsyncIterator[None]:
        # the terms that exempt an interface from robots.txt are those of its own host
        asks = kind.obeys_robots or host_of(address) != host_of(source.url)
        delay = await self.robots.allow(address) if asks else 0.0
        async with self.gate.turn(host_of(address), delay):
            yield

    async def further(self, kind: Kind, source: Source, url: str) -> Answer:
        """One more answer of status 200.

        :raises Failure: if there is none.
        """

        async def ask(address: str) -> Answer:
            async with self._turn(kind, source, address):
                return await self._engine.fetch(address)

        answer = (await follow(url, ask)).answer
        self._judge(answer, kind)
        return answer

    def _judge(self, answer: Answer, kind: Kind) -> None:
        if answer.status in _READABLE:
            return
        refusal = refused(answer, validators.retry_after(answer.headers, self._clock.now()), final_404=kind.final_404)
        if answer.status in {429, 503}:
            self.gate.hold(host_of(answer.url), refusal.wait)
        raise refusal

    async def _read(
        self, source: Source, kind: Kind, answer: Answer, state: SourceState | None, more: Further
    ) -> tuple[Parsed | None, str | None]:
        """``parsed`` and ``body_hash`` of the visit."""
        if answer.status == 304 or (validators.same_version(state, answer.headers) and not kind.rereads):
            return None, state.body_hash if state else None
        if "content-encoding" in answer.headers:
            raise Malformed(f"compressed as {answer.headers['content-encoding']!r}, which cannot be read")
        body_hash = digest(answer.body)
        if state is not None and state.body_hash == body_hash and not kind.rereads:
            return None, body_hash
        return await kind.parse(fetched_of(answer), source, more), body_hash


class Further:
    """:class:`collectors.items.More` of one visit: through the visitor, and noted, since the answer cannot be read again without."""

    def __init__(self, visitor: Visitor, source: Source, kind: Kind, ledger: Ledger | None, cursor: str) -> None:
        self._visitor, self._source, self._kind, self._ledger, self.cursor = visitor, source, kind, ledger, cursor
        self.answers: list[Answer] = []

    async def get(self, url: str) -> Fetched:
        """See :class:`collectors.items.More`."""
        answer = await self._visitor.further(self._kind, self._source, url)
        # under the address that was asked for: that is what it is found by when the answer is read again
        self.answers.append(msgspec.structs.replace(answer, url=url))
        return fetched_of(answer)

    def is_new(self, native_id: str, content_hash: str) -> bool:
        """See :class:`collectors.items.More`."""
        if self._ledger is None:
            return False
        known = self._ledger.get(document_id(self._source.id, native_id))
        return known is None or known.withdrawn or known.content_hash != content_hash

    def standing(self) -> Iterable[str]:
        """See :class:`collectors.items.More`."""
        standing = self._ledger.standing(self._source.id) if self._ledger is not None else {}
        return (native_id for native_id, _ in standing.values())


def fetched_of(answer: Answer) -> Fetched:
    """The answer as parsers are given it."""
    return Fetched(body=answer.body, url=answer.url, headers=answer.headers)


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
