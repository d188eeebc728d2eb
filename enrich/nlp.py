"""The spaCy pipeline: words, then language, places, themes and what was learned, each a registered component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from enrich.attributes import FRAME
from enrich.gazetteer import Gazetteer
from enrich.language import LanguageComponent
from enrich.learned.component import LearnedComponent
from enrich.learned.file import Learned
from enrich.lexicon import Lexicon
from enrich.places import PlacesComponent
from enrich.text import Frame
from enrich.themes import ThemesComponent

#: Documents that each component takes at a time.
BATCH = 128


def build(gazetteer: Gazetteer, lexicon: Lexicon, learned: Learned | None = None) -> Language:
    """A pipeline whose documents have ``doc._.lang``, ``doc._.places`` and ``doc._.themes``.

    :param learned: what ``fjaril learn`` learned; nothing by default.
    """
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
    if learned is not None and (learned.places_part.used or learned.themes_part.used):
        last = nlp.add_pipe("fjaril_learned")
        if not isinstance(last, LearnedComponent):
            raise TypeError(f"component fjaril_learned: found {type(last).__name__}, expected LearnedComponent")
        last.use(learned, gazetteer)
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
