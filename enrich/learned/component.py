"""The component that corrects and completes places and themes by what was learned."""

from __future__ import annotations

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from enrich import attributes, layout
from enrich.gazetteer import Gazetteer
from enrich.learned.file import Learned, LearnedThemes
from enrich.learned.places import PlaceJudge
from enrich.learned.themes import ThemeJudge
from enrich.learned.wording import Matrix, Wording
from enrich.text import Frame
from enrich.themes import SUMMARY
from pipeline.errors import FjarilError
from pipeline.model import Place, Theme


def unpack(packed: LearnedThemes) -> Wording:
    """The weights, ready to use."""
    weights: Matrix = np.frombuffer(packed.weights, np.int8).reshape(len(packed.features), len(packed.themes)).astype(np.float32)
    return Wording(packed.features, weights * np.asarray(packed.scales, np.float32))


class Tagger:
    """Places and themes of a document, by what was learned. What the source states stays."""

    def __init__(self, learned: Learned, gazetteer: Gazetteer) -> None:
        self._places = PlaceJudge(learned.places, gazetteer) if learned.places and learned.places_part.used else None
        themes = learned.themes if learned.themes_part.used else None
        self._themes = ThemeJudge(themes, unpack(themes)) if themes else None

    def tag(self, framed: Frame, places: tuple[Place, ...], themes: tuple[Theme, ...]) -> tuple[tuple[Place, ...], tuple[Theme, ...]]:
        """The places and themes, completed; unchanged for a text that sums up several events."""
        if (themes and themes[0].id == SUMMARY) or layout.is_round_up(framed.text):
            return places, themes
        if self._places is not None and not framed.stated:
            places = self._places.places(framed, places)
        if self._themes is not None:
            themes = self._themes.themes(framed, themes)
        return places, themes


@Language.factory("fjaril_learned", assigns=["doc._.places", "doc._.themes"], requires=["doc._.places", "doc._.themes"])
class LearnedComponent(attributes.Component):
    """Corrects ``doc._.places`` and ``doc._.themes``."""

    def __init__(self, nlp: Language, name: str) -> None:
        self.name, self.vocab = name, nlp.vocab
        self.tagger: Tagger | None = None

    def use(self, learned: Learned, gazetteer: Gazetteer) -> None:
        """Go by what was learned."""
        self.tagger = Tagger(learned, gazetteer)

    def __call__(self, doc: Doc) -> Doc:
        """The document, with its places and themes corrected.

        :raises FjarilError: if nothing learned was given.
        """
        if self.tagger is None:
            raise FjarilError(f"component {self.name}: nothing was learned; build the pipeline with enrich.nlp.build")
        places, themes = self.tagger.tag(attributes.framed(doc), attributes.PLACES.get(doc), attributes.THEMES.get(doc))
        attributes.PLACES.set(doc, places)
        attributes.THEMES.set(doc, themes)
        return doc
