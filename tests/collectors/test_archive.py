"""The archive: what was collected can be made again from it, and what is withdrawn is in none of its files."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from collectors.archive import FILE_NAME, Archive
from collectors.collect import Collector
from collectors.engine import Engine, run
from collectors.items import Item, Parsed
from pipeline import app, erase
from pipeline.doctor import examine
from pipeline.errors import BusError, FjarilError, UsageError
from pipeline.live import running
from pipeline.model import Document, ItemState, RawItem, Source, SourceState, decode
from pipeline.ports import Bus
from pipeline.rebuild import rebuild
from pipeline.settings import Settings
from pipeline.sqlite import connect
from tests.collectors.conftest import CACHE
from tests.collectors.server import Reply, Server
from tests.collectors.test_pages import ARTICLE
from tests.collectors.test_social import TAG, status, timeline
from tests.collectors.world import PRIVATE, START, OwnBus, World, event, events, http, item, rss, world


@pytest.fixture(autouse=True)
def _gazetteer(tmp_path: Path, gazetteer: object) -> None:
    """Not built for each test."""
    shutil.copytree(CACHE, tmp_path / "old/cache")


def settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, analysis={"spread": False})


def documents(bus: Bus) -> list[tuple[str, bytes]]:
    return [(record.key, record.value) for record in bus.read("documents")]


async def _collect(chosen: Settings, server: Server, clock: object) -> None:
    """A fortnight of four sources: edits, articles' pages, further pages of a timeline, deletions."""
    with app.archive(chosen) as archive, running(chosen, app.stages(chosen)) as live:
        async with Engine(http(), clock) as engine, Collector(engine, live.bus, clock, PRIVATE, archive) as collector:

            def source(kind: str, path: str, **changes: object) -> Source:
                return Source(
                    **{"id": kind, "kind": kind, "url": server.url(path), "name": "T", "purpose": "tests", "area": "1488"} | changes
                )

            sources = [
                source("polisen", "/api"),
                source("feed", "/feed", reliability="B", options={"article": True}),
                source("mastodon", TAG, options={"languages": ["sv"]}),
                source("vma", "/vma"),
            ]
            server.routes["/nyhet/1"] = server.routes["/nyhet/7"] = Reply(200, ARTICLE)
            for step in range(8):
                records = [event(number, summary=f"Bil {number} i kollision, läge {step // 3}") for number in range(step, step + 5)]
                server.routes["/api"] = Reply(200, events(*records))
                feed = rss(item(step), item(1, f"Läge {step // 4}", pubDate="den 1 mars 2026 kl. 10.00"))
                server.routes["/feed"] = Reply(200, feed.replace(b"https://example.org/", server.url("/").encode()))
                shown = [status(number, f"Brand nummer {number}") for number in range(2 * step + 3, step, -1) if number != 4 or step < 2]
                link = {"Link": f'<{server.url("/older")}>; rel="next"'}
                server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(*shown), link)
                server.routes["/older"] = Reply(200, timeline(status(1, "Brand nummer 1")))
                server.routes["/vma"] = Reply(200, json.dumps({"alerts": []}).encode())
                for one in sources:
                    await collector.collect(one)
                clock.advance_to(START + timedelta(hours=6 * step))  # type: ignore[attr-defined]
            stream = Source(id="bsky", kind="jetstream", url="wss://x.example/subscribe", name="T", purpose="tests")
            posts = tuple(
                Item(f"p{n}", json.dumps({"title": "", "text": f"Rök över stan {n}"}), str(n), f"author{n % 2}") for n in range(4)
            )
            await collector.take(stream, Parsed(items=posts, cursor="5"))
            await collector.take(stream, Parsed(withdrawn_authors=("author1",), cursor="6"))
        await live.drained()


def test_the_same_documents_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    """Everything that is not withdrawn, and every tombstone; the books balance, and the collector can go on there."""
    from pipeline.clock import VirtualClock

    chosen, target = settings(tmp_path / "old"), tmp_path / "new"

    async def main() -> tuple[int, int]:
        async with Server() as server:
            await _collect(chosen, server, VirtualClock(START))
        # no server is asked: what was answered is in the archive
        return await rebuild(chosen, target, lambda _done, _total: None)

    records, lost = run(main())
    assert lost == 0
    with (
        closing(app.open_bus(chosen)) as old,
        closing(app.open_bus(settings(target))) as new,
        closing(app.open_index(settings(target))) as index,
    ):
        before, after = documents(old), documents(new)
        standing = [(key, value) for key, value in before if value and not decode(value, Document).withdrawn]
        gone = {key for key, value in before if value and decode(value, Document).withdrawn}
        assert len(gone) == 3
        assert [pair for pair in after if not decode(pair[1], Document).withdrawn] == [pair for pair in standing if pair[0] not in gone]
        tombstones = {value for key, value in before if key in gone and value and decode(value, Document).withdrawn}
        assert {value for _, value in after if decode(value, Document).withdrawn} == tombstones
        assert any("Stycke 7" in decode(value, Document).text for _, value in after)
        assert records == len(after)
        report = examine(new, index)
        assert not report.problems
        cursors = {state.source: state.cursor for state in (decode(record.value, SourceState) for record in new.read("sources"))}
        assert cursors["bsky"] == "6"
        assert {record.key for record in new.read("items")} == {record.key for record in old.read("items")}


