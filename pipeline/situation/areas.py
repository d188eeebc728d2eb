"""Areas: a municipality or county by its code or name, or one of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from enrich.gazetteer import Gazetteer
from pipeline.errors import UsageError
from pipeline.model import PlaceKind
from pipeline.situation.model import Area


def find(text: str, gazetteer: Gazetteer, own: Mapping[str, Sequence[str]]) -> Area:
    """The area that somebody means.

    :param own: name → codes of municipalities and counties, from the settings.
    :raises UsageError: if there is none, or an own area names a code that there is not.
    """
    if text in own:
        return Area(
            code=text, name=text, kind="own", places=tuple(dict.fromkeys(p for code in own[text] for p in _places(code, gazetteer)))
        )
    place = gazetteer.describe(text) or gazetteer.municipality_by_name(text) or gazetteer.county_by_name(text)
    if place is None or place.kind not in {PlaceKind.MUNICIPALITY, PlaceKind.COUNTY}:
        named = f", or an area of the settings: {', '.join(own)}" if own else ""
        raise UsageError(
            f"area: found {text!r}; expected a municipality or county by code or name, as 2480, Umeå, 24 or Västerbottens län{named}"
        )
    is_county = place.kind is PlaceKind.COUNTY
    return Area(code=place.code, name=place.name, kind="county" if is_county else "municipality", places=_places(place.code, gazetteer))


def _places(code: str, gazetteer: Gazetteer) -> tuple[str, ...]:
    if gazetteer.describe(code) is None:
        raise UsageError(f"areas: found {code!r}; expected the code of a municipality as 2480, or of a county as 24")
    inside = (
        place.code for place in gazetteer.places if len(code) == 2 and place.kind is PlaceKind.MUNICIPALITY and place.code.startswith(code)
    )
    return (code, *inside)
