"""Several incidents in one text: where each begins and ends, when and where it happened, and what it is about.

A night's summary or a round-up is cut by its layout (:mod:`enrich.layout`, :mod:`enrich.outline`). A heading with a place holds for
the paragraphs below it that begin with a time. What is said of the whole is no incident, unless a sentence tells of something at a
place: ``Under natten greps en man i Luleå``. A list of places, ``viltolyckor inträffade i Vännäs och på E4 i Robertsfors``, is an
incident each.

Each incident is then read by the pipeline's own components as a text of its own, with what its heading says as the stated place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spacy.language import Language

from enrich import layout
from enrich.outline import Outline, Part, Reader, moved, where
from enrich.text import frame
from pipeline.model import Incident, Place, PlaceRole, Theme

#: Most incidents of a text, and characters of it that are read.
MOST = 100
_READ = 50_000
#: Many at once, of which no single one is told.
_SUM = re.compile(r"\b(?:\d+-tal|ett antal|ett flertal|flertalet|flera)\b", re.IGNORECASE)


class Splitter:
    """Cuts texts into incidents and reads each with the components of a pipeline.

    :raises FjarilError: if the pipeline's places have no gazetteer.
    """

    def __init__(self, nlp: Language) -> None:
        self._reader = Reader(nlp)

    def incidents(self, title: str, text: str, *, places: Sequence[Place] = (), area: str = "SE") -> tuple[Incident, ...]:
        """The incidents that ``text`` tells, in its order; none where it is about one thing only.

        :param places: what was found in the whole document; a county among them says where its names lie.
        :param area: code of the area that the source writes about.
        """
        read = text[:_READ]
        titled = layout.is_round_up(title)
        declared = titled or layout.is_round_up(read)
        if not declared and not layout.may_be_list(read):
            return ()
        county = next((place.county for place in places if place.role is PlaceRole.HAPPENED and place.county), None)
        outline = Outline(self._reader, read, county or area, declared=declared)
        if not (declared or _is_list(outline)):
            return ()
        found = [incident for part in outline.parts[:MOST] if (incident := self._incident(outline, part)) is not None]
        # A single sentence makes no list of a text that does not call itself one.
        return tuple(found) if titled or len(found) > 1 or not all(part.loose for part in outline.parts) else ()

    def _incident(self, outline: Outline, part: Part) -> Incident | None:
        """The part as an incident; None if it says too little to be one."""
        text, heading, span = outline.text, outline.place(part), (part.start, part.end)
        framed = frame(text[slice(*part.context)], text[slice(*span)], area=outline.area, stated=heading.code if heading else "")
        found = self._reader.places(framed)
        places = tuple(moved((place for place in found if place.field != "source"), framed, text, span, part.context))
        if heading is not None:
            places = (heading, *places)
        themes = self._reader.themes(framed)
        if not _says_enough(part, text, places, themes):
            return None
        return Incident(start=part.start, end=part.end, time=part.time, places=places, themes=themes)


def _is_list(outline: Outline) -> bool:
    """Whether a text that does not call itself a round-up is a list: its headings give times and places."""
    placed = [part for part in outline.parts if outline.place(part)]
    return len(placed) > 1 or any(part.time for part in placed)


def _says_enough(part: Part, text: str, places: tuple[Place, ...], themes: tuple[Theme, ...]) -> bool:
    somewhere = where(places) is not None
    if not part.told:
        return somewhere and bool(part.time or themes)
    if not somewhere and not part.time and _SUM.search(text, part.start, part.end):
        return False
    return somewhere or bool(themes)
