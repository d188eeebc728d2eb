"""Each page says what the demo's data holds, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import gettempdir

import pytest

import pipeline.settings
from pipeline.access.roles import Principal, Role
from pipeline.console.endpoint import ENDPOINTS
from pipeline.console.room import opened
from pipeline.console.rows import Show
from pipeline.ports import Search
from tests.console import ids
from tests.console.serving import served

PAGES = [one for one in ENDPOINTS if one.method == "GET" and "{alert}" not in one.page]
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|javascript:|<style|\sstyle=", re.IGNORECASE)


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("endpoint", PAGES, ids=lambda one: one.name)
def test_pages_answer(client, room, endpoint, language):
    """Each page answers in the language asked for, with no script and no style in it."""
    answer = client.get(ids.filled(endpoint.page, room), params={"lang": language})
    assert answer.status_code == 200, answer.text[:500]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    if endpoint.name != "brush":
        assert f'<html lang="{language}"' in answer.text
    assert not _INLINE.search(answer.text)
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in answer.headers["content-security-policy"]


def test_the_language_is_kept(room):
    """Who has chosen a language is answered in it from then on."""
    with served(room) as one:
        assert '<html lang="sv"' in one.get("/").text
        one.get("/?lang=en")
        assert '<html lang="en"' in one.get("/sok").text


def test_now_says_that_it_shows_an_earlier_time(client):
    """The demo lies in the past: the page says so, shows what happened then, and what cannot be seen."""
    page = client.get("/?period=7d").text
    assert "Inget nytt har kommit efter det" in page
    assert "Fordonsbrand: Trollhättan" in page
    assert "demo-vader har inte gett något nytt sedan" in page


def test_a_first_visit_explains_itself(tmp_path):
    """Without data the first page says what it is, and names the demo with this directory."""
    folder = tmp_path / "empty"
    folder.mkdir()
    with opened(pipeline.settings.load(data=folder)) as empty, served(empty) as page:
        for path in ("/", "/sok", "/spridning", "/kallor", "/larm", "/regler", "/logg", "/kommun/1480"):
            assert page.get(path).status_code == 200, path
        assert f"fjaril --data {folder} demo" in page.get("/").text


def test_hits_are_marked_and_escaped(client):
    """What matched stands in <mark>; text of documents is text."""
    page = client.get("/sok", params={"q": "bilbrand"}).text
    assert "<mark>" in page
    assert "&lt;script" in client.get("/sok", params={"q": "<script>alert(1)</script>"}).text


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize(
    ("given", "swedish", "english"),
    [
        ({"q": 'bil "x'}, "Vid tecken 5: citattecknet stängs aldrig", "At character 5: the quotation mark is never closed"),
        ({"q": "plats:1480"}, "det finns inget fält plats", "there is no field plats"),
        ({"q": "place:Malmö"}, "platsen Malmö är ingen kod", "the place Malmö is no code"),
        ({"q": "place:"}, "fältet place saknar värde", "the field place has no value"),
        ({"q": "!!"}, "!! är inget ord", "!! is no word"),
        ({"q": "x " * 65}, "Frågan har 65 ord", "The question has 65 words"),
        ({"q": "bil", "since": "igår"}, "Från: igår är ingen tid", "From: igår is no time"),
        ({"q": "bil", "place": "Nowhere"}, "Det finns ingen kommun", "There is no municipality"),
        ({"q": "bil", "since": "2026-03-05", "until": "2026-03-01"}, "slutet måste komma efter", "the end must come after"),
        ({"order": "x"}, "valet finns inte", "there is no such choice"),
        (
            {"size": "900"},
            "Antal per sida: 900 går inte att använda här (högst 100)",
            "Number a page: 900 cannot be used here (at most 100)",
        ),
        ({"theme": "fir"}, "Det finns inget ämne fir", "There is no theme fir"),
    ],
)
def test_what_was_typed_wrongly_is_told_and_kept(client, given, swedish, english, language):
    """The message is in the reader's language, and the form still holds what was typed."""
    answer = client.get("/sok", params=given | {"lang": language})
    assert answer.status_code == 400
    text = answer.text.replace("&#34;", '"')
    assert (swedish if language == "sv" else english) in text
    for value in given.values():
        assert value.strip() in text


