"""The incidents of a hundred night summaries, marked by hand, against what is found, with floors that are only raised.

``night_incidents.csv`` has a line for each incident: id of the notice, half (``development`` or ``held-back``), its characters
[start, end) in the notice's body, and the code of its municipality; a summary without any incident has one line without them. Several
codes joined by ``|``: the text names them all, any is right. docs/incidents.md has the rules by which they were marked.

``python -m tests.eval.test_incidents`` prints the figures; FJARIL_DATA names the folder of real data.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from enrich.tag import tag_lines

MARKS = Path(__file__).with_name("night_incidents.csv")
HALVES = ("development", "held-back")
#: What is given beside the body: with the title, which names the county; with nothing.
INPUTS = {"title and body": True, "body alone": False}
#: F1, measured .988, .983, .980 and .939, less what two incidents in a hundred may take.
FLOORS = {
    ("development", "title and body"): 0.97,
    ("development", "body alone"): 0.96,
    ("held-back", "title and body"): 0.96,
    ("held-back", "body alone"): 0.92,
}
#: Least share of the union of two spans that both cover.
OVERLAP = 0.5

pytestmark = pytest.mark.real


class Marked(NamedTuple):
    """An incident: characters [start, end) of the body, and the codes of which any is right."""

    start: int
    end: int
    codes: tuple[str, ...]


class Score(NamedTuple):
    """Incidents found with their municipality, found at all, and marked."""

    right: int
    found: int
    marked: int

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.found + self.marked)


@pytest.fixture(scope="module")
def bodies(shared_data) -> dict[str, dict]:
    return read_notices(shared_data)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("given", INPUTS)
def test_incidents_are_split_with_their_municipality(bodies, nlp, half, given):
    """F1 over the marked incidents of each half: half of both spans shared, and the same municipality."""
    assert score(bodies, nlp, half, titled=INPUTS[given]).f1 >= FLOORS[half, given]


def test_a_hundred_summaries_are_marked(bodies):
    """Fifty in each half, all of them summaries, with spans inside their bodies that begin and end at words."""
    marks = {half: read_marks(half) for half in HALVES}
    assert [len(marks[half]) for half in HALVES] == [50, 50]
    assert not marks["development"].keys() & marks["held-back"].keys()
    for half in HALVES:
        for notice, incidents in marks[half].items():
            body = bodies[notice]["body"]
            assert bodies[notice]["type"].startswith("Sammanfattning")
            assert all(0 <= i.start < i.end <= len(body) and body[i.start : i.end] == body[i.start : i.end].strip() for i in incidents)


def read_notices(folder: Path) -> dict[str, dict]:
    """The marked notices by id."""
    wanted = {notice for half in HALVES for notice in read_marks(half)}
    with gzip.open(folder / "polisen" / "events.jsonl.gz", "rt", encoding="utf-8") as file:
        return {str(event["id"]): event for event in map(json.loads, file) if str(event["id"]) in wanted}


def read_marks(half: str) -> dict[str, list[Marked]]:
    """The marked incidents of each notice of a half."""
    marks: dict[str, list[Marked]] = defaultdict(list)
    with MARKS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["half"] == half:
                marks[row["notice"]] += [Marked(int(row["start"]), int(row["end"]), tuple(row["code"].split("|")))] if row["start"] else []
    return dict(marks)


def score(notices: dict[str, dict], nlp, half: str, *, titled: bool) -> Score:
    """What is found of the marks of a half."""
    marks = read_marks(half)
    lines = [json.dumps({"id": key, "title": notices[key]["name"] if titled else "", "text": notices[key]["body"]}) for key in marks]
    found = [
        [Marked(i["start"], i["end"], (municipality(i),)) for i in json.loads(line)["incidents"]] for line in tag_lines(lines, nlp, fail)
    ]
    right = sum(sum(1 for _ in pairs(given, marked)) for given, marked in zip(found, marks.values(), strict=True))
    return Score(right, sum(map(len, found)), sum(map(len, marks.values())))


def fail(error: Exception) -> None:
    """A line that cannot be read is an error of the test."""
    raise error


def pairs(found: list[Marked], marked: list[Marked]) -> Iterator[tuple[Marked, Marked]]:
    """Each marked incident with the first found one that is it."""
    left = list(found)
    for mark in marked:
        match = next((f for f in left if f.codes[0] in mark.codes and overlap(f, mark) >= OVERLAP), None)
        if match is not None:
            left.remove(match)
            yield match, mark


def overlap(one: Marked, other: Marked) -> float:
    """Characters in both by characters in either."""
    both = min(one.end, other.end) - max(one.start, other.start)
    return max(both, 0) / (max(one.end, other.end) - min(one.start, other.start))


def municipality(incident: dict) -> str:
    """Code of the best municipality in which it happened, else of the county; empty without any."""
    codes = [place["code"] for place in incident["places"] if place["role"] == "happened" and place["code"][0].isdigit()]
    return next((code[:4] for code in codes if len(code) >= 4), codes[0] if codes else "")


def main() -> None:
    """Print the figures."""
    from enrich import gazetteer, lexicon, nlp
    from pipeline.settings import Settings

    folder = Path(os.environ.get("FJARIL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    notices, pipeline = read_notices(folder), nlp.build(gazetteer.load(Settings().cache), lexicon.load())
    for half in HALVES:
        for given, titled in INPUTS.items():
            found = score(notices, pipeline, half, titled=titled)
            sys.stdout.write(
                f"{half:12} {given:15} right {found.right} of {found.found} found and {found.marked} marked: "
                f"precision {found.right / found.found:.3f} recall {found.right / found.marked:.3f} F1 {found.f1:.3f}\n"
            )


if __name__ == "__main__":
    main()