def test_what_was_erased_on_request_is_not_made_again(tmp_path: Path) -> None:
    """Its words leave the archive, the other items of its answers stay; in the new directory it is erased, too."""
    from pipeline.clock import VirtualClock

    chosen, target = settings(tmp_path / "old"), tmp_path / "new"

    async def first() -> None:
        async with Server() as server:
            await _collect(chosen, server, VirtualClock(START))

    run(first())
    with closing(app.open_bus(chosen)) as bus:
        gone = next(raw for raw in (decode(record.value, RawItem) for record in bus.read("raw")) if raw.native_id == "n1")
        items = {record.key: decode(record.value, ItemState) for record in bus.read("items") if record.key == gone.document}
        erase.request(bus, items, erase.Receipt(at=START + timedelta(days=20), who="prov", purpose="prova"))
    assert app.forget_answers(chosen, {gone.document: gone.source}) > 1
    assert app.forget_answers(chosen, {gone.document: gone.source}) == 0
    with app.archive(chosen) as archive:
        assert archive is not None
        assert "Stycke 7" not in repr([one for one in archive.read() if gone.document in repr(one)])
    assert run(rebuild(chosen, target, lambda _done, _total: None))[1] == 0
    made = settings(target)
    with closing(app.open_bus(made)) as bus, closing(app.open_index(made)) as index:
        document = index.get(gone.document)
        assert document is not None
        assert document.withdrawn
        assert len({record.key for record in bus.read("raw")}) > 20
        assert not examine(bus, index).problems


