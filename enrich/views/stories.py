"""A story: what documents tell of one occurrence. Never their words: a withdrawn document leaves none behind here."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from enrich.views.common import Names, PlacesView, ThemesView, few, themes_view
from pipeline.model import Story


class StoryEvent(Struct, frozen=True, kw_only=True):
    """ECS ``event``: the id of the story, its earliest and latest publication, and its sources."""

    id: str
    start: datetime
    end: datetime
    provider: list[str]


class StoryView(Struct, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """A story as it is now; one that was merged into another says so, and has no coverage."""

    #: Of its latest publication.
    timestamp: datetime
    event: StoryEvent
    #: One sentence for people.
    message: str
    place: PlacesView
    theme: ThemesView
    #: Documents that tell of it, and sources that have told of it in words of their own.
    coverage: int
    independent: int
    incident: bool
    merged_into: str | None
    continues: str | None
    #: Merges and splits.
    changes: int


def story_view(story: Story, names: Names) -> StoryView:
    """The story as it is shown."""
    return StoryView(
        timestamp=story.last,
        event=StoryEvent(id=story.id, start=story.first, end=story.last, provider=sorted(story.originals)),
        message=_sentence(story, names),
        place=names.places_view(list(story.places)),
        theme=themes_view(story.themes),
        coverage=story.coverage,
        independent=story.independent,
        incident=story.incident,
        merged_into=story.into,
        continues=story.continues,
        changes=len(story.history),
    )


def _sentence(story: Story, names: Names) -> str:
    what = names.theme(next(iter(story.themes), "none"))
    where = few([names.place(code) for code in story.places], 3)
    sources = "1 källa" if story.independent == 1 else f"{story.independent} källor"
    return f"{what}{f' i {where}' if where else ''}: {story.coverage} dokument, {sources}"