def test_a_story_shows_why_it_can_be_relied_on(client, room):
    """Grades, credibility, confirmations, edits and precision stand with their reasons; documents stand in order."""
    page = client.get(f"/handelse/{ids.story(room)}").text
    for part in ("Uppgiftens trovärdighet", "Källornas tillförlitlighet", "Oberoende bekräftelser", "Ändringar", "Hur exakt är platsen"):
        assert part in page
    times = re.findall(r'<p class="meta"><time datetime="([^"]+)"', page)
    assert len(times) > 2
    assert times == sorted(times)


def test_a_merged_story_leads_to_where_it_went(client, room):
    """An address that was sent before two stories were merged still leads to the documents."""
    merged = next(one for one in room.state.stories.values() if one.into)
    end = room.state.story(merged.id)
    assert client.get(f"/handelse/{merged.id}").text.count('<li class="card telling') == client.get(f"/handelse/{end.id}").text.count(
        '<li class="card telling'
    )


def test_spread_stands_on_evidence(client, room):
    """The finding shows its steps in order with documents word for word, what chance gives, and what it would miss."""
    page = client.get(f"/spridning/{ids.finding(room)}").text
    assert page.index("1. Trollhättan") < page.index("2. Gävle") < page.index("3. Växjö")
    assert page.count("<blockquote>") >= 6
    for part in ("Väntat av slump", "Vad som skulle missas", "Prövat och förkastat", "Delar länken", "slumpen ger något lika starkt"):
        assert part in page.replace("Slumpen", "slumpen")


@pytest.mark.parametrize("path", ["/nix", "/handelse/0000000000000000", "/spridning/zzz", "/larm/none", "/kommun/9999"])
def test_what_there_is_not(client, path):
    """An address that leads nowhere says so, on a page that leads on."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Till Läget nu" in answer.text


def test_the_rule_to_begin_with_speaks(client):
    """What stands in the form of a first visit can be tried as it is."""
    begun = client.get("/api/v1/rules").json()["example"]
    tried = client.post("/api/v1/rules/test", json={"rule": begun}, headers={"x-csrf-token": "not needed: nothing is changed"})
    assert tried.status_code == 200, tried.text
    assert tried.json()["tallies"][0]["alerts"] > 3


def test_a_rule_is_tried(client):
    """A rule tried on the page tells how often it would have spoken; a wrong one is named with its line, and is still there."""
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/regler").text)[1]
    rule = (
        "name: bilar\npurpose: prov\ntype: frequency\nfilter:\n  - term: {themes.id: fire.vehicle}\nnum_events: 2\ntimeframe: {hours: 6}\n"
    )
    answer = client.post("/regler/prova", data={"csrf": csrf, "rule": rule, "days": "30"})
    assert answer.status_code == 200, answer.text[:1000]
    assert int(re.search(r'<td class="n">\d+</td><td class="n">(\d+)</td>', answer.text)[1]) > 3
    wrong = client.post("/regler/prova", data={"csrf": csrf, "rule": rule.replace("num_events: 2", "num_evnts: 2")})
    assert wrong.status_code == 400
    assert "num_evnts" in wrong.text
    assert gettempdir() not in wrong.text


def test_an_assessment_is_apart_from_the_machine(copied):
    """What a person writes of an area stands under their name and marking, without personal numbers; a signed version is counted."""
    with opened(pipeline.settings.load(data=copied())) as own, served(own) as one:
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', one.get("/kommun/0780").text)[1]
        text = "Lugnt sedan i lördags. 19121212-1212"
        assert one.post("/kommun/0780/bedomning", data={"csrf": csrf, "text": text, "marking": "police"}).status_code == 303
        assert one.post("/kommun/0780/faststall", data={"csrf": csrf}).status_code == 303
        page = one.get("/kommun/0780").text
        assert "Lugnt sedan i lördags." in page
        assert "19121212" not in page
        assert "Version 2." in page
        refused = one.post("/kommun/0780/bedomning", data={"csrf": csrf, "text": "Till alla", "marking": "partners"})
        assert refused.status_code == 400
        assert "Till alla" in refused.text


@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF-"), ("html", b"<!doctype html>"), ("atom", b"<?xml"), ("geojson", b"{")])
def test_the_picture_as_a_file(client, form, begins):
    """The situation picture can be fetched in each of its forms."""
    answer = client.get(f"/kommun/0780/lagesbild.{form}")
    assert answer.status_code == 200
    assert answer.content.lstrip().startswith(begins)


def test_a_search_is_saved_under_a_name(copied):
    """It stands beside the search until it is forgotten; a search that cannot be made is not kept."""
    with opened(pipeline.settings.load(data=copied())) as own, served(own) as one:
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', one.get("/sok").text)[1]
        kept = one.post("/sok/spara", data={"csrf": csrf, "name": "Bränder i Växjö", "query": "q=brand&place=Växjö&after=x"})
        assert kept.headers["location"] == "/sok?q=brand&place=V%C3%A4xj%C3%B6"
        (saved,) = one.get("/api/v1/documents").json()["saved"]
        assert saved["name"] == "Bränder i Växjö"
        assert one.get(f"/sok?{saved['query']}").status_code == 200
        assert one.post("/sok/spara", data={"csrf": csrf, "name": "Fel", "query": "size=alla"}).status_code == 400
        assert one.post(f"/sok/glom/{saved['id']}", data={"csrf": csrf}).status_code == 303
        assert one.get("/api/v1/documents").json()["saved"] == []


def test_a_fault_inside_is_told(copied):
    """When the index is gone the page says so in the reader's language, and the API as a problem; nothing hangs."""
    with opened(pipeline.settings.load(data=copied())) as own, served(own) as one:
        own.index.close()
        page = one.get("/sok?q=brand")
        assert page.status_code == 500
        assert "Något gick" in page.text
        answer = one.get("/api/v1/documents?q=brand&lang=en")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert answer.json()["detail"].startswith("Something ")


