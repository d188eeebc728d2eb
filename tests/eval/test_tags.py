"""The quality of places and themes on real police notices, with floors that are only raised.

The best place with role ``happened`` against the official code, the best theme by its group, on summary
and body without the title, which holds the answer. Night summaries are left out. Every ``EVERY``-th notice in order of time,
which keeps it under a minute; no notice is seen by the code otherwise: the lexicon is written, not learned.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from enrich.language import Detector
from enrich.names import COMMON_WORDS, LOWER_CASE_WORDS
from enrich.places import Finder
from enrich.tag import tag_lines
from enrich.text import frame

EVERY = 6
#: Share right of the answered and of all, and macro-F1: measured .979, .536, .988 (county) and .853, less what chance may take.
MUNICIPALITY_OF_ANSWERED = 0.97
MUNICIPALITY_OF_ALL = 0.5
COUNTY_OF_ANSWERED = 0.98
THEMES_MACRO_F1 = 0.835
#: Share of notices that have a municipality when they are written in lower case: measured .181, and .986 of them right.
LOWER_CASE_ANSWERED = 0.17
#: With the title and the place that the source states: right of all that have an official municipality; measured 1.0, .9994 with the
#: title alone.
TITLED = 0.999
TITLE_ALONE = 0.995
#: Places per 1,000 notices on ordinary words in lower case (``vara``, ``mark``): measured 0, also in notices without capitals.
COMMON_PER_1000 = 0.0
#: Mean distance between a score and the share right, of the newest quarter: measured .015.
CALIBRATION_ERROR = 0.025
#: Share of the one-sentence summaries that are told to be Swedish, and that are taken for another language: measured .931 and .0007.
SWEDISH_SUMMARIES = 0.92
OTHER_LANGUAGES = 0.0015

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def scored(shared_data, nlp) -> list[tuple[dict, dict]]:
    """(notice, what was found in it) of every ``EVERY``-th notice."""
    with gzip.open(shared_data / "polisen" / "events.jsonl.gz", "rt", encoding="utf-8") as file:
        events = [event for event in map(json.loads, file) if not event["type"].startswith("Sammanfattning")]
    events.sort(key=lambda event: (event["published"], event["id"]))
    chosen = events[::EVERY]
    texts = ["\n".join(event[key] for key in ("summary", "body") if event.get(key)) for event in chosen]
    lines = (json.dumps({"id": event["id"], "text": text}) for event, text in zip(chosen, texts, strict=True))
    return list(zip(chosen, map(json.loads, tag_lines(lines, nlp, refuse)), strict=True))


def refuse(error: Exception) -> None:
    raise error


def answer(found: dict) -> str | None:
    """Code of the municipality where it happened, else of the county."""
    codes = [p["code"] for p in sorted(found["places"], key=lambda p: -p["score"]) if p["role"] == "happened" and p["code"][:2].isdigit()]
    return next((code[:4] for code in codes if code[:4].isdigit() and len(code) >= 4), codes[0][:2] if codes else None)


def test_the_municipality_is_right(scored):
    """Of the answered, and of all that have an official municipality."""
    pairs = [(event["gold_municipality_code"], answer(found)) for event, found in scored if event.get("gold_municipality_code")]
    answered = [(gold, code) for gold, code in pairs if code and len(code) == 4]
    right = sum(gold == code for gold, code in answered)
    assert right / len(answered) >= MUNICIPALITY_OF_ANSWERED
    assert right / len(pairs) >= MUNICIPALITY_OF_ALL


def test_the_county_is_right(scored):
    """Of the answered."""
    answered = [
        (event["gold_county_code"], code[:2]) for event, found in scored if (code := answer(found)) and event.get("gold_county_code")
    ]
    assert sum(gold == code for gold, code in answered) / len(answered) >= COUNTY_OF_ANSWERED


def test_a_lower_case_word_is_hardly_ever_a_place(scored):
    """In texts that are written with capitals, less than one in a thousand; and then it is the right one."""
    lower = [(event, p) for event, found in scored for p in found["places"] if found[p["field"]][p["start"]].islower()]
    assert len(lower) / len(scored) < 0.001
    assert [
        place["name"] for event, place in lower if place["code"] not in {event["gold_municipality_code"], event["gold_county_code"]}
    ] == []


@pytest.fixture(scope="module")
def lowered(scored, nlp) -> list[tuple[dict, dict]]:
    """The same without a capital letter."""
    lines = (json.dumps({"id": event["id"], "text": found["text"].lower()}) for event, found in scored)
    return [(event, json.loads(line)) for (event, _), line in zip(scored, tag_lines(lines, nlp, refuse), strict=True)]


def test_no_ordinary_word_is_a_place(scored, lowered):
    """``vara``, ``mark``, ``sala`` in lower case, in the notices as they are and in the same without capitals, where it is no such place."""
    ordinary = {word.lower() for word in COMMON_WORDS | LOWER_CASE_WORDS}
    for documents in (scored, lowered):
        false = []
        for event, found in documents:
            for place in found["places"]:
                word = found[place["field"]][place["start"] : place["end"]]
                right = place["code"][:4] == event["gold_municipality_code"] or place["code"] == event["gold_county_code"]
                if not right and (word in ordinary or word.removesuffix("s") in ordinary):
                    false.append(word)
        assert len(false) * 1000 / len(documents) <= COMMON_PER_1000, Counter(false).most_common(5)


@pytest.mark.parametrize("stated", [True, False])
def test_the_title_gives_the_municipality(scored, gazetteer, stated):
    """With the title, and with the place that the source states or without, nearly every notice has the right one."""
    finder, pairs = Finder(gazetteer), []
    for event, found in scored:
        if event.get("gold_municipality_code"):
            name = event["location_name"]
            known = (gazetteer.municipality_by_name(name) or gazetteer.county_by_name(name)) if stated else None
            places = finder.places(frame(event["name"], found["text"], stated=known.code if known else ""))
            said = {"places": [{"code": p.code, "role": p.role, "score": p.score} for p in places]}
            pairs.append((event["gold_municipality_code"], answer(said)))
    assert sum(gold == code for gold, code in pairs) / len(pairs) >= (TITLED if stated else TITLE_ALONE)


def test_lower_case_texts_have_places_too(scored, lowered):
    """Of the same notices without a capital letter, some have a place, and it is as right as in the others."""
    pairs = [
        (event["gold_municipality_code"], code)
        for event, found in lowered
        if event.get("gold_municipality_code") and (code := answer(found)) and len(code) == 4
    ]
    assert len(pairs) / len(scored) >= LOWER_CASE_ANSWERED
    assert sum(gold == code for gold, code in pairs) / len(pairs) >= MUNICIPALITY_OF_ANSWERED


def test_spans_hold_names(scored):
    """Every span begins and ends at the edge of a word."""
    for _, found in scored:
        for place in found["places"]:
            text, start, end = found[place["field"]], place["start"], place["end"]
            assert not text[start - 1 : start].isalnum()
            assert not text[end : end + 1].isalnum()


def test_the_theme_is_right(scored, shared_data):
    """Macro-F1 over the 14 groups of the police's types."""
    gold_of = dict(read_csv(shared_data / "polisen" / "type_themes.csv"))
    group_of = dict(read_csv(Path(__file__).with_name("theme_groups.csv")))
    pairs = []
    for event, found in scored:
        gold = gold_of.get(event["type"].strip())
        if gold and gold not in {"summary", "other"}:
            pairs.append((gold, group(found["themes"][0]["id"], group_of) if found["themes"] else None))
    assert macro_f1(pairs) >= THEMES_MACRO_F1


