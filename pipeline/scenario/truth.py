"""What a pipeline that reads the whole scenario must have found, counted from the items themselves."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from msgspec import Struct

from pipeline.scenario.data import Item, channels, everyday, moment, municipalities, plot
from pipeline.scenario.items import by_key, items, plot_keys


class Town(Struct, frozen=True, kw_only=True):
    """A town of the plot and its first notice."""

    #: Official code of the municipality.
    code: str
    name: str
    #: When the cars began to burn, and when the police first said so (UTC).
    happened: datetime
    published: datetime
    #: Id of the first notice's document.
    document: str


class Truth(Struct, frozen=True, kw_only=True):
    """The numbers of the scenario; a document is one publication of one source, whatever its versions."""

    documents: int
    by_source: dict[str, int]
    #: Changes of content after the first version, over all documents.
    edits: int
    #: Documents that their source lists as deleted.
    withdrawn: int
    #: Documents that repeat title and text of an earlier one, letter by letter.
    copies: int
    #: In the order in which it happened; the first is the root.
    towns: tuple[Town, ...]
    #: Documents that tell the plot, with the round-up.
    plot_documents: int
    #: Document that names all the towns and more, and is no occurrence of its own.
    round_up: str
    #: Car fires of the same fortnight that nothing connects with the plot.
    unrelated: tuple[str, ...]
    #: Post that holds a personal number, a phone number and an e-mail address: three redactions.
    personal: str
    #: Announcement of a drill, in which nothing happened.
    drill: str
    #: Sources that give something unreadable for some days.
    broken: tuple[str, ...]
    #: Source that goes on answering after it has stopped publishing.
    silent: str


def truth() -> Truth:
    """What is to be found, for tests and for the words that close the demonstration."""
    every, known = items(), by_key()
    return Truth(
        documents=len(every),
        by_source={source: sum(item.source == source for item in every) for source in channels()},
        edits=sum(len(item.versions) - 1 for item in every),
        withdrawn=sum(item.deleted is not None for item in every),
        copies=_copies(every),
        towns=tuple(_town(town.code, town.happened, known[town.first]) for town in plot().towns),
        plot_documents=len(plot_keys()),
        round_up=known[plot().round_up].document,
        unrelated=tuple(known[key].document for key in plot().unrelated),
        personal=known[everyday().personal].document,
        drill=known[everyday().drill].document,
        broken=tuple(channel.id for channel in channels().values() if channel.outages),
        silent=min(channels(), key=lambda source: max(item.published for item in every if item.source == source)),
    )


def _town(code: str, happened: str, first: Item) -> Town:
    return Town(code=code, name=municipalities()[code].name, happened=moment(happened), published=first.published, document=first.document)


def _copies(every: tuple[Item, ...]) -> int:
    texts = Counter((item.versions[0].title, item.versions[0].text) for item in every)
    return sum(count - 1 for count in texts.values())
