"""The dashboards over an invented fortnight, as the file that Kibana would import has them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import enrich.borders
import enrich.lexicon
from index_config.kibana import dashboards
from index_config.kibana.saved import ndjson

PREFIX = "exempel"
Object = dict[str, Any]


@cache
def file(prefix: str = PREFIX) -> bytes:
    """What is imported."""
    themes = {theme.id: theme.sv for theme in enrich.lexicon.load(None).themes}
    return ndjson(dashboards.objects(prefix, themes, enrich.borders.counties()))


def lines(prefix: str = PREFIX) -> list[Object]:
    """Its lines."""
    return [json.loads(line) for line in file(prefix).splitlines()]


def objects(prefix: str = PREFIX) -> dict[str, Object]:
    """Name without prefix → object."""
    return {one["id"].removeprefix(f"{prefix}-"): one for one in lines(prefix)[:-1]}


def specification(one: Object) -> Object:
    """What Vega is given."""
    found: Object = json.loads(json.loads(one["attributes"]["visState"])["params"]["spec"])
    return found
