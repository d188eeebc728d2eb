"""Fields of a document by dotted path: ``places.code``, ``themes.id``, ``source``.

A list on the way gives the values of all its items. Some fields follow from others: a place lies in a municipality, a county and a region of the police.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline.alerts.rota.regions import POLICE
from pipeline.model import county_of, fingerprint, municipality_of

Document = Mapping[str, Any]

#: Fields that hold what a document says.
TEXTS = ("title", "text", "summary")
#: Where a document says when it was, the first that it has.
TIMES = ("time", "published", "@timestamp", "fetched")
#: County → region of the police.
_REGIONS = {county: region for region, counties in POLICE.items() for county in counties}
#: Last part of a path → what it is made of ``code``.
_DERIVED: dict[str, Callable[[str], str | None]] = {
    "municipality": municipality_of, "county": county_of, "region": lambda code: _REGIONS.get(county_of(code) or ""),
}  # fmt: skip


def value(document: Document, path: str) -> Any:
    """What the document has at ``path``: one value, a list where a list lies on the way, None for nothing."""
    if path in document:
        return document[path]
    found = list(_walk(document, path.split(".")))
    if not found:
        return None
    return found[0] if len(found) == 1 else found


def values(document: Document, path: str) -> list[Any]:
    """The values at ``path``, without the empty ones, each once."""
    found = value(document, path)
    given = found if isinstance(found, list) else [found]
    return list({repr(one): one for one in given if one is not None}.values())


def reader(path: str) -> Callable[[Document], list[Any]]:
    """:func:`values` of one path, for whoever asks many documents; a value may come twice."""
    head, _, tail = path.partition(".")
    derive = _DERIVED.get(tail)

    def quickly(document: Document) -> list[Any]:
        """Of a list of objects with texts, as places and themes are; else as any path is read."""
        some = document.get(head)
        if type(some) is not list or path in document:
            return values(document, path)
        found = []
        for item in some:
            one = item.get(tail) if type(item) is dict else item
            if one is None and derive is not None and tail not in item:
                one = derive(item["code"]) if type(item.get("code")) is str else None
            if type(one) is str and one is not item:
                found.append(one)
            elif one is not None:
                return values(document, path)
        return found

    return quickly if tail and "." not in tail else lambda document: values(document, path)


def project(document: Document, paths: Iterable[str]) -> dict[str, Any]:
    """The document with the values at these paths alone, by their paths; of a text its fingerprint: what was said is not kept."""
    found = {}
    for path in paths:
        there = value(document, path)
        if there is not None:
            found[path] = _unsaid(there) if path.partition(".")[0] in TEXTS else there
    return found


def _unsaid(there: Any) -> Any:
    return [_unsaid(one) for one in there] if isinstance(there, list) else fingerprint(str(there))[:16]


def _walk(at: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(at, list | tuple):
        for item in at:
            yield from _walk(item, path)
    elif not path:
        yield at
    elif isinstance(at, Mapping):
        name, rest = path[0], path[1:]
        if name in at:
            yield from _walk(at[name], rest)
        elif not rest and name in _DERIVED and isinstance(at.get("code"), str) and (derived := _DERIVED[name](at["code"])):
            yield derived


def moment(document: Document, path: str | None = None) -> datetime | None:
    """When the document was, in UTC; a time without a zone is taken as UTC. None if it does not say or says no time."""
    for name in (path,) if path else TIMES:
        said = value(document, name)
        if isinstance(said, str):
            try:
                said = datetime.fromisoformat(said)
            except ValueError:
                continue
        if isinstance(said, datetime):
            return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    return None
