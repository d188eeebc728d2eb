"""What stands in the demo: ids that pages are asked for by."""

from __future__ import annotations

from pipeline.console.room import Room


def story(room: Room) -> str:
    """A story that several sources tell of."""
    return max(room.state.open_stories, key=lambda one: (one.independent, one.id)).id


def finding(room: Room) -> str:
    """The spread of the demo's plot."""
    return next(one.id for one in room.state.standing if one.kind == "spread")


def filled(path: str, room: Room) -> str:
    """The address with what the demo has in place of its parts; ids that there are none of stand as ``none``."""
    return (
        path.replace("{story}", story(room))
        .replace("{finding}", finding(room))
        .replace("{area}", "0780")
        .replace("{alert}", "none")
        .replace("{silence}", "none")
        .replace("{search}", "0")
    )
