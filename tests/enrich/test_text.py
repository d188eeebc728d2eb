"""Normalised text, and the way back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from enrich.text import Offsets, Unframe, frame, lower, normalise

texts = st.text(alphabet=st.sampled_from("ab å\n\t\u00a0\u2003Ö.İ\x1c\x85") | st.characters(codec="utf-8"), max_size=60)


@given(texts)
def test_every_word_maps_back_to_itself(text):
    """Each word of the normalised text maps to the same characters of the original."""
    normal = normalise(text)
    offsets = Offsets(text, len(normal))
    position = 0
    for word in normal.split(" ") if normal else []:
        start, end = offsets.span(position, position + len(word))
        assert text[start:end] == word
        position += len(word) + 1


@given(texts)
def test_normal_text_has_no_doubled_or_outer_whitespace(text):
    """What the tokenizer sees is single-spaced, and normalising again changes nothing."""
    normal = normalise(text)
    assert normal == normal.strip()
    assert "  " not in normal
    assert "\n" not in normal
    assert normalise(normal) == normal == " ".join(text.split())


@given(texts, texts)
def test_the_frame_maps_back_to_title_and_text(title, text):
    """Each word of a frame is the same word of the stored title or text."""
    framed = frame(title, text)
    back = Unframe(framed, title, text)
    body, head = framed.text[framed.body :], normalise(title)
    for field, stored, part, shift in (("title", title, head, 0), ("text", text, body, framed.body)):
        position = 0
        for word in part.split(" ") if part else []:
            found, start, end = back.span(shift + position, shift + position + len(word))
            assert (found, stored[start:end]) == (field, word)
            position += len(word) + 1


@given(texts)
def test_lower_case_is_as_long(text):
    """Each character stands where it stood, in lower case where that is one character."""
    lowered = lower(text)
    assert len(lowered) == len(text)
    assert all(small in {character, character.lower(), "ς"} for small, character in zip(lowered, text, strict=True))
