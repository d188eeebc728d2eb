"""Every text that the console shows, in each of its languages: one file a language, with the same keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from starlette.requests import Request

from pipeline.errors import SettingsError
from pipeline.settings import read_yaml

#: The first is the one of those who have not chosen.
LANGUAGES = ("sv", "en")
_FOLDER = Path(__file__).with_name("texts")


class Texts:
    """The texts of one language."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language, self._texts = language, texts

    @property
    def keys(self) -> frozenset[str]:
        """All there are, as ``now.title``."""
        return frozenset(self._texts)

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self._texts

    def __call__(self, key: str, /, **values: object) -> str:
        """The text, with ``{name}`` filled in. Of a key with the ends ``.one`` and ``.many`` the value ``n`` says which.

        :raises KeyError: if there is no such text, or it needs a value that is not given.
        """
        if key not in self._texts and "n" in values:
            key += ".one" if values["n"] == 1 else ".many"
        return self._texts[key].format_map(
            {name: self.number(value) if isinstance(value, int | float) else value for name, value in values.items()}
        )

    def number(self, value: float, digits: int = 1) -> str:
        """As people write it: ``12 345``, ``0,25``; two digits that count where it is small."""
        if isinstance(value, int) or value == int(value):
            return f"{int(value):,}".replace(",", "\u202f")
        if abs(value) < 1:
            text = f"{value:.2g}" if abs(value) >= 0.0001 else f"{value:.0e}"
        else:
            text = f"{value:,.{digits}f}".replace(",", "\u202f")
        return text.replace(".", ",") if self.language == "sv" else text

    def needs(self, key: str) -> set[str]:
        """The names of the values that a text needs."""
        return {name for _, name, _, _ in Formatter().parse(self._texts[key]) if name}


@cache
def texts(language: str) -> Texts:
    """The texts of a language.

    :raises SettingsError: if its file is not right.
    """
    path = _FOLDER / f"{language}.yaml"
    return Texts(language, dict(_flat(path, "", read_yaml(path))))


def _flat(path: Path, above: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        key = f"{above}.{name}" if above else str(name)
        if not isinstance(name, str):  # YAML reads on, off, yes and no as something else
            raise SettingsError(str(path), f"{above}.{name}", name, "a name that is a word; put it in quotation marks")
        if isinstance(value, dict):
            yield from _flat(path, key, value)
        elif isinstance(value, str):
            yield key, value
        else:
            raise SettingsError(str(path), key, value, "a text; put it in quotation marks")


def language_of(request: Request) -> str:
    """The reader's language: as the address says, else as they chose before, else Swedish."""
    for wanted in (request.query_params.get("lang"), request.cookies.get("lang")):
        if wanted in LANGUAGES:
            return str(wanted)
    return LANGUAGES[0]
