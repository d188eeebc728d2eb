"""The rule for small numbers: what is told of an area must not point at a person who was part of it.

Each occurrence is a public notice with its place and its hour, so the rule does not hide that something happened. It keeps the picture from
making more of it: a count of one beside a rare theme, a small place and a short time says of whom it is to those who live there.

1. Counts are of groups of themes, never of a theme by itself, and of municipalities, never of a place inside one.
2. In a group that is about the person to whom it happened (:data:`PERSONAL`) a count below :data:`FEWEST` is not told, with nothing that it
   could be computed from: no trend, no expected number, no part in the map or in what a source told; there is no total over groups.
3. Stories have no title, no words and no hour; one of a personal theme (:data:`PERSONAL`, :data:`PERSONAL_THEMES`) is left out while its theme
   has fewer than :data:`FEWEST` occurrences in the area and period.
4. That a group had none is told, since nobody is in it.

What it does not do: pictures of areas that lie in each other, or of periods that overlap, can be subtracted from each other.
"""

from __future__ import annotations

#: The fewest occurrences that are told of where they are about persons: with three, none of them stands alone.
FEWEST = 3
#: Groups of themes that are about the person to whom it happened: health, sexual life, origin (article 9 of the GDPR).
PERSONAL = frozenset({"sexual", "health", "migration"})
#: Themes of other groups that are: whose they are is soon guessed.
PERSONAL_THEMES = frozenset(
    {"rescue.missing", "rescue.death", "rescue.illness", "violence.homicide", "violence.kidnapping", "fraud.elderly", "disorder.hate"}
)


def group(theme: str) -> str:
    """The group of a theme: ``fire`` of ``fire.vehicle``; ``none`` of none."""
    return theme.partition(".")[0] or "none"


def is_told(theme: str, count: int) -> bool:
    """Whether the count of a group is told."""
    return count == 0 or count >= FEWEST or theme not in PERSONAL


def is_story_told(theme: str, occurrences: int) -> bool:
    """Whether a story of this theme is told, by the occurrences of the theme in the area and period."""
    return occurrences >= FEWEST or (group(theme) not in PERSONAL and theme not in PERSONAL_THEMES)
