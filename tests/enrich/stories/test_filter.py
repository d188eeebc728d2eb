"""The filter behind ``fjaril stories``: what goes in, what comes out, and that batches have no part in it."""

from __future__ import annotations

import json

import pytest

from enrich.stories.filter import story_lines
from enrich.stories.stories import Stories

TEXT = "En lastbil välte på riksväg 40 väster om Ulricehamn under natten och vägen var avstängd i båda riktningarna till klockan sex."


def line(id_: object, text: str = TEXT, **more: object) -> bytes:
    return json.dumps({"id": id_, "text": text, "published": "2026-03-01T12:00:00Z", "places": [], "themes": []} | more).encode()


def run(lines: list[bytes], tagger=None) -> list[dict]:
    def refuse(error: Exception) -> None:
        raise error

    return [json.loads(out) for out in story_lines(lines, Stories(), lambda: tagger or pytest.fail("tagged already"), refuse)]


def test_each_document_gets_a_line_with_its_story_under_its_own_id():
    """Numbers stay numbers, text stays text; blank lines are passed over."""
    out = run([line(7), b"\n", line("å")])
    assert [found["id"] for found in out] == [7, "å"]
    assert out[0]["story"] == out[1]["story"]


def test_a_merge_gives_a_later_line_for_what_moved():
    """The last line of each id says where it is in the end, under the id as it was given."""
    titles = ("Färjan Aurora i brand", "Evakuering utanför Gotland i storm", "Färjan Aurora i brand utanför Gotland, evakuering pågår",
              "Evakuering från färjan Aurora utanför Gotland")  # fmt: skip
    out = run([line(n, "", title=title) for n, title in enumerate(titles)])
    assert len(out) > len(titles)
    last = {found["id"]: found["story"] for found in out}
    assert sorted(last) == [0, 1, 2, 3]
    assert len(set(last.values())) == 1


def test_what_has_no_places_and_themes_is_tagged():
    """Only that, and in its place."""
    asked: list[bytes] = []

    def tagger(lines: list[bytes]) -> list[bytes]:
        asked.extend(lines)
        return [json.dumps(json.loads(given) | {"places": [], "themes": []}).encode() for given in lines]

    untagged = json.dumps({"id": "b", "text": TEXT}).encode()
    out = run([line("a"), untagged, line("c")], tagger)
    assert asked == [untagged]
    assert [found["id"] for found in out] == ["a", "b", "c"]


@pytest.mark.parametrize("bad", [b'{"id": "a"}', b'{"text": "x"}', b"[]", b"{", b'{"id": "a", "text": "x", "published": "in March"}'])
def test_a_bad_line_is_told_and_left_out(bad):
    """The error names the line and what is expected; those around it go on."""
    told: list[Exception] = []
    out = list(story_lines([line("a"), bad, line("b")], Stories(), lambda: pytest.fail("tagged already"), told.append))
    assert len(out) == 2
    assert str(told[0]).startswith("line 2: ")
    assert 'expected an object {"id"' in str(told[0])
