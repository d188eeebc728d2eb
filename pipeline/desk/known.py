"""Values of filters that exist: one that is mistyped would find nothing, and a search would say so without saying why."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from enrich.lexicon import load as load_lexicon
from pipeline.errors import UsageError
from pipeline.index.keys import theme_line
from pipeline.index.question import parse
from pipeline.ports import Index, Search
from pipeline.settings import load_sources

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer
    from pipeline.settings import Settings

#: Most values that an error names.
_NAMED = 20


class Known:
    """What a search may ask for by field: what this version knows, and what the index holds, be it of older ones."""

    def __init__(self, settings: Settings, gazetteer: Gazetteer, index: Index) -> None:
        self._settings, self._gazetteer, self._index = settings, gazetteer, index

    def check(self, question: Search) -> None:
        """Refuse a question that asks for a theme, source, language or place that there is none of.

        :raises UsageError: naming the value, and those that are spelt like it or what there is.
        :raises QueryError: if the question's text cannot be understood.
        """
        filters, clauses = question.filters, parse(question.text)
        for field, chosen, refuse in (
            ("theme", filters.themes, self._refuse_theme),
            ("source", filters.sources, self._refuse_source),
            ("lang", filters.languages, self._refuse_language),
            ("place", filters.places, self._refuse_place),
        ):
            for value in (*chosen, *(value for clause in clauses if clause.field == field for value in clause.values)):
                refuse(value)

    def _refuse_theme(self, value: str) -> None:
        if value not in self._themes and value not in self._indexed["theme"]:
            raise UsageError(f"there is no theme {value!r}{near(value, self._themes)}")

    def _refuse_source(self, value: str) -> None:
        if value not in self._indexed["source"]:
            known = self._indexed["source"] | {source.id for source in load_sources(self._settings.sources)}
            if value not in known:
                raise UsageError(f"there is no source {value!r}{near(value, known)}")

    def _refuse_language(self, value: str) -> None:
        if value not in self._indexed["language"]:
            raise UsageError(f"no document is in language {value!r}{near(value, self._indexed['language'])}")

    def _refuse_place(self, value: str) -> None:
        if self._gazetteer.describe(value) is None:
            raise UsageError(
                f"there is no place with the code {value!r}; the code of a municipality is as 1280, of a county as 12, of a country as DK"
            )

    @cached_property
    def _themes(self) -> frozenset[str]:
        return frozenset(above for theme in load_lexicon(self._settings.lexicon).themes for above in theme_line(theme.id))

    @cached_property
    def _indexed(self) -> dict[str, frozenset[str]]:
        """Facet → values of the documents that are there."""
        counted = self._index.search(Search(size=1, facets=("theme", "source", "language"))).facets
        found = {facet: frozenset(value for value, _ in values) for facet, values in counted.items()}
        return found | {"theme": frozenset(above for theme in found["theme"] for above in theme_line(theme))}


def near(value: str, known: Collection[str]) -> str:
    """The known values that are spelt like ``value``, as the end of an error's sentence; without any, some of all."""
    spelt = {name.casefold(): name for name in sorted(known)}
    close = [spelt[name] for name in get_close_matches(value.casefold(), spelt, n=3, cutoff=0.6)]
    if close:
        return f"; did you mean {', '.join(close)}?"
    most = sorted(known, key=lambda name: (name.count("."), name))
    return f"; there are {', '.join(most[:_NAMED])}{' and others' if len(most) > _NAMED else ''}" if most else "; there are none yet"
