"""Stories at the size of a large installation: a mixed stream, how fast it is put into stories, how large they grow, what they take."""

from __future__ import annotations

import gc
import gzip
import hashlib
import heapq
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
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
#: Documents that are made before the clock runs.
_PART = 5_000
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


def near(count: int) -> dict[str, float]:
    """Texts a CPU second through near-duplicates alone, the window never full."""
    found, seconds = NearDuplicates(int(WINDOW.total_seconds())), 0.0
    for first, part in _parts(count):
        began = time.process_time()
        for number, told in enumerate(part, first):
            found.add(number, words_of(told.title), words_of(told.text), int(told.published.timestamp()))
        seconds += time.process_time() - began
    return {"docs/s": count / seconds}


def stories(count: int) -> dict[str, float]:
    """Documents a CPU second, those of the largest story, and bytes that a document takes, its id and the library's share included."""
    made, sizes, seconds = Stories(), Counter[str](), 0.0
    before = _resident()
    for _, part in _parts(count):
        began = time.process_time()
        for told in part:
            made.put(told, told.published)
        seconds += time.process_time() - began
        made.changes()
    used = _resident() - before
    sizes.update(made.story_of(str(number)) for number in range(count))
    return {"docs/s": count / seconds, "largest": max(sizes.values()), "bytes/doc": used / len(made)}


def _parts(count: int) -> Iterator[tuple[int, list[Told]]]:
    """The mixed stream, some thousand documents at a time, each with the number of its first."""
    gc.set_threshold(50_000, 20, 20)  # as in the pipeline: pipeline.live
    stream = mixed(count)
    for first in range(1, count + 1, _PART):
        yield first, list(islice(stream, _PART))


def _resident() -> int:
    """Bytes of the process now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
