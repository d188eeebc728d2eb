"""Kinds of sources: a new one is a module with a class like :class:`collectors.items.Kind` or ``Stream``, and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from collectors.failures import Malformed
from collectors.items import Kind, Stream
from collectors.kinds.discourse import Discourse
from collectors.kinds.feed import Feed
from collectors.kinds.gdelt import Gdelt
from collectors.kinds.jetstream import Jetstream
from collectors.kinds.krisinformation import Krisinformation
from collectors.kinds.lemmy import Lemmy
from collectors.kinds.mastodon import Mastodon
from collectors.kinds.mastodon_stream import MastodonStream
from collectors.kinds.pages import Page
from collectors.kinds.polisen import Polisen
from collectors.kinds.sitemap import Sitemap
from collectors.kinds.smhi import Smhi
from collectors.kinds.telegram import Telegram
from collectors.kinds.trafikverket import Trafikverket
from collectors.kinds.vma import Vma
from collectors.people import Private
from collectors.sandbox import Sandbox
from pipeline.settings import Http

#: Names of the kinds that are listened to.
STREAMS = frozenset({"jetstream", "mastodon.stream"})
T = TypeVar("T")


def kinds(sandbox: Sandbox, private: Private | None = None) -> Mapping[str, Kind]:
    """``Source.kind`` → what knows how to ask and read it."""
    return {
        "discourse": Discourse(),
        "feed": Feed(sandbox),
        "gdelt": Gdelt(),
        "krisinformation": Krisinformation(),
        "lemmy": Lemmy(),
        "mastodon": Mastodon(),
        "page": Page(sandbox),
        "polisen": Polisen(sandbox),
        "sitemap": Sitemap(sandbox),
        "smhi": Smhi(),
        "telegram": Telegram(sandbox),
        "trafikverket": Trafikverket(private or Private()),
        "vma": Vma(),
    }


def streams(http: Http, private: Private | None = None) -> Mapping[str, Stream]:
    """``Source.kind`` → what knows how to listen to it."""
    known = private or Private()
    return {"jetstream": Jetstream(http, known), "mastodon.stream": MastodonStream(http, known)}


def kind_of(known: Mapping[str, T], name: str) -> T:
    """The kind of this name.

    :raises Malformed: naming the kinds that there are.
    """
    if name not in known:
        raise Malformed(f"there is no kind {name!r} of source; allowed: {', '.join(sorted({*known, *STREAMS}))}")
    return known[name]
