"""What could be collected from an address that somebody pastes: feeds that it is, names or usually has, and what it is known for."""

from __future__ import annotations

import re
import statistics
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec import Struct
from parsel import Selector

from collectors.engine import Engine
from collectors.failures import Failure
from collectors.html_text import absolute, plain
from collectors.items import Kind, Parsed
from collectors.people import Private
from collectors.registry import kinds
from collectors.sandbox import Sandbox
from collectors.visit import Visitor
from pipeline.model import Entry, Reliability, Source, fingerprint
from pipeline.ports import Clock

#: Where feeds are when no page names them.
USUAL = ("feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml")
#: Feeds of one page that are looked at; entries that are shown of one.
MAX_FEEDS, SHOWN = 8, 5
_FEEDS = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
#: Seconds between two visits that are proposed, at least and at most.
_LEAST, _MOST = 300, 3600
_PURPOSE = "(proposed)"
#: Words in names of those whose word is official, and of those who report it.
_OFFICIAL = ("kommun", "region ", "myndighet", "länsstyrelsen", "räddningstjänst", "polisen", "smhi", "trafikverket", "krisinformation")
#: Pattern of an address, the kind of source that it is, and the address that is asked.
_KNOWN = tuple(
    (re.compile(pattern), kind, address)
    for pattern, kind, address in (
        (r"https://t\.me/(?:s/)?(\w+)/?$", "telegram", r"https://t.me/s/\1"),
        (r"https://(?:www\.)?youtube\.com/channel/([\w-]+)", "feed", r"https://www.youtube.com/feeds/videos.xml?channel_id=\1"),
        (r"https://(?:www\.)?polisen\.se(?:/|$)", "polisen", "https://polisen.se/api/events"),
        (r"(https://vmaapi\.sr\.se/.*)", "vma", r"\1"),
        (r"(https://api\.krisinformation\.se/.*)", "krisinformation", r"\1"),
        (r"(https://opendata-download-warnings\.smhi\.se/.*)", "smhi", r"\1"),
        (r"(https?://[^/]+/api/v1/timelines/.*)", "mastodon", r"\1"),
        (r"(https?://[^/]+)/tags/(\w+)$", "mastodon", r"\1/api/v1/timelines/tag/\2"),
        (r"(https?://[^/]+/(?:latest|posts)\.json)$", "discourse", r"\1"),
        (r"(https?://[^/]+/api/v3/post/list.*)", "lemmy", r"\1"),
        (r"(https?://[^/]+/.*lastupdate(?:-translation)?\.txt)$", "gdelt", r"\1"),
    )
)
_UNKNOWN_TERMS = "Okända: läs utgivarens villkor innan källan används"


class Proposal(Struct, frozen=True, kw_only=True):
    """A source that could be collected."""

    #: With everything but purpose and area, which a person decides.
    source: Source
    #: Why the grade is proposed.
    reason: str
    #: What it would collect now: its latest entries.
    entries: tuple[Entry, ...]
    #: How many there are.
    total: int
    problems: tuple[str, ...] = ()


async def discover(url: str, engine: Engine, clock: Clock, taken: Iterable[str] = ()) -> AsyncIterator[Proposal]:
    """Each source that is found at the address, as politely as any visit.

    :param taken: ids that are used already.
    :raises Failure: if the address cannot be read at all, or none of the feeds that it names.
    """
    async with Sandbox() as sandbox:
        known = kinds(sandbox, Private())
        visitor = Visitor(engine, clock, known)
        ids = set(taken)
        seen: set[str] = set()
        failures: list[Failure] = []
        async for candidate, is_guess in _candidates(url, visitor, known["feed"]):
            if candidate.url in seen or len(seen) >= MAX_FEEDS:
                continue
            seen.add(candidate.url)
            try:
                found = await visitor.visit(candidate, candidate.url, None)
            except Failure as failure:
                if not is_guess:
                    failures.append(failure)
                continue
            if found.parsed is not None:
                # a redirect that is permanent is where the feed is
                proposal = _proposal(msgspec.structs.replace(candidate, url=found.moved or candidate.url), found.parsed, ids)
                ids.add(proposal.source.id)
                yield proposal
        if failures and len(failures) == len(seen):
            raise failures[0]


