"""The extension attributes of the documents, ``doc._.frame`` and so on, with types.

Set and read through ``Doc.user_data``, where spaCy keeps them: ``doc._`` makes an object at each access, which took a third of the
components' time.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from spacy.tokens import Doc

from enrich.text import Frame
from enrich.text import frame as make_frame
from pipeline.model import Place, Theme

T = TypeVar("T")


class Attribute(Generic[T]):
    """One extension attribute of ``Doc``."""

    def __init__(self, name: str, default: T) -> None:
        self._key = ("._.", name, None, None)
        self._default = default
        Doc.set_extension(name, default=default, force=True)

    def get(self, doc: Doc) -> T:
        """Its value, the default where none was set."""
        value: T = doc.user_data.get(self._key, self._default)
        return value

    def set(self, doc: Doc, value: T) -> None:
        """Let ``doc`` have this value."""
        doc.user_data[self._key] = value


FRAME: Attribute[Frame | None] = Attribute("frame", None)
LANG: Attribute[str] = Attribute("lang", "und")
PLACES: Attribute[tuple[Place, ...]] = Attribute("places", ())
THEMES: Attribute[tuple[Theme, ...]] = Attribute("themes", ())


def framed(doc: Doc) -> Frame:
    """The document's frame; one of its own text where it came without."""
    return FRAME.get(doc) or make_frame("", doc.text)
