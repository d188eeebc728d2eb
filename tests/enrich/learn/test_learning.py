"""What is learned from notices: enough of them, the same of the same, and never against an official name."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrich import nlp as pipelines
from enrich.attributes import PLACES, THEMES
from enrich.explain import Explainer
from enrich.learn.examples import examples_of
from enrich.learn.learning import LEAST, learn
from enrich.learn.names import HALF_LIFE, NameCounter
from enrich.learned import file
from enrich.learned.explain import explain
from enrich.learned.file import Learned
from enrich.learned.places import PlaceJudge
from enrich.learned.themes import LEARNED
from enrich.tag import tag_lines
from enrich.text import frame
from pipeline.errors import UsageError
from pipeline.model import PlaceKind, PlaceRole
from tests.enrich.learn.notices import START, notice, notices

#: Municipalities that are ordinary words, hard cases and large ones.
OFFICIAL = ("Malmö", "Lund", "Mora", "Kiruna", "Vara", "Göteborg")


@pytest.fixture(scope="module")
def learned(nlp, gazetteer, lexicon) -> Learned:
    return learn(examples_of(notices(900, gazetteer), lexicon), nlp, gazetteer, lambda _: None)


@pytest.fixture(scope="module")
def taught(learned, gazetteer, lexicon):
    """The pipeline with what was learned."""
    return pipelines.build(gazetteer, lexicon, learned)


def tagged(nlp, text: str, **known):
    (doc,) = pipelines.analyse(nlp, [frame("", text, **known)])
    return PLACES.get(doc), THEMES.get(doc)


def test_a_square_points_to_its_municipality(taught, nlp):
    """A name that no gazetteer knows, and that notices from one municipality have, gives that municipality, with the reason."""
    assert tagged(nlp, "Bråk vid Fjärilsplan i natt.")[0] == ()
    (place,) = tagged(taught, "Bråk vid Fjärilsplan i natt.")[0]
    assert (place.code, place.kind, place.role) == ("1280", PlaceKind.MUNICIPALITY, PlaceRole.HAPPENED)
    assert (place.start, place.end) == (9, 20)
    assert "»Fjärilsplan« gällde Malmö" in place.reason


def test_a_word_points_to_its_theme(taught, nlp):
    """A word that no lexicon has gives the theme of the notices that have it, with the word as evidence."""
    assert tagged(nlp, "En kobrak lågar.")[1] == ()
    themes = tagged(taught, "En kobrak lågar.")[1]
    assert themes[0].id == "fire.fire"
    assert any("kobrak" in words for words in themes[0].evidence)


def test_what_was_learned_is_explained(taught):
    """``--explain`` gives the reason of a learned place, and the words of a learned theme where they stand."""
    (line,) = tag_lines([b'{"id": 1, "text": "En kobrak l\\u00e5gar."}'], taught, lambda _: None, explainer=Explainer(taught))
    theme = json.loads(line)["themes"][0]
    assert theme["reason"] == LEARNED
    assert {"field": "text", "start": 3, "end": 9, "text": "kobrak"} in theme["evidence"]


@pytest.mark.parametrize("town", OFFICIAL)
@pytest.mark.parametrize("square", ["Fjärilsplan", "Renlavsgatan"])
def test_an_official_name_is_never_unlearned(taught, nlp, town, square):
    """Where a text names a municipality, its places are what the gazetteer says, whatever names beside it were learned."""
    text = f"Bråk i {town} kommun, nära {square}."
    assert tagged(taught, text)[0] == tagged(nlp, text)[0]
    assert any(place.kind is PlaceKind.MUNICIPALITY for place in tagged(nlp, text)[0])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_text_with_a_municipality_is_changed(data, learned, gazetteer, nlp):
    """Any municipality of the country, in any company of learned names."""
    towns = [place for place in gazetteer.places if place.kind is PlaceKind.MUNICIPALITY]
    town = data.draw(st.sampled_from(towns)).name
    names = data.draw(st.lists(st.sampled_from([name.name for name in learned.places.names]), min_size=1, max_size=4))
    framed = frame("", f"Polisen larmades till {town} kommun. Det gällde {', '.join(names)}.")
    (doc,) = pipelines.analyse(nlp, [framed])
    places = PLACES.get(doc)
    if any(place.kind is PlaceKind.MUNICIPALITY and place.role is PlaceRole.HAPPENED for place in places):
        assert PlaceJudge(learned.places, gazetteer).places(framed, places) == places


def test_what_the_source_states_stays(taught, nlp):
    """A place and a category that the source states are not changed."""
    known = {"stated": "0180", "category": "Rån"}
    assert tagged(taught, "En kobrak lågar vid Fjärilsplan.", **known) == tagged(nlp, "En kobrak lågar vid Fjärilsplan.", **known)


def test_nothing_is_learned_outside_the_sources_area(taught):
    """A source of Umeå does not write of a square in Malmö."""
    assert all(place.code != "1280" for place in tagged(taught, "Bråk vid Fjärilsplan i natt.", area="2480")[0])


def test_the_same_notices_give_the_same_file(nlp, gazetteer, lexicon, tmp_path, learned):
    """Byte for byte, in whatever order the index gives them."""
    again = learn(examples_of(reversed(notices(900, gazetteer)), lexicon), nlp, gazetteer, lambda _: None)
    one, other = (file.save(what, tmp_path / name).read_bytes() for name, what in (("one", learned), ("other", again)))
    assert one == other


@pytest.mark.parametrize("count", [1, LEAST - 1])
def test_too_few_notices_teach_nothing(nlp, gazetteer, lexicon, count):
    """Below the least number both parts are off and say so; the pipeline is as it was."""
    found = learn(examples_of(notices(count, gazetteer), lexicon), nlp, gazetteer, lambda _: None)
    assert (found.places, found.themes, found.places_part.used, found.themes_part.used) == (None, None, False, False)
    assert str(LEAST) in found.places_part.why
    assert "fjaril_learned" not in pipelines.build(gazetteer, lexicon, found).pipe_names


def test_nothing_to_learn_from_is_an_error(nlp, gazetteer, lexicon):
    """Documents without place and category of the source are no examples."""
    plain = msgspec.structs.replace(notices(1, gazetteer)[0], places=(), category="")
    with pytest.raises(UsageError, match="nothing to learn from"):
        learn(examples_of([plain], lexicon), nlp, gazetteer, lambda _: None)


def test_what_was_withdrawn_and_round_ups_are_no_examples(gazetteer, lexicon):
    """Only what still stands, and tells of one thing."""
    (kept,) = notices(1, gazetteer)
    gone = msgspec.structs.replace(kept, id="gone", withdrawn=True)
    night = msgspec.structs.replace(kept, id="night", title="Sammanfattning natt, Malmö", category="Sammanfattning natt")
    assert [example.id for example in examples_of([gone, kept, night], lexicon)] == [kept.id]


def test_the_answer_in_the_title_is_not_learned(gazetteer, lexicon):
    """A title that states the category states the place too: other texts have no such title."""
    (example,) = examples_of(notices(1, gazetteer), lexicon)
    assert "Malmö" not in example.frame.text
    assert example.place == "1280"


@given(days=st.integers(1, 4_000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_notice_counts_half_after_its_half_life(days, gazetteer, lexicon):
    """The weight of notices is halved once per half-life of their age, their number stays."""
    text = "Bråk vid Nyvägsplan."
    pair = [notice(n, "Malmö", "Brand", text, gazetteer, START + timedelta(days=n % 2)) for n in range(2)]
    counter = NameCounter()
    for example in examples_of(pair, lexicon):
        counter.add(example)
    fresh, aged = (
        next(name for name in counter.table(START + timedelta(days=age)).names if name.name == "Nyvägsplan") for age in (0, days)
    )
    assert aged.counts[0].notices == fresh.counts[0].notices == 2
    assert aged.counts[0].weight == pytest.approx(fresh.counts[0].weight * 2 ** (-days / HALF_LIFE), abs=0.002)


def test_a_name_that_moved_follows_its_newer_notices(gazetteer, lexicon):
    """Of a name that was in one municipality long ago and is in another now, the newer weighs more."""
    old = [notice(n, "Umeå", "Brand", "Bråk på Flyttarenan.", gazetteer) for n in range(5)]
    new = [notice(9 + n, "Malmö", "Brand", "Bråk på Flyttarenan.", gazetteer, START + timedelta(days=3 * HALF_LIFE)) for n in range(5)]
    counter = NameCounter()
    for example in examples_of([*old, *new], lexicon):
        counter.add(example)
    (name,) = (n for n in counter.table(START + timedelta(days=3 * HALF_LIFE)).names if n.name == "Flyttarenan")
    weights = {count.code: count.weight for count in name.counts}
    assert weights["1280"] > 4 * weights["2480"]


def test_a_word_is_explained(learned, taught, gazetteer):
    """Official readings, what was learned with its evidence, and what decides."""
    meaning = explain("fjärilsplan", gazetteer, learned, taught)
    assert meaning.official == ()
    assert meaning.learned is not None
    assert (meaning.learned.areas[0].code, meaning.learned.areas[0].share) == ("1280", 1.0)
    assert meaning.learned.support == meaning.learned.areas[0].notices > 100
    assert all(len(example) == 16 for example in meaning.learned.examples)
    assert [place.code for place in meaning.places] == ["1280"]
    official = explain("Malmö", gazetteer, learned, taught)
    assert official.official[0].code == "1280"
    assert "never unlearned" in official.decides
    assert "ordinary word" in explain("Vara", gazetteer, None, taught).traps[0]
