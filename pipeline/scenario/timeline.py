"""The fortnight as a list of answers: what each source gives, and from when."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from pipeline.recording import Answer
from pipeline.scenario.data import START, Channel, Item, Outage, Version, channels, moment
from pipeline.scenario.feeds import CONTENT_TYPES, body
from pipeline.scenario.items import items

#: What stands where a feed should be while a source is out of order.
MAINTENANCE = (
    "<!DOCTYPE html>\n<html lang='sv'><head><title>Underhåll</title></head>"
    "<body><h1>Tjänsten uppdateras</h1><p>Vi är snart tillbaka!<br>Försök igen senare.</body></html>\n"
).encode()


def answers() -> Iterator[Answer]:
    """The answers of all sources in the order of time; one source's answer always differs from its one before."""
    streams = [_answers_of(channel) for channel in channels().values()]
    return heapq.merge(*streams, key=lambda answer: answer.at)


def _answers_of(channel: Channel) -> Iterator[Answer]:
    own = [item for item in items() if item.source == channel.id]
    last = b""
    for at in _moments(channel, own):
        answer = _answer(channel, own, at)
        if answer.body != last:
            last = answer.body
            yield answer


def _moments(channel: Channel, own: list[Item]) -> list[datetime]:
    """When the source's answer may change: its steps at or right after something happened."""
    happened = {version.at for item in own for version in item.versions}
    happened |= {item.deleted for item in own if item.deleted}
    happened |= {moment(edge) for outage in channel.outages for edge in (outage.since, outage.until)}
    step = timedelta(minutes=channel.step)
    return sorted({START - (START - at) // step * step for at in happened})


def _answer(channel: Channel, own: list[Item], at: datetime) -> Answer:
    made = partial(Answer, at=at, source=channel.id, status=200)
    outage = _outage(channel, at)
    if outage and outage.kind == "page":
        return made(content_type="text/html; charset=utf-8", body=MAINTENANCE)
    whole = body(channel, _shown(channel, own, at), [item for item in own if item.deleted and item.deleted <= at])
    return made(content_type=CONTENT_TYPES[channel.format], body=whole[: len(whole) * 3 // 5] if outage else whole)


def _outage(channel: Channel, at: datetime) -> Outage | None:
    return next((outage for outage in channel.outages if moment(outage.since) <= at < moment(outage.until)), None)


def _shown(channel: Channel, own: list[Item], at: datetime) -> list[tuple[Item, Version]]:
    """The latest items that are there at ``at``, newest first, each in the version of that moment."""
    there = [item for item in own if item.published <= at and not (item.deleted and item.deleted <= at)]
    return [(item, next(version for version in reversed(item.versions) if version.at <= at)) for item in reversed(there[-channel.window :])]
