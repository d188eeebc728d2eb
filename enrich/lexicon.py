"""The lexicon of themes: a YAML file of ids, names, terms and the sources' own categories, checked when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pipeline.errors import SettingsError
from pipeline.settings import at_fault, read_yaml

#: The lexicon that comes with the program.
BUNDLED = Path(__file__).with_name("lexicon.yaml")
#: What a term of each list adds to its theme; a weak one says something only beside others.
WEIGHTS = {"decisive": 6.0, "strong": 3.0, "terms": 1.0, "weak": 0.35}

#: ``*`` at an end of a term stands for the rest of a word; within it there is none.
Term = Annotated[str, Meta(pattern=r"^\*?[^*|\s]([^*|]*[^*|\s])?\*?$", min_length=2, max_length=80)]


class LexiconTheme(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One theme, as the file states it."""

    #: Dotted, from the general to the particular: ``fire.vehicle``.
    id: Annotated[str, Meta(pattern=r"^[a-z][a-z_]*(\.[a-z][a-z_]*)*$")]
    #: Its name in Swedish and English.
    sv: Annotated[str, Meta(min_length=2)]
    en: Annotated[str, Meta(min_length=2)]
    #: Terms beside which those of other themes are circumstances.
    decisive: tuple[Term, ...] = ()
    #: Terms that alone say that this is the theme.
    strong: tuple[Term, ...] = ()
    terms: tuple[Term, ...] = ()
    weak: tuple[Term, ...] = ()
    #: Phrases in which a term does not count: ``brandvarnare`` is no fire.
    exclude: tuple[Term, ...] = ()
    #: The sources' own categories for it, as they write them.
    types: tuple[str, ...] = ()
    #: The category says that nothing else fits: any other theme found is better.
    catch_all: bool = False


class Lexicon(Struct, frozen=True):
    """All themes, in the order of the file; the first of equals is preferred."""

    themes: tuple[LexiconTheme, ...]

    def of_type(self) -> dict[str, LexiconTheme]:
        """Source's own category, case-folded → theme."""
        return {kind.casefold(): theme for theme in self.themes for kind in theme.types}


def load(path: Path | None = None) -> Lexicon:
    """The lexicon in ``path``, else the bundled one.

    :raises SettingsError: naming the file, the theme and key, what was found and what is allowed.
    """
    file = path or BUNDLED
    entries = _entries(file)
    themes = tuple(_theme(file, number, entry) for number, entry in enumerate(entries))
    _refuse_doubles(file, themes)
    return Lexicon(themes)


def _entries(file: Path) -> list[object]:
    entries = read_yaml(file).get("themes")
    if not isinstance(entries, list) or not entries:
        raise SettingsError(str(file), "themes", entries, "a list of themes, each with id, sv and en")
    return entries


def _theme(file: Path, number: int, entry: object) -> LexiconTheme:
    try:
        return msgspec.convert(entry, LexiconTheme)
    except msgspec.ValidationError as error:
        name = entry.get("id", number) if isinstance(entry, dict) else number
        key, found = at_fault(entry, error)
        allowed = f"{error}; keys: {', '.join(LexiconTheme.__struct_fields__)}"
        raise SettingsError(str(file), f"themes[{name}]{key}", found, allowed) from error


def _refuse_doubles(file: Path, themes: tuple[LexiconTheme, ...]) -> None:
    """An id or a category that stands twice would silently be one of the two."""
    seen: dict[str, str] = {}
    for theme in themes:
        for name in (f"id {theme.id}", *(f"type {kind.casefold()}" for kind in theme.types)):
            if name in seen:
                raise SettingsError(str(file), f"themes[{theme.id}]", name, f"once only; it stands at themes[{seen[name]}] too")
            seen[name] = theme.id
