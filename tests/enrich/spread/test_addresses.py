"""Addresses of one page are one, however they are written; addresses of two are two."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich.spread.addresses import same_page

PAGE = "https://nyhetsbladet.example/lokalt/bilbrand?id=7"
ESCAPED = quote(PAGE, safe="")

SAME = [
    "http://www.nyhetsbladet.example/lokalt/bilbrand/?id=7#kommentarer",
    "https://m.nyhetsbladet.example/lokalt/bilbrand?utm_source=post&id=7&fbclid=abc",
    "https://nyhetsbladet.example/lokalt/bilbrand/amp?id=7",
    f"https://www.google.com/url?sa=t&q={ESCAPED}&usg=x",
    f"https://l.facebook.com/l.php?u={ESCAPED}&h=AT0",
    f"https://www.youtube.com/redirect?event=video&q={ESCAPED}",
    f"https://eur01.safelinks.protection.outlook.com/?url={ESCAPED}&data=05",
    f"https://t.umblr.com/redirect?z={ESCAPED}&t=1",
    f"https://vk.com/away.php?to={ESCAPED}",
    f"https://www.facebook.com/sharer/sharer.php?u={ESCAPED}",
    f"https://eur01.safelinks.protection.outlook.com/?url={quote('https://www.google.com/url?q=' + ESCAPED, safe='')}",
    f"https://web.archive.org/web/20260301120000/{PAGE}",
    "https://www.google.se/amp/s/nyhetsbladet.example/lokalt/bilbrand?id=7",
    "https://nyhetsbladet-example.cdn.ampproject.org/c/s/nyhetsbladet.example/lokalt/bilbrand?id=7",
]
OTHER = [
    "https://nyhetsbladet.example/lokalt/bilbrand?id=8",
    "https://nyhetsbladet.example/lokalt/bilbrander?id=7",
    "https://bladet.example/lokalt/bilbrand?id=7",
    f"https://nyhetsbladet.example/sok?q={ESCAPED}",  # a search for the address is not the page
    "https://l.facebook.com/l.php?u=bilbrand",
]


@pytest.mark.parametrize("url", SAME)
def test_redirects_and_layout_do_not_change_the_page(url):
    """A redirect that carries its target, a copy in an archive and a page laid out for telephones are the page itself."""
    assert same_page(url) == same_page(PAGE) == "nyhetsbladet.example/lokalt/bilbrand?id=7"


@pytest.mark.parametrize("url", OTHER)
def test_other_pages_are_others(url):
    """What says which page it is counts."""
    assert same_page(url) != same_page(PAGE)


def test_a_video_has_one_address():
    """Short, embedded, and with the moment at which it begins."""
    videos = {
        "https://youtu.be/abcDEF12345?t=3",
        "https://www.youtube.com/watch?v=abcDEF12345&t=3s",
        "https://youtube.com/shorts/abcDEF12345",
    }
    assert {same_page(url) for url in videos} == {"youtube.com/watch?v=abcDEF12345"}


def test_a_redirect_to_itself_ends():
    """However often it is wrapped."""
    url = PAGE
    for _ in range(50):
        url = f"https://l.facebook.com/l.php?u={quote(url, safe='')}"[:60_000]
    assert same_page(url)


@pytest.mark.parametrize("url", ["", "https://nyhetsbladet.example/", "mailto:nagon@example", "https://[", "http://"])
def test_what_is_no_page_is_none(url):
    """Front pages, broken addresses and other schemes link nothing."""
    assert same_page(url) == ""


@given(st.text(max_size=200))
def test_anything_may_stand_where_an_address_should(url):
    """Nothing that somebody writes stops the analysis; where no host is, no page is."""
    assert bool(same_page(url)) <= ("//" in url)