def test_a_source_that_is_added_is_shown(tmp_path):
    """The file of sources is read again when it changes; while it is not right, what it held before is shown."""
    file = tmp_path / "sources.yaml"
    one = "sources:\n- {id: en, kind: feed, url: 'http://en.example', name: En källa, purpose: prov}\n"
    file.write_text(one)
    with opened(pipeline.settings.load(data=tmp_path).model_copy(update={"sources": file})) as own, served(own) as page:
        assert "En källa" in page.get("/kallor").text
        file.write_text(one + "- {id: annan, kind: feed, url: 'http://annan.example', name: En annan, purpose: prov}\n")
        assert "En annan" in page.get("/api/v1/sources?lang=en").text
        file.write_text("sources: [")
        assert set(own.sources) == {"en", "annan"}


def test_areas_in_the_order_of_the_alphabet(client):
    """Municipalities stand by county as Swedes order them, å before ä; a name or a part of one finds them."""
    counties = client.get("/api/v1/areas").json()["counties"]
    assert len(counties) == 21
    assert sum(len(one["municipalities"]) for one in counties) == 290
    names = [place["name"] for one in counties if one["county"]["id"] == "17" for place in one["municipalities"]]
    assert names.index("Torsby") < names.index("Årjäng")
    (found,) = client.get("/api/v1/areas?q=årjä").json()["counties"]
    assert [one["name"] for one in found["municipalities"]] == ["Årjäng"]
    assert "Inget område heter så" in client.get("/kommun?q=ingenstans").text


def test_the_documentation_names_each_page():
    """Whatever stands in the menu has its address in the table of pages."""
    table = (Path(__file__).resolve().parents[2] / "docs" / "console.md").read_text(encoding="utf-8").partition("\n\nEvery state")[0]
    assert [one.page for one in ENDPOINTS if one.menu and f"| `{one.page}" not in table and one.name != "areas"] == []


def test_a_post_has_a_headline_of_whole_words(room):
    """What has no title is headed by its first words, never by half of one; the passage does not say the same once more."""
    show = Show(room, Principal(name="prov", role=Role.ADMIN), "sv")
    posts = [hit.document for hit in room.index.search(Search(size=1000)).hits if not hit.document.title]
    rows = {one.text: show.document(one) for one in posts}
    assert len(rows) > 20
    cut = {text: row.title for text, row in rows.items() if row.title.endswith(" …")}
    assert cut
    assert all(" ".join(text.split()).startswith(title.removesuffix(" …") + " ") and len(title) <= 80 for text, title in cut.items())
    assert all((row.passage == "") == (row.title == text) for text, row in rows.items())


def test_bars_are_marked_where_there_is_more_than_usual(client):
    """As the legend says: those of a theme with more than usual, no others; what stands out is said first."""
    text = client.get("/kommun/2081", params={"period": "1d", "until": "2026-03-11"}).text
    drawn = re.findall(r'<div class="trend"><p>([^<]+)</p><svg(.*?)</svg>', text, re.DOTALL)
    assert {name: 'class="more"' in bars for name, bars in drawn} == {"Brand": True, "Räddning och olyckor": False}
    assert "<li>Fler än vanligt: Brand (2, vanligt 0–1).</li>" in text
