"""Which language a text is in, from stop words and spellings of the languages of the region."""

from __future__ import annotations

import re
from importlib import import_module

import ahocorasick_rs
from spacy.language import Language
from spacy.tokens import Doc

from enrich import attributes
from enrich.names import words

#: ISO 639-1 codes of what can be told apart.
LANGUAGES = ("sv", "en", "nb", "da", "fi", "de")
UNKNOWN = "und"
#: How many characters are read: sixty words are enough, and the time is then bounded.
_READ = 400
#: Characters that are enough where one language is plain: so many times the least evidence, and so many times the next language.
_GLANCE, _PLAIN = 120, 2
#: What a sign of one language only counts; one of n languages counts an n² part. Whole numbers: their sum knows no order.
_WHOLE = 144
#: Least sum of evidence; below it, a text says too little. One sign of one language only is enough.
_LEAST = 140
#: How many times as much the best language must have as the next.
_LEAD = 1.15
_WORD = re.compile(r"[^\W\d_]+")


class Detector:
    """Counts the distinct signs of each language in a text: its stop words, and spellings that stand inside its words."""

    def __init__(self) -> None:
        signs = {code: _stop_words(code) | _spellings(code) for code in LANGUAGES}
        every = sorted(frozenset().union(*signs.values()))
        having = [[number for number, code in enumerate(LANGUAGES) if sign in signs[code]] for sign in every]
        self._weights = [tuple((number, _WHOLE // len(numbers) ** 2) for number in numbers) for numbers in having]
        self._automaton = ahocorasick_rs.AhoCorasick(every)

    def detect(self, text: str) -> str:
        """ISO 639-1 code, ``und`` where the evidence is too little or too even."""
        number, best, second = self._weigh(text[:_GLANCE])
        if not (best >= _PLAIN * _LEAST and best > _PLAIN * second):
            number, best, second = self._weigh(text[:_READ])
        return LANGUAGES[number] if best >= _LEAST and best > _LEAD * second else UNKNOWN

    def _weigh(self, text: str) -> tuple[int, int, int]:
        """Number of the likeliest language, its weight, and the weight of the next."""
        spaced = f" {' '.join(_WORD.findall(text.lower()))} "
        totals = [0] * len(LANGUAGES)
        for sign in {number for number, _, _ in self._automaton.find_matches_as_indexes(spaced, overlapping=True)}:
            for number, weight in self._weights[sign]:
                totals[number] += weight
        best = max(totals)
        number = totals.index(best)
        second = max(total for other, total in enumerate(totals) if other != number)
        return number, best, second


def _stop_words(code: str) -> frozenset[str]:
    """SpaCy's list, with words that it lacks, without single letters; a space at each end, as in the text that is read."""
    listed: set[str] = import_module(f"spacy.lang.{code}.stop_words").STOP_WORDS
    return frozenset(f" {word} " for word in (listed | _MORE[code]) - _COMMON if len(word) > 1)


def _spellings(code: str) -> frozenset[str]:
    return frozenset(_SPELLINGS[code].replace("_", " ").split("|"))


#: Words that spaCy lists for one language and that its neighbours use as much.
_COMMON = words("personer kontakt plass kamp fire by leder med man men folk land landet langt klart under over sig finns an via")
#: Words that spaCy's lists lack, those that neighbours share under each.
_MORE = {
    "sv": words(
        "att och på av som är efter enligt polisen mot någon larm vid ej genom också samt har en ett den det till från om sin sina över nya ny"
        " år kort tid sett kl ser se ses ta står dog urval nattens dagens nedan ringa grov lugn hot bil bilar brand person natt"
    ),
    "nb": words(
        "og ikke politiet etter mot ved på av som er har en et den det til fra om sin ny nye år tid ta står to bil biler person natt"
    ),
    "da": words("og ikke politiet efter mod ved af på som er har en et den det til fra om sin ny nye år tid dog to bil biler brand person"),
    "en": words("the of and police was in for with to at on from is are has have been after by man woman"),
    "de": words("und der die das polizei ein eine in bei nach mit brand person"),
    "fi": words("ja on ei poliisi"),
}
#: Spellings, ``_`` for the edge of a word: those that one of the languages only has, and letters that it shares with few.
_SPELLINGS = {
    "sv": "ä|ö|å|ck|sch|olyck|misst|missh|polis|brott|stöld|rån_|rånad|kvinna|kvinnor|brinn|gripen|grips|greps|anmäl|skadad|skadat|krock|händ|väg"
    "|bråk|sök|inträff|sammanf|centrala|korsning|ningar|tjuv|köp|försv|hotar|hotade|ålder|skott|beslag|narkotikab|trafiken|föl|tjänst|berusad"
    "|fordon|läg|bostad|sjukhus|skadegör|rattf|hjäl|länet|kör|hör|påv|vär|mäl|regeringen|öpp|gäll|älg|jä|öv|ägg|gård|ldr|jd_|tr_",
    "nb": "å|æ|ø|kvinne|brann|brenn|politi|ulykk|_kj|øy|vei|funnet|mistenk|siktet|pågrep|savn|meldt|jent|tyver|syke|skadet|regjering"
    "|gutt|slåss|blokk|været|ungdommer|_ran_|trafikkulyk|skole",
    "da": "å|æ|ø|aa|_mand_|kvind|bræn|politi|ulykk|anhold|vej|uheld|røver|savn|meldt|tyver|syge|skade_|regeringen|fundet|bliver|pige|dreng"
    "|færd|røg|skole|_mod_",
    "en": "_th|_wh|_sh|ough|ight|police|ck|_new_|_car_|_cars_|_fire_|_house_|_home_|reported|arrest|killed|crash|missing|burglar|stolen|ooting"
    "|collided|motorway|road_|woman|government",
    "de": "ä|ö|ü|ß|sch|ck|pf|tz|cht|keit|_zu|ungen_|eit|autob|brand_in|gesp|frau|unfall",
    "fi": "ä|ö|ää|ii|uu|yy|aa|ssa_|ssä_|poliisi|onnett|palo_|oi_|ui_|iin_|kaksi",
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
