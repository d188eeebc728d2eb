"""What rules are about, as it comes from the bus: documents, stories, findings and the state of sources, each as a plain document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from pipeline.alerts.fields import Document, moment
from pipeline.alerts.live.model import Facts
from pipeline.alerts.notify.message import Certainty, Named
from pipeline.alerts.rule import Over
from pipeline.errors import WireError
from pipeline.health import condition, told
from pipeline.model import SourceState, decode
from pipeline.ports import Delivered

#: Topic → what its records are to rules.
TOPICS: Mapping[str, Over] = {"related": "documents", "stories": "stories", "findings": "findings", "sources": "sources"}
#: Where a document's place counts most: where it happened, from where it is reported, only named.
_ROLES = {"happened": 0, "reported": 1, "mentioned": 2}
_MOST = 12
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Names(Protocol):
    """What people call places and themes."""

    def place(self, code: str) -> str:
        """Name of a place; its code if it has none."""

    def theme(self, theme: str) -> str:
        """Name of a theme."""


class Codes:
    """Names where there are none: the codes themselves."""

    def place(self, code: str) -> str:
        return code

    def theme(self, theme: str) -> str:
        return theme


class Subject(NamedTuple):
    """One version of something that rules are about."""

    over: Over
    id: str
    #: Larger is newer.
    revision: int
    #: When it was; None: it does not say.
    time: datetime | None
    document: Document
    #: Its source has taken it back, or it no longer holds.
    is_gone: bool = False


def read(record: Delivered) -> Subject:
    """What a record of one of the topics holds.

    :raises WireError: if it is no JSON object.
    """
    try:
        found = _decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"{record.topic}: {error}; found {record.value[:80]!r}") from error
    return _READERS[record.topic](found, record)


def _document(found: dict[str, Any], record: Delivered) -> Subject:
    return Subject("documents", record.key, int(found.get("revision", 1)), moment(found), found, bool(found.get("withdrawn")))


def _story(found: dict[str, Any], record: Delivered) -> Subject:
    documents, originals = found.get("documents", {}), found.get("originals", {})
    made = found | {
        "coverage": len(documents), "independent": len(originals), "source": list(originals),
        "places": [{"code": code, "role": "happened"} for code in found.get("places", {})],
        "themes": [{"id": theme} for theme in found.get("themes", {})],
    }  # fmt: skip
    gone = not documents
    return Subject("stories", record.key, _stamp(record), moment(found, "last"), made, gone)


def _finding(found: dict[str, Any], record: Delivered) -> Subject:
    history = found.get("history") or [{}]
    return Subject("findings", record.key, int(found.get("version", 1)), record.timestamp, found, history[-1].get("reason") == "withdrawn")


def _source(found: dict[str, Any], record: Delivered) -> Subject:
    state = decode(record.value, SourceState)
    made = found | {"condition": condition(state, state.checked).value, "message": told(state, state.checked)}
    return Subject("sources", record.key, _stamp(record), record.timestamp, made)


_READERS: dict[str, Callable[[dict[str, Any], Delivered], Subject]] = {
    "related": _document, "stories": _story, "findings": _finding, "sources": _source,
}  # fmt: skip


def _stamp(record: Delivered) -> int:
    """Records without a number of their own are told apart by their time, in microseconds."""
    return int(record.timestamp.timestamp() * 1e6)


def facts(subject: Subject, at: datetime, names: Names) -> Facts:
    """What is told of it.

    :param at: when it came, for what does not say when it was.
    """
    document = subject.document
    time = min(subject.time or at, at)
    if subject.over == "findings":
        share = document.get("q")
        return Facts(
            time=time,
            places=tuple(Named(code, names.place(code)) for code in document.get("places", ())[:_MOST]),
            themes=_themes([document.get("theme", "")], names),
            certainty=Certainty(q=share if isinstance(share, int | float) and 0 <= share <= 1 else None, grade=document.get("grade")),
            source=f"finding {subject.id}",
        )
    if subject.over == "sources":
        return Facts(time=time, source=subject.id)
    themes, places = _of(document, "themes"), _of(document, "places")
    best = sorted(places, key=lambda one: _ROLES.get(one.get("role", "mentioned"), 3))
    best = [one for one in best if one.get("role") == best[0].get("role")]
    codes = dict.fromkeys(str(one["code"]) for one in best if one.get("code"))
    return Facts(
        time=time,
        source=str((document.get("provenance") or {}).get("source", "") or document.get("source") or subject.id),
        url=document.get("url"),
        places=tuple(Named(code, _name(best, code, names)) for code in list(codes)[:_MOST]),
        themes=_themes([str(one.get("id", "")) for one in themes], names),
        certainty=Certainty(score=_sure(best, themes)),
        is_copy=bool(document.get("copy_of")),
    )


def _of(document: Document, field: str) -> list[Mapping[str, Any]]:
    given = document.get(field) or ()
    return [one for one in given if isinstance(one, Mapping)]


def _name(places: Iterable[Mapping[str, Any]], code: str, names: Names) -> str:
    return next((str(one["name"]) for one in places if one.get("code") == code and one.get("name")), None) or names.place(code)


def _themes(ids: Iterable[str], names: Names) -> tuple[Named, ...]:
    return tuple(Named(one, names.theme(one)) for one in ids if one)[:_MOST]


def _sure(places: list[Mapping[str, Any]], themes: list[Mapping[str, Any]]) -> float | None:
    """That both place and theme are meant, if either says so."""
    scores = [some[0].get("score") for some in (places, themes) if some]
    known = [one for one in scores if isinstance(one, int | float) and 0 <= one <= 1]
    if not known:
        return None
    return round(known[0] * (known[1] if len(known) > 1 else 1.0), 4)
