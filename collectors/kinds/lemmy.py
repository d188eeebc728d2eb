"""The kind ``lemmy``: the latest posts of a community or an instance, ``https://INSTANCE/api/v3/post/list?community_name=NAME``."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from collectors.failures import Empty, Malformed
from collectors.html_text import absolute, plain
from collectors.items import Bad, Fetched, Item, More, Parsed, Plain, Question, readable
from collectors.kinds.feed_items import entry_item
from collectors.people import impersonal, without_handles
from collectors.times import read_time
from pipeline.model import Entry, Source

#: Posts of one answer, as the interface allows.
LIMIT = 50


class _Post(Struct, frozen=True):
    id: int
    name: str
    published: str
    body: str | None = None
    url: str | None = None
    updated: str | None = None
    deleted: bool = False
    removed: bool = False


class _View(Struct, frozen=True):
    post: _Post


class _Answer(Struct, frozen=True):
    posts: tuple[msgspec.Raw, ...]


_answer = msgspec.json.Decoder(_Answer)
_view = msgspec.json.Decoder(_View)


class Lemmy(Plain):
    """The kind ``lemmy``."""

    obeys_robots = False  # the interface is documented, and its lists are there to be read
    keeps_ids = True

    def ask(self, source: Source, url: str, cursor: str) -> Question:  # noqa: ARG002
        """The newest."""
        parts = urlsplit(url)
        query = {"sort": "New", "type_": "Local"} | dict(parse_qsl(parts.query)) | {"limit": str(LIMIT)}
        return Question(url=urlunsplit(parts._replace(query=urlencode(query))))

    def kept(self, body: bytes, source: Source) -> bytes | None:  # noqa: ARG002
        """Nothing: it names people."""
        return None

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:  # noqa: ARG002
        """The posts.

        :raises Malformed: if it is no list of posts.
        :raises Empty: if there are none.
        """
        try:
            records = _answer.decode(fetched.body).posts
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Malformed(f"no list of posts: {error}; found {fetched.body[:40]!r}") from error
        if not records:
            raise Empty("a list without posts")
        posts, bad = readable(records, _view)
        numbers = [view.post.id for view in posts]
        return _parsed([view.post for view in posts], bad, (min(numbers), max(numbers)) if numbers else None, fetched.url)


def _parsed(posts: list[_Post], bad: tuple[Bad, ...], span: tuple[int, int] | None, url: str) -> Parsed:
    gone = {post.id for post in posts if post.deleted or post.removed}
    return Parsed(
        items=tuple(_item(post, url) for post in posts if post.id not in gone),
        withdrawn=tuple(map(str, gone)),
        bad=bad,
        # what cannot be read may be any of those that seem to be missing
        span=None if bad else span,
    )


def _item(post: _Post, url: str) -> Item:
    link = absolute(post.url, url) if post.url else None
    return entry_item(
        str(post.id),
        Entry(
            title=without_handles(plain(post.name)).replace("\n", " "),
            text=without_handles(plain(post.body or "")),
            url=f"https://{urlsplit(url).netloc}/post/{post.id}",
            published=_time(post.published),
            updated=_time(post.updated) if post.updated else None,
            links=impersonal([link] if link else []),
        ),
    )


def _time(text: str) -> datetime | None:
    return read_time(text, "UTC")  # older versions write none