def test_a_full_directory_or_none_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten; without an archive the text says what makes one."""
    with pytest.raises(UsageError, match="there is no archive"):
        run(rebuild(settings(tmp_path / "none"), tmp_path / "new", lambda _done, _total: None))
    Archive(tmp_path / FILE_NAME, 30).close()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(UsageError, match="something is in there"):
        run(rebuild(settings(tmp_path), tmp_path / "full", lambda _done, _total: None))


def _in_files(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _with_archive(tmp_path: Path, main: object, days: int = 30) -> Archive:
    async def wrapped() -> None:
        async with world(archive=archive) as w:
            await main(w)  # type: ignore[operator]

    archive = Archive(tmp_path / FILE_NAME, days)
    run(wrapped())
    return archive


def test_only_what_published_something_is_kept_compressed(tmp_path: Path) -> None:
    """An answer with nothing new is not; two hundred events take a tenth of their size."""
    sizes: list[int] = []

    async def main(w: World) -> None:
        body = events(*(event(number) for number in range(200)))
        sizes.append(len(body))
        for answer in (body, body, body.replace(b"nummer 7.", b"nummer sju."), b"[]"):
            w.server.routes["/api"] = Reply(200, answer)
            await w.collector.collect(w.source("polisen", "/api"))

    with _with_archive(tmp_path, main) as archive:
        assert archive.count() == 2
        first, second = archive.read()
        assert (len(first.published), len(second.published)) == (200, 1)
        assert len(archive._packed(first)) < sizes[0] / 10 + 200 * 20  # beside the bodies the ids of what was published, which are random


def test_withdrawn_text_is_in_no_file(tmp_path: Path) -> None:
    """Neither where it was published, nor in answers that only held it; not compressed either, and the others of those are kept."""
    word = "ett ord som ska bort"

    async def main(w: World) -> None:
        stones = '<at:deleted-entry xmlns:at="http://purl.org/atompub/tombstones/1.0" ref="urn:a1" when="2026-03-02T00:00:00Z"/>'

        def feed(*entries: tuple[str, str], extra: str = "") -> bytes:
            made = "".join(f"<entry><id>{name}</id><title>{name}</title><summary>{text}</summary></entry>" for name, text in entries)
            return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>{extra}{made}</feed>'.encode()

        for body in (
            feed(("urn:a1", word), ("urn:a2", "kvar")),
            feed(("urn:a1", word), ("urn:a2", "kvar"), ("urn:a3", "också kvar")),
            feed(("urn:a2", "kvar"), ("urn:a3", "också kvar"), extra=stones),
        ):
            w.server.routes["/atom"] = Reply(200, body)
            await w.collector.collect(w.source(path="/atom"))

    with _with_archive(tmp_path, main) as archive:
        kept = list(archive.read())
        text = repr(kept)
        assert word not in text
        assert [(len(one.published), len(one.withdrawn), len(one.answers)) for one in kept] == [(1, 0, 0), (1, 0, 0), (0, 1, 1)]
        assert "kvar" in text
        packed = [bytes(data) for (data,) in archive._db.execute("SELECT data FROM answers")]
    assert not _in_files(tmp_path, word)
    assert all(_in_files_raw(tmp_path, data) for data in packed)


def _in_files_raw(folder: Path, data: bytes) -> bool:
    return any(data[:40] in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_was_replaced_leaves_the_file(tmp_path: Path) -> None:
    """The compressed bytes of an answer that gave way are in no file after the archive is closed."""

    async def main(w: World) -> None:
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(*(status(n, hashlib.sha256(b"%d" % n).hexdigest()) for n in range(1, 60))))
        await w.collector.collect(w.source("mastodon", TAG))

    archive = _with_archive(tmp_path, main)
    ((number, data),) = archive._db.execute("SELECT number, data FROM answers")
    (kept,) = archive.read()
    archive.replace(int(number), replace(kept, answers=(), items=()))
    archive.close()
    whole = (tmp_path / FILE_NAME).read_bytes()
    assert not [at for at in range(0, len(data) - 32, 32) if data[at : at + 32] in whole]


def test_what_was_replaced_leaves_the_file_later_where_it_could_not_at_once(tmp_path: Path) -> None:
    """Somebody reads here, or another process writes, as the file is to be written anew: the error is ours, and the next process does it."""

    async def main(w: World) -> None:
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(*(status(n, hashlib.sha256(b"%d" % n).hexdigest()) for n in range(1, 60))))
        await w.collector.collect(w.source("mastodon", TAG))

    archive, path = _with_archive(tmp_path, main), tmp_path / FILE_NAME
    ((number, data),) = archive._db.execute("SELECT number, data FROM answers")
    (kept,) = archive.read()
    archive.replace(int(number), replace(kept, answers=(), items=()))
    archive.add(replace(kept, answers=(), items=()), [])
    reading = archive.read()
    next(reading)
    with pytest.raises(FjarilError, match="statements in progress"):
        archive.expire(START)
    reading.close()
    assert list(archive._db.execute("SELECT 1 FROM unpurged"))
    archive._db.set_busy_timeout(0)
    with closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(FjarilError, match=re.escape(str(path))):
            archive.expire(START)
        with pytest.raises(FjarilError, match="locked"):
            archive.close()
        other.execute("ROLLBACK")
    with Archive(path, 30) as later:
        assert list(later._db.execute("SELECT 1 FROM unpurged"))
        later.expire(START)
        assert not list(later._db.execute("SELECT 1 FROM unpurged"))
    whole = path.read_bytes()
    assert not [at for at in range(0, len(data) - 32, 32) if data[at : at + 32] in whole]


def test_what_is_forgotten_is_found_among_many(tmp_path: Path) -> None:
    """Of thousands of documents, nearly all unknown here, the answers of those that are known give way; others have their turn meanwhile."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(200, rss(item(1), item(2), item(3)))
        await w.collector.collect(w.source())
        (before,) = archive.read()
        first, _, last = before.published
        strangers = [hashlib.sha256(b"%d" % number).hexdigest()[:32] for number in range(2_500)]
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        assert await w.collector.forget(dict.fromkeys(strangers, "s")) == 0
        assert turns >= 2
        task.cancel()
        assert archive.held([*strangers, first]) == [first]
        assert await w.collector.forget(dict.fromkeys([first, *strangers, last], before.source.id)) == 2
        assert [len(one.published) for one in archive.read()] == [1]

    archive = Archive(tmp_path / FILE_NAME, 30)

    async def wrapped() -> None:
        async with world(archive=archive) as w:
            await main(w)

    with archive:
        run(wrapped())


