from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from collectors.failures import Empty, Malformed
from collectors.items import Fetched, Parsed
from collectors.sandbox import MAX_INPUT, Sandbox
from tests.collectors.world import item, rss


def _parse(*bodies: bytes) -> tuple[list[Parsed | str], int]:
    """What each feed gives, in one sandbox, and how many processes that took."""

    async def main() -> tuple[list[Parsed | str], int]:
        found: list[Parsed | str] = []
        async with Sandbox() as sandbox:
            for body in bodies:
                try:
                    found.append(await sandbox.parse(Fetched(body=body, url="https://example.org/feed", headers={}), "Europe/Stockholm"))
                except (Malformed, Empty) as error:
                    found.append(f"{type(error).__name__}: {error.reason}")
            return found, sandbox.starts

    return asyncio.run(main())


def _size(found: Parsed | str) -> int:
    assert isinstance(found, Parsed), found
    return found.size


def test_200_000_nested_tags_end_in_two_seconds_and_the_next_feed_is_read() -> None:
    """The process is killed by its CPU timer, and another one takes over."""
    hostile = rss(item(1, "<![CDATA[" + "<b>" * 200_000 + "]]>")).replace(b"<![CDATA[", b"").replace(b"]]>", b"")
    begun = time.monotonic()
    (first, second), starts = _parse(hostile, rss(item(1)))
    assert "CPU" in str(first)
    assert time.monotonic() - begun < 30  # two of its processor; other processes may have the rest
    assert (_size(second), starts) == (1, 2)


def test_too_large_a_feed_is_not_parsed() -> None:
    """It never reaches the process."""
    (found,), starts = _parse(b"<rss>" + bytes(MAX_INPUT))
    assert "at most 5,000,000 are parsed" in str(found)
    assert starts == 0


def test_a_feed_of_the_largest_size_stays_within_its_memory() -> None:
    """Either it is read, or the state says what it cost too much of."""
    text = "x" * 100
    (found, after), _ = _parse(rss(*(item(number, text) for number in range(18_000))), rss(item(1)))
    assert isinstance(found, Parsed) or "CPU" in found or "memory" in found
    assert _size(after) == 1


def test_an_entity_bomb_costs_nothing() -> None:
    """Entities that double do not unfold."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    body = (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "lol">{entities}]><rss version="2.0"><channel>{item(1, "&a11;")}</channel></rss>'
    )
    begun = time.monotonic()
    (found, after), _ = _parse(body.encode(), rss(item(1)))
    assert time.monotonic() - begun < 30
    assert not isinstance(found, Parsed) or len(found.items[0].body) < 100_000
    assert _size(after) == 1


def test_no_file_or_address_is_opened_for_a_feed() -> None:
    """An external entity is not read."""
    body = b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel>' + (
        item(1, "&x;").encode() + b"</channel></rss>"
    )
    (found,), _ = _parse(body)
    assert "root:" not in str(found)
    (path,), _ = _parse(b"/etc/passwd")
    assert "Malformed" in str(path)


def test_one_process_serves_many_feeds_fast() -> None:
    """Warm, a small feed costs a few milliseconds."""
    body = rss(*(item(number) for number in range(20)))

    async def main() -> tuple[float, int]:
        async with Sandbox() as sandbox:
            fetched = Fetched(body=body, url="https://example.org/feed", headers={})
            await sandbox.parse(fetched, "Europe/Stockholm")
            begun = time.monotonic()
            for _ in range(50):
                await sandbox.parse(fetched, "Europe/Stockholm")
            return 50 * 20 / (time.monotonic() - begun), sandbox.starts

    rate, starts = asyncio.run(main())
    assert starts == 1
    assert rate > 100  # entries a second; about 5,000 on an idle machine, 40 if each feed started a process


def test_modules_of_the_current_directory_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can write where the program is started does not choose what parses."""
    for name in ("feedparser.py", "collectors.py"):
        (tmp_path / name).write_text("raise SystemExit(3)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (found,), _ = _parse(rss(item(1)))
    assert _size(found) == 1


def test_a_cancelled_call_does_not_answer_the_next() -> None:
    """Its process is given up, so answers cannot get out of step."""

    async def main() -> str:
        async with Sandbox() as sandbox:
            await sandbox.parse(Fetched(body=rss(item(1)), url="https://example.org/", headers={}), "Europe/Stockholm")
            slow = rss(*(item(number) for number in range(3000)))
            task = asyncio.create_task(sandbox.parse(Fetched(body=slow, url="https://example.org/", headers={}), "Europe/Stockholm"))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            parsed = await sandbox.parse(Fetched(body=rss(item(7)), url="https://example.org/", headers={}), "Europe/Stockholm")
            return parsed.items[0].native_id

    assert asyncio.run(main()) == "n7"
