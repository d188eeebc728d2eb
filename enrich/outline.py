"""The parts of a text that tell of one incident each: what :mod:`enrich.layout` says of its lines, and what its names mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct
from spacy.language import Language
from spacy.tokens import Doc

from enrich import layout
from enrich.attributes import FRAME, PLACES, THEMES
from enrich.layout import Kind, Line
from enrich.text import Frame, Unframe, frame
from pipeline.errors import FjarilError
from pipeline.model import Place, PlaceRole, Theme

#: Characters [start, end) of a text; both 0 for none.
Span = tuple[int, int]
_NOTHING: Span = (0, 0)
_HEADING_REASON = "Händelsens rubrik anger platsen."
#: Words of place that a list of places is made of.
_AT = r"(?:på|i|vid|utanför|norr om|söder om|öster om|väster om)\s"
#: What a list of incidents begins with, and where it is cut.
_LISTING = re.compile(rf"(?:inträffa(?:de|t)|sk(?:ett|edde)|rapporterats|anmälts)\b[^.]*?(?=\b{_AT})|\((?=(?:på|i|vid)\s)")
#: One of these is in each beginning of a list; looked for first, for that is fast.
_LISTING_WORDS = ("inträffa", "skett", "skedde", "rapporterats", "anmälts", "(")
_NEXT = re.compile(rf"\s*(?:,\s*(?:och|samt)?|\boch\b|\bsamt\b)\s*(?=(?:en|ett|den andra)?\s*{_AT})")
_SEVERAL = re.compile(r"\b(?:två|tre|fyra|fem|sex|sju|åtta|nio|tio|elva|tolv|\d+)\b", re.IGNORECASE)
#: What says of a whole list where it lies: ``i Tandsbyn samt i Lit, bägge i Östersunds kommun``.
_ALL = re.compile(r"[,\s]+(?:båda|bägge|alla|samtliga)\b")
#: A capital letter after the first word: without one there is no name to look for.
_CAPITAL = re.compile(r"\W[A-ZÅÄÖ]")


class Part(Struct, kw_only=True):
    """A part of a text that may be an incident; it grows while the lines are read."""

    start: int
    end: int
    time: str = ""
    head: Span = _NOTHING
    #: What stands before it and holds for it too: a heading over several incidents, the beginning of a list.
    context: Span = _NOTHING
    #: It has text beside its heading.
    told: bool = True
    #: It has no heading: sentences of a paragraph.
    loose: bool = False
    #: It holds together whatever is told in it.
    report: bool = False

    @property
    def waits(self) -> bool:
        """It is a heading without a time, and nothing was told below it yet."""
        return not (self.told or self.time)


class Reader:
    """Reads pieces of a text with the components of a pipeline.

    :raises FjarilError: if the pipeline's places have no gazetteer.
    """

    def __init__(self, nlp: Language) -> None:
        self._doc = Doc(nlp.vocab)  # without words: the components read its frame
        self._places, self._themes = (nlp.get_pipe(name) for name in ("fjaril_places", "fjaril_themes"))
        finder = getattr(self._places, "finder", None)
        if finder is None:
            raise FjarilError("component fjaril_places: it has no gazetteer; build the pipeline with enrich.nlp.build")
        self._gazetteer = finder.gazetteer

    def places(self, framed: Frame) -> tuple[Place, ...]:
        """The places of a piece, with spans in the frame."""
        FRAME.set(self._doc, framed)
        return PLACES.get(self._places(self._doc))

    def themes(self, framed: Frame) -> tuple[Theme, ...]:
        """The themes of a piece."""
        FRAME.set(self._doc, framed)
        return THEMES.get(self._themes(self._doc))

    def heading(self, text: str, head: Span, area: str) -> Place | None:
        """The place inside a municipality that a heading gives, with its span in the text.

        A whole segment of it, ``Berg`` in ``22:19, Berg``, else what is found in it.
        """
        said = text[slice(*head)]
        named = [
            (segment, place)
            for segment in layout.segments(said)
            if segment[0].isupper() and (place := self._gazetteer.municipality_by_name(segment)) is not None
        ]
        if not named:
            framed = frame("", said, area=area)
            found = where(self.places(framed))
            if found is None:
                return None
            return msgspec.structs.replace(next(moved([found], framed, text, head)), reason=_HEADING_REASON)
        segment, place = next((pair for pair in named if pair[1].code.startswith(area)), named[0])
        at = text.index(segment, *head)
        return Place(
            code=place.code,
            name=place.name,
            kind=place.kind,
            role=PlaceRole.HAPPENED,
            score=0.99,
            start=at,
            end=at + len(segment),
            reason=_HEADING_REASON,
            latitude=place.latitude,
            longitude=place.longitude,
        )


def where(places: tuple[Place, ...]) -> Place | None:
    """The best place inside a municipality in which something happened."""
    return next((place for place in places if place.role is PlaceRole.HAPPENED and place.municipality), None)


def moved(places: Iterable[Place], framed: Frame, text: str, span: Span, context: Span = _NOTHING) -> Iterator[Place]:
    """The places with their spans in ``text``, of which ``span`` is the frame's text and ``context`` its title."""
    back = Unframe(framed, text[slice(*context)], text[slice(*span)])
    for place in places:
        field, start, end = back.span(place.start, place.end)
        shift = context[0] if field == "title" else span[0]
        yield msgspec.structs.replace(place, field="text", start=start + shift, end=end + shift)


