"""Invented notices, as the index has them: each with the place and the category that its source states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from enrich.gazetteer import Gazetteer
from pipeline.model import Document, Place, PlaceRole, Provenance

START = datetime(2026, 1, 1, tzinfo=UTC)
#: Municipality → invented squares in it, which no gazetteer knows.
SQUARES = {
    "Malmö": ("Blåklockstorget", "Fjärilsplan"),
    "Umeå": ("Renlavsgatan", "Isvidegränd"),
    "Örebro": ("Vassruggevägen", "Tuvullsparken"),
}
#: Category → what such notices say; ``kobrak`` and ``tjimpa`` are words that no lexicon has.
CATEGORIES = {
    "Brand": ("En kobrak lågar vid {}.", "Brand i en container vid {}."),
    "Stöld": ("Någon har tjimpat en sparkcykel vid {}.", "En cykel har stulits vid {}."),
}


def notice(number: int, town: str, category: str, text: str, gazetteer: Gazetteer, when: datetime | None = None) -> Document:
    """A notice of the police, as stage enrich makes it."""
    place = gazetteer.municipality_by_name(town)
    assert place is not None
    stated = Place(code=place.code, name=place.name, kind=place.kind, role=PlaceRole.HAPPENED, score=1.0, field="source")
    when = when or START + timedelta(hours=number)
    return Document(
        id=f"{number:016x}",
        revision=1,
        content_hash="",
        title=f"1 januari 10.00, {category}, {town}",
        text=text,
        published=when,
        fetched=when,
        places=(stated,),
        category=category,
        provenance=Provenance(source="polisen", native_id="", fetched_url="", status=200, reliability="A", area="SE"),
    )


def notices(count: int, gazetteer: Gazetteer) -> list[Document]:
    """As many, of all towns and categories in turn."""
    cases = [
        (town, category, text.format(square))
        for category, texts in CATEGORIES.items()
        for text in texts
        for town, squares in SQUARES.items()
        for square in squares
    ]
    return [notice(n, *cases[n * 7 % len(cases)], gazetteer) for n in range(count)]
