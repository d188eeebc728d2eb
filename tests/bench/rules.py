"""``python -m tests.bench --rules``: how many documents a second a thousand rules of five thousand terms are matched with, by CPU time."""

from __future__ import annotations

import gc
import random
import time
from collections import Counter
from typing import Any

import msgspec

from pipeline.alerts.anchors import Anchors
from pipeline.alerts.query import every
from pipeline.alerts.text import WORDS, stem
from tests.bench import texts

#: Rules, and the terms of each.
RULES, TERMS = 1_000, 5
THEMES = (
    "fire", "fire.vehicle", "fire.building", "violence", "violence.assault", "theft", "theft.burglary", "traffic", "traffic.accident", "drugs",
    "weapons", "explosion", "fraud", "rescue", "disorder",
)  # fmt: skip
SEED = 20260302


def documents(count: int) -> list[dict[str, Any]]:
    """Police notices as related documents are written, with the county and the themes that rules ask for."""
    rng = random.Random(SEED)
    counties = sorted({f"{n:02}" for n in (1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 17, 18, 19, 20, 21, 22, 23, 24, 25)})
    made = []
    for event in texts.notices(count):
        place = rng.choice(counties) + f"{rng.randrange(80, 99)}"
        made.append(
            {
                "type": "document", "v": 1, "id": str(event["id"]), "revision": 1, "title": event["name"], "text": event["text"],
                "published": event["published"].isoformat(), "fetched": event["published"].isoformat(), "language": "sv",
                "places": [{"code": place, "name": "Ort", "kind": "municipality", "role": "happened", "score": 0.9}],
                "themes": [{"id": rng.choice(THEMES), "score": 0.8}],
                "provenance": {"source": "polisen", "native_id": "1", "fetched_url": "https://polisen.se/", "status": 200, "reliability": "A", "area": "SE"},
            }
        )  # fmt: skip
    return made


def vocabulary(made: list[dict[str, Any]]) -> list[str]:
    """Words of the documents that rules may name: not those that stand in more than one of fifty."""
    count: Counter[str] = Counter()
    form: dict[str, str] = {}
    for document in made:
        seen = {stem(word): word for piece in WORDS.pieces(document) for word, _ in WORDS.words(piece) if len(word) > 3}
        count.update(seen.keys())
        form |= {one: word for one, word in seen.items() if one not in form}
    return [form[one] for one, many in count.most_common() if 3 < many <= len(made) / 50]


def rules(kind: str, known: list[str]) -> list[list[dict[str, Any]]]:
    """The filters of a thousand rules.

    :param kind: ``words`` alone; words in a ``county``; words, a theme and a ``municipality``; beginnings of words and ``phrases``.
    """
    rng = random.Random(SEED + 1)
    made = []
    for _ in range(RULES):
        terms = rng.sample(known, TERMS)
        filters: list[dict[str, Any]] = [{"query_string": " OR ".join(terms)}]
        if kind == "county":
            filters.insert(0, {"terms": {"places.county": rng.sample(["01", "03", "12", "14", "22", "25"], 2)}})
        if kind == "municipality":
            filters = [
                {"term": {"themes.id": rng.choice(THEMES)}},
                {"term": {"places.municipality": f"{rng.choice(['01', '12', '14'])}{rng.randrange(80, 99)}"}},
                *filters,
            ]
        if kind == "phrases":
            filters = [{"query_string": f'{terms[0][:5]}* OR "{terms[1]} {terms[2]}" OR ({terms[3]} AND {terms[4]})'}]
        made.append(filters)
    return made


KINDS = ("words", "county", "municipality", "phrases")


def measure(count: int) -> dict[str, float]:
    """Documents a second of CPU time, for each kind of rules; with reading the records, and without."""
    made = documents(count)
    known = vocabulary(made)
    records = [msgspec.json.encode(document) for document in made]
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    found: dict[str, float] = {}
    for kind in KINDS:
        anchors = Anchors([every(filters) for filters in rules(kind, known)], WORDS)
        for document in made[: count // 10]:  # words that were seen before are known, as in a process that has run for a while
            anchors.holding(decode(msgspec.json.encode(document)))
        gc.collect()
        gc.freeze()
        read = [decode(record) for record in records]
        began = time.process_time()
        hits = sum(len(anchors.holding(document)) for document in read)
        found[kind] = count / (time.process_time() - began)
        found[f"{kind} hits"] = hits / count
        began = time.process_time()
        for record in records:
            anchors.holding(decode(record))
        found[f"{kind} with reading"] = count / (time.process_time() - began)
    return found


def report(found: dict[str, float]) -> list[str]:
    """The figures as lines."""
    return [
        f"{f'{RULES:,} rules of {TERMS} terms, {kind}':44} {found[kind]:8.0f} docs/s   (CPU; at least 20000) "
        f"{found[f'{kind} with reading']:.0f} with reading; {found[f'{kind} hits']:.2f} rules hold of a document"
        for kind in KINDS
    ]
