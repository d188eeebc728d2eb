"""The console's endpoints: for each page its addresses, what is asked, what is shown, and which action it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from pipeline.access.roles import Action
from pipeline.console.pages import alerts, audit, municipality, now, rules, search, sources, spread, story
from pipeline.console.rows import Show
from pipeline.situation.model import Situation


class Endpoint(Struct, frozen=True, kw_only=True):
    """A page, and the same as JSON."""

    #: Of the template, and of its texts.
    name: str
    #: Address of the page, and of its JSON below ``/api/v1``.
    page: str
    api: str
    #: What it counts as: the reader's role must allow it, and the audit log calls it so.
    action: Action
    asked: type[Struct]
    shown: type[Struct]
    make: Callable[[Show, Any], Struct]
    #: ``POST`` where what is asked is too long for an address; nothing is changed by it.
    method: str = "GET"
    #: Whether readers of the same areas see the same.
    shared: bool = False
    #: Whether each time counts for the audit log; else the same by the same person is noted once in ten minutes, as pages load anew.
    each: bool = False
    #: Whether it stands in the menu.
    menu: bool = True


def subject(asked: Struct) -> str:
    """What was asked for, for the audit log: names and values that are not the usual ones."""
    usual = dict(zip(reversed(asked.__struct_fields__), reversed(asked.__struct_defaults__), strict=False))
    given = {name: value for name in asked.__struct_fields__ if (value := getattr(asked, name)) != usual.get(name)}
    return " ".join(f"{name}={','.join(value) if isinstance(value, tuple) else value}" for name, value in given.items())


ENDPOINTS = (
    Endpoint(
        name="now", page="/", api="/now", action=Action.READ_OVERVIEW, asked=now.NowAsked, shown=now.Now, make=now.now, shared=True,
    ),
    Endpoint(
        name="search", page="/sok", api="/documents", action=Action.SEARCH, asked=search.SearchAsked, shown=search.Found, make=search.search, each=True,
    ),
    Endpoint(
        name="brush", page="/sok/tid", api="/documents/over-time", action=Action.SEARCH, asked=search.SearchAsked, shown=search.Brush,
        make=search.brush, menu=False,
    ),
    Endpoint(
        name="story", page="/handelse/{story}", api="/stories/{story}", action=Action.READ_DOCUMENT, asked=story.StoryAsked,
        shown=story.StoryPage, make=story.story, menu=False,
    ),
    Endpoint(
        name="spread",
        page="/spridning",
        api="/findings",
        action=Action.READ_SPREAD,
        asked=spread.SpreadAsked,
        shown=spread.Findings,
        make=spread.spread, shared=True,
    ),
    Endpoint(
        name="finding",
        page="/spridning/{finding}",
        api="/findings/{finding}",
        action=Action.READ_SPREAD,
        asked=spread.FindingAsked,
        shown=spread.FindingPage,
        make=spread.finding,
        menu=False,
    ),
    Endpoint(
        name="areas", page="/kommun", api="/areas", action=Action.READ_SITUATION, asked=municipality.AreasAsked,
        shown=municipality.Areas, make=municipality.areas,
    ),
    Endpoint(
        name="municipality", page="/kommun/{area}", api="/situations/{area}", action=Action.READ_SITUATION, asked=municipality.AreaAsked,
        shown=Situation, make=municipality.situation, menu=False,
    ),
    Endpoint(
        name="alerts", page="/larm", api="/alerts", action=Action.READ_ALERTS, asked=alerts.AlertsAsked, shown=alerts.Alerts,
        make=alerts.alerts,
    ),
    Endpoint(
        name="alert", page="/larm/{alert}", api="/alerts/{alert}", action=Action.READ_ALERTS, asked=alerts.AlertAsked,
        shown=alerts.AlertPage, make=alerts.alert, menu=False,
    ),
    Endpoint(
        name="sources", page="/kallor", api="/sources", action=Action.READ_SOURCES, asked=sources.SourcesAsked, shown=sources.Sources,
        make=sources.sources, shared=True,
    ),
    Endpoint(
        name="rules", page="/regler", api="/rules", action=Action.READ_RULES, asked=rules.RulesAsked, shown=rules.Rules, make=rules.rules,
    ),
    Endpoint(
        name="trial", page="/regler/prova", api="/rules/test", action=Action.TEST_RULES, asked=rules.Trial, shown=rules.Outcome,
        make=rules.test, method="POST", each=True, menu=False,
    ),
    Endpoint(
        name="audit", page="/logg", api="/audit", action=Action.READ_AUDIT, asked=audit.LogAsked, shown=audit.AuditPage, make=audit.log,
    ),
)  # fmt: skip
