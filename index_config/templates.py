"""Templates of Elasticsearch: the reviewed JSON files of ``elasticsearch/``, as they are installed under a prefix.

=================================  ===========================================  ================================================
``PREFIX-documents``               ``PREFIX-documents-2024.05``, a month each   alias ``PREFIX-documents``; made of two components
``PREFIX-revisions``               ``PREFIX-revisions``                         one component
``PREFIX-findings`` and the other  ``PREFIX-findings``, an index each           a component each, and one that they share
tables of :data:`TABLES`
=================================  ===========================================  ================================================
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.ports import TABLES

#: Where they stand.
FOLDER = Path(__file__).parent / "elasticsearch"


def read(name: str) -> dict[str, Any]:
    """One file."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def components(prefix: str, *, swedish: bool) -> dict[str, dict[str, Any]]:
    """Name → component template.

    :param swedish: whether the server has Swedish stems: Kibana's searches go by them then. Fjäril's go by terms that it makes itself.
    """
    mappings, words = (
        read("documents-mappings"),
        read("analysis-swedish" if swedish else "analysis-standard"),
    )  # the server wants an analyzer where it is named
    return {
        f"{prefix}-documents-mappings": mappings | {"template": words["template"] | mappings["template"]},
        f"{prefix}-documents-settings": read("documents-settings"),
        f"{prefix}-revisions-mappings": read("revisions-mappings"),
        f"{prefix}-tables-settings": read("tables-settings"),
        **{f"{prefix}-{table}-mappings": read(f"{table}-mappings") for table in TABLES},
    }


def indices(prefix: str) -> dict[str, dict[str, Any]]:
    """Name → index template."""
    return {
        f"{prefix}-documents": {
            "index_patterns": [f"{prefix}-documents-*"],
            "composed_of": [f"{prefix}-documents-mappings", f"{prefix}-documents-settings"],
            "template": {"aliases": {f"{prefix}-documents": {}}},
            "priority": 200,
        },
        f"{prefix}-revisions": {
            "index_patterns": [f"{prefix}-revisions"],
            "composed_of": [f"{prefix}-revisions-mappings"],
            "priority": 200,
        },
        **{
            f"{prefix}-{table}": {
                "index_patterns": [f"{prefix}-{table}"],
                "composed_of": [f"{prefix}-{table}-mappings", f"{prefix}-tables-settings"],
                "priority": 200,
            }
            for table in TABLES
        },
    }
