"""The filter behind ``fjaril tag``: JSON Lines of texts in, the same with places, themes and language out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct
from spacy.language import Language
from spacy.tokens import Doc

from enrich.attributes import LANG, PLACES, THEMES
from enrich.nlp import analyse
from enrich.text import Frame, Unframe, frame
from pipeline.errors import UsageError

#: Lines that are read before the first is written.
BATCH = 256
_EXPECTED = 'an object {"id", "title"?, "text", "published"?}'


class _Texts(Struct, frozen=True):
    """The part of a line that is read; the rest is passed on."""

    text: str
    id: str | int
    title: str | None = None
    published: str | None = None


#: (the object, its title, its text).
_Given = tuple[dict[str, Any], str, str]

_any_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def tag_lines(lines: Iterable[str | bytes], nlp: Language, refuse: Callable[[UsageError], None], batch: int = BATCH) -> Iterator[bytes]:
    """Each line's object with ``places``, ``themes`` and ``lang``, in order, with a newline; blank lines are left out.

    Offsets count the characters of the given title or text.

    :param refuse: is told of each line that is not such an object; the others go on unless it raises.
    """
    readable = _readable(lines, refuse)
    while given := list(islice(readable, batch)):
        frames = [frame(title, text) for _, title, text in given]
        for (values, title, text), framed, doc in zip(given, frames, analyse(nlp, frames), strict=True):
            yield _encoder.encode(values | _found(doc, framed, title, text)) + b"\n"


def _readable(lines: Iterable[str | bytes], refuse: Callable[[UsageError], None]) -> Iterator[_Given]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                given = _read(number, line)
            except UsageError as error:
                refuse(error)
            else:
                yield given


def _read(number: int, line: str | bytes) -> _Given:
    try:
        values = _any_decoder.decode(line)
        texts = msgspec.convert(values, _Texts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = (line if isinstance(line, str) else line.decode("utf-8", "backslashreplace")).strip()[:80]
        raise UsageError(f"line {number}: {error}; found {found!r}, expected {_EXPECTED}") from error
    return values, texts.title or "", texts.text


def _found(doc: Doc, framed: Frame, title: str, text: str) -> dict[str, Any]:
    back = Unframe(framed, title, text)
    places = []
    for place in PLACES.get(doc):
        field, start, end = back.span(place.start, place.end)
        places.append(
            {
                "code": place.code,
                "name": place.name,
                "kind": place.kind,
                "role": place.role,
                "score": place.score,
                "start": start,
                "end": end,
                "field": field,
            }
        )
    themes = [{"id": theme.id, "score": theme.score} for theme in THEMES.get(doc)]
    return {"places": places, "themes": themes, "lang": LANG.get(doc)}
