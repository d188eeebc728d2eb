"""What ElastAlert2's own rule classes say of runs of documents: JSON Lines in and out, in a process of its own.

Its classes are driven as it drives them: of each run the documents, oldest first, then the tick; then its matches, which
a silence may hold back. Aggregations are computed here, as Elasticsearch would answer them.

``python theirs.py FOLDER``: where ElastAlert2 was unpacked.
"""

from __future__ import annotations

import ast
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

TIME = "@timestamp"
SPANS = ("timeframe", "realert", "exponential_realert", "run_every", "buffer_time")
AGGREGATING = ("metric_aggregation", "spike_aggregation", "percentage_match")
CLASSES = {
    "any": "AnyRule", "blacklist": "BlacklistRule", "whitelist": "WhitelistRule", "change": "ChangeRule", "frequency": "FrequencyRule",
    "spike": "SpikeRule", "flatline": "FlatlineRule", "new_term": "NewTermsRule", "cardinality": "CardinalityRule",
    "metric_aggregation": "MetricAggregationRule", "spike_aggregation": "SpikeMetricAggregationRule",
    "percentage_match": "PercentageMatchRule",
}  # fmt: skip


def load(folder: Path) -> tuple[Any, Any]:
    """Its module of rule types, and its function that says how long a rule is silent.

    Neither its package nor that function's module is run: they want every notifier that there is.
    """
    sys.path.insert(0, str(folder))
    package, auth = ModuleType("elastalert"), ModuleType("elastalert.auth")
    package.__path__ = [str(folder / "elastalert")]
    package.ElasticSearchClient = auth.Auth = None
    sys.modules |= {"elastalert": package, "elastalert.auth": auth}
    from elastalert import ruletypes, util

    util.elastalert_logger.disabled = True
    tree = ast.parse((folder / "elastalert/elastalert.py").read_text("utf-8"))
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "next_alert_time")
    names: dict[str, Any] = {"datetime": __import__("datetime"), "seconds": lambda span: span.total_seconds()}
    exec(compile(ast.Module([function], []), "elastalert.py", "exec"), names)  # noqa: S102  (what was unpacked, by its hash)
    return ruletypes, names["next_alert_time"]


def configured(given: dict[str, Any]) -> dict[str, Any]:
    """The rule as its loader hands it to the classes."""
    rule = {name: timedelta(**value) if name in SPANS else value for name, value in given.items()}
    rule |= {"name": "rule", "timestamp_field": TIME}
    for name in ("compare_key", "query_key"):
        if name in rule:
            several = rule[name] if isinstance(rule[name], list) else [rule[name]]
            rule[name] = ",".join(several)
            if name == "compare_key" or len(several) > 1:
                rule["compound_" + name] = several
    return rule


def metric(kind: str, values: list[float]) -> float | None:
    """A metric aggregation of Elasticsearch; null where there is nothing to say."""
    if kind in {"sum", "value_count", "cardinality"}:
        return {"sum": sum, "value_count": len, "cardinality": lambda some: len(set(some))}[kind](values)
    return {"avg": lambda some: sum(some) / len(some), "min": min, "max": max}[kind](values) if values else None


def aggregation(rule: dict[str, Any], documents: list[dict[str, Any]]) -> dict[str, Any]:
    """What Elasticsearch answers to the rule's question over these documents."""
    if "match_bucket_filter" in rule:
        (only,) = rule["match_bucket_filter"]
        ((field, value),) = only["term"].items()
        matching = sum(document.get(field) == value for document in documents)
        buckets = {"match_bucket": {"doc_count": matching}, "_other_": {"doc_count": len(documents) - matching}}
        return {"percentage_match_aggs": {"buckets": buckets}}
    field, kind = rule["metric_agg_key"], rule["metric_agg_type"]
    return {f"metric_{field}_{kind}": {"value": metric(kind, [document[field] for document in documents if field in document])}}


def aggregations(rule: dict[str, Any], documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The same, for each key where the rule has one: those with most documents first."""
    if "query_key" not in rule:
        return aggregation(rule, documents)
    groups: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        if rule["query_key"] in document:
            groups.setdefault(document[rule["query_key"]], []).append(document)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return {"bucket_aggs": {"buckets": [{"key": key, **aggregation(rule, some)} for key, some in ordered]}}


def answer(case: dict[str, Any], ruletypes: Any, next_alert_time: Any) -> list[tuple[str, str | None]]:
    """(time, key) of each alert that the rule sends."""
    rule = configured(case["rule"])
    kind = rule.pop("type")
    ruletypes.NewTermsRule.get_all_terms = lambda self, _: self.seen_values.update(
        {tuple(field) if isinstance(field, list) else field: [] for field in self.fields}
    )
    ruletypes.ChangeRule.change_map, ruletypes.ChangeRule.occurrence_time = {}, {}  # which its instances share
    made, client = getattr(ruletypes, CLASSES[kind])(rule), SimpleNamespace(silence_cache={})
    sent: list[tuple[str, str | None]] = []
    past: list[dict[str, Any]] = []
    for run in case["runs"]:
        end = datetime.fromisoformat(run["end"])
        documents = [{**document, TIME: datetime.fromisoformat(document[TIME])} for document in run["documents"]]
        for document in documents:
            if "compound_query_key" in rule:
                document[rule["query_key"]] = ", ".join(str(document.get(name)) for name in rule["compound_query_key"])
        if kind in AGGREGATING:
            past += documents
            made.add_aggregation_data({end: aggregations(rule, [one for one in past if end - rule["buffer_time"] < one[TIME] <= end])})
        else:
            if documents:
                made.add_data(documents)
            made.garbage_collect(end)
        while made.matches:
            match = made.matches.pop(0)
            key = match.get("key" if kind == "flatline" else rule["query_key"]) if "query_key" in rule else None
            if key in client.silence_cache and end < client.silence_cache[key][0]:
                continue
            if rule["realert"]:
                client.silence_cache[key] = next_alert_time(client, rule, key, end)
            sent.append((str(match[TIME]), key))
    return sent


if __name__ == "__main__":
    types, silence = load(Path(sys.argv[1]))
    for line in sys.stdin:
        types.SpikeMetricAggregationRule.unwrap_term_buckets.__defaults__ = ([],)  # which remembers what an error left in it
        try:
            print(json.dumps(answer(json.loads(line), types, silence)))
        except TypeError:  # it compares with what a metric of nothing is
            print("null")
