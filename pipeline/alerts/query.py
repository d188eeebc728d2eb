"""What documents a rule is about: a subset of Elasticsearch's query DSL, answered for one document at a time.

``term``, ``terms``, ``range``, ``exists``, ``prefix``, ``wildcard``, ``regexp``, ``ids``, ``match``, ``match_phrase``, ``query_string``,
``match_all``, ``bool`` (``must``, ``filter``, ``should``, ``must_not``), ``query`` around one of them; ours beside them: ``distance``
(``{km: 30, latitude: 59.3, longitude: 18.1}``). A theme is asked for with its children: ``term: {themes.id: fire}`` holds for
``fire.vehicle`` too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import translate
from math import asin, cos, radians, sin, sqrt
from typing import Any

from pipeline.alerts.anchors import HIERARCHIES, Query, Test, all_of, any_of, any_token, asking, comparable, none_of, token
from pipeline.alerts.fields import values
from pipeline.alerts.text import contains, phrase
from pipeline.alerts.words import parse
from pipeline.errors import QueryError

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}
_EARTH_KM = 6371.0


def every(queries: Sequence[Mapping[str, Any]], where: str = "filter") -> Query:
    """Holds of a document of which all the queries hold.

    :raises QueryError: naming the key, what was found and what is right.
    """
    return all_of([compile_query(query, f"{where}[{number}]") for number, query in enumerate(queries)])


def compile_query(query: Any, where: str) -> Query:
    """One query, to be asked of documents.

    :param where: its place in the rule, for errors.
    :raises QueryError: naming the key, what was found and what is right.
    """
    if not isinstance(query, Mapping) or len(query) != 1:
        raise QueryError(f"{where}: found {query!r}; expected one query, as term: {{themes.id: fire}}")
    [(name, body)] = query.items()
    make = _QUERIES.get(name)
    if make is None:
        raise QueryError(f"{where}.{name}: no such query; queries are {', '.join(sorted(_QUERIES))}")
    made = make(body, f"{where}.{name}")
    return made if isinstance(made, Query) else asking(made)


def _field(body: Any, where: str, example: str) -> tuple[str, Any]:
    if not isinstance(body, Mapping) or len(body) != 1:
        raise QueryError(f"{where}: found {body!r}; expected one field, as {example}")
    [(field, said)] = body.items()
    return str(field), said


def _plain(said: Any, key: str = "value") -> Any:
    """``value`` of ``{value: x}``, else what is said."""
    return said[key] if isinstance(said, Mapping) and key in said else said


def _equal(field: str, wanted: Iterable[Any]) -> Query:
    same = {comparable(one) for one in wanted}
    tokens = frozenset(token(field, one) for one in same)
    if field in HIERARCHIES:
        above = tuple(f"{one}." for one in same)
        return any_token(lambda document: any(one in same or str(one).startswith(above) for one in values(document, field)), tokens)
    return any_token(lambda document: any(comparable(one) in same for one in values(document, field)), tokens)


def _term(body: Any, where: str) -> Query:
    field, said = _field(body, where, "term: {themes.id: fire}")
    return _equal(field, [_plain(said)])


def _terms(body: Any, where: str) -> Query:
    field, said = _field(body, where, 'terms: {places.county: ["22", "23"]}')
    if not isinstance(said, list):
        raise QueryError(f"{where}.{field}: found {said!r}; expected a list of values")
    return _equal(field, said)


def _range(body: Any, where: str) -> Test:
    field, said = _field(body, where, "range: {places.score: {gte: 0.8}}")
    if not isinstance(said, Mapping) or not said or set(said) - set(_COMPARE):
        raise QueryError(f"{where}.{field}: found {said!r}; expected bounds of {', '.join(_COMPARE)}")
    bounds = [(_COMPARE[name], bound) for name, bound in said.items()]
    return lambda document: any(all(_within(compare, one, bound) for compare, bound in bounds) for one in values(document, field))


def _within(compare: Callable[[Any, Any], bool], one: Any, bound: Any) -> bool:
    if isinstance(bound, datetime) or isinstance(one, datetime):
        one, bound = _time(one), _time(bound)
    try:
        return compare(one, bound)
    except TypeError:
        return False


def _time(said: Any) -> Any:
    try:
        found = datetime.fromisoformat(said) if isinstance(said, str) else said
    except ValueError:
        return said
    return found if not isinstance(found, datetime) or found.tzinfo else found.replace(tzinfo=UTC)


def _exists(body: Any, where: str) -> Test:
    if not isinstance(body, Mapping) or not isinstance(body.get("field"), str):
        raise QueryError(f"{where}: found {body!r}; expected exists: {{field: places.code}}")
    return lambda document: bool(values(document, body["field"]))


def _pattern(make: Callable[[str], str]) -> Callable[[Any, str], Test]:
    def query(body: Any, where: str) -> Test:
        field, said = _field(body, where, "wildcard: {title: brand*}")
        try:
            pattern = re.compile(make(str(_plain(said))))
        except re.error as error:
            raise QueryError(f"{where}.{field}: found {said!r}, which is no pattern: {error}") from error
        return lambda document: any(pattern.fullmatch(str(one)) for one in values(document, field))

    return query


def _ids(body: Any, where: str) -> Query:
    if not isinstance(body, Mapping) or not isinstance(body.get("values"), list):
        raise QueryError(f"{where}: found {body!r}; expected ids: {{values: [...]}}")
    return _equal("id", body["values"])


def _match(body: Any, where: str) -> Query:
    field, said = _field(body, where, "match: {text: brand bil}")
    words = [contains(word, field) for word in str(_plain(said, "query")).split()]
    return all_of(words) if isinstance(said, Mapping) and said.get("operator") == "and" else any_of(words)


def _match_phrase(body: Any, where: str) -> Query:
    field, said = _field(body, where, "match_phrase: {text: brand i bil}")
    return phrase(str(_plain(said, "query")), field)


def _query_string(body: Any, where: str) -> Query:
    text = _plain(body, "query")
    if not isinstance(text, str):
        raise QueryError(f'{where}: found {body!r}; expected query_string: "bil* OR fordon*"')
    return parse(text, where)


def _bool(body: Any, where: str) -> Query:
    if not isinstance(body, Mapping) or set(body) - {"must", "filter", "should", "must_not", "minimum_should_match"}:
        raise QueryError(f"{where}: found {body!r}; expected must, filter, should, must_not or minimum_should_match")
    parts = {name: _parts(body.get(name, []), f"{where}.{name}") for name in ("must", "filter", "should", "must_not")}
    needed = [*parts["must"], *parts["filter"]]
    least = body.get("minimum_should_match", 0 if needed or not parts["should"] else 1)
    if not isinstance(least, int):
        raise QueryError(f"{where}.minimum_should_match: found {least!r}; expected a whole number")
    if least == 1:
        needed.append(any_of(parts["should"]))
    elif least > 1:
        needed.append(asking(lambda document: sum(one.test(document) for one in parts["should"]) >= least))
    return all_of([*needed, *(none_of(one) for one in parts["must_not"])])


def _parts(body: Any, where: str) -> list[Query]:
    return [compile_query(query, f"{where}[{n}]") for n, query in enumerate(body if isinstance(body, list) else [body])]


def _distance(body: Any, where: str) -> Test:
    keys = {"km", "latitude", "longitude"}
    if not isinstance(body, Mapping) or set(body) != keys or not all(isinstance(one, int | float) for one in body.values()):
        raise QueryError(f"{where}: found {body!r}; expected {{km: 30, latitude: 59.3, longitude: 18.1}}")
    centre = (float(body["latitude"]), float(body["longitude"]))
    return lambda document: any(
        isinstance(place, Mapping)
        and isinstance(place.get("latitude"), int | float)
        and isinstance(place.get("longitude"), int | float)
        and _km(centre, (place["latitude"], place["longitude"])) <= body["km"]
        for place in document.get("places", ())
    )


def _km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two (latitude, longitude), by the haversine formula."""
    a, b = radians(one[0]), radians(other[0])
    h = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(other[1] - one[1]) / 2) ** 2
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(h)))


_QUERIES: dict[str, Callable[[Any, str], Query | Test]] = {
    "term": _term,
    "terms": _terms,
    "range": _range,
    "exists": _exists,
    "prefix": _pattern(lambda text: re.escape(text) + "(?s:.*)"),
    "wildcard": _pattern(translate),
    "regexp": _pattern(str),
    "ids": _ids,
    "match": _match,
    "match_phrase": _match_phrase,
    "query_string": _query_string,
    "match_all": lambda _body, _where: lambda _document: True,
    "bool": _bool,
    "query": compile_query,
    "distance": _distance,
}
