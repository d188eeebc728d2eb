"""Every publication of the scenario: written and generated ones together, with addresses and native ids."""

from __future__ import annotations

import re
from functools import cache

from msgspec import structs

from pipeline.scenario.data import Channel, Item, Version, Wire, Written, channels, everyday, moment, plot
from pipeline.scenario.ordinary import written as generated

#: The police number their notices upwards from here.
FIRST_NUMBER = 615001
_REFERENCE = re.compile(r"\{url:([a-z0-9-]+)\}")
_HASHTAG = re.compile(r"#(\w+)")


@cache
def items() -> tuple[Item, ...]:
    """All items, by the time of their publication."""
    every = [_printed(one) for one in (*plot().items, *everyday().items)] + generated()
    every.sort(key=lambda one: (one.at, one.key))
    urls = {one.key: f"https://{channels()[one.source].host}/{one.key}" for one in every}
    if len(urls) != len(every):
        raise ValueError("two items of the scenario have the same key")
    numbers = {one.key: FIRST_NUMBER + 3 * place for place, one in enumerate(every) if one.source == "demo-polisen"}
    return tuple(_item(one, channels()[one.source], urls, numbers.get(one.key)) for one in every)


def by_key() -> dict[str, Item]:
    return {item.key: item for item in items()}


def plot_keys() -> frozenset[str]:
    """Keys of the items that tell the plot: written for it, and about one of its towns or all of them."""
    return frozenset(one.key for one in plot().items) - frozenset(plot().unrelated)


def _printed(one: Written) -> Written:
    """The item with the wire text that it prints, if it prints one."""
    if not one.wire:
        return one
    wire: Wire = (plot().wires | everyday().wires)[one.wire]
    return structs.replace(one, title=wire.title, text=wire.text)


def _item(one: Written, channel: Channel, urls: dict[str, str], number: int | None) -> Item:
    native_id = str(number) if number else urls[one.key] if channel.format == "rdf" else f"tag:{channel.host},2026:{one.key}"
    return Item(
        key=one.key,
        source=one.source,
        native_id=native_id,
        url=urls[one.key],
        versions=_versions(one, urls),
        place=one.place,
        type=one.type,
        happened=moment(one.happened) if one.happened else None,
        tags=one.tags or tuple(_HASHTAG.findall(one.text)),
        deleted=moment(one.deleted) if one.deleted else None,
    )


def _versions(one: Written, urls: dict[str, str]) -> tuple[Version, ...]:
    def linked(text: str) -> str:
        return _REFERENCE.sub(lambda found: urls[found[1]], text)

    versions = [Version(at=moment(one.at), title=one.title, text=linked(one.text))]
    for change in one.changes:
        last = versions[-1]
        title = last.title if change.title is None else change.title
        text = last.text if change.text is None else linked(change.text)
        versions.append(Version(at=moment(change.at), title=title, text=text))
    return tuple(versions)
