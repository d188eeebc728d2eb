"""The words of notifications, in Swedish and English."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from msgspec import Struct

from pipeline.alerts.notify.message import Kind


class Phrases(Struct, frozen=True, kw_only=True):
    """The words of one language."""

    kinds: dict[Kind, str]
    severities: dict[str, str]
    grades: dict[str, str]
    #: Type of rule → (with its figures, without them). ``{name}`` is a figure.
    reasons: dict[str, tuple[str, str]]
    decimal: str
    nowhere: str
    more: str
    what: str
    where: str
    since: str
    newest: str
    why: str
    rule: str
    sure: str
    unknown: str
    score: str
    q: str
    sources: str
    source: tuple[str, str]
    evidence: str
    acknowledge: str
    alert: str
    grouped: str


SWEDISH: Final = Phrases(
    kinds={
        Kind.TRIGGER: "LARM", Kind.UPDATE: "UPPDATERAT", Kind.ACKNOWLEDGED: "KVITTERAT", Kind.RESOLVED: "SLUT", Kind.CANCEL: "ÅTERTAGET",
    },
    severities={"low": "låg", "medium": "medel", "high": "hög", "critical": "kritisk"},
    grades={
        "linked": "med länkar mellan händelserna", "temporal only": "bara i tiden", "common source": "gemensam källa",
        "simultaneous": "samtidigt", "local": "lokalt",
    },
    reasons={
        "any": ("ett dokument av det slaget",) * 2,
        "blacklist": ("ett värde som står på listan",) * 2,
        "whitelist": ("ett värde som inte står på listan",) * 2,
        "change": ("ett värde har ändrats",) * 2,
        "frequency": ("{count} dokument på {hours} h", "många dokument på kort tid"),
        "spike": ("{spike_count} mot {reference_count} i tiden innan", "en tydlig förändring mot tiden innan"),
        "flatline": ("bara {count}, minst {threshold} väntat", "färre än väntat"),
        "new_term": ("ett värde som inte har setts förut",) * 2,
        "cardinality": ("{cardinality} olika på {hours} h", "ovanligt många eller få olika"),
        "metric_aggregation": ("värdet är {value}, utanför gränserna", "ett värde utanför gränserna"),
        "spike_aggregation": ("värdet {spike_count} mot {reference_count} i tiden innan", "ett värde har tydligt förändrats"),
        "percentage_match": ("{percentage} % av {denominator} dokument", "en andel utanför gränserna"),
        "spread": ("händelser följer på varandra från ort till ort, {places} orter", "händelser följer på varandra från ort till ort"),
        "burst": ("långt fler än vanligt vid den tiden",) * 2,
        "surge": ("långt fler än vanligt i många län samtidigt",) * 2,
        "silence": ("tyst i {silent_hours} h, pauser är sällan över {rhythm_hours} h", "ovanligt länge tyst"),
    },
    decimal=",", nowhere="okänd plats", more="m.fl.", what="Vad", where="Var", since="Sedan", newest="senast", why="Varför", rule="regel",
    sure="Hur säkert", unknown="inte bedömt", score="säkerhet {0}", q="av 100 så starka fynd väntas {0} vara falska",
    sources="Oberoende källor", source=("1 källa", "{0} källor"), evidence="Underlag",
    acknowledge="Kvittera (länken är din egen och gäller en gång)", alert="Larm", grouped="{0} larm",
)  # fmt: skip

ENGLISH: Final = Phrases(
    kinds={
        Kind.TRIGGER: "ALERT", Kind.UPDATE: "UPDATED", Kind.ACKNOWLEDGED: "ACKNOWLEDGED", Kind.RESOLVED: "ENDED", Kind.CANCEL: "WITHDRAWN",
    },
    severities={"low": "low", "medium": "medium", "high": "high", "critical": "critical"},
    grades={
        "linked": "with links between the events", "temporal only": "in time alone", "common source": "a common source",
        "simultaneous": "at the same time", "local": "local",
    },
    reasons={
        "any": ("a document of that kind",) * 2,
        "blacklist": ("a value that is listed",) * 2,
        "whitelist": ("a value that is not listed",) * 2,
        "change": ("a value has changed",) * 2,
        "frequency": ("{count} documents in {hours} h", "many documents in a short time"),
        "spike": ("{spike_count} against {reference_count} in the time before", "a clear change from the time before"),
        "flatline": ("only {count}, at least {threshold} expected", "fewer than expected"),
        "new_term": ("a value never seen before",) * 2,
        "cardinality": ("{cardinality} different in {hours} h", "unusually many or few different"),
        "metric_aggregation": ("the figure is {value}, beyond its bounds", "a figure beyond its bounds"),
        "spike_aggregation": ("the figure {spike_count} against {reference_count} before", "a figure has clearly changed"),
        "percentage_match": ("{percentage} % of {denominator} documents", "a share beyond its bounds"),
        "spread": ("events follow each other from place to place, {places} places", "events follow each other from place to place"),
        "burst": ("far more than is usual at that hour",) * 2,
        "surge": ("far more than usual in many counties at once",) * 2,
        "silence": ("silent for {silent_hours} h, pauses are seldom over {rhythm_hours} h", "silent for unusually long"),
    },
    decimal=".", nowhere="unknown place", more="and more", what="What", where="Where", since="Since", newest="latest", why="Why",
    rule="rule", sure="How sure", unknown="not judged", score="certainty {0}", q="of 100 findings as strong {0} are expected to be false",
    sources="Independent sources", source=("1 source", "{0} sources"), evidence="Evidence",
    acknowledge="Acknowledge (the link is your own and works once)", alert="Alert", grouped="{0} alerts",
)  # fmt: skip

LANGUAGES: Final = MappingProxyType({"sv": SWEDISH, "en": ENGLISH})