def test_a_score_says_how_often_it_is_right(scored, shared_data):
    """The best themes of the newest quarter, by their scores: of those at .8, some 80 % are right. The table is printed."""
    gold_of = dict(read_csv(shared_data / "polisen" / "type_themes.csv"))
    group_of = dict(read_csv(Path(__file__).with_name("theme_groups.csv")))
    best = [(gold_of.get(e["type"].strip()), found["themes"][0]) for e, found in scored[len(scored) * 3 // 4 :] if found["themes"]]
    judged = [(theme["score"], group(theme["id"], group_of) == gold) for gold, theme in best if gold not in {None, "summary", "other"}]
    assert mean_distance(judged) <= CALIBRATION_ERROR


def test_a_sentence_is_swedish(shared_data):
    """Of the summaries, one sentence each, nearly all are told to be Swedish; of the rest hardly one is said to be another language."""
    detector = Detector()
    with gzip.open(shared_data / "polisen" / "events.jsonl.gz", "rt", encoding="utf-8") as file:
        found = Counter(detector.detect(json.loads(line)["summary"]) for line in file)
    assert found["sv"] / found.total() >= SWEDISH_SUMMARIES
    assert (found.total() - found["sv"] - found["und"]) / found.total() <= OTHER_LANGUAGES


def mean_distance(judged: list[tuple[float, bool]]) -> float:
    """Of scores and the share of them that are right, in ranges of scores; prints the table."""
    print(f"\n{'score':>11} {'notices':>8} {'mean':>6} {'right':>6}")
    error = 0.0
    for low, high in pairwise((0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)):
        chosen = [pair for pair in judged if low <= pair[0] < high]
        if chosen:
            mean, right = (sum(values) / len(chosen) for values in zip(*chosen, strict=True))
            print(f"{low:5.2f}–{min(high, 1):5.2f} {len(chosen):8} {mean:6.3f} {right:6.3f}")
            error += abs(mean - right) * len(chosen) / len(judged)
    print(f"mean distance {error:.4f}")
    return error


def read_csv(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [(row[0].strip(), row[1]) for row in csv.reader(file)]


def group(theme: str, groups: dict[str, str]) -> str:
    """Of the theme, else of the longest beginning that has one."""
    while theme not in groups and "." in theme:
        theme = theme.rpartition(".")[0]
    return groups.get(theme, theme)


def macro_f1(pairs: list[tuple[str, str | None]]) -> float:
    gold, given = Counter(g for g, _ in pairs), Counter(a for _, a in pairs)
    right = Counter(g for g, a in pairs if g == a)
    return sum(2 * right[g] / (gold[g] + given[g]) for g in gold) / len(gold)


def test_every_theme_of_the_police_has_a_group(lexicon):
    """A theme without group would be scored as wrong."""
    groups = dict(read_csv(Path(__file__).with_name("theme_groups.csv")))
    assert [theme.id for theme in lexicon.themes if theme.types and group(theme.id, groups) not in set(groups.values())] == []