class Outline:
    """The parts of one text.

    :param area: code of the area that the text is about; where it is ``SE``, the county that most of its headings lie in.
    :param declared: whether the text says that it sums up several events. Then a time alone begins a part, and a sentence of a
        paragraph may be one. Else a heading must name a place: times may be those of updates on one event.
    """

    def __init__(self, reader: Reader, text: str, area: str, *, declared: bool) -> None:
        self._reader, self.text, self.area, self._declared = reader, text, area, declared
        self._headings: dict[Span, Place | None] = {}
        lines = layout.lines(text)
        if area == "SE":
            self.area = self._common_county(lines)
        self.parts: list[Part] = []
        self._current: Part | None = None
        #: The heading that holds for the parts below it.
        self._group = _NOTHING
        for line in lines:
            self._take(line)

    def place(self, part: Part) -> Place | None:
        """The place of a part's heading, else of the heading above."""
        return self._heading(part.head) or (None if part.loose else self._heading(part.context))

    def _common_county(self, lines: list[Line]) -> str:
        counties = Counter(place.code[:2] for line in lines if (place := self._heading(line.head)))
        self._headings.clear()
        return counties.most_common(1)[0][0] if counties else "SE"

    def _heading(self, head: Span) -> Place | None:
        if head not in self._headings:
            self._headings[head] = self._reader.heading(self.text, head, self.area) if head[0] < head[1] else None
        return self._headings[head]

    # --- lines -------------------------------------------------------------------------------------------------------

    def _take(self, line: Line) -> None:
        current = self._current
        if current and current.report and line.kind in {Kind.TEXT, Kind.GENERAL}:
            current.end = line.end
        elif line.kind is Kind.REPORT:
            self._group = _NOTHING
            self._add(Part(start=line.start, end=line.end, head=line.head, report=True))
        elif line.kind is Kind.HEADING and (self._declared or self._heading(line.head)):
            self._take_heading(line)
        elif line.kind is Kind.LED and ((self._declared and line.time) or self._heading(line.head)):
            self._take_led(line)
        elif line.kind is Kind.GENERAL:
            self._current, self._group = None, _NOTHING
            self._loosen(line)
        elif current and not current.loose and not self._turns(line, current):
            current.end, current.told = line.end, True
        else:
            self._loosen(line)

    def _take_heading(self, line: Line) -> None:
        self._group = _NOTHING
        if self._current and self._current.waits:  # a heading above this one
            self.parts.pop()
            self._group = self._current.head if self._heading(self._current.head) else _NOTHING
        self._add(Part(start=line.start, end=line.end, time=line.time, head=line.head, context=self._group, told=False))
        self._group = self._group if line.time else line.head

    def _take_led(self, line: Line) -> None:
        current = self._current
        if current and current.waits and line.time:
            current.end, current.time, current.told = line.end, line.time, True
        else:
            self._add(Part(start=line.start, end=line.end, time=line.time, head=line.head, context=self._group))

    def _add(self, part: Part) -> None:
        self.parts.append(part)
        self._current = part

    def _turns(self, line: Line, current: Part) -> bool:
        """Whether a paragraph turns to something else: ``Under natten har …``, and another municipality."""
        if not (self._declared and current.told and layout.turns(self.text[line.start : line.end])):
            return False
        there = self._there(line.start, line.end)
        here = self.place(current) or self._there(current.start, current.end)
        return there is not None and here is not None and there.municipality != here.municipality

    # --- paragraphs without heading ----------------------------------------------------------------------------------

    def _loosen(self, line: Line) -> None:
        """The incidents that the sentences of a paragraph tell; the last may go on in the next paragraph."""
        if not self._declared:
            return
        begin, before = -1, line.start
        for start, end in layout.sentences(self.text, line.start, line.end):
            begin = start if begin < 0 else begin
            if listed := self._listed(line.start, start, end):
                self.parts += listed
                self._current, begin = None, -1
            else:
                begin = self._take_sentence(start, end, begin, before)
            before = start

    def _take_sentence(self, start: int, end: int, begin: int, before: int) -> int:
        """Returns where the next part begins: with a sentence that says no place yet, or -1 for the next sentence.

        :param begin: where a part begins whose place this sentence may give.
        :param before: where the sentence before begins.
        """
        said = self.text[start:end]
        general = layout.is_general(said)
        if self._tells(start, end):
            self._add(Part(start=start if general else begin, end=end, loose=True))
        elif self._current is None and layout.refers_back(said) and self._tells(before, end):
            self._add(Part(start=before, end=end, loose=True))
        elif general:
            self._current = None
        elif self._current is not None:
            self._current.end = end
        return -1 if general or self._current is not None else begin

    def _there(self, start: int, end: int) -> Place | None:
        """Where characters [start, end) say that something happened."""
        said = self.text[start:end]
        return where(self._reader.places(frame("", said, area=self.area))) if _CAPITAL.search(said) else None

    def _tells(self, start: int, end: int) -> bool:
        """Whether they say that something happened in a municipality."""
        said = self.text[start:end]
        return self._there(start, end) is not None and not layout.announces(said) and bool(self._reader.themes(frame("", said)))

    def _listed(self, paragraph: int, start: int, end: int) -> list[Part]:
        """The parts of a sentence that lists where several incidents were: at least two places."""
        text = self.text
        if not any(word in text[start:end] for word in _LISTING_WORDS):
            return []
        listing = _LISTING.search(text, start, end)
        if listing is None or not _SEVERAL.search(text, paragraph, listing.end()):
            return []
        shared = _ALL.search(text, listing.end(), end)
        head, stop = ((shared.end(), end), shared.start()) if shared else (_NOTHING, end)
        cuts = list(_NEXT.finditer(text, listing.end(), stop))
        starts, stops = [listing.end(), *(cut.end() for cut in cuts)], [*(cut.start() for cut in cuts), stop]
        spans = [(begin, begin + len(text[begin:stop].rstrip(" .,;)"))) for begin, stop in zip(starts, stops, strict=True)]
        context = (paragraph, listing.end())
        parts = [Part(start=begin, end=stop, head=head, context=context, loose=True) for begin, stop in spans if begin < stop]
        placed = [part for part in parts if self.place(part) or self._there(part.start, part.end)]
        return placed if len(placed) > 1 else []