async def _candidates(url: str, visitor: Visitor, feed: Kind) -> AsyncIterator[tuple[Source, bool]]:
    """Sources to try, and whether each is a guess: what the address is known for, itself, the feeds its page names, or the usual places."""
    known = _known(url)
    if known is not None:
        yield known, False
        return
    page = _blank("feed", url)
    answer = await visitor.further(feed, page, url)
    if not _is_page(answer.body):
        yield _blank("sitemap" if b"<urlset" in answer.body[:2000] or b"<sitemapindex" in answer.body[:2000] else "feed", url), False
        return
    named = list(_named(answer.body, answer.url))
    for address in named or [urljoin(answer.url.rstrip("/") + "/", place) for place in USUAL]:
        yield _blank("feed", address), not named


def _known(url: str) -> Source | None:
    """Networks and authorities whose pages are no feeds."""
    for pattern, kind, address in _KNOWN:
        if found := pattern.match(url):
            return _blank(kind, found.expand(address))
    return None


def _blank(kind: str, url: str) -> Source:
    return Source(id="proposed", kind=kind, url=url, name=url, purpose=_PURPOSE)


def _is_page(body: bytes) -> bool:
    return b"<html" in body[:2000].lower() or b"<!doctype html" in body[:200].lower()


def _named(body: bytes, url: str) -> Iterable[str]:
    page = Selector(body=body[:2_000_000], type="html")
    for link in page.css("link[rel~=alternate][href]"):
        if link.attrib.get("type", "").lower().strip() in _FEEDS and (address := absolute(link.attrib["href"], url)):
            yield address
    for link in page.css("a[href]"):  # municipalities often only link to theirs
        href = link.attrib["href"].lower()
        if href.endswith((".rss", ".atom", "/rss", "/feed", "/feed/", "rss.xml", "feed.xml", "atom.xml")) and (
            address := absolute(link.attrib["href"], url)
        ):
            yield address


def _proposal(source: Source, parsed: Parsed, taken: set[str]) -> Proposal:
    entries = [_entry(item.body, source.kind) for item in parsed.items]
    name = parsed.title or (urlsplit(source.url).hostname or source.url)
    grade, reason = _grade(name, source)
    made = msgspec.structs.replace(
        source,
        id=short_id(name, source.url, taken),
        name=name,
        reliability=grade,
        interval=_interval([entry.published for entry in entries if entry.published]),
        terms=parsed.rights or _UNKNOWN_TERMS,
        options={"posts": True} if "reddit.com" in source.url else {},
    )
    return Proposal(source=made, reason=reason, entries=tuple(entries[:SHOWN]), total=len(entries), problems=parsed.problems)


def _entry(body: str, kind: str) -> Entry:
    if kind == "polisen":
        fields = msgspec.json.decode(body)
        return Entry(title=plain(fields["name"]), text=plain(fields["summary"]))
    return msgspec.json.decode(body, type=Entry)


def _grade(name: str, source: Source) -> tuple[Reliability, str]:
    """A proposal: only a person knows a source."""
    said = f"{name} {urlsplit(source.url).hostname}".lower()
    if any(word in said for word in _OFFICIAL):
        return Reliability.A, "its name or address is that of an authority"
    if source.kind in {"telegram", "mastodon", "lemmy", "discourse"} or "reddit.com" in said or "youtube.com" in said:
        return Reliability.F, "anybody may write there"
    return Reliability.F, "nothing is known of it: grade it yourself"


def _interval(published: Sequence[datetime]) -> int:
    """A tenth of the usual pause, in whole minutes; a quarter of an hour where that cannot be told."""
    moments = sorted(published)
    pauses = [(after - before).total_seconds() for before, after in pairwise(moments) if after > before]
    if len(pauses) < 3:
        return 900
    return int(min(max(statistics.median(pauses) / 10, _LEAST), _MOST)) // 60 * 60


def short_id(name: str, url: str, taken: set[str]) -> str:
    """Short, of the source's own name, and nobody else's."""
    spelled = name.lower().translate(str.maketrans("åäöéü", "aaoeu"))
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in spelled).split()
    short = "-".join(words)[:40].strip("-") or (urlsplit(url).hostname or "source").removeprefix("www.")
    return next(made for made in (short, *(f"{short[:50]}-{n}" for n in range(2, 100)), fingerprint(url)) if made not in taken)
