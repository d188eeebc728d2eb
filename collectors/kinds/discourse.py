"""The kind ``discourse``: a forum's latest topics (``/latest.json``) or posts (``/posts.json``), as the public sees them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from collectors.failures import Empty, Malformed
from collectors.html_text import html_to_text, links_of, plain
from collectors.items import Bad, Fetched, Item, More, Parsed, Plain, readable
from collectors.kinds.feed_items import entry_item
from collectors.people import impersonal, without_handles
from collectors.times import read_time
from pipeline.model import Entry, Source

#: Who is quoted.
_QUOTED = re.compile(r'<div class="title">.*?</div>', re.DOTALL)


class _Topic(Struct, frozen=True):
    id: int
    title: str
    slug: str = ""
    created_at: str = ""
    excerpt: str = ""
    visible: bool = True
    #: Names; newer versions give objects.
    tags: tuple[Any, ...] = ()


class _Topics(Struct, frozen=True):
    topics: tuple[msgspec.Raw, ...]


class _Post(Struct, frozen=True):
    id: int
    cooked: str
    topic_id: int
    created_at: str = ""
    updated_at: str = ""
    topic_title: str = ""
    topic_slug: str = ""
    post_number: int = 1
    hidden: bool = False
    user_deleted: bool = False
    deleted_at: str | None = None

    @property
    def is_gone(self) -> bool:
        return self.hidden or self.user_deleted or self.deleted_at is not None


class _Answer(Struct, frozen=True):
    topic_list: _Topics | None = None
    latest_posts: tuple[msgspec.Raw, ...] | None = None


_answer = msgspec.json.Decoder(_Answer)
_topic_of, _post_of = msgspec.json.Decoder(_Topic), msgspec.json.Decoder(_Post)


class Discourse(Plain):
    """The kind ``discourse``."""

    keeps_ids = True

    def kept(self, body: bytes, source: Source) -> bytes | None:  # noqa: ARG002
        """Nothing: it names people."""
        return None

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:  # noqa: ARG002
        """The topics, or the posts.

        :raises Malformed: if it is neither.
        :raises Empty: if there are none.
        """
        try:
            answer = _answer.decode(fetched.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Malformed(f"neither latest topics nor posts: {error}; found {fetched.body[:40]!r}") from error
        host = urlsplit(fetched.url).netloc
        if answer.latest_posts:
            return _posts(*readable(answer.latest_posts, _post_of), host)
        if answer.topic_list and answer.topic_list.topics:
            topics, bad = readable(answer.topic_list.topics, _topic_of)
            return Parsed(items=tuple(_topic(topic, host) for topic in topics if topic.visible), bad=bad)
        raise Empty("neither topics nor posts")


def _posts(posts: list[_Post], bad: tuple[Bad, ...], host: str) -> Parsed:
    numbers = [post.id for post in posts]
    return Parsed(
        items=tuple(_post(post, host) for post in posts if not post.is_gone),
        withdrawn=tuple(str(post.id) for post in posts if post.is_gone),
        bad=bad,
        # what cannot be read may be any of those that seem to be missing
        span=(min(numbers), max(numbers)) if numbers and not bad else None,
    )


def _name(tag: Any) -> str:
    name = tag.get("name", "") if isinstance(tag, dict) else tag
    return plain(name) if isinstance(name, str) else ""


def _topic(topic: _Topic, host: str) -> Item:
    entry = Entry(
        title=without_handles(plain(topic.title)).replace("\n", " "),
        text=without_handles(html_to_text(topic.excerpt)),
        url=f"https://{host}/t/{topic.slug or '-'}/{topic.id}",
        published=read_time(topic.created_at, "UTC"),
        tags=tuple(dict.fromkeys(name for tag in topic.tags if (name := _name(tag)))),
    )
    return entry_item(f"topic-{topic.id}", entry)


def _post(post: _Post, host: str) -> Item:
    url = f"https://{host}/t/{post.topic_slug or '-'}/{post.topic_id}/{post.post_number}"
    entry = Entry(
        title=without_handles(plain(post.topic_title)).replace("\n", " "),
        text=without_handles(html_to_text(_QUOTED.sub("", post.cooked))),
        url=url,
        published=read_time(post.created_at, "UTC"),
        updated=read_time(post.updated_at, "UTC"),
        links=impersonal(links_of(post.cooked, url)),
    )
    return entry_item(str(post.id), entry)
