"""The console's endpoints: for each page its addresses, what is asked, what is shown, and which action it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from pipeline.access.roles import Action
from pipeline.console.pages import now, search, sources, spread, story
from pipeline.console.rows import Show


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
    #: Whether it stands in the menu.
    menu: bool = True


def subject(asked: Struct) -> str:
    """What was asked for, for the audit log: names and values that are not the usual ones."""
    usual = dict(zip(reversed(asked.__struct_fields__), reversed(asked.__struct_defaults__), strict=False))
    given = {name: value for name in asked.__struct_fields__ if (value := getattr(asked, name)) != usual.get(name)}
    return " ".join(f"{name}={','.join(value) if isinstance(value, tuple) else value}" for name, value in given.items())


ENDPOINTS = (
    Endpoint(
        name="now", page="/", api="/now", action=Action.READ_OVERVIEW, asked=now.NowAsked, shown=now.Now, make=now.now,
    ),
    Endpoint(
        name="search", page="/sok", api="/documents", action=Action.SEARCH, asked=search.SearchAsked, shown=search.Found, make=search.search,
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
        make=spread.spread,
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
        name="sources", page="/kallor", api="/sources", action=Action.READ_SOURCES, asked=sources.SourcesAsked, shown=sources.Sources,
        make=sources.sources,
    ),
)  # fmt: skip
