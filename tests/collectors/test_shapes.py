"""Answers of interfaces in shapes that nobody documented: each is read, or refused with a reason; none is a fault of the program."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from collectors.failures import Failure
from collectors.items import Fetched, Item, Parsed
from collectors.kinds.jetstream import Reading
from collectors.kinds.mastodon_stream import read as read_stream
from collectors.matching import Filters
from collectors.registry import kinds
from collectors.sandbox import Sandbox
from pipeline.model import Source
from tests.collectors.test_official import SMHI, alert, deviation, situation
from tests.collectors.test_social import status
from tests.collectors.test_streams import gone, post
from tests.collectors.world import PRIVATE, event

TIMES = 5_000 if os.environ.get("TESTS_LONG") else 300
ODD: tuple[Any, ...] = (None, True, 0, -1, 10**30, 1.5, "", "x", "\x00", "å" * 3, "2026-02-30", [], {}, [[]], {"a": {}}, [None])
_LEMMY = {"posts": [{"post": {"id": 1, "name": "x", "published": "2026-03-01T10:00:00Z", "body": "y", "url": "https://x.example/"}}]}
_POSTS = {"latest_posts": [{"id": 1, "cooked": "<p>x</p>", "topic_id": 2, "created_at": "2026-03-01T10:00:00Z", "topic_title": "t"}]}
_TOPICS = {"topic_list": {"topics": [{"id": 1, "title": "x", "slug": "y", "created_at": "2026-03-01T10:00:00Z", "tags": ["a"]}]}}
_KRIS = [
    {
        "Identifier": "1",
        "Headline": "x",
        "Published": "2026-03-01T10:00:00",
        "Area": [{"Type": "County", "Description": "x"}],
        "BodyLinks": [],
    }
]
_TRAFFIC = {"RESPONSE": {"RESULT": [{"Situation": [situation(1, deviation(1))], "INFO": {"LASTCHANGEID": "1"}}]}}
WHOLE: dict[str, list[Any]] = {
    "vma": [{"alerts": [alert(1), alert(2, msgType="Cancel", info=None)]}],
    "krisinformation": [_KRIS],
    "smhi": [SMHI],
    "trafikverket": [_TRAFFIC],
    "mastodon": [[status(1), status(2)]],
    "lemmy": [_LEMMY],
    "discourse": [_POSTS, _TOPICS],
    "polisen": [[event(1), event(2)]],
}


class _Nothing:
    """Beside the answer there is nothing."""

    cursor = ""

    async def get(self, url: str) -> Fetched:
        raise Failure(url)

    def is_new(self, native_id: str, content_hash: str) -> bool:
        return True

    def standing(self) -> tuple[str, ...]:
        return ("1", "SE_1:D_1")


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(inner, (*path, key))


def twisted(value: Any, made: random.Random) -> Any:
    """The answer with something odd in one place, or without it."""
    found = copy.deepcopy(value)
    path = made.choice(list(_places(found)))
    if not path:
        return made.choice(ODD)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    if made.random() < 0.2:
        del inner[path[-1]]
    else:
        inner[path[-1]] = made.choice(ODD)
    return found


@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_no_shape_is_a_fault(kind: str) -> None:
    """Of each kind, with one or two places twisted: only failures that say what is wrong; most of the answers are still read."""
    made = random.Random(kind)
    source = Source(
        id="x", kind=kind, url="https://x.example/", name="x", purpose="tests", options={"tests": True} if kind == "vma" else {}
    )

    async def main() -> Counter[str]:
        ends: Counter[str] = Counter()
        async with Sandbox() as sandbox:
            reader = kinds(sandbox, PRIVATE)[kind]
            for _ in range(TIMES):
                answer = twisted(made.choice(WHOLE[kind]), made)
                if made.random() < 0.3:
                    answer = twisted(answer, made)
                try:
                    parsed = await reader.parse(Fetched(body=json.dumps(answer).encode(), url=source.url, headers={}), source, _Nothing())
                except Failure as failure:
                    ends["refused" if failure.reason else "without a reason"] += 1
                    continue
                _sound(parsed)
                ends["read"] += 1
        return ends

    ends = asyncio.run(main())
    assert not ends["without a reason"]
    assert ends["read"] > TIMES / 4


def _sound(parsed: Parsed) -> None:
    """What would go on the bus is text that can be stored."""
    for item in parsed.items:
        assert isinstance(item, Item)
        assert item.native_id
        item.body.encode()
        if "datetime" not in item.body:
            assert isinstance(json.loads(item.body), dict)


def test_no_event_of_a_stream_is_a_fault() -> None:
    """Twisted events among others: the others are stored."""
    made = random.Random(5)
    wanted = Filters().wanted()
    events = [post(1), post(1, operation="update"), post(1, operation="delete"), gone(1, 2)]
    reading = Reading(wanted, PRIVATE.pseudonym, lambda _: True, 0)
    for number in range(TIMES * 3):
        messages = [json.dumps(twisted(made.choice(events), made)).encode(), json.dumps(post(number + 10)).encode()]
        parsed = reading.read(messages)
        assert parsed is not None
        assert any(item.native_id.endswith(f"/r{number + 10}") for item in parsed.items)
        _sound(parsed)
        update = {"event": "update", "payload": json.dumps(twisted(status(1), made))}
        found = read_stream(
            [json.dumps(twisted(update, made)).encode(), json.dumps(update).encode()], "https://x.example", wanted, lambda _: True
        )
        if found is not None:
            _sound(found)
