"""Learning from official notices: names that point to a place, and words that point to a theme, each only where it is enough and better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from spacy.language import Language

from enrich.attributes import PLACES, THEMES
from enrich.gazetteer import Gazetteer
from enrich.learn import places, themes
from enrich.learn.examples import Example, Read
from enrich.learned.file import Figures, Learned, LearnedPlaces, LearnedThemes, Part
from enrich.nlp import analyse
from pipeline.errors import UsageError

#: Notices with a place, and with a category, below which nothing is learned: figures of fewer are chance.
LEAST = 500
#: Share right of the answered below which what was learned is not used.
_LEAST_RIGHT = 0.95


def learn(examples: Sequence[Example], nlp: Language, gazetteer: Gazetteer, tell: Callable[[float], None]) -> Learned:
    """What the examples teach. The same examples always give the same.

    :param examples: oldest first.
    :param nlp: a pipeline without what was learned before.
    :param tell: is told how much is done, from 0 to 1.
    :raises UsageError: if there is no example at all.
    """
    if not examples:
        raise UsageError("there is nothing to learn from: no document has a place or category that its source states; collect some first")
    read = list(_read(examples, nlp, lambda share: tell(0.3 * share)))
    names, places_part = _places(read, gazetteer, lambda share: tell(0.3 + 0.4 * share))
    wording, themes_part = _themes(read, lambda share: tell(0.7 + 0.3 * share))
    return Learned(
        notices=len(examples),
        first=examples[0].published,
        last=examples[-1].published,
        places_part=places_part,
        themes_part=themes_part,
        places=names,
        themes=wording,
    )


def _read(examples: Sequence[Example], nlp: Language, tell: Callable[[float], None]) -> Iterable[Read]:
    """Each example with what gazetteer and lexicon find in its text."""
    for number, (example, doc) in enumerate(zip(examples, analyse(nlp, [e.frame for e in examples]), strict=True)):
        if number % 500 == 0:
            tell(number / len(examples))
        yield Read(example, PLACES.get(doc), THEMES.get(doc))


def _places(read: Sequence[Read], gazetteer: Gazetteer, tell: Callable[[float], None]) -> tuple[LearnedPlaces | None, Part]:
    placed = [one for one in read if one.example.place]
    if len(placed) < LEAST:
        return None, _too_few(len(placed), "en plats")
    found = places.weigh(placed, read[-1].example.published, gazetteer, tell)
    before, after = found.before["municipality"], found.after["municipality"]
    return found.places, Part(used=_is_better(before, after), before=found.before, after=found.after, why=_why(before, after))


def _themes(read: Sequence[Read], tell: Callable[[float], None]) -> tuple[LearnedThemes | None, Part]:
    labelled = [one for one in read if one.example.theme]
    if len(labelled) < LEAST:
        return None, _too_few(len(labelled), "ett tema")
    found = themes.weigh(labelled, tell)
    used = any(theme.used for theme in found.themes.main) and found.after.of_all > found.before.of_all
    why = _why(found.before, found.after)
    return found.themes, Part(used=used, before={"theme": found.before}, after={"theme": found.after}, why=why)


def _is_better(before: Figures, after: Figures) -> bool:
    """More is right, and what is said is as right as before or right enough."""
    return after.of_all > before.of_all and after.of_answered >= min(_LEAST_RIGHT, before.of_answered)


def _too_few(found: int, what: str) -> Part:
    return Part(used=False, why=f"{found} notiser har {what} som källan anger; det behövs {LEAST}.")


def _why(before: Figures, after: Figures) -> str:
    return f"Rätt för {after.of_all:.1%} av {after.notices} undanhållna notiser, mot {before.of_all:.1%} utan det lärda."
