"""Why a text has its places and themes: as fields of a JSON object, and as a page for a duty officer (in Swedish, displaCy's marks).

The page shows the text as it would be stored, with personal data taken out, and needs nothing from the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from spacy.displacy.render import EntityRenderer
from spacy.language import Language
from spacy.tokens import Doc

from enrich.attributes import PLACES, THEMES
from enrich.gazetteer import Gazetteer
from enrich.learned.themes import LEARNED
from enrich.nlp import analyse
from enrich.places import PlacesComponent
from enrich.redaction import redact
from enrich.text import Frame, Unframe, frame
from enrich.themes import Classifier, Judged, ThemesComponent
from pipeline.errors import FjarilError
from pipeline.model import Place, PlaceRole, Theme

_PLACE, _OTHER_PLACE, _THEME, _AGAINST = "#a8dcff", "#dbe7ef", "#ffd591", "#e4e4e4"
_ROLES = {PlaceRole.HAPPENED: "hände här", PlaceRole.REPORTED: "rapporterat från", PlaceRole.MENTIONED: "nämns"}
_KINDS = {
    "municipality": "kommun",
    "county": "län",
    "locality": "ort",
    "district": "stadsdel eller område",
    "region": "region",
    "abroad": "utomlands",
}
_MARK = '<mark style="background:{bg}" title="{why}">{text}<small>{label}</small></mark>'
_HEAD = f"""<!doctype html>
<html lang="sv"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fjäril: varför dessa platser och teman</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.4rem }} h2 {{ font-size: 1.15rem; margin: 0 0 .5rem }} h3 {{ font-size: .95rem; margin: 1rem 0 .25rem }}
article {{ border-top: 2px solid #1c1c1c; padding: 1rem 0 1.5rem }}
.entities {{ line-height: 2.1 !important }}
mark {{ padding: .15em .3em; border-radius: .3em; color: inherit }}
mark small {{ margin-left: .4em; font-weight: 600 }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; overflow-wrap: anywhere }}
th, td {{ text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid #d5d5d5 }}
th {{ font-size: .85rem }} th:nth-child(1) {{ width: 22% }} th:nth-child(2) {{ width: 24% }} th:nth-child(3) {{ width: 9% }}
ul {{ margin: .25rem 0 0; padding-left: 1.1rem }} .none {{ color: #555 }}
</style></head><body>
<h1>Varför dessa platser och teman</h1>
<p><mark style="background:{_PLACE}">plats där det hände</mark> <mark style="background:{_OTHER_PLACE}">annan plats</mark>
<mark style="background:{_THEME}">ord för ett tema</mark> <mark style="background:{_AGAINST}">ord som räknas lägre</mark>.
Säkerheten är för en plats hur troligt det är att det
hände där, för ett tema hur ofta ett sådant tema stämmer på polisens notiser. Personuppgifter är borttagna, som i det som lagras.</p>
"""
_FOOT = "</body></html>\n"


class Explainer:
    """Explains what a pipeline finds.

    :param nlp: of :func:`enrich.nlp.build`.
    :param write: is given the page's HTML piece by piece; without it there is no page.
    :raises FjarilError: if the pipeline has no gazetteer or no lexicon.
    """

    def __init__(self, nlp: Language, write: Callable[[str], object] | None = None) -> None:
        places, themes = nlp.get_pipe("fjaril_places"), nlp.get_pipe("fjaril_themes")
        if not isinstance(places, PlacesComponent) or places.finder is None:
            raise FjarilError("component fjaril_places: it has no gazetteer; build the pipeline with enrich.nlp.build")
        if not isinstance(themes, ThemesComponent) or themes.classifier is None:
            raise FjarilError("component fjaril_themes: it has no lexicon; build the pipeline with enrich.nlp.build")
        self._gazetteer: Gazetteer = places.finder.gazetteer
        self._classifier: Classifier = themes.classifier
        self._nlp, self._write = nlp, write
        self._marks = EntityRenderer({"template": _MARK})
        if write is not None:
            write(_HEAD)

    def close(self) -> None:
        """End the page."""
        if self._write is not None:
            self._write(_FOOT)

    def fields(self, doc: Doc, framed: Frame, back: Unframe) -> dict[str, Any]:
        """``places`` and ``themes`` with reasons, alternatives and evidence, and ``dropped_themes``; offsets in the given texts.

        Places come in the document's order, so do themes; the fields hold only what is added to each.
        """
        judged = {j.theme.id: j for j in self._classifier.judge(framed)}
        chosen = THEMES.get(doc)
        dropped = [j for j in judged.values() if j.theme.id not in {theme.id for theme in chosen}]
        return {
            "places": [{"reason": place.reason, "alternatives": place.alternatives} for place in PLACES.get(doc)],
            "themes": [_theme(theme, judged.get(theme.id), framed, back) for theme in chosen],
            "dropped_themes": [{"id": j.theme.id, "score": j.theme.score, **_theme(j.theme, j, framed, back)} for j in dropped],
        }

    def show(self, name: str, title: str, text: str) -> None:
        """Add a document to the page; nothing without one."""
        if self._write is None:
            return
        title, text = redact(title).text, redact(text).text
        framed = frame(title, text)
        (doc,) = analyse(self._nlp, [framed])
        back = Unframe(framed, title, text)
        judged = self._classifier.judge(framed)
        places, themes = PLACES.get(doc), THEMES.get(doc)
        marks = self._place_marks(places, back) + self._theme_marks(themes, judged, back)
        parts = [f"<article><h2>{escape(redact(name).text)}</h2>"]
        for field, content in (("title", title), ("text", text)):
            if content:
                parts.append(self._marks.render_ents(content, _apart([m for f, m in marks if f == field]), None))
        parts += [self._places_table(places), self._themes_table(themes, judged), "</article>\n"]
        self._write("".join(parts))

    def _name(self, theme: str) -> str:
        return self._classifier.names.get(theme, theme)

    def _place_marks(self, places: Iterable[Place], back: Unframe) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for place in places:
            if place.field != "source":
                field, start, end = back.span(place.start, place.end)
                colour = _PLACE if place.role is PlaceRole.HAPPENED else _OTHER_PLACE
                found.append((field, _mark(start, end, _ROLES[place.role], colour, place.reason)))
        return found

    def _theme_marks(self, themes: Iterable[Theme], judged: Iterable[Judged], back: Unframe) -> list[tuple[str, dict[str, Any]]]:
        chosen, found = {theme.id for theme in themes}, []
        for theme, evidence, _ in judged:
            for term in evidence:
                if theme.id in chosen or term.against:
                    field, start, end = back.span(term.start, term.end)
                    against = f"Räknas lägre: {term.against}." if term.against else f"Ord för {self._name(theme.id)}."
                    found.append((field, _mark(start, end, self._name(theme.id), _AGAINST if term.against else _THEME, against)))
        return found

    def _places_table(self, places: Iterable[Place]) -> str:
        rows = []
        for place in places:
            others = "".join(f"<li>Inte {escape(o.name + self._inside(o.code))}: {escape(o.reason)}</li>" for o in place.alternatives)
            why = escape(place.reason) + (f"<ul>{others}</ul>" if others else "")
            kind = f"{_KINDS[place.kind]}{self._inside(place.code)} ({place.code})"
            rows.append((f"{escape(place.name)}<br>{_ROLES[place.role]}", escape(kind), _percent(place.score), why))
        return _table("Platser", ("Plats", "Slag och kod", "Säkerhet", "Varför"), rows)

    def _inside(self, code: str) -> str:
        """The municipality, county or country that the place lies in; nothing for one of these."""
        outer = self._gazetteer.describe(code.partition(":")[0]) if ":" in code else None
        return f" i {outer.name}" if outer is not None else ""

    def _themes_table(self, themes: Iterable[Theme], judged: Iterable[Judged]) -> str:
        chosen = {theme.id for theme in themes}
        rows = [(self._name(t.id), t.id, _percent(t.score), f"Orden {_quoted(t.evidence)}. {t.reason}") for t in themes]
        rows += [
            (f"{self._name(j.theme.id)} (avfört)", j.theme.id, "–", j.theme.reason or f"För svagt: {_quoted(j.theme.evidence)}.")
            for j in judged
            if j.theme.id not in chosen
        ]
        return _table("Teman", ("Tema", "Kod", "Säkerhet", "Varför"), [tuple(map(escape, row)) for row in rows])


def _theme(theme: Theme, judged: Judged | None, framed: Frame, back: Unframe) -> dict[str, Any]:
    evidence = []
    for term in judged.evidence if judged is not None else ():
        field, start, end = back.span(term.start, term.end)
        said = {"field": field, "start": start, "end": end, "text": framed.text[term.start : term.end], "weight": round(term.weight, 2)}
        evidence.append(said | ({"against": term.against} if term.against else {}))
    for word in theme.evidence if theme.reason == LEARNED else ():
        found = framed.text.find(word)
        if found >= 0 and word not in {said["text"] for said in evidence}:
            field, start, end = back.span(found, found + len(word))
            evidence.append({"field": field, "start": start, "end": end, "text": word})
    return {"reason": theme.reason, "evidence": evidence}


def _mark(start: int, end: int, label: str, colour: str, why: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": escape(label), "params": {"bg": colour, "why": escape(why)}}


def _apart(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Marks that do not overlap: of those that do, the first and longest, places before themes."""
    kept: list[dict[str, Any]] = []
    for mark in sorted(marks, key=lambda m: (m["start"], -m["end"])):
        if not kept or mark["start"] >= kept[-1]["end"]:
            kept.append(mark)
    return kept


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return f'<h3>{title}</h3><p class="none">Inga.</p>'
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h3>{title}</h3><table><tr>" + "".join(f"<th>{name}</th>" for name in head) + f"</tr>{cells}</table>"


def _percent(score: float) -> str:
    return f"{score * 100:.0f} %"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"»{word}«" for word in words)
