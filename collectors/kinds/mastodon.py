"""The kind ``mastodon``: public and hashtag timelines of an instance, asked; and ``mastodon.stream``, listened to with a token.

``https://INSTANCE/api/v1/timelines/tag/TAG`` or ``…/timelines/public``. A post is kept only if it is public and its author has not
asked to be left out of searches (``noindex``, ``indexable`` false). The address that is kept names the post, not its author. What is
missing between the earliest and the latest post of an answer was deleted; older ones are looked at again, some at each visit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Meta, Struct

from collectors.failures import Failure, Malformed
from collectors.html_text import absolute, html_to_text, links_of
from collectors.items import Fetched, Item, More, Parsed, Plain, Question, options_of, readable
from collectors.kinds.feed_items import entry_item
from collectors.matching import Filters, Wanted
from collectors.people import impersonal, without_handles
from collectors.validators import http_date
from pipeline.model import Entry, Source, utc

#: Posts of one answer, as the interface allows; and further answers that are asked for to reach what is known.
LIMIT, MAX_PAGES = 40, 5
#: Older posts that are looked at again at one visit.
AGAIN = 20
_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')
_TAGS = re.compile(r'<a\s[^<>]*?class="[^"]*\b(?:hashtag|mention)\b[^"]*"[^<>]*>', re.IGNORECASE)


class _Tag(Struct, frozen=True):
    name: str


class _Card(Struct, frozen=True):
    url: str = ""
    title: str = ""


class Account(Struct, frozen=True):
    """What is read of an author: only whether posts may be found."""

    noindex: bool | None = None
    indexable: bool | None = None


class Status(Struct, frozen=True):
    """What is read of a post (https://docs.joinmastodon.org/entities/Status/)."""

    id: Annotated[str, Meta(pattern=r"^\d{1,30}$")]
    content: str
    visibility: str
    created_at: datetime
    account: Account
    edited_at: datetime | None = None
    spoiler_text: str = ""
    language: str | None = None
    tags: tuple[_Tag, ...] = ()
    card: _Card | None = None
    reblog: msgspec.Raw | None = None


_answer = msgspec.json.Decoder(list[msgspec.Raw])
_status = msgspec.json.Decoder(Status)


class Mastodon(Plain):
    """The kind ``mastodon``."""

    obeys_robots = False  # the interface is documented, and its public timelines are there to be read
    keeps_ids = True
    rereads = True  # older posts are looked at, also while nothing new comes

    def ask(self, source: Source, url: str, cursor: str) -> Question:  # noqa: ARG002
        """As many posts as one answer may hold."""
        options_of(source, Filters)
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query)) | {"limit": str(LIMIT)}
        return Question(url=urlunsplit(parts._replace(query=urlencode(query))))

    def kept(self, body: bytes, source: Source) -> bytes | None:  # noqa: ARG002
        """Nothing: it names people."""
        return None

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """The posts, latest first, and those of further pages as long as all of a page are new.

        :raises Malformed: if it is no timeline.
        """
        wanted = options_of(source, Filters).wanted()
        page = read_timeline(fetched, wanted)
        pages = [page]
        known = any(True for _ in more.standing())
        while (
            known and len(pages) <= MAX_PAGES and page.items and all(more.is_new(item.native_id, item.content_hash) for item in page.items)
        ):
            following = _NEXT.search(fetched.headers.get("link", ""))
            if following is None:
                break
            try:
                fetched = await more.get(following[1])
            except Failure:
                break
            page = read_timeline(fetched, wanted)
            pages.append(page)
        found = _joined(pages)
        again, cursor = _older(list(more.standing()), found.span, more.cursor)
        return await _looked_at(again, cursor, found, source, wanted, more) if again else found


def _older(standing: list[str], span: tuple[int, int] | None, cursor: str) -> tuple[list[str], str]:
    """Posts below the span that are looked at next, and the last of them: in rounds, earliest first."""
    older = sorted(int(number) for number in standing if number.isdecimal() and span and int(number) < span[0])
    after = [number for number in older if number > int(cursor or 0)] or older
    chosen = after[:AGAIN]
    return [str(number) for number in chosen], str(chosen[-1]) if chosen else ""


async def _looked_at(ids: list[str], cursor: str, found: Parsed, source: Source, wanted: Wanted, more: More) -> Parsed:
    """With what has become of older posts; an instance before 4.3 does not show several at once, and says nothing of them."""
    query = urlencode([("id[]", number) for number in ids])
    url = urlunsplit(urlsplit(source.url)._replace(path="/api/v1/statuses", query=query))
    try:
        there = read_timeline(await more.get(url), wanted)
    except Failure:
        return found
    shown = {item.native_id for item in there.items}
    # what cannot be read may be any of them
    gone = () if there.bad else tuple(number for number in ids if number not in shown)
    return msgspec.structs.replace(found, items=(*found.items, *there.items), withdrawn=gone, bad=(*found.bad, *there.bad), cursor=cursor)


def _joined(pages: list[Parsed]) -> Parsed:
    spans = [page.span for page in pages if page.span]
    return Parsed(
        items=tuple(item for page in pages for item in page.items),
        bad=tuple(bad for page in pages for bad in page.bad),
        span=(min(low for low, _ in spans), max(high for _, high in spans)) if spans else None,
        ttl=max(page.ttl for page in pages),
    )


def read_timeline(fetched: Fetched, wanted: Wanted) -> Parsed:
    """The wanted posts of one answer; the span holds those that are not wanted, too.

    :raises Malformed: if it is no list of posts.
    """
    try:
        records = _answer.decode(fetched.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"no timeline: {error}; found {fetched.body[:40]!r}") from error
    statuses, bad = readable(records, _status)
    numbers = [int(status.id) for status in statuses]
    items = tuple(item for status in statuses if (item := post(status, fetched.url, wanted)))
    # what cannot be read may be any of those that seem to be missing
    span = (min(numbers), max(numbers)) if numbers and not bad else None
    return Parsed(items=items, bad=bad, span=span, ttl=_rest(fetched))


def post(status: Status, url: str, wanted: Wanted) -> Item | None:
    """The post as an item; None if it is not wanted, not public, or its author wants not to be found."""
    hidden = status.account.noindex is True or status.account.indexable is False
    if hidden or status.visibility != "public" or status.reblog is not None:
        return None
    text = "\n".join(filter(None, (html_to_text(status.spoiler_text), html_to_text(status.content))))
    if not wanted.takes(text, [status.language] if status.language else None):
        return None
    parts = urlsplit(url)
    return entry_item(
        status.id,
        Entry(
            text=without_handles(text),
            url=f"https://{parts.netloc}/statuses/{status.id}",
            published=utc(status.created_at),
            updated=utc(status.edited_at) if status.edited_at else None,
            links=impersonal(_links(status, url)),
            tags=tuple(dict.fromkeys(tag.name for tag in status.tags)),
        ),
    )


def _links(status: Status, url: str) -> Iterable[str]:
    yield from links_of(_TAGS.sub("<a>", status.content), url)
    if status.card and (card := absolute(status.card.url, url)):
        yield card


def _rest(fetched: Fetched) -> float:
    """Seconds to the next call, where the instance says that no call is left."""
    if fetched.headers.get("x-ratelimit-remaining", "1").strip() != "0":
        return 0.0
    try:
        until = datetime.fromisoformat(fetched.headers.get("x-ratelimit-reset", "").strip())
    except ValueError:
        return 0.0
    now = http_date(fetched.headers.get("date", ""))
    return max(0.0, (utc(until) - now).total_seconds()) if now and until.tzinfo else 0.0