def test_a_full_disk_is_an_error_of_ours(tmp_path: Path) -> None:
    """What cannot be written is said with the file's name, what was there stays, and it goes on once there is room."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(200, rss(item(1)))
        await w.collector.collect(w.source())

    with _with_archive(tmp_path, main) as archive:
        (kept,) = archive.read()
        more = replace(kept, items=(Item("x", random.Random(1).randbytes(200_000).hex(), "x"),))
        archive._db.pragma("max_page_count", archive._db.pragma("page_count") + 1)
        with pytest.raises(FjarilError, match="full"):
            archive.add(more, ["f" * 32])
        assert list(archive.read()) == [kept]
        archive._db.pragma("max_page_count", 1_000_000)
        archive.add(more, ["f" * 32])
        assert list(archive.read()) == [kept, more]


def test_answers_expire_by_their_source(tmp_path: Path) -> None:
    """After its own retention, or the settings' if that is shorter."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(200, rss(item(1)))
        for number, days in enumerate((2, 10, 300)):
            await w.collector.collect(w.source(id=f"s{number}", retention_days=days))

    with _with_archive(tmp_path, main, days=20) as archive:
        removed = [archive.expire(START + timedelta(days=days, seconds=1)) for days in (1, 2, 10, 20)]
        assert removed == [0, 1, 1, 1]
        assert not list(archive._db.execute("SELECT * FROM holds"))


def test_what_was_never_published_is_forgotten_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between archive and bus: the answer comes again, and counts once."""
    archive = Archive(tmp_path / FILE_NAME, 30)
    server = Server()

    async def main(bus: OwnBus) -> None:
        server.routes["/feed"] = Reply(200, rss(item(1)))
        async with world(bus, server, archive) as w:
            await w.collector.collect(w.source())
            server.routes["/feed"] = Reply(200, rss(item(1), item(2)))
            with monkeypatch.context() as patched:
                patched.setattr(w.bus, "publish", _fail)
                patched.setattr(archive, "forget_after", lambda *_: None)  # it was killed
                with pytest.raises(BusError):
                    await w.collector.collect(w.source())
            assert archive.count() == 2
            async with world(bus, Server(), archive) as again:
                assert archive.count() == 1
                await again.collector.collect(w.source())
            assert archive.count() == 2

    with closing(OwnBus()) as bus:
        run(main(bus))
        assert [len(one.published) for one in archive.read()] == [1, 1]
        assert len(bus.raw()) == 2
    archive.close()


def test_what_was_never_published_is_forgotten_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without a restart: the next visit archives it anew."""

    async def main(w: World) -> None:
        w.server.routes["/feed"] = Reply(200, rss(item(1)))
        with monkeypatch.context() as patched:
            patched.setattr(w.bus, "publish", _fail)
            with pytest.raises(BusError):
                await w.collector.collect(w.source())
        await w.collector.collect(w.source())

    with _with_archive(tmp_path, main) as archive:
        assert archive.count() == 1


def test_answers_that_name_people_are_not_kept(tmp_path: Path) -> None:
    """What was made of them stands for them; of the police's pages the line that names the writer is left out."""
    page = "<div class='text-body editorial-html'><p>En bil körde av vägen.</p><p>Text av Påhittad Person</p></div>"

    async def main(w: World) -> None:
        w.server.routes |= {
            f"{TAG}?limit=40": Reply(200, timeline(status(1), status(2))),
            "/r/x.rss": Reply(200, rss(item(1, "av /u/pahittad", author="pahittad"))),
            "/api/events": Reply(200, events(event(1))),
            "/aktuellt/handelser/2026/mars/1/1": Reply(200, page.encode()),
        }
        await w.collector.collect(w.source("mastodon", TAG))
        await w.collector.collect(w.source(path="/r/x.rss", options={"posts": True}))
        await w.collector.collect(w.source("polisen", "/api/events", options={"details": True}))

    with _with_archive(tmp_path, main) as archive:
        kept = list(archive.read())
        assert [(len(one.answers), len(one.published)) for one in kept] == [(0, 2), (0, 1), (2, 1)]
        for name in ("pahittad", "Påhittad Person"):
            assert name not in repr(kept)
            assert name.encode() not in b"".join(answer.body for one in kept for answer in one.answers)


def _fail(_records: object) -> None:
    raise BusError("disk full")


def test_two_sources_at_once_share_the_archive(tmp_path: Path) -> None:
    """Each answer is there once, in the order in which it was published."""

    async def main(w: World) -> None:
        w.server.routes |= {f"/{n}": Reply(200, rss(item(n))) for n in range(12)}
        await asyncio.gather(*(w.collector.collect(w.source(path=f"/{n}", id=f"s{n}")) for n in range(12)))
        assert [raw.document for raw in w.bus.raw()] == [key for one in archive.read() for key in one.published]

    archive = Archive(tmp_path / FILE_NAME, 30)

    async def wrapped() -> None:
        async with world(archive=archive) as w:
            await main(w)

    run(wrapped())
    archive.close()
