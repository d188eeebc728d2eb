"""Stories at the size of a large installation: a mixed stream, how fast it is put into stories, how large they grow, what they take."""

from __future__ import annotations

import gzip
import hashlib
import heapq
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

from enrich.stories.near import NearDuplicates
from enrich.stories.stories import WINDOW, Stories
from enrich.stories.story import Told
from enrich.stories.text import words_of
from tests.bench.texts import DATA

START = datetime(2026, 3, 1, tzinfo=UTC)
#: Of the words that at most this share of a kind's documents have, when the kind comes again, this many of four are renamed, other ones
#: each time: it tells of other things in words that are partly the same.
_COMMON, _RENAMED = 0.1, 3
_WORD = re.compile(r"[^\W\d_]{3,}")


def mixed(count: int, data: Path = DATA, window: timedelta = WINDOW) -> Iterator[Told]:
    """A stream of news, headlines, posts and notices that all lie in one window, the kinds mixed throughout.

    A quarter each where there is enough; a kind that is used up begins again with other names.
    """
    share = -(-count // len(_KINDS))
    streams = [_spread(order, _again(read(data), share), share) for order, read in enumerate(_KINDS)]
    step = (window - timedelta(hours=1)) / count
    for number, (_, order, (title, text)) in zip(range(count), heapq.merge(*streams), strict=False):
        yield Told(id=str(number), title=title, text=text, published=START + number * step, source=f"{order}.{number % 37}")


def _spread(order: int, texts: Iterator[tuple[str, str]], count: int) -> Iterator[tuple[float, int, tuple[str, str]]]:
    return ((place / count, order, text) for place, text in enumerate(texts))


def _again(texts: list[tuple[str, str]], count: int) -> Iterator[tuple[str, str]]:
    having = Counter(word for title, text in texts for word in set(_WORD.findall(f"{title} {text}".casefold())))
    common = {word for word, many in having.items() if many > _COMMON * len(texts)}
    for number in range(count):
        again, place = divmod(number, len(texts))
        title, text = texts[place]
        yield (_renamed(title, again, common), _renamed(text, again, common)) if again else (title, text)


def _renamed(text: str, again: int, common: set[str]) -> str:
    def name(match: re.Match[str]) -> str:
        word = match[0].casefold()
        return match[0] if word in common or crc32(f"{word}{again}".encode()) % 4 >= _RENAMED else f"{match[0]}{again}"

    return _WORD.sub(name, text)


def _rows(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _news(data: Path) -> list[tuple[str, str]]:
    return [(row["title"], "") for row in sorted(_rows(data / "clustering/uci_news_stories.jsonl.gz"), key=_shuffled)]


def _shuffled(row: dict) -> bytes:
    return hashlib.sha256(str(row["id"]).encode()).digest()


def _headlines(data: Path) -> list[tuple[str, str]]:
    return [(row["title"], row["description"] or "") for row in _rows(data / "feeds/sv_news/headlines_2025-09.jsonl.gz")]


def _posts(data: Path) -> list[tuple[str, str]]:
    rows = _rows(data / "clustering/crisislex_t26.jsonl.gz")
    return [("", row["text"]) for row in sorted(rows, key=lambda row: row["published"])]


def _notices(data: Path) -> list[tuple[str, str]]:
    return [(row["name"], "\n".join(filter(None, (row["summary"], row["body"])))) for row in _rows(data / "polisen/events.jsonl.gz")]


_KINDS = (_news, _headlines, _posts, _notices)


def near(stream: list[Told]) -> dict[str, float]:
    """Texts a CPU second through near-duplicates alone."""
    began = time.process_time()
    found = NearDuplicates(int(WINDOW.total_seconds()))
    for number, told in enumerate(stream, 1):
        found.add(number, words_of(told.title), words_of(told.text), int(told.published.timestamp()))
    return {"docs/s": len(stream) / (time.process_time() - began)}


def stories(stream: list[Told]) -> dict[str, float]:
    """Documents a CPU second, documents of the largest story, and bytes a document of what is remembered."""
    before = _resident()
    made = Stories()
    began = time.process_time()
    for told in stream:
        made.put(told, told.published)
    seconds = time.process_time() - began
    sizes = Counter(made.story_of(told.id) for told in stream)
    return {
        "docs/s": len(stream) / seconds,
        "largest": max(sizes.values()),
        "stories": len(sizes),
        "bytes/doc": (_resident() - before) / len(made),
    }


def _resident() -> int:
    """Bytes of the process now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
