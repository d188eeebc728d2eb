"""Which language a text is in, from the stop words that spaCy has for the languages of the region."""

from __future__ import annotations

from importlib import import_module

from spacy.language import Language
from spacy.tokens import Doc

from enrich import attributes

#: ISO 639-1 codes of what can be told apart.
LANGUAGES = ("sv", "en", "nb", "da", "fi", "de")
UNKNOWN = "und"
#: How many characters are read: sixty words are enough, and the time is then bounded.
_READ = 400
#: What a word of one language only counts; one of n languages counts an n² part. Whole numbers: their sum knows no order.
_WHOLE = 144
#: Least sum of evidence; below it, a text says too little.
_LEAST = 180


class Detector:
    """Counts the distinct words of a text that are stop words of each language; a word of one language only counts most."""

    def __init__(self) -> None:
        stop = {code: _stop_words(code) for code in LANGUAGES}
        every = frozenset().union(*stop.values())
        self._weights = {word: self._weigh(word, stop) for word in every}
        self._known = every

    @staticmethod
    def _weigh(word: str, stop: dict[str, frozenset[str]]) -> tuple[tuple[int, int], ...]:
        having = [number for number, code in enumerate(LANGUAGES) if word in stop[code]]
        return tuple((number, _WHOLE // len(having) ** 2) for number in having)

    def detect(self, text: str) -> str:
        """ISO 639-1 code, ``und`` where the evidence is too little or too even."""
        words = set(text[:_READ].lower().split())  # a stop word seldom stands before a comma
        totals = [0] * len(LANGUAGES)
        for word in words & self._known:
            for number, weight in self._weights[word]:
                totals[number] += weight
        best = max(totals)
        number = totals.index(best)
        second = max(total for other, total in enumerate(totals) if other != number)
        return LANGUAGES[number] if best >= _LEAST and best > 1.15 * second else UNKNOWN


def _stop_words(code: str) -> frozenset[str]:
    """SpaCy's list, with a few words that it lacks and without single letters."""
    listed: set[str] = import_module(f"spacy.lang.{code}.stop_words").STOP_WORDS
    return frozenset(word for word in listed | _MORE.get(code, frozenset()) if len(word) > 1)


_MORE: dict[str, frozenset[str]] = {
    "sv": frozenset({"att", "och", "på", "av", "som", "är", "efter", "enligt", "polisen", "mot", "någon", "larm", "vid", "med"}),
    "nb": frozenset({"og", "ikke", "politiet", "etter", "mot", "ved"}),
    "da": frozenset({"og", "ikke", "politiet", "efter", "mod", "ved", "af"}),
    "en": frozenset({"the", "of", "and", "police", "was"}),
    "de": frozenset({"und", "der", "die", "das", "polizei"}),
    "fi": frozenset({"ja", "on", "ei", "poliisi"}),
}


@Language.factory("fjaril_language", assigns=["doc._.lang"])
class LanguageComponent(attributes.Component):
    """Sets ``doc._.lang``: the language of title and text together."""

    def __init__(self, nlp: Language, name: str) -> None:
        self.name, self.vocab = name, nlp.vocab
        self._detector = Detector()

    def __call__(self, doc: Doc) -> Doc:
        """The document, with its language set."""
        attributes.LANG.set(doc, self._detector.detect(attributes.framed(doc).text))
        return doc
