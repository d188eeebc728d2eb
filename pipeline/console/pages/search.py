"""Sök: documents by words and fields, with what they have in common."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from msgspec import Meta, Struct

from pipeline.access.roles import Principal
from pipeline.console.ask import AskError, moment
from pipeline.console.ask import asked as ask
from pipeline.console.room import Room
from pipeline.console.rows import DocumentRow, Named, Show
from pipeline.console.saved import Saved
from pipeline.desk.merged import with_merged
from pipeline.errors import UsageError
from pipeline.index.keys import theme_line
from pipeline.index.question import parse
from pipeline.ports import Filters, Search

_FACETS = ("place", "theme", "source", "language")
#: Values of a facet that are shown.
_SHOWN = 8
_BARS = 30


class SearchAsked(Struct, frozen=True, kw_only=True):
    """A question to the documents."""

    #: Words, "a phrase", -without, field:value.
    q: str = ""
    #: Names or codes of municipalities and counties; any of them.
    place: tuple[str, ...] = ()
    #: Ids of themes, their children included.
    theme: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    #: A date or time, or a stretch before now, as 7d.
    since: str = ""
    until: str = ""
    #: Empty: best first where there are words, else newest first.
    order: Literal["", "relevance", "newest"] = ""
    #: Without copies of earlier documents.
    originals: bool = False
    size: Annotated[int, Meta(ge=1, le=100)] = 20
    #: ``after`` of the page before.
    after: str = ""


class Value(Struct, frozen=True, kw_only=True):
    """A value of a facet."""

    id: str
    name: str
    count: int
    #: Whether the question asks for it.
    chosen: bool


class Facet(Struct, frozen=True, kw_only=True):
    """What the documents found have in common."""

    field: str
    values: tuple[Value, ...]


class Found(Struct, frozen=True, kw_only=True):
    """What was found."""

    total: int
    hits: tuple[DocumentRow, ...]
    facets: tuple[Facet, ...]
    #: The reader's own, by name.
    saved: tuple[Saved, ...]
    #: Give it as ``after`` for the next page; None at the end.
    after: str | None


class Save(Struct, frozen=True, kw_only=True):
    """Keep a search under a name."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    #: Its parameters, as they stand in an address.
    query: Annotated[str, Meta(max_length=4_000)] = ""


class Forget(Struct, frozen=True, kw_only=True):
    """Keep it no longer."""

    search: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Bar(Struct, frozen=True, kw_only=True):
    """Documents of one stretch of time."""

    since: datetime
    until: datetime
    count: int


class Brush(Struct, frozen=True, kw_only=True):
    """How what is found lies in time."""

    bars: tuple[Bar, ...]


def search(show: Show, asked: SearchAsked) -> Found:
    """The documents.

    :raises AskError: if a parameter cannot be meant.
    :raises QueryError: if the words cannot be understood.
    """
    filters = narrowed(show, asked)
    newest = asked.order == "newest" or (not asked.order and not asked.q)
    question = Search(
        text=with_merged(asked.q, show.room.state), filters=filters, size=asked.size, after=asked.after or None,
        order="newest" if newest else "relevance", facets=_FACETS,
    )  # fmt: skip
    page = show.room.index.search(question)
    if not page.total:
        _refuse_unknown(show.room, asked)
    facets = tuple(Facet(field=name, values=_values(show, name, page.facets.get(name, ()), filters)) for name in _FACETS)
    return Found(total=page.total, hits=show.hits(page.hits), facets=facets, saved=show.room.searches.of(show.who.name), after=page.after)


def save(room: Room, who: Principal, asked: Save) -> str:
    """Keep a search that can be made.

    :raises AskError: if it cannot, or too many are kept.
    """
    pairs = [(name, value) for name, value in parse_qsl(asked.query) if name != "after"]
    ask(SearchAsked, pairs)
    try:
        room.searches.save(who.name, asked.name, urlencode(pairs))
    except UsageError as error:
        raise AskError("full", field="name") from error
    return f"/sok?{urlencode(pairs)}"


