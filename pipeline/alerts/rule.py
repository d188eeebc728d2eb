"""A rule as its file states it. One Struct a type; the names of types and options are those of ElastAlert2.

What the types do is written in docs/rules.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from pipeline.model import fingerprint

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Field = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
Metric = Literal["min", "max", "avg", "sum", "cardinality", "value_count"]
_MINUTE = timedelta(minutes=1)


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of time: ``{hours: 6}``."""

    weeks: float = 0
    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0
    milliseconds: float = 0

    @property
    def delta(self) -> timedelta:
        """As Python has it."""
        return timedelta(
            weeks=self.weeks, days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds, milliseconds=self.milliseconds
        )


#: What alerts are told apart by: for groups, inhibition and silences.
Label = Literal["rule", "key", "county", "municipality", "theme", "severity"]
Over = Literal["documents", "stories", "findings", "sources"]


class Inhibits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """While an alert of the rule stands, alerts of these rules with the same labels are not told."""

    rules: Annotated[list[Name], Meta(min_length=1)]
    equal: list[Label] = field(default_factory=lambda: ["county"])


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """What every type has."""

    name: Name
    #: What for: a rule without a purpose is refused.
    purpose: Annotated[str, Meta(min_length=3)]
    description: str = ""
    #: Queries that must all hold: :mod:`pipeline.alerts.query`.
    filter: list[dict[str, Any]] = []
    #: The rule works for each value of it apart.
    query_key: Field | list[Field] | None = None
    run_every: Span = Span(minutes=1)
    #: For how long the rule is silent about a key once it has spoken; 1 minute, or 0 with ``aggregation``.
    realert: Span | None = None
    #: The silence doubles up to this for what goes on.
    exponential_realert: Span | None = None
    aggregation: Span | None = None
    #: Field that says when a document was; else its ``time``, ``published`` or ``fetched``.
    timestamp_field: Field | None = None
    notify: list[Name] = []
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    #: What it is about; left out, documents, or findings where the type is about those.
    over: Over | None = None
    #: What comes later than this after it was is not counted while the pipeline runs.
    lateness: Span = Span(hours=24)
    #: Alerts with the same of these are told as one; those who are told are always the same within a group.
    group_by: list[Label] = field(default_factory=lambda: ["rule"])
    #: How long a new group is gathered before it is told of; ``aggregation`` if left out, else at once.
    group_wait: Span | None = None
    #: How long what is new in a group that was told of is gathered.
    group_interval: Span = Span(minutes=5)
    #: How long what nobody acknowledges is left before it is told again.
    repeat_interval: Span = Span(hours=4)
    inhibits: Inhibits | None = None
    #: An alert without news for so long is over.
    expires: Span = Span(hours=24)

    @property
    def version(self) -> str:
        """Of all that it states: 16 hexadecimal digits."""
        return fingerprint(msgspec.json.encode(self).decode())[:16]

    @property
    def essence(self) -> str:
        """Of what it counts: it stays when only the telling changes."""
        told = {name: default for name, default in _TELLING.items() if name in self.__struct_fields__}
        return replace(self, **told).version

    @property
    def subject(self) -> Over:
        """What it is about."""
        return self.over or "documents"

    @property
    def wait(self) -> timedelta:
        """How long a new group is gathered."""
        given = self.group_wait or self.aggregation
        return given.delta if given else timedelta(0)

    @property
    def horizon(self) -> timedelta:
        """How far back it matters when time alone went on; 0: what time did can be seen from the last moment."""
        lengths = [getattr(self, name) for name in ("timeframe", "buffer_time") if getattr(self, name, None) is not None]
        return 4 * max((span.delta for span in [*lengths, self.run_every]), default=timedelta(0))

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields that it looks at beside those of its filter."""
        given = [getattr(self, name, None) for name in _READING]
        return tuple(dict.fromkeys((*self.keys, *(one for some in given for one in _flat(some)))))

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields of the query key."""
        given = self.query_key
        return () if given is None else (given,) if isinstance(given, str) else tuple(given)

    @property
    def silence(self) -> timedelta:
        """Of what a sent alert is followed."""
        if self.realert is not None:
            return self.realert.delta
        return timedelta(0) if self.aggregation is not None else _MINUTE


#: Options that change how an alert is told, not when it comes; with what stands for them where that does not matter.
_TELLING: dict[str, Any] = {
    "purpose": "---", "description": "", "notify": [], "severity": "medium", "group_by": [], "group_wait": None, "group_interval": Span(),
    "repeat_interval": Span(), "inhibits": None, "expires": Span(),
}  # fmt: skip
#: Options that hold fields.
_READING = ("compare_key", "field_value", "cardinality_field", "metric_agg_key", "fields")


def _flat(some: Any) -> list[str]:
    if isinstance(some, list):
        return [field for one in some for field in _flat(one)]
    return [some] if isinstance(some, str) else []


class AnyRule(Rule, frozen=True, kw_only=True, tag="any"):
    """Every document."""


class BlacklistRule(Rule, frozen=True, kw_only=True, tag="blacklist"):
    """A value that is listed."""

    compare_key: Field
    blacklist: list[str | int | float | bool]


