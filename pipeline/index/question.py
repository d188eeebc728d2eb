"""Reads what people type into a search box: words, "a phrase", -without, field:value. Knows no search engine.

A user's text reaches no engine's own query parser: it becomes clauses, and an adapter builds its query of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import product

from msgspec import Struct

from pipeline.errors import QueryError
from pipeline.index.keys import ONE_THING, pair
from pipeline.ports import Filters

#: Fields that ``field:value`` takes, with an example for error texts.
FIELDS = {
    "place": "place:0180",
    "theme": "theme:fire.vehicle",
    "source": "source:polisen",
    "lang": "lang:sv",
    "story": "story:1f0a6c2b9d3e4f58",
}
#: Code of a county, of a municipality or what lies inside one, of a country.
_CODE = re.compile(r"\d{2}|\d{4}(:.+)?|[A-Za-z]{2}")
#: Longest query, in characters, and most clauses of one: bounds what a single question can cost.
MAX_CHARACTERS = 2_000
MAX_CLAUSES = 64
#: Most values of one filter.
MAX_VALUES = 500

#: Hours in a stretch of time of a trend. Hours are counted from a Monday, so weeks begin on one.
HOURS = {"hour": 1, "day": 24, "week": 168}
_SPLITS = ("place", "theme")

_CLAUSE = re.compile(
    r"""(?P<minus>-?)
    (?: "(?P<phrase>[^"]*)(?P<closed>"?)
      | (?P<field>[^\W\d_]+):(?P<value>[^\s"]+|"[^"]*")
      | (?P<bare>place|theme|source|lang|story):(?=\s|"|$)
      | (?P<word>[^\s"]+)
    )\s*""",
    re.VERBOSE,
)
_QUOTES = str.maketrans("“”„«»", '"""""')


class Clause(Struct, frozen=True, kw_only=True):
    """One thing that must hold of a document, or must not."""

    #: A key of :data:`FIELDS`; empty for title and text.
    field: str = ""
    #: The word or phrase; for a field its values, any of which will do.
    values: tuple[str, ...]
    without: bool = False
    #: Where it begins in the query: 1 is the first character.
    position: int


def parse(text: str) -> tuple[Clause, ...]:
    """The clauses of a query, in order.

    :raises QueryError: at the first character that cannot be understood, or if the query is too long.
    """
    if len(text) > MAX_CHARACTERS:
        said = f"character {MAX_CHARACTERS + 1}: found a query of {len(text)} characters; at most {MAX_CHARACTERS} are read"
        raise QueryError(said, "long", found=len(text), most=MAX_CHARACTERS)
    _refuse_surrogates(text)
    clauses: list[Clause] = []
    plain = text.translate(_QUOTES)
    at = len(plain) - len(plain.lstrip())
    while at < len(plain):
        match = _CLAUSE.match(plain, at)
        if match is None:  # every character that is no space begins a clause
            raise QueryError(f'character {at + 1}: found {plain[at]!r}; words, a "phrase", -without or field:value')
        clauses.append(_clause(match))
        at = match.end()
    if len(clauses) > MAX_CLAUSES:
        raise QueryError(
            f"character {clauses[MAX_CLAUSES].position}: found {len(clauses)} words or fields; at most {MAX_CLAUSES} are allowed",
            "many",
            found=len(clauses),
            most=MAX_CLAUSES,
        )
    return tuple(clauses)


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"character {error.start + 1}: found {text[error.start]!r}; the text must be valid Unicode") from error


def _clause(match: re.Match[str]) -> Clause:
    position, without = match.start() + 1, bool(match["minus"])
    if match["phrase"] is not None:
        return Clause(values=(_phrase(match),), without=without, position=position)
    if match["bare"]:
        field, right = match["bare"], FIELDS[match["bare"]]
        raise QueryError(
            f"character {position}: found {field}: without a value; write it as {right}",
            "bare",
            position=position,
            field=field,
            right=right,
        )
    if match["field"]:
        name, values = _field(match), _values(match)
        if name == "place" and (strange := [value for value in values if not _CODE.fullmatch(value)]):
            raise QueryError(
                f"character {position}: found place:{strange[0]}; a place is asked for by its code, as place:1480, place:14 or place:NO; "
                "its name is a word like others",
                "place",
                position=position,
                found=strange[0],
            )
        return Clause(field=name, values=values, without=without, position=position)
    return Clause(values=(_normal(match["word"]),), without=without, position=position)


def _phrase(match: re.Match[str]) -> str:
    if not match["closed"]:
        at = match.start() + 1
        raise QueryError(f'character {at}: found a " that is never closed; write "a phrase" with one at each end', "open", position=at)
    if not match["phrase"].strip():
        at = match.start() + 1
        raise QueryError(f'character {at}: found an empty ""; write the words of the phrase between them', "empty", position=at)
    return _normal(match["phrase"])


def _field(match: re.Match[str]) -> str:
    name = match["field"].lower()
    if name not in FIELDS:
        whole = match["field"] + ":" + match["value"]
        raise QueryError(
            f"character {match.start() + 1}: found the field {name!r}; fields are {', '.join(FIELDS)}; "
            f'to search for the text itself write "{whole.replace(chr(34), "")}"',
            "field",
            position=match.start() + 1,
            found=name,
            known=", ".join(FIELDS),
            whole=whole.replace(chr(34), ""),
        )
    return name


def _values(match: re.Match[str]) -> tuple[str, ...]:
    values = tuple(value for part in match["value"].strip('"').split(",") if (value := _normal(part.strip())))
    if not values:
        name = match["field"].lower()
        at, right = match.start() + 1, FIELDS[name]
        raise QueryError(
            f"character {at}: found {match['value']!r} for {name}; write it as {right}", "bare", position=at, field=name, right=right
        )
    return values


def _normal(text: str) -> str:
    """Composed letters: some systems type å as an a and a ring."""
    return unicodedata.normalize("NFC", text)


def check_filters(filters: Filters) -> None:
    """Refuse filters that cannot mean anything.

    :raises QueryError: naming the filter, what was found and what is right.
    """
    for name in ("places", "themes", "sources", "languages"):
        if len(getattr(filters, name)) > MAX_VALUES:
            raise QueryError(f"{name}: found {len(getattr(filters, name))} values; at most {MAX_VALUES} are allowed")
    for name in ("since", "until"):
        moment = getattr(filters, name)
        if moment is not None and moment.tzinfo is None:
            raise QueryError(f"{name}: found {moment!r}; a time must have its zone")
    if filters.box is not None:
        _check_box(*filters.box)


def _check_box(west: float, south: float, east: float, north: float) -> None:
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):  # false for NaN, too
        raise QueryError(
            f"box: found {(west, south, east, north)}; it is (west, south, east, north) in degrees, south not above north; "
            "one across the date line has west above east"
        )


def check_trend(filters: Filters, bucket: str, by: Sequence[str]) -> None:
    """Refuse what a trend does not count.

    :raises QueryError: naming it, and what is right.
    """
    check_filters(filters)
    if bucket not in HOURS:
        raise QueryError(f"bucket: found {bucket!r}; it is one of {', '.join(HOURS)}")
    if strange := [name for name in by if name not in _SPLITS]:
        raise QueryError(f"by: found {strange[0]!r}; a trend is split by {' or '.join(_SPLITS)}")
    others = {
        "sources": filters.sources, "languages": filters.languages, "box": filters.box is not None, "copies": not filters.copies,
    }  # fmt: skip
    if given := [name for name, value in others.items() if value]:
        raise QueryError(f"{given[0]}: found in the filters of a trend; it takes places, themes, since and until")
    if inner := [code for code in filters.places if ":" in code]:
        raise QueryError(f"places: found {inner[0]!r}; a trend is counted by municipality: {inner[0].split(':')[0]}")


def together(clauses: Sequence[Clause], filters: Filters) -> Iterator[list[str]]:
    """For each question for a place and a theme, what :func:`pipeline.index.keys.told` has of a document that they hold of.

    Of a document that tells of several incidents, one of them must have both.
    """
    places = [values for values in (filters.places, _wanted(clauses, "place")) if values]
    themes = [values for values in (filters.themes, _wanted(clauses, "theme")) if values]
    for some_places, some_themes in product(places, themes):
        yield [ONE_THING, *(pair(place, theme) for place in some_places for theme in some_themes)]


def _wanted(clauses: Sequence[Clause], name: str) -> tuple[str, ...]:
    return tuple(value for clause in clauses if clause.field == name and not clause.without for value in clause.values)
