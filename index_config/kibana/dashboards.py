"""What analysts are shown: *Läget nu*, *En kommun* and *Spridning*."""

from __future__ import annotations

from collections.abc import Mapping

from index_config.kibana.dashboard import Choice, Dashboard, Panel
from index_config.kibana.lens import Bars, Figure, Grid, Ranking, Top
from index_config.kibana.maps import Drawn, Outline, Zoomed
from index_config.kibana.saved import SavedObject, everything
from index_config.kibana.views import DataView, Session

#: A source that has given nothing new for so long has fallen silent.
SILENT = "failing:true OR silent_from:[* TO now] OR (NOT _exists_:changed)"
_HOLDS = "withdrawn:false"
_TOLD = "coverage:[2 TO *]"
_PLACE = {"place.area_name": "Kommun eller län", "place.county": "Länskod", "theme.primary": "Tema"}
_HEALTH = {
    "unknown": "inte hämtad än", "changed": "nytt", "unchanged": "inget nytt", "empty": "tomt svar", "shrunk": "ovanligt lite",
    "malformed": "går inte att läsa", "unreachable": "svarar inte", "blocked": "nekar", "gone": "borttagen",
}  # fmt: skip
_KINDS = {
    "spread": "spridning", "common source": "gemensam källa", "simultaneous": "samtidigt", "surge": "ökning i många län",
    "burst": "ökning på en plats",
}  # fmt: skip
_GRADES = {
    "linked": "med länkar", "temporal only": "endast tid", "common source": "gemensam källa", "simultaneous": "samtidigt", "local": "en plats",
}  # fmt: skip
_VERDICTS = {"held": "höll vid nattens genomgång", "did not hold": "höll inte", "found by the nightly run": "funnen vid nattens genomgång"}


def objects(prefix: str, themes: Mapping[str, str], outline: Outline) -> list[SavedObject]:
    """All saved objects, each after those that it refers to.

    :param prefix: what the names of the indices begin with.
    :param themes: id → Swedish name.
    :param outline: borders to draw on: a GeoJSON FeatureCollection.
    """
    return everything(dashboards(themes, outline), prefix)


