"""The extension attributes of the documents, ``doc._.frame`` and so on, with types.

Set and read through ``Doc.user_data``, where spaCy keeps them: ``doc._`` makes an object at each access, which took a third of the
components' time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

from spacy.tokens import Doc

from enrich.text import Frame
from enrich.text import frame as make_frame
from pipeline.model import Place, Theme

T = TypeVar("T")


class Attribute(Generic[T]):
    """One extension attribute of ``Doc``."""

    def __init__(self, name: str, default: T) -> None:
        self._key: Any = ("._.", name, None, None)
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


class Component(ABC):
    """A component that also takes whole batches: one at a time, the three of them push each other's tables out of the processor's caches."""

    @abstractmethod
    def __call__(self, doc: Doc) -> Doc:
        """The document, with the component's attribute set."""

    def pipe(self, stream: Iterable[Doc], *, batch_size: int) -> Iterator[Doc]:
        """The documents in order, each with the component's attribute set."""
        documents = iter(stream)
        while batch := list(islice(documents, batch_size)):
            for doc in batch:
                self(doc)
            yield from batch


def framed(doc: Doc) -> Frame:
    """The document's frame; one of its own text where it came without."""
    return FRAME.get(doc) or make_frame("", doc.text)
