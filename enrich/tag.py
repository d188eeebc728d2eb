"""The filter behind ``fjaril tag``: JSON Lines of texts in, the same with places, themes, incidents and language out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct
from spacy.language import Language
from spacy.tokens import Doc

from enrich.attributes import LANG, PLACES, THEMES
from enrich.explain import Explainer
from enrich.incidents import Splitter
from enrich.lines import Refuse, read_lines
from enrich.nlp import analyse
from enrich.text import Frame, Unframe, frame
from pipeline.model import Incident, Place, Theme

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


def tag_lines(
    lines: Iterable[str | bytes],
    nlp: Language,
    refuse: Refuse,
    batch: int = BATCH,
    *,
    explainer: Explainer | None = None,
) -> Iterator[bytes]:
    """Each line's object with ``places``, ``themes``, ``incidents`` and ``lang``, in order, with a newline; blank lines are left out.

    Offsets count the characters of the given title or text.

    :param refuse: is told of each line that is not such an object; the others go on unless it raises.
    :param explainer: adds to each place and theme why it is there, and shows each text on its page.
    """
    readable, splitter = read_lines(lines, _read, _EXPECTED, refuse), Splitter(nlp)
    while given := list(islice(readable, batch)):
        frames = [frame(title, text) for _, title, text in given]
        for (values, title, text), framed, doc in zip(given, frames, analyse(nlp, frames), strict=True):
            found = _found(doc, framed, title, text, splitter)
            if explainer is not None:
                _add(found, explainer.fields(doc, framed, Unframe(framed, title, text)))
                explainer.show(str(values["id"]), title, text)
            yield _encoder.encode(values | found) + b"\n"


def _add(found: dict[str, Any], explained: dict[str, Any]) -> None:
    """What explains each place and theme, beside it."""
    for key in ("places", "themes"):
        found[key] = [said | why for said, why in zip(found[key], explained[key], strict=True)]
    found["dropped_themes"] = explained["dropped_themes"]


def _read(line: str | bytes) -> _Given:
    values = _any_decoder.decode(line)
    texts = msgspec.convert(values, _Texts)
    return values, texts.title or "", texts.text


def _found(doc: Doc, framed: Frame, title: str, text: str, splitter: Splitter) -> dict[str, Any]:
    back = Unframe(framed, title, text)
    incidents = splitter.incidents(title, text, places=PLACES.get(doc))
    return {
        "places": [_place(place, *back.span(place.start, place.end)) for place in PLACES.get(doc)],
        "themes": _themes(THEMES.get(doc)),
        "incidents": [_incident(incident) for incident in incidents],
        "lang": LANG.get(doc),
    }


def _place(place: Place, field: str, start: int, end: int) -> dict[str, Any]:
    return {
        "code": place.code,
        "name": place.name,
        "kind": place.kind,
        "role": place.role,
        "score": place.score,
        "start": start,
        "end": end,
        "field": field,
    }


def _themes(themes: Iterable[Theme]) -> list[dict[str, Any]]:
    return [{"id": theme.id, "score": theme.score} for theme in themes]


def _incident(incident: Incident) -> dict[str, Any]:
    found = {
        "start": incident.start,
        "end": incident.end,
        "field": "text",
        "places": [_place(place, "text", place.start, place.end) for place in incident.places],
        "themes": _themes(incident.themes),
    }
    return found | {"time": incident.time} if incident.time else found
