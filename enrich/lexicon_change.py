"""What a changed lexicon does to documents: which themes they gain and lose, and by which words."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from enrich.lexicon import Lexicon
from enrich.text import Frame, frame
from enrich.themes import Classifier
from pipeline.model import Document, Theme

#: Documents that are named of each theme and direction.
_SHOWN = 3


class Example(Struct, frozen=True, kw_only=True):
    """A document whose theme came or went, and the words that decided: of the new lexicon, or those that gave it before."""

    id: str
    title: str
    words: tuple[str, ...]


class Change(Struct, frozen=True, kw_only=True):
    """What became of one theme."""

    theme: str
    #: Documents that had it, and that have it now.
    before: int
    after: int
    gained: int
    lost: int
    gains: tuple[Example, ...]
    losses: tuple[Example, ...]


class Comparison(Struct, frozen=True, kw_only=True):
    """What became of all themes: those that changed, most changed first."""

    documents: int
    #: Documents whose best theme is another one.
    best_changed: int
    changes: tuple[Change, ...]


class _Tally:
    def __init__(self) -> None:
        self.before = self.after = self.gained = self.lost = 0
        self.gains: list[Example] = []
        self.losses: list[Example] = []


def compare(documents: Iterable[Document], before: Lexicon, after: Lexicon) -> Comparison:
    """Classify each document by both lexicons; what the source calls it counts in both."""
    old, new = Classifier(before), Classifier(after)
    tallies: dict[str, _Tally] = {}
    count = best_changed = 0
    for document in documents:
        framed = _frame(document)
        had, has = old.classify(framed), new.classify(framed)
        count += 1
        best_changed += [theme.id for theme in had[:1]] != [theme.id for theme in has[:1]]
        _compare(document, {theme.id: theme for theme in had}, {theme.id: theme for theme in has}, tallies)
    changes = [
        Change(
            theme=theme,
            before=tally.before,
            after=tally.after,
            gained=tally.gained,
            lost=tally.lost,
            gains=tuple(tally.gains),
            losses=tuple(tally.losses),
        )
        for theme, tally in tallies.items()
        if tally.gained or tally.lost
    ]
    changes.sort(key=lambda change: (-change.gained - change.lost, change.theme))
    return Comparison(documents=count, best_changed=best_changed, changes=tuple(changes))


def _compare(document: Document, had: dict[str, Theme], has: dict[str, Theme], tallies: dict[str, _Tally]) -> None:
    for theme in had.keys() | has.keys():
        tally = tallies.setdefault(theme, _Tally())
        tally.before += theme in had
        tally.after += theme in has
        if theme not in had:
            tally.gained += 1
            _show(tally.gains, document, has[theme])
        elif theme not in has:
            tally.lost += 1
            _show(tally.losses, document, had[theme])


def _show(examples: list[Example], document: Document, theme: Theme) -> None:
    if len(examples) < _SHOWN:
        examples.append(Example(id=document.id, title=document.title, words=theme.evidence))


def _frame(document: Document) -> Frame:
    return frame(document.title, document.text, category=document.category)
