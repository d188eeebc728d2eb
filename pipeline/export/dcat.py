"""Metadata after DCAT-AP-SE 3, as JSON-LD: what the files of a day are, for a catalogue of an organisation's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from pipeline.export.manifest import File

_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_EU = "http://publications.europa.eu/resource/authority"
_MEDIA = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv", "json": "application/json"}
#: Table → (title, description), Swedish and English.
_TABLES = {
    "trend": (
        ("Händelser per plats, ämne och dag", "Occurrences by place, theme and day"),
        ("Antal händelser mot det väntade, med osäkerhet.", "Occurrences against what is expected, with its uncertainty."),
    ),
    "findings": (
        ("Fynd: spridning och ökningar", "Findings: spread and surges"),
        ("Mönster som är förenliga med spridning, och ovanligt många händelser.", "What is consistent with spread, and more than usual."),
    ),
    "alerts": (("Larm och deras utfall", "Alerts and their outcome"), ("Larm som hittades under dagen.", "Alerts found on the day.")),
    "quality": (
        ("Datakvalitet per källa", "Data quality by source"),
        ("Vad varje källa gav, och vilka som teg.", "What each source gave, and which fell silent."),
    ),
}


def dcat(day: date, files: Sequence[File], publisher: str, address: str) -> bytes:
    """A catalogue with a dataset for each table and a distribution for each of its files.

    It says that access is not public: the rows are not coarsened for small numbers, as situation pictures are.

    :param address: where the files are offered, ending in ``/``; empty: addresses are relative.
    """
    agent = {"@type": "foaf:Agent", "@id": f"{address}#utgivare", "foaf:name": publisher}
    catalogue = {
        "@context": _CONTEXT,
        "@id": f"{address}#katalog",
        "@type": "dcat:Catalog",
        "dcterms:title": _both(f"Fjäril, export {day}", f"Fjäril, export {day}"),
        "dcterms:description": _both("Dagens export ur Fjäril.", "The day's export of Fjäril."),
        "dcterms:publisher": agent,
        "dcterms:language": [{"@id": f"{_EU}/language/SWE"}],
        "dcat:dataset": [_dataset(table, day, [file for file in files if file.table == table], agent["@id"], address) for table in _TABLES],
    }
    return msgspec.json.format(msgspec.json.encode(catalogue), indent=1) + b"\n"


def _dataset(table: str, day: date, files: Sequence[File], agent: str, address: str) -> dict[str, Any]:
    title, description = _TABLES[table]
    return {
        "@id": f"{address}#{table}",
        "@type": "dcat:Dataset",
        "dcterms:identifier": f"{table}-{day}",
        "dcterms:title": _both(*title),
        "dcterms:description": _both(*description),
        "dcterms:publisher": {"@id": agent},
        "dcat:theme": [{"@id": f"{_EU}/data-theme/JUST"}],
        "dcterms:accessRights": {"@id": f"{_EU}/access-right/NON_PUBLIC"},
        "dcterms:accrualPeriodicity": {"@id": f"{_EU}/frequency/DAILY"},
        "dcterms:spatial": {"@id": f"{_EU}/country/SWE"},
        "dcterms:temporal": {"@type": "dcterms:PeriodOfTime", "dcat:startDate": _day(day), "dcat:endDate": _day(day)},
        "dcterms:issued": _day(day + timedelta(days=1)),
        "dcat:distribution": [_distribution(file, address) for file in files],
    }


def _distribution(file: File, address: str) -> dict[str, Any]:
    return {
        "@id": f"{address}{file.name}#fil",
        "@type": "dcat:Distribution",
        "dcat:accessURL": {"@id": f"{address}{file.name}"},
        "dcat:downloadURL": {"@id": f"{address}{file.name}"},
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{_MEDIA[file.name.rpartition('.')[2]]}"},
        "dcat:byteSize": {"@value": str(file.bytes), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
    }


def _both(swedish: str, english: str) -> list[dict[str, str]]:
    return [{"@value": swedish, "@language": "sv"}, {"@value": english, "@language": "en"}]


def _day(day: date) -> dict[str, str]:
    return {"@value": day.isoformat(), "@type": "xsd:date"}
