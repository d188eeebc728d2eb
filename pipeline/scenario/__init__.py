"""The bundled demonstration: an invented fortnight (2–15 March 2026) in 25 Swedish municipalities, told by ten sources.

Car fires go from Trollhättan to five towns far away, by way of posts that quote each other, amid ordinary notices and news.
Everything in it is invented: no person, outlet or incident is real, and every host ends in ``.example``.
"""

from __future__ import annotations

from pipeline.model import Reliability, Source
from pipeline.recording import Answer
from pipeline.scenario.data import END, START, channels
from pipeline.scenario.timeline import answers
from pipeline.scenario.truth import Town, Truth, truth

__all__ = ["END", "START", "Answer", "Town", "Truth", "answers", "sources", "truth"]


def sources(base_url: str) -> tuple[Source, ...]:
    """The scenario's sources, served under ``base_url`` (scheme, host and port)."""
    return tuple(
        Source(
            id=channel.id,
            kind=channel.kind,
            url=base_url.rstrip("/") + channel.path,
            name=channel.name,
            purpose=channel.purpose,
            owner=channel.owner,
            area=channel.area,
            reliability=Reliability(channel.reliability),
            interval=channel.interval,
            terms="Påhittat innehåll, fritt att använda.",
        )
        for channel in channels().values()
    )
