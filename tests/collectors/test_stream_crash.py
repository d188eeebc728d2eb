"""A stream's collector that is killed in the middle of whatever it does, over and over."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from contextlib import closing
from pathlib import Path

from collectors.archive import FILE_NAME, Archive
from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.model import RawItem, SourceState, decode
from pipeline.settings import Settings
from tests.collectors.test_streams import Firehose, post, serving

KILLS = 100 if os.environ.get("TESTS_LONG") else 6


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Each post once, each deletion once, the books balance, and the archive holds exactly what was published."""
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        assert rounds <= 10 * KILLS
        kills += _round(tmp_path / str(rounds), KILLS - kills, random.Random(rounds))


def _round(folder: Path, left: int, made: random.Random) -> int:
    """A stream to its end, with at most so many kills on the way; how many there were."""
    folder.mkdir()
    posts = 60 * min(left, 20)
    events = [post(number) for number in range(posts)]
    # every twentieth is deleted ten posts later
    events += [post(number, operation="delete", at=number + 10) for number in range(0, posts, 20)]
    events.sort(key=lambda event: event["time_us"])

    async def main() -> int:
        kills = 0
        async with serving(Firehose(events)) as url:
            while True:
                child = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.collectors.stream_child", str(folder), f"{url}/subscribe", stdout=asyncio.subprocess.PIPE
                )
                assert child.stdout is not None
                done = False
                until = made.randrange(1, 12) if kills < left else 10**9
                for _ in range(until):  # so many publications, then in the middle of what it does
                    async with asyncio.timeout(60):
                        await child.stdout.readline()
                    if done := _is_done(folder, posts):
                        break
                await asyncio.sleep(made.random() * 0.02)
                child.kill()
                await child.wait()
                if done:
                    return kills
                kills += 1

    kills = asyncio.run(main())
    with closing(SqliteBus(folder / "bus.db", topics(Settings()))) as bus, Archive(folder / FILE_NAME, 30) as archive:
        raws = [decode(record.value, RawItem) for record in bus.read("raw")]
        given = [raw.native_id.rpartition("/")[2] for raw in raws if not raw.withdrawn]
        assert sorted(given) == sorted({f"r{number}" for number in range(posts)})
        assert len({raw.native_id for raw in raws if raw.withdrawn}) == sum(raw.withdrawn for raw in raws) == posts // 20
        (state,) = [decode(record.value, SourceState) for record in bus.read("sources")]
        assert state.fetched == len(raws) + state.unchanged
        archive.forget_after("bsky", state.archived)  # as the next start does
        kept = list(archive.read())
        standing = {raw.document for raw in raws} - {raw.document for raw in raws if raw.withdrawn}
        assert [key for one in kept for key in one.published if key in standing] == [
            raw.document for raw in raws if raw.document in standing
        ]
        assert {key for one in kept for key in one.published} == standing
    return kills


def _is_done(folder: Path, posts: int) -> bool:
    """Looked at only now and then: a reader of its own."""
    with closing(SqliteBus(folder / "bus.db", topics(Settings()))) as bus:
        return bus.count("raw") == posts + posts // 20
