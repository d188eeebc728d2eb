"""Words, cheaply: runs of letters and digits, and every other character for itself.

The components read characters, not tokens; tokens are there for what spaCy makes of a document (spans, pictures, training).
spaCy's own Swedish tokenizer takes 190 µs for a notice of 80 tokens, most of it for lexical attributes that nothing reads
and for rules of abbreviations; this one takes 70 µs, so it is more than the rest of the analysis that is saved.
"""

from __future__ import annotations

import re

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

#: A token and whether a space follows. What is white space itself, but not the one space, is a token, as in spaCy.
_TOKEN = re.compile(r"(\w+|[^\w\s]|\s+?)( ?)")


class WordTokenizer:
    """Makes a ``Doc`` whose text is exactly the text given."""

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        """The document of a text."""
        found = _TOKEN.findall(text)
        return Doc(self.vocab, words=[word for word, _ in found], spaces=[space != "" for _, space in found])


def use_words(nlp: Language) -> None:
    """Let ``nlp`` tokenize with :class:`WordTokenizer`, and give its words no attributes beyond themselves."""
    nlp.vocab.lex_attr_getters.clear()  # type: ignore[attr-defined]  # its stub forgets it
    nlp.tokenizer = WordTokenizer(nlp.vocab)