class WhitelistRule(Rule, frozen=True, kw_only=True, tag="whitelist"):
    """A value that is not listed."""

    compare_key: Field
    whitelist: list[str | int | float | bool]
    ignore_null: bool


class ChangeRule(Rule, frozen=True, kw_only=True, tag="change"):
    """A value other than the last one of its key."""

    query_key: Field | list[Field]
    compare_key: Field | list[Field]
    ignore_null: bool
    timeframe: Span | None = None


class FrequencyRule(Rule, frozen=True, kw_only=True, tag="frequency"):
    """At least so many within a time."""

    num_events: Count
    timeframe: Span
    attach_related: bool = False


class Spiking(Rule, frozen=True, kw_only=True):
    """A window against the one before it."""

    timeframe: Span
    spike_height: Positive
    spike_type: Literal["up", "down", "both"]
    threshold_ref: float = 0
    threshold_cur: float = 0
    alert_on_new_data: bool = False


class SpikeRule(Spiking, frozen=True, kw_only=True, tag="spike"):
    """So many times as many, or as few, as in the time before."""

    field_value: Field | None = None


class FlatlineRule(Rule, frozen=True, kw_only=True, tag="flatline"):
    """Fewer than so many within a time."""

    timeframe: Span
    threshold: Count
    forget_keys: bool = False


class NewTermRule(Rule, frozen=True, kw_only=True, tag="new_term"):
    """A value never seen before."""

    #: A list within it is a compound of fields.
    fields: Field | list[Field | list[Field]] | None = None
    terms_window_size: Span = Span(days=30)
    alert_on_missing_field: bool = False


class CardinalityRule(Rule, frozen=True, kw_only=True, tag="cardinality"):
    """Too many or too few different values within a time."""

    timeframe: Span
    cardinality_field: Field
    max_cardinality: int | None = None
    min_cardinality: int | None = None


class MetricAggregationRule(Rule, frozen=True, kw_only=True, tag="metric_aggregation"):
    """A figure over all documents of a time, outside its bounds."""

    metric_agg_key: Field
    metric_agg_type: Metric
    max_threshold: float | None = None
    min_threshold: float | None = None
    #: Over how long the figure is taken; ``run_every`` if left out.
    buffer_time: Span | None = None


class SpikeAggregationRule(Spiking, frozen=True, kw_only=True, tag="spike_aggregation"):
    """A spike of such a figure."""

    metric_agg_key: Field
    metric_agg_type: Metric
    buffer_time: Span | None = None


class PercentageMatchRule(Rule, frozen=True, kw_only=True, tag="percentage_match"):
    """A share of the documents, outside its bounds."""

    match_bucket_filter: list[dict[str, Any]]
    max_percentage: float | None = None
    min_percentage: float | None = None
    min_denominator: int = 0
    buffer_time: Span | None = None


class FindingRule(Rule, frozen=True, kw_only=True):
    """A finding of its kind, when it first is what the rule asks for, and each time that it has come to more places."""

    #: Most findings a year that chance alone would give.
    expected_per_year: Positive = 12
    #: Highest share of false findings among those as strong; left out, it is not asked for.
    q: Positive | None = None
    places: Count = 1
    #: What it rests on: ``linked``, ``temporal only``, ``common source``, ``simultaneous``, ``local``; left out, any.
    grades: list[str] | None = None

    @property
    def subject(self) -> Over:
        """Findings, unless it says otherwise."""
        return self.over or "findings"

    @property
    def reads(self) -> tuple[str, ...]:
        """What findings are judged by."""
        return tuple(dict.fromkeys((*super().reads, "kind", "expected_per_year", "q", "grade", "places", "events")))


class SpreadRule(FindingRule, frozen=True, kw_only=True, tag="spread"):
    """Events that follow each other from place to place."""


class BurstRule(FindingRule, frozen=True, kw_only=True, tag="burst"):
    """Far more of a theme in a place than is usual at that hour."""


class SurgeRule(FindingRule, frozen=True, kw_only=True, tag="surge"):
    """Far more of a theme in many counties at once."""


class SilenceRule(Rule, frozen=True, kw_only=True, tag="silence"):
    """A source, or another key, is silent for much longer than its own rhythm."""

    query_key: Field | list[Field] = "provenance.source"
    #: How many times as long as nineteen of twenty of its pauses were.
    factor: Positive = 3
    #: Shorter silences are never told of.
    least: Span = Span(hours=1)
    #: Pauses that have to be known first.
    pauses: Count = 20

    @property
    def horizon(self) -> timedelta:
        """A silence that was told of is still one at the last moment."""
        return timedelta(0)


AnyType: TypeAlias = (
    AnyRule
    | BlacklistRule
    | WhitelistRule
    | ChangeRule
    | FrequencyRule
    | SpikeRule
    | FlatlineRule
    | NewTermRule
    | CardinalityRule
    | MetricAggregationRule
    | SpikeAggregationRule
    | PercentageMatchRule
    | SpreadRule
    | BurstRule
    | SurgeRule
    | SilenceRule
)
