"""Everything after collecting made again from the archive, in another data directory: byte for byte the same documents.

What has left the archive since, by its time or because its source took it back, is not in the new directory; tombstones are.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from msgspec.structs import replace

from collectors.archive import FILE_NAME, Archive
from collectors.failures import Failure
from collectors.items import Kind, Stream
from collectors.people import Private
from collectors.registry import kinds, streams
from collectors.rereading import raw_items
from collectors.sandbox import Sandbox
from enrich.learned.file import FILE_NAME as LEARNED
from pipeline import app, erase
from pipeline.errors import UsageError
from pipeline.live import running
from pipeline.model import ItemState, RawItem, SourceState, decode, encode
from pipeline.night import look_again
from pipeline.ports import Bus, Delivered, Record
from pipeline.settings import Settings

_log = structlog.get_logger(__name__)


async def rebuild(settings: Settings, target: Path, tell: Callable[[int, int], None]) -> tuple[int, int]:
    """Read the archive of ``settings`` again and run all stages after collecting on it, in the directory ``target``.

    Returns the number of records, and of answers that could not be read any more, which the log explains.

    :param tell: is told how many answers of how many are read.
    :raises UsageError: if there is no archive, or something is in the directory.
    """
    made = _checked(settings, target)
    stages = tuple(stage for stage in app.stages(settings) if stage != "collect")
    old = app.open_bus(settings)
    try:
        with Archive(settings.data_dir / FILE_NAME, settings.keep.answers or 1) as archive, running(made, stages) as live:
            lost = await _play(archive, live.bus, settings, live.ready, tell)
            records = live.bus.count("raw")
            _carry_over(old, live.bus)
            await live.drained()
            live.check()
            last = max((record.timestamp for record in live.bus.read("raw")), default=None)
            if "spread" in stages and last is not None:
                await look_again(made, live.bus, last)
                await live.drained()
    finally:
        old.close()
    return records, lost


def _checked(settings: Settings, target: Path) -> Settings:
    """The settings of the new directory, with what was learned in the old one."""
    source = settings.data_dir / FILE_NAME
    made = settings.model_copy(update={"data_dir": target})
    if not source.exists():
        raise UsageError(f"{source}: there is no archive; `fjaril run` makes one unless keep.answers is 0")
    if made.bus_path == settings.bus_path or not settings.bus.startswith("sqlite:") or settings.index.startswith("http"):
        raise UsageError(
            "bus and index must lie in the data directory: rebuild without the settings bus and index, then move what was made"
        )
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target}: something is in there; name a directory that is empty or not there")
    target.mkdir(parents=True, exist_ok=True)
    if settings.cache.is_dir():
        shutil.copytree(settings.cache, made.cache)
    if (learned := settings.data_dir / LEARNED).exists():
        shutil.copyfile(learned, target / LEARNED)
    return made


async def _play(
    archive: Archive, bus: Bus, settings: Settings, ready: Callable[[], Awaitable[None]], tell: Callable[[int, int], None]
) -> int:
    """Publish what was published, in the same order."""
    lost, total = 0, archive.count()
    async with Sandbox() as sandbox:
        asked = kinds(sandbox, Private())
        known: dict[str, Kind | Stream] = {**asked, **streams(settings.http)}
        for number, archived in enumerate(archive.read(), 1):
            await ready()
            try:
                raws = [raw async for raw in raw_items(archived, asked, known[archived.source.kind].format)]
            except Failure as failure:
                _log.warning("archived_answer_not_read", source=archived.source.id, at=archived.at.isoformat(), reason=failure.reason)
                lost += 1
                continue
            bus.publish([_record(raw) for raw in raws])
            tell(number, total)
    return lost


def _record(raw: RawItem) -> Record:
    return Record(topic="raw", key=raw.document, value=encode(raw), timestamp=raw.fetched, shard=raw.source)


def _carry_over(old: Bus, new: Bus) -> None:
    """What the collector knows, so that it can go on there; sources count what the new directory holds."""
    published: dict[str, int] = {}
    for record in new.read("raw"):
        raw = decode(record.value, RawItem)
        published[raw.source] = published.get(raw.source, 0) + 1
    new.publish([_same(record, record.value) for record in old.read("items") if record.value])
    states = ((record, decode(record.value, SourceState)) for record in old.read("sources") if record.value)
    # the new directory's archive begins anew
    counted = ((record, replace(state, fetched=published.get(state.source, 0), unchanged=0, archived=0)) for record, state in states)
    new.publish([_same(record, encode(state)) for record, state in counted])
    items = {record.key: decode(record.value, ItemState) for record in new.read("items") if record.value}
    for key, one in erase.erased(old).items():  # what was erased stays so
        if key in items:
            new.publish(list(erase.withdrawal(key, items[key], one.purpose, one.at)))
    new.publish([_same(record, record.value) for record in old.read("receipts")])


def _same(record: Delivered, value: bytes) -> Record:
    return Record(topic=record.topic, key=record.key, value=value, timestamp=record.timestamp)
