"""Near-duplicates: what is the same text, and for how long it is known."""

from __future__ import annotations

import pytest

from enrich.stories.near import NearDuplicates
from enrich.stories.text import words_of

HOUR = 3600
WIRE = "En lastbil välte på riksväg 40 väster om Ulricehamn under natten och vägen var avstängd i båda riktningarna till klockan sex."
OTHER = "Kommunfullmäktige beslutade på måndagen att bygga en ny simhall på den gamla bangården trots kritik från flera partier i salen."


class Texts:
    """Texts that come one after the other, an hour apart."""

    def __init__(self) -> None:
        self.near = NearDuplicates(72 * HOUR)
        self.number = 0

    def add(self, text: str, title: str = "", hour: int | None = None, places: str = "") -> int | None:
        self.number += 1
        moment = (self.number if hour is None else hour) * HOUR
        return self.near.add(self.number, words_of(title), words_of(text), moment, frozenset(places.split()))


@pytest.fixture
def texts():
    return Texts()


def test_a_text_again_is_found_with_another_beginning_or_case(texts):
    """A wire story that got an introduction of its own is a near-duplicate; one on another matter is not."""
    assert texts.add(WIRE) is None
    assert texts.add(OTHER) is None
    assert texts.add("ULRICEHAMN. " + WIRE.upper()) == 1


def test_the_most_similar_is_named(texts):
    """Of several, that with most in common; of equals the newest, so that a chain goes from each to the next."""
    texts.add(WIRE)
    texts.add(WIRE + " Föraren fördes till sjukhus med lindriga skador, uppger räddningstjänsten.")
    assert texts.add(WIRE + " Föraren fördes till sjukhus med lindriga skador.") == 2
    texts.add(WIRE)
    assert texts.add(WIRE) == 4


def test_after_the_window_it_is_another_text(texts):
    """What was published more than 72 hours apart, either way, is not the same."""
    texts.add(WIRE, hour=100)
    assert texts.add(WIRE, hour=173) is None
    assert texts.add(WIRE, hour=27) is None
    assert texts.add(WIRE, hour=172) == 2


def test_a_short_text_needs_its_title(texts):
    """A sentence that stands under many titles is no text of one occurrence; under the same title it is."""
    texts.add("Polisen söker vittnen.", title="Villainbrott i Arboga, tre rum genomsökta")
    assert texts.add("Polisen söker vittnen.", title="Mopedist påkörd vid torget i Nora") is None
    assert texts.add("Polisen söker vittnen.", title="Villainbrott i Arboga, tre rum genomsökta") == 1


def test_nothing_is_like_nothing(texts):
    """Empty documents have nothing in common."""
    assert texts.add("") is None
    assert texts.add("") is None


def test_what_is_dropped_is_as_if_it_had_never_come(texts):
    """Also where it was the newest of several, and where it is dropped twice."""
    texts.add(WIRE)
    texts.add(WIRE)
    texts.near.drop(2)
    texts.near.drop(2)
    assert texts.add(WIRE) == 1
    texts.near.drop(1)
    texts.near.drop(3)
    assert texts.add(WIRE) is None


def test_elsewhere_it_is_another_occurrence_unless_it_is_the_same_message(texts):
    """Who writes of one seizure writes of the next much alike; of counties and of many places nobody can say that they are apart."""
    first = "Polisen gjorde under kvällen ett beslag av narkotika i {}. Ingen är gripen, och en förundersökning har inletts om brottet."
    texts.add(first.format("Gävle"), places="2180")
    assert texts.add(first.format("Luleå"), places="2580") is None
    assert texts.add(first.format("Luleå"), places="2580 2580:bergnäset") == 2
    assert texts.add(first.format("Gävle"), places="2584") == 1
    assert texts.add(first.format("Norrbotten"), places="25") is not None
    assert texts.add(first.format("fyra kommuner"), places="0180 0184 0186 0188") is not None


def test_a_copy_is_found_among_many_alike_from_elsewhere(texts):
    """Eight towns tell of their own seizure after it: the copy from the same town is still its near-duplicate."""
    text = "Polisen gjorde under kvällen ett beslag av narkotika i {}. Ingen är gripen, och en förundersökning har inletts om brottet."
    texts.add(text.format("Gävle"), places="2180")
    for code in ("0180", "0380", "0480", "0580", "0680", "0780", "0880", "1080"):
        texts.add(text.format(f"kommunen {code}"), places=code)
    assert texts.add("GÄVLE. " + text.format("Gävle"), places="2180") == 1
