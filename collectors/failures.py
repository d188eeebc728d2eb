"""Why a source could not be collected: each class is one state of :class:`pipeline.model.Health`."""

from __future__ import annotations

from typing import ClassVar

from pipeline.errors import FjarilError
from pipeline.model import Health


class Failure(FjarilError):  # noqa: N818  (the state of a source, not a fault of the program)
    """Base: a fetch or an answer that gives nothing to collect. Becomes the source's state, never a crash.

    :param reason: one sentence: what was found, and what was expected.
    :param wait: seconds that the source asked to wait, 0 if it did not say.
    """

    health: ClassVar[Health] = Health.UNREACHABLE

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


class Unreachable(Failure):
    """No answer in time, no connection, or a server error."""


class Blocked(Failure):
    """Refused: by the site (401, 403, 429), by its robots.txt, by a guard of ours, or for want of a setting."""

    health = Health.BLOCKED


class Malformed(Failure):
    """What came is not what the source should give, or more than is read."""

    health = Health.MALFORMED


class Empty(Failure):
    """An answer with nothing at all in it."""

    health = Health.EMPTY


class Gone(Failure):
    """410, or 404 where that is final: the source is not asked again."""

    health = Health.GONE
