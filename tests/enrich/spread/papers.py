"""Small invented documents, as the stage ``relate`` passes them on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.model import Document, Incident, Place, PlaceKind, PlaceRole, Provenance, Reliability, Theme

START = datetime(2026, 3, 1, tzinfo=UTC)
#: Codes and names of municipalities in counties of their own.
NAMES = {"1488": "Trollhättan", "2180": "Gävle", "0780": "Växjö", "2281": "Sundsvall", "2580": "Luleå"}


def paper(
    id_: str,
    hours: float,
    *places: str,
    text: str = "",
    theme: str = "fire.vehicle",
    source: str = "one",
    revision: int = 1,
    url: str | None = None,
    links: tuple[str, ...] = (),
    story: str = "",
    copy_of: str | None = None,
    withdrawn: bool = False,
    incidents: tuple[Incident, ...] = (),
) -> Document:
    """A document that happened at ``places``; where the text names one of them, the place has its span."""
    when = START + timedelta(hours=hours)
    return Document(
        id=id_, revision=revision, content_hash=f"{id_}{revision}", text=text, published=when, fetched=when, url=url, links=links,
        places=tuple(place(code, text) for code in places), themes=(Theme(id=theme, score=0.9),) if theme else (), story=story,
        copy_of=copy_of, withdrawn=withdrawn, incidents=incidents,
        provenance=Provenance(
            source=source, native_id=id_, fetched_url="https://example.org", status=200, reliability=Reliability.B, area="SE"
        ),
    )  # fmt: skip


def place(code: str, text: str = "") -> Place:
    """A place that something happened at."""
    name = NAMES.get(code, code)
    at = max(text.find(name), 0)
    return Place(code=code, name=name, kind=PlaceKind.MUNICIPALITY, role=PlaceRole.HAPPENED, score=0.9, start=at, end=at + len(name))


def incident(code: str, theme: str) -> Incident:
    """One of several that a summary tells."""
    return Incident(start=0, end=1, places=(place(code),), themes=(Theme(id=theme, score=0.9),))


def chain() -> list[Document]:
    """Burning cars in five towns, each told by the police and by a post that shares the film of the town before."""
    towns, papers = list(NAMES), []
    for n, code in enumerate(towns):
        papers.append(paper(f"police{n}", 300 + n * 20, code, text=f"Bilbrand. {NAMES[code]}", source="police"))
        before = f"https://film.example/{towns[n - 1]}" if n else ""
        links = (f"https://film.example/{code}", *((before,) if before else ()))
        papers.append(paper(f"post{n}", 300.5 + n * 20, code, text=f"Nu brinner det i {NAMES[code]}", source="posts", links=links))
    return papers
