"""What is learned from: official notices with their place and their category, in order of time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from enrich import layout
from enrich.lexicon import Lexicon
from enrich.text import Frame, frame
from enrich.themes import SUMMARY
from pipeline.model import Document, Instant, Place, Theme


class Example(Struct, frozen=True, kw_only=True):
    """A notice ready to learn from."""

    id: str
    frame: Frame
    published: Instant
    #: Municipality (four digits) or county (two); empty if the source states neither.
    place: str
    #: Id of the theme that the lexicon has for its category; empty if none, or if that says only that nothing else fits.
    theme: str


class Read(NamedTuple):
    """An example with what the gazetteer and the lexicon say of it."""

    example: Example
    places: tuple[Place, ...]
    themes: tuple[Theme, ...]


def examples_of(documents: Iterable[Document], lexicon: Lexicon) -> list[Example]:
    """The examples among documents, oldest first: those whose source states the place or the category.

    Round-ups are left out: they have many places. So is a title that states the category, as ``22 augusti 17.59, Brand, Malmö``: what
    is to be learned is what other texts have too.
    """
    themes = lexicon.of_type()
    found = []
    for document in documents:
        stated = next((place.code for place in document.places if place.field == "source" and place.score == 1.0), "")
        category = document.category.strip()
        if document.withdrawn or not (stated or category):
            continue
        theme = themes.get(category.casefold())
        if (theme is not None and theme.id == SUMMARY) or layout.is_round_up(document.title):
            continue
        found.append(
            Example(
                id=document.id,
                frame=frame("" if category and category in document.title else document.title, document.text),
                published=document.published,
                place=stated.partition(":")[0] if stated[:1].isdigit() else "",
                theme=theme.id if theme is not None and not theme.catch_all else "",
            )
        )
    found.sort(key=lambda example: (example.published, example.id))
    return found
