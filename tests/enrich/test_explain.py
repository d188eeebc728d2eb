"""Why a text has its tags, as fields and as a page. All texts are invented."""

from __future__ import annotations

import json

from enrich.explain import Explainer
from enrich.tag import tag_lines


def explained(nlp, *objects, write=None) -> list[dict]:
    explainer = Explainer(nlp, write)
    lines = list(tag_lines(map(json.dumps, objects), nlp, _refuse, explainer=explainer))
    explainer.close()
    return [json.loads(line) for line in lines]


def _refuse(error: Exception) -> None:
    raise error


def page(nlp, title, text) -> str:
    parts: list[str] = []
    explained(nlp, {"id": "a", "title": title, "text": text}, write=parts.append)
    return "".join(parts)


def test_each_tag_says_why(nlp):
    """Places have reason and alternatives, themes their evidence with spans in the given text; nothing that was there is changed."""
    text = "Rån på  Östermalm.\n\nPolisen i Västerås söker en rånare. Det var ingen mordbrand."
    (found,) = explained(nlp, {"id": "a", "text": text})
    (plain,) = map(json.loads, tag_lines([json.dumps({"id": "a", "text": text})], nlp, _refuse))
    (ostermalm,) = [place for place in found["places"] if place["name"] == "Östermalm"]
    assert ostermalm["reason"] == "Texten nämner dess kommun; ett platsord står före."
    assert {"code", "name", "reason"} == ostermalm["alternatives"][0].keys()
    for theme in (*found["themes"], *found["dropped_themes"]):
        for term in theme["evidence"]:
            assert text[term["start"] : term["end"]] == term["text"]
    (dropped,) = [theme for theme in found["dropped_themes"] if theme["id"] == "fire.arson"]
    assert dropped["reason"] == "Räknas lägre: nekas i texten (»ingen mordbrand«)."
    for key in ("places", "themes"):
        assert [{name: tag[name] for name in was} for tag, was in zip(found[key], plain[key], strict=True)] == plain[key]


def test_the_page_shows_marks_and_reasons(nlp):
    """Places and themes are marked in the text, with names, roles, reasons and rejected readings in Swedish."""
    html = page(nlp, "Brand på Östermalm", "En bil brinner på Östermalm i Västerås.")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    for said in ("hände här", "Texten nämner dess kommun", "Inte Östermalm i Stockholm", "Fordonsbrand", "»bil brinner«"):
        assert said in html


def test_the_page_holds_no_personal_data(nlp):
    """What is redacted where texts are stored is redacted here, in the id too."""
    parts: list[str] = []
    given = {"id": "a 070-174 06 05", "title": "Ring 070-174 06 05", "text": "Skriv till anna.exempel@post.example om branden i Lund."}
    explained(nlp, given, write=parts.append)
    assert "174 06" not in "".join(parts)
    assert "anna.exempel" not in "".join(parts)


def test_the_page_runs_nothing_that_a_text_holds(nlp):
    """Mark-up, braces and quotes of a text stand there as characters; nothing is fetched from elsewhere."""
    html = page(
        nlp, '<script>alert(1)</script> "{bg}"', "Brand i Lund <img src=x onerror=alert(1)> ingen \"mordbrand\" {0} i Malmö' onclick='x"
    )
    assert "<script" not in html
    assert "<img" not in html
    assert "http" not in html


def test_a_text_without_tags_says_so(nlp):
    """Nothing found is shown as nothing."""
    html = page(nlp, "", "Vi ses i morgon.")
    assert html.count("Inga.") == 2
