"""The filter ``fjaril tag``."""

from __future__ import annotations

import json
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.tag import tag_lines
from pipeline.errors import UsageError


def refuse(error: UsageError) -> None:
    raise error


def tag(nlp, *objects, batch=256):
    return [json.loads(line) for line in tag_lines([json.dumps(o) for o in objects], nlp, refuse, batch)]


def test_an_object_gains_places_themes_and_language(nlp):
    """What was given is given back, with what was found."""
    (found,) = tag(nlp, {"id": "a", "title": "Brand", "text": "En bil har börjat brinna i Lund, men ingen är skadad.", "own": [1]})
    assert (found["id"], found["own"], found["lang"]) == ("a", [1], "sv")
    assert found["themes"][0].keys() == {"id", "score"}
    assert found["places"] == [
        {"code": "1281", "name": "Lund", "kind": "municipality", "role": "happened", "score": 0.93, "start": 27, "end": 31, "field": "text"}
    ]


def test_order_is_kept_over_batches(nlp):
    """Many small batches give the lines in their order; blank lines are left out."""
    lines = [json.dumps({"id": n, "text": f"Nummer {n} i Lund"}) for n in range(20)]
    found = [json.loads(line)["id"] for line in tag_lines(["", *lines, " \n"], nlp, refuse, 3)]
    assert found == list(range(20))


def test_lines_come_before_all_is_read(nlp):
    """Input without end gives output."""

    def endless():
        while True:
            yield b'{"id":1,"text":"Brand i Lund"}\n'

    assert json.loads(next(tag_lines(endless(), nlp, refuse)))["id"] == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no JSON", "line 2"),
        ('{"id": 1}', "text"),
        ('{"text": "x"}', "id"),
        ('{"id": 1, "text": 3}', "found"),
        ("[1]", "expected an object"),
        (b'\xff{"id"', "line 2"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_bad_line_is_explained(nlp, line, said):
    """The error names the line, what was found and what was expected; the lines before and after it are tagged."""
    refused: list[UsageError] = []
    found = list(tag_lines(['{"id":1,"text":""}', line, '{"id":3,"text":""}'], nlp, refused.append))
    assert [json.loads(good)["id"] for good in found] == [1, 3]
    (error,) = map(str, refused)
    assert error.startswith("line 2: ")
    assert said in error
    assert "b'" not in error


WORDS = ["Lund", "Upplands Väsby", "Malmö", "brand", "i", ".", "\n", "  ", "\t", "Stockholms\nlän", "utanför", "Borås"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12), st.lists(st.sampled_from(WORDS), max_size=20))
def test_spans_are_the_named_text(nlp, title, text):
    """Each span of the given title or text is the place's name, whitespace aside."""
    given_title, given_text = " ".join(title), " ".join(text)
    (found,) = tag(nlp, {"id": 1, "title": given_title, "text": given_text})
    for place in found["places"]:
        span = found[place["field"]][place["start"] : place["end"]]
        assert " ".join(span.split()) == place["name"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_spans_hold_in_any_text(nlp, before, after):
    """Whatever characters stand around it, a place's span in the given text is its name."""
    text = f"{before} En bil brinner i Lund. {after}"
    (found,) = tag(nlp, {"id": 1, "title": before, "text": text})
    assert "Lund" in {found[p["field"]][p["start"] : p["end"]] for p in found["places"]}


@pytest.mark.parametrize("text", ["Lund i ", "brandvarnare ", "Östermalm, ", "a", "\n", "Lund-", "brand.", "å ", "Norra "])
def test_no_text_takes_long(nlp, text):
    """A hundred thousand characters of anything are tagged in a bounded time."""
    begin = process_time()
    tag(nlp, {"id": 1, "text": text * (100_000 // len(text))})
    assert process_time() - begin < 3
