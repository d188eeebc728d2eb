"""Types spread, burst and surge: findings as the stage ``spread`` writes them, which know what chance explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pipeline.alerts.fields import Document, values
from pipeline.alerts.kinds.base import Event, Kind, Match, keys_of
from pipeline.alerts.rule import BurstRule, SpreadRule, SurgeRule

_KINDS = {SpreadRule: "spread", BurstRule: "burst", SurgeRule: "surge"}


class Findings(Kind):
    """A finding is told of once, and again when it has come to more places."""

    def __init__(self, rule: SpreadRule | BurstRule | SurgeRule) -> None:
        super().__init__(rule)
        self._rule, self._kind = rule, _KINDS[type(rule)]
        #: Finding → how many places it had when it was told of.
        self._told: dict[str, int] = {}

    def take(self, events: Sequence[Event], run: datetime) -> Iterator[Match]:  # noqa: ARG002
        for event in events:
            document = event.document
            places = len(values(document, "places"))
            if places <= self._told.get(event.id, 0) or not self._is_told(document, places):
                continue
            self._told[event.id] = places
            for key in keys_of(document, self._rule.keys):
                figures = {"places": places, "expected_per_year": document.get("expected_per_year"), "q": document.get("q")}
                yield Match(event.time, key, (event.id, *map(str, values(document, "events"))), figures)

    def _is_told(self, document: Document, places: int) -> bool:
        rule = self._rule
        expected, share = document.get("expected_per_year"), document.get("q")
        return (
            document.get("kind", "spread") == self._kind
            and isinstance(expected, int | float)
            and expected <= rule.expected_per_year
            and places >= rule.places
            and (rule.q is None or (isinstance(share, int | float) and share <= rule.q))
            and (rule.grades is None or document.get("grade") in rule.grades)
        )
