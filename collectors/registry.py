"""Kinds of sources: a new one is a module with a class like :class:`collectors.items.Kind`, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.failures import Malformed
from collectors.feed import Feed
from collectors.items import Kind
from collectors.polisen import Polisen
from collectors.sandbox import Sandbox


def kinds(sandbox: Sandbox) -> Mapping[str, Kind]:
    """``Source.kind`` → what knows how to read it."""
    return {"feed": Feed(sandbox), "polisen": Polisen()}


def kind_of(known: Mapping[str, Kind], name: str) -> Kind:
    """The kind of this name.

    :raises Malformed: naming the kinds that there are.
    """
    if name not in known:
        raise Malformed(f"there is no kind {name!r} of source; allowed: {', '.join(sorted(known))}")
    return known[name]
