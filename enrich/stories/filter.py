"""The filter behind ``fjaril stories``: JSON Lines of documents in time order in, the story of each out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

import msgspec
from msgspec import Struct

from enrich.lines import Refuse, read_lines
from enrich.stories.stories import Stories
from enrich.stories.story import Told
from pipeline.model import PlaceRole

_EXPECTED = 'an object {"id", "title"?, "text", "published"?, "source"?, "places"?, "themes"?}'
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_encoder = msgspec.json.Encoder()

#: Lines that are tagged at a time.
_BATCH = 256

#: Gives lines the places and themes that they lack: :func:`enrich.tag.tag_lines` with its pipeline.
Tagger = Callable[[list[bytes]], Iterable[bytes]]


class _Place(Struct, frozen=True):
    code: str
    role: str = PlaceRole.HAPPENED


class _Theme(Struct, frozen=True):
    id: str


class _Line(Struct, frozen=True):
    """The part of a line that is read."""

    text: str
    id: str | int
    title: str | None = None
    published: datetime | None = None
    source: str | None = None
    places: tuple[_Place, ...] | None = None
    themes: tuple[_Theme, ...] | None = None
    incidents: tuple[msgspec.Raw, ...] = ()

    @property
    def is_tagged(self) -> bool:
        """Whether somebody has looked for places and themes."""
        return self.places is not None and self.themes is not None


_decoder = msgspec.json.Decoder(_Line)


def story_lines(lines: Iterable[str | bytes], stories: Stories, tagger: Callable[[], Tagger], refuse: Refuse) -> Iterator[bytes]:
    """``{"id", "story"}`` for each document, and again for those whose story changes, each with a newline.

    :param tagger: called when the first line comes that has no places or themes yet.
    :param refuse: is told of each line that is not such an object; the others go on unless it raises.
    """
    as_given: dict[str, int] = {}  # ids that are numbers
    now = _BEGINNING
    for read in _tagged(read_lines(lines, _read, _EXPECTED, refuse), tagger):
        now = _utc(read.published) or now
        document = str(read.id)
        if isinstance(read.id, int):
            as_given[document] = read.id
        stories.put(_told(document, read, now), now)
        moves = stories.changes().moves
        moves.setdefault(document, stories.story_of(document))
        for moved, story in moves.items():
            yield _encoder.encode({"id": as_given.get(moved, moved), "story": story}) + b"\n"


def _tagged(readable: Iterator[tuple[bytes, _Line]], tagger: Callable[[], Tagger]) -> Iterator[_Line]:
    tag: Tagger | None = None
    while batch := list(islice(readable, _BATCH)):
        lacking = [line for line, read in batch if not read.is_tagged]
        if lacking:
            tag = tag or tagger()
        found = iter(tag(lacking)) if tag and lacking else iter(())
        for _, read in batch:
            yield read if read.is_tagged else _decoder.decode(next(found))


def _read(line: str | bytes) -> tuple[bytes, _Line]:
    return line.encode() if isinstance(line, str) else line, _decoder.decode(line)


def _told(document: str, read: _Line, now: datetime) -> Told:
    places = frozenset(place.code for place in read.places or () if place.role == PlaceRole.HAPPENED)
    return Told(
        id=document, title=read.title or "", text=read.text, published=now, source=read.source or "", places=places,
        themes=tuple(theme.id for theme in read.themes or ()), incidents=len(read.incidents) or 1,
    )  # fmt: skip


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
