"""Questions for stories: documents keep the story that they came into, and stories merge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it knows more than a search needs
    from pipeline.desk.state import State

_STORY = re.compile(r"\bstory:([0-9a-f]{16})\b")


def names_story(text: str) -> bool:
    """Whether the query asks for a story."""
    return bool(_STORY.search(text))


def with_merged(text: str, state: State) -> str:
    """The query with the stories that were merged beside each that it names."""
    return _STORY.sub(lambda match: "story:" + ",".join(sorted(state.merged(match[1]))), text)
