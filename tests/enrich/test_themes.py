"""Themes of invented texts."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich import lexicon as lexicons
from enrich.lexicon import Lexicon, LexiconTheme
from enrich.text import frame, lower
from enrich.themes import Classifier
from pipeline.errors import SettingsError


@pytest.fixture(scope="module")
def classifier(lexicon) -> Classifier:
    return Classifier(lexicon)


def best(classifier, text, **known):
    return next((theme.id for theme in classifier.classify(frame("", text, **known))), None)


@pytest.mark.parametrize(
    ("text", "theme"),
    [
        ("En bil brinner på en parkering.", "fire.vehicle"),
        ("Två bilar har kolliderat i en korsning.", "traffic.accident"),
        ("En personbil krockade med ett rådjur.", "traffic.wildlife"),
        ("Mannen misstänks för rattfylleri.", "traffic.drunk_driving"),
        ("Ett inbrott i en villa upptäcktes på morgonen.", "theft.burglary"),
        ("Butiken rånades av en maskerad man.", "theft.robbery"),
        ("En kvinna anmäler att hon blivit misshandlad.", "violence.assault"),
        ("Polisen söker efter en försvunnen pojke.", "rescue.missing"),
        ("Flera skott avlossades mot en port.", "weapons.shooting"),
        ("Narkotika togs i beslag.", "drugs.narcotics"),
        ("Klotter på en busskur.", "disorder.vandalism"),
        ("A house fire was reported.", "fire.fire"),
        ("Skyfall väntas och flera källare står under vatten.", "weather.flood"),
    ],
)
def test_a_theme_is_found(classifier, text, theme):
    """One text of each kind."""
    assert best(classifier, text) == theme


@pytest.mark.parametrize(
    ("text", "expected", "wrong"),
    [
        ("En man är knivskuren i Malmö.", "violence.knife", "violence.homicide"),
        ("En kvinna knivhuggen.", "violence.knife", "weapons.knife"),
        ("Mordförsök: en man är knivskuren.", "violence.homicide", None),
        ("Man skjuten på torget.", "weapons.shooting", None),
        ("Polisen bröt upp en fest i Lund.", "disorder.public_order", "theft.burglary"),
        ("Tjuven bröt upp en dörr.", "theft.burglary", None),
        ("A fire in a car park, the road closed.", "fire.fire", None),
        ("Nu brinner det bilar i Trollhättan igen.", "fire.vehicle", None),
        ("A car on fire in Malmö.", "fire.vehicle", None),
        ("The police opened fire.", None, "fire.fire"),
    ],
)
def test_what_words_mean_together(classifier, text, expected, wrong):
    """The right theme is among those found, and the one that a single word suggests is not."""
    found = [theme.id for theme in classifier.classify(frame("", text))]
    assert expected is None or expected in found
    assert wrong not in found


@pytest.mark.parametrize("text", ["Kontrollera din brandvarnare.", "Han kom från skolan.", "Vi ses i morgon.", ""])
def test_a_word_within_a_word_is_no_theme(classifier, text):
    """A smoke detector is no fire, and ``från`` holds no ``rån``."""
    assert best(classifier, text) is None


def test_the_sources_category_comes_first(classifier):
    """What the source states has score 1; what the text adds comes after it."""
    themes = classifier.classify(frame("", "En bil brinner.", category="Skadegörelse"))
    assert (themes[0].id, themes[0].score) == ("disorder.vandalism", 1.0)
    assert themes[1].id.startswith("fire.")


def test_a_catch_all_category_gives_way(classifier):
    """``Övrigt`` says that nothing fits: what the text says is better, and without it the category stands."""
    assert best(classifier, "En bil brinner.", category="Övrigt") == "fire.vehicle"
    assert best(classifier, "Vi ses i morgon.", category="Övrigt") == "notice.information"


def test_a_summary_has_no_other_theme(classifier):
    """A text about the whole night is about no one thing."""
    themes = classifier.classify(frame("", "Brand, rån och inbrott.", category="Sammanfattning natt"))
    assert [theme.id for theme in themes] == ["summary"]
    titled = classifier.classify(frame("2 maj 06.00, Sammanfattning natt, Stockholms län", "Brand och rån."))
    assert [theme.id for theme in titled] == ["summary"]


def test_evidence_is_words_of_the_text(classifier):
    """Each word of evidence stands in the text as it is written there."""
    text = "Mannen RÅNADES, sedan brann bilen."
    assert all(word in text for theme in classifier.classify(frame("", text)) for word in theme.evidence)


#: Any text, in which characters that grow in lower case are common.
ANY = st.text(alphabet=st.characters(codec="utf-8") | st.just("İ"), max_size=40)


@given(ANY, ANY)
def test_evidence_is_the_term_that_was_found(before, after):
    """Whatever characters stand around a term, also those that grow in lower case, its evidence is the term and nothing beside it."""
    found = Classifier(Lexicon((LexiconTheme(id="a", sv="aa", en="aa", strong=("bilbrand",)),)))
    ((theme, _, _),) = found.judge(frame("", f"{before} BilBrand {after}"))
    assert {lower(word) for word in theme.evidence} == {"bilbrand"}


def test_a_dotted_capital_shifts_nothing(classifier):
    """``İ`` is two characters in lower case; what comes after it is still found where it stands."""
    (theme, *_) = classifier.classify(frame("", "İzmir, İstanbul: bilbrand i Lund."))
    assert theme.evidence[0] == "bilbrand"


@pytest.mark.real
def test_every_police_type_has_a_theme(lexicon, shared_data):
    """All 97 types lead to a theme, and no other category is listed."""
    with (shared_data / "polisen" / "type_themes.csv").open(encoding="utf-8") as file:
        types = {row["type"].strip().casefold() for row in csv.DictReader(file)}
    assert set(lexicon.of_type()) == types


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("themes: 3", "themes: found 3; a list of themes"),
        ("themes:\n- {id: Fire, sv: Brand, en: Fire}", "themes[Fire].id: found 'Fire'"),
        ("themes:\n- {id: fire, sv: Brand}", "themes[fire]: found 'id, sv'"),
        ("themes:\n- {id: fire, sv: Brand, en: Fire, terms: [brand, 'a*b']}", "themes[fire].terms[1]: found 'a*b'"),
        ("themes:\n- {id: fire, sv: Brand, en: Fire, stems: [x]}", "unknown field `stems`"),
        ("themes:\n- &a {id: fire, sv: Brand, en: Fire}\n- *a", "found 'id fire'; once only"),
        ("themes:\n- id: a: b", "line 2, column 8: found 'mapping values are not allowed"),
    ],
)
def test_a_faulty_lexicon_is_explained(tmp_path, content, said):
    """The error names file, theme, what was found and what is allowed."""
    file = tmp_path / "lexicon.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        lexicons.load(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_missing_lexicon_is_explained(tmp_path):
    """The file that cannot be read is named."""
    with pytest.raises(SettingsError, match=r"none\.yaml"):
        lexicons.load(tmp_path / "none.yaml")


def test_terms_keep_to_their_ends():
    """Without * a term is a whole word; with it, the word may go on at that end."""
    theme = LexiconTheme(id="a", sv="aa", en="aa", strong=("lob", "brand*", "*krock"))
    found = Classifier(Lexicon((theme,)))
    assert [bool(found.classify(frame("", text))) for text in ("lob", "lobby", "bränd", "branden", "storbrand", "bilkrock", "krocken")] == [
        True,
        False,
        False,
        True,
        False,
        True,
        False,
    ]
