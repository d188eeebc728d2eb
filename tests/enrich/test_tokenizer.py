"""The tokenizer keeps the text as it is."""

from __future__ import annotations

import spacy
from hypothesis import given
from hypothesis import strategies as st

from enrich.tokenizer import use_words

NLP = spacy.blank("sv")
use_words(NLP)


@given(st.text())
def test_text_is_kept(text):
    """Whatever the text, the document's text is the same to the character."""
    assert NLP.make_doc(text).text == text


def test_words_and_signs():
    """Signs around a word stand alone; those inside it stay."""
    words = [token.text for token in NLP.make_doc("Brand (på E4:an), kl. 14.05!")]
    assert words == ["Brand", "(", "på", "E4:an", ")", ",", "kl", ".", "14.05", "!"]


def test_a_part_of_the_text_can_be_a_span():
    """A name found by its characters is a span of tokens."""
    doc = NLP.make_doc("Larm från Lunds centrum.")
    assert doc.char_span(10, 15).text == "Lunds"
