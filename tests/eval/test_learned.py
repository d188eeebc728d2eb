"""What is learned from the older three quarters of the police notices, on the newest quarter: floors that are only raised.

Learned from the documents that the pipeline would have, with title, place and category stated by the source; tested as :mod:`test_tags`
on summary and body alone. Night summaries are left out.
"""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from enrich import nlp as pipelines
from enrich.learn.examples import examples_of
from enrich.learn.learning import learn
from enrich.learned import file
from enrich.learned.file import Learned
from enrich.tag import tag_lines
from tests.bench.texts import document
from tests.eval.test_tags import answer, group, macro_f1, mean_distance, read_csv, refuse

#: Share right of the answered, and of all; macro-F1 over 14 groups. docs/learning.md has what was measured.
MUNICIPALITY_OF_ANSWERED, MUNICIPALITY_OF_ALL = 0.976, 0.605
COUNTY_OF_ANSWERED, COUNTY_OF_ALL = 0.98, 0.65
THEMES_MACRO_F1 = 0.90
#: Mean distance between a theme's score and the share right.
CALIBRATION_ERROR = 0.032

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def events(shared_data) -> list[dict]:
    """All notices in order of time."""
    with gzip.open(shared_data / "polisen" / "events.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return sorted(found, key=lambda event: (event["published"], event["id"]))


@pytest.fixture(scope="module")
def learned(events, nlp, gazetteer, lexicon) -> Learned:
    """From the older three quarters."""
    documents = (
        document(event | {"text": text(event), "published": datetime.fromisoformat(event["published"])}, gazetteer)
        for event in events[: len(events) * 3 // 4]
    )
    return learn(examples_of(documents, lexicon), nlp, gazetteer, lambda _: None)


@pytest.fixture(scope="module")
def scored(events, learned, gazetteer, lexicon, tmp_path_factory) -> list[tuple[dict, dict]]:
    """(notice, what was found in it) of the newest quarter, by what was learned as it comes from its file."""
    folder = tmp_path_factory.mktemp("learned")
    file.save(learned, folder)
    nlp = pipelines.build(gazetteer, lexicon, file.load(folder))
    newest = [event for event in events[len(events) * 3 // 4 :] if not event["type"].startswith("Sammanfattning")]
    lines = (json.dumps({"id": event["id"], "text": text(event)}) for event in newest)
    return list(zip(newest, map(json.loads, tag_lines(lines, nlp, refuse)), strict=True))


def text(event: dict) -> str:
    return "\n".join(event[key] for key in ("summary", "body") if event.get(key))


def rates(pairs: list[tuple[str, str | None]]) -> tuple[float, float]:
    """Right of the answered, and of all."""
    answered = [(gold, code) for gold, code in pairs if code]
    right = sum(gold == code for gold, code in answered)
    return right / len(answered), right / len(pairs)


def test_the_municipality_is_right(scored):
    """Of the answered, and of all that have one: more than the gazetteer alone can know."""
    pairs = [(e["gold_municipality_code"], answer(found)) for e, found in scored if e.get("gold_municipality_code")]
    of_answered, of_all = rates([(gold, code if code and len(code) == 4 else None) for gold, code in pairs])
    print(f"\nmunicipality: right of the answered {of_answered:.4f}, of all {of_all:.4f}")
    assert of_answered >= MUNICIPALITY_OF_ANSWERED
    assert of_all >= MUNICIPALITY_OF_ALL


def test_the_county_is_right(scored):
    """Of the answered, and of all."""
    pairs = [(e["gold_county_code"], answer(found)) for e, found in scored if e.get("gold_county_code")]
    of_answered, of_all = rates([(gold, code[:2] if code else None) for gold, code in pairs])
    print(f"\ncounty: right of the answered {of_answered:.4f}, of all {of_all:.4f}")
    assert of_answered >= COUNTY_OF_ANSWERED
    assert of_all >= COUNTY_OF_ALL


@pytest.fixture(scope="module")
def themes(scored, shared_data) -> list[tuple[str, str | None, float]]:
    """(group of the notice's type, group of the best theme, its score)."""
    gold_of = dict(read_csv(shared_data / "polisen" / "type_themes.csv"))
    group_of = dict(read_csv(Path(__file__).with_name("theme_groups.csv")))
    found = []
    for event, tagged in scored:
        gold, best = gold_of.get(event["type"].strip()), next(iter(tagged["themes"]), None)
        if gold not in {None, "summary", "other"}:
            found.append((gold, group(best["id"], group_of), best["score"]) if best else (gold, None, 0.0))
    return found


def test_the_theme_is_right(themes):
    """Macro-F1 over the 14 groups of the police's types."""
    found = macro_f1([(gold, given) for gold, given, _ in themes])
    print(f"\nthemes: macro-F1 {found:.4f}")
    assert found >= THEMES_MACRO_F1


def test_a_score_says_how_often_it_is_right(themes):
    """Of the best themes at .8, some 80 % are right. The table is printed."""
    judged = [(score, gold == given) for gold, given, score in themes if given]
    assert mean_distance(judged) <= CALIBRATION_ERROR


def test_it_says_itself_how_right_it_is(learned):
    """Both parts are used, with figures that show on notices held back that more is right than without."""
    for part in (learned.places_part, learned.themes_part):
        assert part.used
        assert all(part.after[measure].of_all > part.before[measure].of_all for measure in part.before)


def test_no_text_of_a_notice_is_in_the_file(learned, events):
    """Names and single words with numbers are kept, no sentence: no learned name or feature is longer than a name or a pair of words."""
    assert learned.places is not None
    assert learned.themes is not None
    assert max(len(name.name.split()) for name in learned.places.names) <= 3
    assert max(len(feature.split()) for feature in learned.themes.features) <= 2
    assert len(msgspec.json.encode(learned)) < 8_000_000