def dashboards(themes: Mapping[str, str], outline: Outline) -> tuple[Dashboard, ...]:
    """The dashboards; see :func:`objects`."""
    named = {field: {**themes, "none": "Utan tema"} for field in ("theme.primary", "theme.id")}
    documents = DataView(
        name="documents", title="Fjäril: dokument", values=named,
        labels=_PLACE | {"title": "Rubrik", "event.provider": "Källa", "place.happened_name": "Där det hände", "url.full": "Adress"},
    )  # fmt: skip
    stories = DataView(
        name="stories", title="Fjäril: händelser i flera dokument", values=named,
        labels=_PLACE | {"message": "Händelse", "coverage": "Dokument", "independent": "Oberoende källor", "event.provider": "Källor"},
    )  # fmt: skip
    findings = DataView(
        name="findings", title="Fjäril: fynd", values=named | {"kind": _KINDS, "grade": _GRADES, "verdict": _VERDICTS},
        labels=_PLACE | {
            "message": "Fynd", "kind": "Slag", "grade": "Grund", "reach": "Platser", "expected_per_year": "Av en slump per år",
            "verdict": "Efter natten", "event.created": "Först sagt", "edges.from.name": "Från", "edges.to.name": "Till",
        },
    )  # fmt: skip
    sources = DataView(
        name="sources", title="Fjäril: källor", time="", values={"health": _HEALTH},
        labels={"event.provider": "Källa", "health": "Läge", "changed": "Senast något nytt", "message": "Vad som hände", "failures": "Fel i rad"},
    )  # fmt: skip

    newest = Session(
        name="senaste-dokument", title="Senaste dokumenten", description="Vad källorna publicerat, senast först.", view=documents,
        columns=("title", "place.happened_name", "theme.primary", "event.provider"),
    )  # fmt: skip
    told = Session(
        name="senaste-handelser", title="Händelser i flera dokument", description="Vad minst två dokument berättar om, senast först.",
        view=stories, query=_TOLD, columns=("message", "coverage", "independent", "event.provider"),
    )  # fmt: skip
    found = Session(
        name="fynd", title="Spridning och ökningar", description="Vad som följt på vartannat, aldrig vad som orsakat vad. Tillbakadragna visas inte.",
        view=findings, query=_HOLDS, columns=("message", "grade", "expected_per_year", "verdict"),
    )  # fmt: skip
    silent = Session(
        name="tysta-kallor", title="Källor som tystnat", description="Felar, eller har inte gett något nytt på längre än vad som är vanligt för dem: där vet vi inget.",
        view=sources, query=SILENT, columns=("event.provider", "health", "changed", "message"), sort=("changed", "asc"),
    )  # fmt: skip

    documents_figure = Figure(name="antal-dokument", title="Dokument", view=documents, counted="Dokument")
    stories_figure = Figure(name="antal-handelser", title="Händelser i flera dokument", view=stories, query=_TOLD, counted="Händelser")
    findings_figure = Figure(name="antal-fynd", title="Fynd som gäller", view=findings, query=_HOLDS, counted="Fynd")
    heard = Figure(name="antal-kallor", title="Källor som hörts", view=documents, counted="Källor", of="event.provider")
    by_theme = Bars(
        name="teman-over-tid",
        title="Dokument per tema",
        view=documents,
        counted="Dokument",
        split=Top("theme.primary", "Tema", 8, others=True),
    )
    by_place = Grid(
        name="platser-over-tid", title="Dokument där det hände", view=documents, counted="Dokument",
        rows=Top("place.happened_name", "Där det hände", 15),
    )  # fmt: skip
    where = Drawn(
        name="dokumentkarta", title="Var det händer", description="Dokument per ruta; fältet följer tid, sökning och filter.", view=documents,
        outline=outline,
    )  # fmt: skip
    near = Zoomed(
        name="karta", title="Karta att zooma i", description="Antal dokument per ruta, på nära håll varje dokument.", view=documents,
        field="place.location", told=("title", "event.provider", "@timestamp"),
    )  # fmt: skip
    spread = Drawn(
        name="spridningskarta", title="Spridning mellan platser",
        description="En pil: vad som följt på vad, aldrig vad som orsakat vad. Reglaget går genom tiden.", view=findings, outline=outline,
    )  # fmt: skip
    kinds = Bars(name="fynd-over-tid", title="Fynd per slag", view=findings, query=_HOLDS, counted="Fynd", split=Top("kind", "Slag", 5))
    origins = Ranking(
        name="fran", title="Varifrån det spridits", view=findings, query=_HOLDS, counted="Fynd", rows=Top("edges.from.name", "Från", 10)
    )
    targets = Ranking(
        name="till", title="Vart det spridits", view=findings, query=_HOLDS, counted="Fynd", rows=Top("edges.to.name", "Till", 10)
    )

    return (
        Dashboard(
            name="laget-nu", title="Läget nu", since="now-7d/d",
            description="Vad som händer var: dokument per tema och plats, karta, händelser och källor som tystnat.",
            panels=(
                Panel(documents_figure, 0, 0, 8, 6), Panel(stories_figure, 8, 0, 8, 6), Panel(findings_figure, 16, 0, 8, 6),
                Panel(heard, 24, 0, 8, 6), Panel(where, 32, 0, 16, 32),
                Panel(by_theme, 0, 6, 32, 13), Panel(by_place, 0, 19, 32, 13),
                Panel(told, 0, 32, 30, 15), Panel(silent, 30, 32, 18, 15),
            ),
        ),
        Dashboard(
            name="en-kommun", title="En kommun", since="now-30d/d",
            description="Välj kommun, och om du vill tema: allt på sidan gäller den.",
            choices=(Choice("Kommun", documents, "place.area_name"), Choice("Tema", documents, "theme.primary")),
            panels=(
                Panel(documents_figure, 0, 0, 8, 6), Panel(stories_figure, 8, 0, 8, 6), Panel(heard, 16, 0, 8, 6),
                Panel(by_theme, 0, 6, 24, 14), Panel(near, 24, 0, 24, 20),
                Panel(newest, 0, 20, 28, 18), Panel(told, 28, 20, 20, 9), Panel(found, 28, 29, 20, 9),
            ),
        ),
        Dashboard(
            name="spridning", title="Spridning", since="now-14d/d",
            description="Vad som följer på vartannat från plats till plats, med vad som talar för det.",
            panels=(
                Panel(spread, 0, 0, 24, 36), Panel(found, 24, 0, 24, 16), Panel(kinds, 24, 16, 24, 9),
                Panel(origins, 24, 25, 12, 11), Panel(targets, 36, 25, 12, 11),
            ),
        ),
    )  # fmt: skip
