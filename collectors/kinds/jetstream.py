"""The kind ``jetstream``: Bluesky's public posts as they are written, ``wss://HOST/subscribe?wantedCollections=app.bsky.feed.post``.

Thousands of posts a second come, a handful are wanted: language and words decide before anything of a post is stored. Who wrote it is
a keyed pseudonym in the ledger alone, so that a deleted account's posts can be withdrawn; the document has no address, since Bluesky's
addresses name the author. A post whose author asks that only those who are logged in see it (``!no-unauthenticated``) is left alone.

The cursor is the stream's own time. After a break it goes on some seconds before the last that was stored; what comes twice is the
same post with the same text, which the ledger knows. The stream goes back 36 hours at most.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from collectors.failures import Blocked
from collectors.html_text import absolute, plain
from collectors.items import Item, Parsed, options_of
from collectors.kinds.feed_items import entry_item
from collectors.matching import Filters, Wanted
from collectors.people import Private, impersonal, without_handles
from collectors.sockets import gathered, opened
from collectors.times import read_time
from pipeline.model import Entry, Source
from pipeline.settings import Http

POSTS = "app.bsky.feed.post"
#: Seconds and messages that are stored together.
SECONDS, MESSAGES = 1.0, 20_000
#: Microseconds before the last event from which on a broken stream is asked for again; and how far it goes back at all.
OVERLAP, LOOKBACK = 5_000_000, 36 * 3_600_000_000
_HIDDEN = "!no-unauthenticated"


class _Label(Struct, frozen=True):
    val: str = ""


class _Labels(Struct, frozen=True):
    values: tuple[_Label, ...] = ()


class _Feature(Struct, frozen=True):
    uri: str = ""
    tag: str = ""


class _Facet(Struct, frozen=True):
    features: tuple[_Feature, ...] = ()


class _External(Struct, frozen=True):
    uri: str = ""
    title: str = ""


class _Embed(Struct, frozen=True):
    external: _External | None = None


class Post(Struct, frozen=True):
    """What is read of a post's record (app.bsky.feed.post)."""

    text: str = ""
    created_at: str = msgspec.field(name="createdAt", default="")
    langs: tuple[str, ...] | None = None
    labels: _Labels | None = None
    facets: tuple[_Facet, ...] = ()
    embed: _Embed | None = None
    tags: tuple[str, ...] = ()


class _Commit(Struct, frozen=True):
    operation: str
    collection: str
    rkey: str
    record: msgspec.Raw = msgspec.Raw(b"null")


class _Account(Struct, frozen=True):
    active: bool = True
    status: str = ""


class Event(Struct, frozen=True):
    """What is read of an event; anything else of it is passed over."""

    did: str
    time_us: int
    kind: str
    commit: _Commit | None = None
    account: _Account | None = None


_event = msgspec.json.Decoder(Event)
_post = msgspec.json.Decoder(Post)


class Jetstream:
    """:param private: for pseudonyms."""

    format = "entry"
    keeps_ids = False  # items have authors, which is what the ledger keeps them for

    def __init__(self, http: Http, private: Private) -> None:
        self._http, self._private = http, private

    async def listen(self, source: Source, cursor: str, knows: Callable[[str], bool]) -> AsyncGenerator[Parsed, None]:
        """See :class:`collectors.items.Stream`."""
        options = options_of(source, Filters)
        if not options.languages and not options.words:
            raise Blocked(f"options of source {source.id}: without languages or words all the posts of the network would be stored")
        reading = Reading(options.wanted(), self._private.pseudonym, knows, int(cursor) if cursor.isdecimal() else 0)
        async with opened(_address(source.url, reading.after), self._http) as connection:
            async for messages in gathered(connection, SECONDS, MESSAGES):
                if parsed := reading.read(messages):
                    yield parsed


def _address(url: str, after: int) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "cursor"] or [("wantedCollections", POSTS)]
    if after:
        query.append(("cursor", str(max(after - OVERLAP, 0))))
    return urlunsplit(parts._replace(query=urlencode(query)))


class Reading:
    """What events become, a batch at a time.

    :param name: pseudonym of an author.
    :param knows: see :meth:`collectors.items.Stream.listen`.
    :param after: the last cursor.
    """

    def __init__(self, wanted: Wanted, name: Callable[[str], str], knows: Callable[[str], bool], after: int) -> None:
        self._wanted, self._name, self._knows = wanted, name, knows
        self.after = after
        self._resumed = after
        self._stored = after

    def read(self, messages: list[bytes]) -> Parsed | None:
        """What is wanted of them; None where there is nothing to store, a new cursor once in a while aside."""
        items: dict[str, Item | None] = {}
        authors: dict[str, None] = {}
        unreadable = 0
        problem = ""
        for message in messages:
            try:
                event = _event.decode(message)
            except (msgspec.DecodeError, UnicodeError):
                unreadable += 1
                continue
            problem = problem or self._gap(event)
            self.after = max(self.after, event.time_us)
            if event.commit is not None:
                if event.commit.collection == POSTS:
                    self._commit(event.did, event.commit, items)
            elif event.account is not None and not event.account.active and event.account.status == "deleted":
                author = self._name(event.did)
                authors[author] = None
                for native_id in [native_id for native_id in items if native_id.startswith(author)]:
                    items[native_id] = None
        found = tuple(item for item in items.values() if item is not None)
        gone = tuple(native_id for native_id, item in items.items() if item is None and self._knows(native_id))
        problems = tuple(part for part in (problem, f"{unreadable} messages could not be read" if unreadable else "") if part)
        if not (found or gone or authors or problems) and self.after - self._stored < 30_000_000:
            return None
        self._stored = self.after
        return Parsed(items=found, withdrawn=gone, withdrawn_authors=tuple(authors), problems=problems, cursor=str(self.after))

    def _gap(self, event: Event) -> str:
        """Told once after a break that was longer than the stream goes back."""
        resumed, self._resumed = self._resumed, 0
        if resumed and event.time_us - resumed > LOOKBACK - 3_600_000_000:
            return f"the stream was left for {(event.time_us - resumed) / 3_600_000_000:.0f} hours; what it no longer had is lost"
        return ""

    def _commit(self, did: str, commit: _Commit, items: dict[str, Item | None]) -> None:
        if commit.operation == "delete":
            items[f"{self._name(did)}/{commit.rkey}"] = None
            return
        try:
            post = _post.decode(commit.record)
        except (msgspec.DecodeError, UnicodeError):
            return  # not a post as the network documents it, and nothing to be shown of it
        hidden = post.labels is not None and any(label.val == _HIDDEN for label in post.labels.values)
        if hidden or not self._wanted.takes(post.text, post.langs):
            if commit.operation == "update":  # it may have been wanted before
                items[f"{self._name(did)}/{commit.rkey}"] = None
            return
        author = self._name(did)
        native_id = f"{author}/{commit.rkey}"
        items[native_id] = msgspec.structs.replace(entry_item(native_id, _entry(post)), author=author)


def _entry(post: Post) -> Entry:
    features = [feature for facet in post.facets for feature in facet.features]
    links = [link for feature in features if feature.uri and (link := absolute(feature.uri, feature.uri))]
    if post.embed and post.embed.external and (link := absolute(post.embed.external.uri, post.embed.external.uri)):
        links.append(link)
    return Entry(
        text=without_handles(plain(post.text)),
        published=read_time(post.created_at, "UTC"),
        links=impersonal(links),
        tags=tuple(dict.fromkeys([*(feature.tag for feature in features if feature.tag), *post.tags])),
    )