def forget(room: Room, who: Principal, asked: Forget) -> str:
    """Keep it no longer.

    :raises AskError: if there is none of theirs.
    """
    if not room.searches.forget(who.name, asked.search):
        raise AskError("search", status=404, found=asked.search)
    return "/sok"


def brush(show: Show, asked: SearchAsked) -> Brush:
    """How many are found in each of thirty stretches of the time asked for; of the last thirty days without any.

    :raises AskError: if a parameter cannot be meant.
    :raises QueryError: if the words cannot be understood.
    """
    filters, index = narrowed(show, asked), show.room.index
    text = with_merged(asked.q, show.room.state)
    until = filters.until or _latest(show, filters, text) + timedelta(hours=1)
    since = filters.since or until - timedelta(days=_BARS)
    step = (until - since) / _BARS
    edges = [*(since + number * step for number in range(_BARS)), until]
    counts = index.over_time(Search(text=text, filters=filters), edges)
    return Brush(bars=tuple(Bar(since=begin, until=end, count=count) for (begin, end), count in zip(pairwise(edges), counts, strict=True)))


def _latest(show: Show, filters: Filters, text: str) -> datetime:
    """When the last that is found was published; now without any."""
    hits = show.room.index.search(Search(text=text, filters=filters, size=1, order="newest")).hits
    return hits[0].document.published if hits else show.room.clock.now()


def narrowed(show: Show, asked: SearchAsked) -> Filters:
    """The filters of a question, held to what the reader sees.

    :raises AskError: if a place or time is none, or the period ends before it begins.
    """
    now = show.room.clock.now()
    since, until = moment("since", asked.since, now), moment("until", asked.until, now)
    if since and until and since >= until:
        raise AskError("period", field="until", since=asked.since, until=asked.until)
    who: Principal = show.who
    return who.narrowed(
        Filters(
            places=tuple(code_of(show.room, place) for place in asked.place), themes=asked.theme, sources=asked.source,
            languages=asked.language, since=since, until=until, copies=not asked.originals,
        )
    )  # fmt: skip


def code_of(room: Room, place: str) -> str:
    """The code of a municipality or county that is named, or of another place by its code.

    :raises AskError: if there is none.
    """
    found = room.names.named(place)
    if found is None:
        raise AskError("place", field="place", found=place[:80])
    return found.code


def _values(show: Show, field: str, counts: tuple[tuple[str, int], ...], filters: Filters) -> tuple[Value, ...]:
    chosen = {"place": filters.places, "theme": filters.themes, "source": filters.sources, "language": filters.languages}[field]

    def named(value: str) -> Named:
        return show.place(value) if field == "place" else show.theme(value) if field == "theme" else Named(id=value, name=value)

    first = sorted(counts, key=lambda one: one[0] not in chosen)[:_SHOWN]
    return tuple(Value(id=value, name=named(value).name, count=count, chosen=value in chosen) for value, count in first)


def _refuse_unknown(room: Room, asked: SearchAsked) -> None:
    """Nothing was found: say so if it is because there is no such theme, source or language."""
    given = {
        field: {*chosen, *(value for clause in parse(asked.q) if clause.field == name for value in clause.values)}
        for field, name, chosen in (
            ("theme", "theme", asked.theme),
            ("source", "source", asked.source),
            ("language", "lang", asked.language),
        )
    }
    if not any(given.values()):
        return
    counts = room.index.search(Search(size=1, facets=("theme", "source", "language"))).facets
    there = {field: {above for value, _ in values for above in theme_line(value)} for field, values in counts.items()}
    known = {"theme": room.names.themes | there["theme"], "source": set(room.sources) | there["source"], "language": there["language"]}
    for field, values in given.items():
        if strange := sorted(values - known[field]):
            raise AskError(field, field=field, found=strange[0])
