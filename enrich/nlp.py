"""The spaCy pipeline: words, then language, places and themes, each a registered component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from enrich.attributes import FRAME
from enrich.gazetteer import Gazetteer
from enrich.language import LanguageComponent
from enrich.lexicon import Lexicon
from enrich.places import PlacesComponent
from enrich.text import Frame
from enrich.themes import ThemesComponent

#: Documents that each component takes at a time.
BATCH = 128


def build(gazetteer: Gazetteer, lexicon: Lexicon) -> Language:
    """A pipeline whose documents have ``doc._.lang``, ``doc._.places`` and ``doc._.themes``."""
    nlp = spacy.blank("sv")
    for name, kind, data in (
        ("fjaril_language", LanguageComponent, None),
        ("fjaril_places", PlacesComponent, gazetteer),
        ("fjaril_themes", ThemesComponent, lexicon),
    ):
        component = nlp.add_pipe(name)
        if not isinstance(component, kind):
            raise TypeError(f"component {name}: found {type(component).__name__}, expected {kind.__name__}")
        if data is not None:
            component.use(data)  # type: ignore[union-attr, arg-type]  # each with its own data
    return nlp


def analyse(nlp: Language, frames: Iterable[Frame]) -> Iterator[Doc]:
    """The analysed document of each frame, in order.

    The components read the characters of the frame, so these documents have no tokens: the Swedish rules take as long for a notice
    as everything else together. ``nlp(text)`` makes them.
    """
    return nlp.pipe(_docs(nlp, frames), batch_size=BATCH)


def _docs(nlp: Language, frames: Iterable[Frame]) -> Iterator[Doc]:
    for framed in frames:
        doc = Doc(nlp.vocab)
        FRAME.set(doc, framed)
        yield doc
