"""Shortened addresses: looked up where the settings say so, once, and never at the cost of an item."""

from __future__ import annotations

import pytest

from collectors.engine import run
from enrich.spread.addresses import same_page
from enrich.stage import prepare
from pipeline.app import gazetteer
from pipeline.model import RawItem
from pipeline.settings import Settings
from tests.collectors.server import Reply, Server
from tests.collectors.world import item, rss, world

PAGE = "https://nyhetsbladet.example/bilbrand"


async def _collected(routes: dict[str, Reply], *texts: str, asked: bool = True) -> tuple[list[RawItem], list[str]]:
    """What was published of a feed with these texts, ``SHORT`` in which is the shortener's host; and the paths it was asked for."""
    async with Server() as server:
        host = server.url("").removeprefix("http://").rstrip("/")
        server.routes |= routes
        server.routes["/feed"] = Reply(200, rss(*(item(n, text.replace("SHORT", host)) for n, text in enumerate(texts))))
        async with world(None, server, shorteners=(host,) if asked else ()) as here:
            await here.collector.collect(here.source())
            here.balance("feed")
            return here.bus.raw(), [ask.path for ask in server.asked if ask.path not in {"/feed", "/robots.txt"}]


def test_where_it_leads_is_noted_beside_the_item() -> None:
    """One call for an address, however many items have it; the item itself stays as the source wrote it."""
    redirect = {"/a1": Reply(301, b"", {"Location": PAGE})}
    raws, asked = run(_collected(redirect, "Bilbrand i natt http://SHORT/a1.", "Se http://SHORT/a1 om branden"))
    assert [list(raw.redirects.values()) for raw in raws] == [[PAGE], [PAGE]]
    assert all(next(iter(raw.redirects)) in raw.body for raw in raws)
    assert asked == ["/a1"]


def test_nobody_is_asked_that_the_settings_do_not_name() -> None:
    """Whoever is asked learns what is watched."""
    raws, asked = run(_collected({"/a1": Reply(301, b"", {"Location": PAGE})}, "Bilbrand http://SHORT/a1", asked=False))
    assert (raws[0].redirects, asked) == ({}, [])


@pytest.mark.parametrize(
    "reply", [Reply(404, b""), Reply(200, b"page"), Reply(301, b"", {"Location": "ftp://nyhetsbladet.example/"}), Reply(503, b"")]
)
def test_one_that_leads_nowhere_costs_nothing_but_the_link(reply: Reply) -> None:
    """The item is published."""
    raws, _ = run(_collected({"/a1": reply}, "Bilbrand http://SHORT/a1"))
    assert [raw.redirects for raw in raws] == [{}]


def test_the_document_links_to_where_it_leads(tmp_path) -> None:
    """So that it shares the page with those who link to it directly, also by another redirect."""
    raws, _ = run(_collected({"/a1": Reply(302, b"", {"Location": f"https://l.facebook.com/l.php?u={PAGE}"})}, "Bilbrand http://SHORT/a1"))
    prepared = prepare(raws[0], gazetteer(Settings(data_dir=tmp_path)))
    assert same_page(PAGE) in {same_page(link) for link in prepared.draft.links}
