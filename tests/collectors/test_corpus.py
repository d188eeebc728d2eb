"""Feeds of every sort, whole and broken, through the real sandbox: half of feedparser's own corpus, and mutations of it."""

from __future__ import annotations

import asyncio
import os
import random
import tarfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from collectors.failures import Empty, Malformed
from collectors.items import Fetched
from collectors.kinds.feed_parser import parse_feed
from collectors.sandbox import MEMORY, PROCESSES, Sandbox

LONG = bool(os.environ.get("TESTS_LONG"))
MUTATIONS = 10_000 if LONG else 600


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> list[tuple[str, bytes]]:
    """Names and contents."""
    folder = shared_data / "feeds/rss_atom"
    with tarfile.open(folder / "feedparser_corpus.tar.xz") as packed:
        members = [(member.name, packed.extractfile(member)) for member in packed if member.isfile()]
        files = [(name, file.read()) for name, file in members if file is not None]
    others = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir()) if path.suffix != ".xz"]
    return files + others


def _outcomes(bodies: Iterable[bytes]) -> tuple[Counter[str], int]:
    """How each ended, in one sandbox, and how many processes that took: each more than one was killed or died."""

    async def main() -> tuple[Counter[str], int]:
        found: Counter[str] = Counter()
        async with Sandbox() as sandbox:
            for body in bodies:
                try:
                    parsed = await sandbox.parse(Fetched(body=body, url="https://example.org/feed", headers={}), "Europe/Stockholm")
                    found["read"] += 1
                    assert all(len(item.native_id) and item.body for item in parsed.items)
                except Empty:
                    found["empty"] += 1
                except Malformed as failure:
                    found[
                        "killed" if "CPU" in failure.reason or "died" in failure.reason or "memory" in failure.reason else "malformed"
                    ] += 1
            return found, sandbox.starts

    return asyncio.run(main())


def test_the_whole_corpus_is_read_or_refused(corpus: list[tuple[str, bytes]]) -> None:
    """No file costs two seconds or 256 MB, none ends the process; of the well-formed nearly all are read."""
    found, starts = _outcomes(body for name, body in corpus if "/" in name)
    assert starts == 1
    assert not found["killed"]
    assert found.total() > 1_000
    assert found["malformed"] <= 4  # CDF, which is no feed any more
    assert found["read"] >= 270  # three of four files of the corpus have no entry with title, text or link


def mutated(files: list[tuple[str, bytes]], number: int) -> Iterator[bytes]:
    """Bytes flipped, cut out, doubled and exchanged for those of another file; elements repeated; ends cut off."""
    made = random.Random(42)
    for _ in range(number):
        body = bytearray(made.choice(files)[1])
        for _ in range(made.choice((1, 1, 2, 8))):
            at, end = sorted((made.randrange(len(body) + 1), made.randrange(len(body) + 1)))
            match made.randrange(6):
                case 0 if body:
                    body[made.randrange(len(body))] = made.randrange(256)
                case 1:
                    del body[at : min(end, at + 200)]
                case 2:
                    body[at:at] = body[at : min(end, at + 2_000)] * made.choice((2, 50))
                case 3:
                    other = made.choice(files)[1]
                    body[at:end] = other[: made.randrange(len(other) + 1)]
                case 4:
                    del body[end:]
                case _:
                    body[at:at] = made.choice(
                        (b"<", b"]]>", b"\x00", b"<![CDATA[", b"&#x110000;", b"&a;", b"<b>" * 500, b'"', b"\xff\xfe", b"<!--")
                    )
            body = body[:400_000]
        yield bytes(body)


def test_no_mutation_ends_the_process(corpus: list[tuple[str, bytes]]) -> None:
    """Whatever is done to a feed, it is read, refused, or costs too much and is stopped: never a crash, and what comes after is read."""
    found, starts = _outcomes(mutated(corpus, MUTATIONS))
    assert found.total() == MUTATIONS
    assert starts == 1 + found["killed"]
    assert found["killed"] <= MUTATIONS / 1_000
    assert MEMORY == 256_000_000


def test_150_feeds_a_second(shared_data: Path) -> None:
    """Nine real feeds of 2 to 20 entries: what the parsers of a collecting process read together, each on a core of its own.

    In CPU time of one of them, the best of three rounds: other processes may have the rest of the machine.
    """
    folder = shared_data / "feeds"
    names = (
        "rss_atom/miniflux__small_atom.xml",
        "rss_atom/lemon24__full.atom",
        "rss_atom/huginn__podcast.rss",
        "youtube/huginn__youtube.xml",
        "rss_atom/taranis-ai__test_rss_feed.xml",
        "rss_atom/adbar__feed1.atom",
        "rss_atom/lemon24__full.rss",
        "rss_atom/huginn__cdata_rss.atom",
        "rss_atom/miniflux__no_encoding_ISO-8859-1.xml",
    )
    bodies = [(folder / name).read_bytes() for name in names]
    rates = []
    for _ in range(3):
        began = time.process_time()
        for body in bodies * 2:
            parse_feed(body, "https://example.org/feed", {}, "Europe/Stockholm")
        rates.append(2 * len(bodies) / (time.process_time() - began))
    assert PROCESSES * max(rates) > 150
