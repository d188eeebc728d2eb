"""What the index on Elasticsearch is beyond the contract: months, errors, retries, templates. Against the real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from elasticsearch import Elasticsearch

import pipeline.index.elastic.writer
from index_config import templates
from pipeline.errors import SearchIndexError
from pipeline.index.elastic.connection import Address, Connection, supported
from pipeline.index.elastic.entry import Entry, Revised
from pipeline.index.elastic.index import ElasticIndex
from pipeline.index.elastic.setup import install
from pipeline.ports import Filters, Index, Search, Written
from pipeline.settings import Elastic
from tests.contract.index_adapters import PREFIX, open_elastic
from tests.contract.test_index import NOON, document, fill, ids, place, tombstone
from tests.real_servers import servers

MAY, JUNE, JULY = (datetime(2024, month, 10, tzinfo=UTC) for month in (5, 6, 7))


@pytest.fixture
def index(tmp_path) -> Iterator[Index]:
    opened = open_elastic(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def server() -> Iterator[Elasticsearch]:
    with Elasticsearch(servers().elasticsearch) as client:
        yield client


def months(server: Elasticsearch) -> set[str]:
    return {name.removeprefix(f"{PREFIX}-documents-") for name in server.indices.get_alias(index=f"{PREFIX}-documents-*")}


# --- months ------------------------------------------------------------------------------------------------------------


def test_documents_stand_in_their_month_behind_one_alias(index, server):
    """By their time of publication; the alias finds all of them."""
    fill(index, document("a", published=MAY), document("b", published=JUNE))
    assert months(server) == {"2024.05", "2024.06"}
    assert server.count(index=f"{PREFIX}-documents")["count"] == 2


def test_a_document_that_moves_to_another_month_is_found_once(index):
    """Whatever comes in whatever order: an edit moves it, an older revision does not bring it back, a withdrawal finds it."""
    fill(index, document("a", published=MAY))
    assert index.upsert([document("a", revision=2, published=JUNE)]) == Written(updated=1)
    assert index.upsert([document("a", published=MAY)]) == Written(stale=1)
    index.flush()
    assert (ids(index), index.get("a").revision) == (["a"], 2)
    fill(index, tombstone("a", 3))
    assert (ids(index), index.count(), index.get("a").withdrawn) == ([], 0, True)


def test_a_kill_between_the_two_writes_of_an_edit_is_made_good(index, monkeypatch):
    """The document was written and not noted: the batch that comes again notes it, and an older revision stays out."""
    index.upsert([document("a", published=MAY)])
    edit = document("a", revision=2, published=JUNE)
    with monkeypatch.context() as killed:
        killed.setattr(ElasticIndex, "_note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            index.upsert([edit])
    assert index.upsert([edit]) == Written(stale=1)
    assert index.upsert([document("a", published=MAY)]) == Written(stale=1)
    index.flush()
    assert (ids(index), index.count()) == (["a"], 1)


def test_retention_drops_whole_months(index, server):
    """Those that ended before; tombstones stay, and bar what they barred."""
    fill(index, *(document(key, published=when) for key, when in (("a", MAY), ("b", JUNE), ("c", JULY))), tombstone("d", 4))
    assert index.expire(JULY) == 2
    assert (months(server), ids(index), index.get("d").revision) == ({"2024.07"}, ["c"], 4)


def test_pages_are_of_one_moment(index):
    """What is written between two pages is on none of them; when the server no longer keeps the view, paging goes on without it."""
    fill(index, *(document(f"{n}", published=NOON + timedelta(hours=n)) for n in range(6)))
    page = index.search(Search(size=2))
    fill(index, document("new", published=NOON + timedelta(minutes=210)))
    assert [hit.document.id for hit in index.search(Search(size=9, after=page.after)).hits] == ["3", "2", "1", "0"]
    assert [hit.document.id for hit in index.search(Search(size=9, after=page.after)).hits] == ["new", "3", "2", "1", "0"][-5:]


def test_erased_text_leaves_the_servers_files(index):
    """After a purge a withdrawn document's words are in no file of the server's."""
    word = "hemligtordsomingenannanhar"
    fill(index, document("a", word), *(document(f"{n}", "brand") for n in range(50)))
    index._client.indices.flush(index=f"{PREFIX}-documents-*", force=True)
    assert on_disk(word)
    fill(index, tombstone("a", 2))
    deadline = time.monotonic() + 90
    while on_disk(word):  # the server keeps what is deleted until its copies have caught up, which it looks after twice a minute
        assert time.monotonic() < deadline
        index.purge()
        time.sleep(1)
    assert len(ids(index, "brand")) == 50


def on_disk(word: str) -> bool:
    files = (servers().directory / "elasticsearch" / "data").rglob("*")
    return any(word.encode() in data for file in files if (data := _read(file)))


def _read(file) -> bytes:
    try:
        return file.read_bytes() if file.is_file() else b""
    except OSError:  # removed meanwhile
        return b""


# --- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_document_that_the_server_can_never_take_is_said_and_the_others_are_written(index, server):
    """The reason comes back with its id: it becomes a dead letter, and stops nothing."""
    server.indices.create(
        index=f"{PREFIX}-documents-2024.05", mappings={"properties": {"event": {"properties": {"id": {"type": "integer"}}}}}
    )
    written = index.upsert([document("not a number", published=MAY), document("7", published=MAY)])
    assert (written.created, list(written.refused)) == (1, ["not a number"])
    assert "integer" in written.refused["not a number"]


def test_a_document_that_cannot_be_deleted_is_said(index, server):
    """The server's refusal is none of success: the error names index and document, and a second call deletes."""
    fill(index, document("a", published=MAY), document("b", published=JUNE))
    server.indices.put_settings(index=f"{PREFIX}-documents-2024.05", settings={"blocks.write": True})
    with pytest.raises(SearchIndexError, match=r"documents-2024\.05, document a: the index is read-only"):
        index.delete(["a", "b"])
    server.indices.put_settings(index=f"{PREFIX}-documents-2024.05", settings={"blocks.write": None})
    index.delete(["a", "b"])
    assert (ids(index), index.count()) == ([], 0)


@pytest.mark.parametrize(("block", "hint"), [("write", "read-only"), ("read_only_allow_delete", "disk is nearly full")])
def test_an_index_that_takes_no_writes_is_said_and_nothing_is_lost(index, server, block, hint, monkeypatch):
    """The error says why; when the block is gone the same batch is written."""
    fill(index, document("a", published=MAY))
    index._writer = pipeline.index.elastic.writer.Writer(index._connection, retries=1, wait=0.01)
    server.indices.put_settings(index=f"{PREFIX}-documents-2024.05", settings={f"blocks.{block}": True})
    with pytest.raises(SearchIndexError, match=hint):
        index.upsert([document("b", published=MAY)])
    server.indices.put_settings(index=f"{PREFIX}-documents-2024.05", settings={f"blocks.{block}": None})
    assert index.upsert([document("b", published=MAY)]) == Written(created=1)


def test_a_disk_that_is_nearly_full_is_said_and_nothing_is_lost(index, server, monkeypatch):
    """The server itself stops taking writes at its watermark: the error says so; once there is room the same batch is written."""
    fill(index, document("a", published=MAY))
    index._writer = pipeline.index.elastic.writer.Writer(index._connection, retries=1, wait=0.01)
    marks = {f"cluster.routing.allocation.disk.watermark.{level}": "1%" for level in ("low", "high", "flood_stage")}
    full = {"cluster.routing.allocation.disk.threshold_enabled": True, "cluster.info.update.interval": "10s", **marks}
    server.cluster.put_settings(persistent=full)
    try:
        wait_for_block(server, there=True)
        with pytest.raises(SearchIndexError, match="the server's disk is nearly full: make room there"):
            index.upsert([document("b", published=MAY)])
        server.cluster.put_settings(persistent=full | dict.fromkeys(marks))
        wait_for_block(server, there=False)
    finally:
        server.cluster.put_settings(persistent=dict.fromkeys(full))
    assert index.upsert([document("b", published=MAY)]) == Written(created=1)


def wait_for_block(server: Elasticsearch, *, there: bool) -> None:
    """Until the server has looked at its disk."""
    name, deadline = f"{PREFIX}-documents-2024.05", time.monotonic() + 90
    while ("blocks" in server.indices.get_settings(index=name)[name]["settings"]["index"]) is not there:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_what_the_server_cannot_take_now_is_sent_again(index, server):
    """A block that is lifted within the time of the retries is never seen: the watermark's is answered with 429."""
    fill(index, document("a", published=MAY))
    name = f"{PREFIX}-documents-2024.05"
    server.indices.put_settings(index=name, settings={"blocks.read_only_allow_delete": True})
    lift = threading.Timer(2.0, server.indices.put_settings, kwargs={"index": name, "settings": {"blocks.read_only_allow_delete": None}})
    lift.start()
    assert index.upsert([document("b", published=MAY)]) == Written(created=1)
    lift.join()


def test_a_server_that_is_not_there_is_named():
    """The error says which URL, and what to look at."""
    with pytest.raises(SearchIndexError, match=r"index: http://127\.0\.0\.1:1/x: connecting: nothing answers there"):
        ElasticIndex("http://127.0.0.1:1/x", Elastic(retries=0))


def test_missing_templates_are_said():
    """Without them documents would be stored without their fields."""
    with pytest.raises(SearchIndexError, match="fjaril setup"):
        ElasticIndex(f"{servers().elasticsearch}/never-set-up")


@pytest.mark.parametrize("url", ["https://", "https://h/Upper", "https://h:1/a/b"])
def test_a_url_that_is_none_is_refused(url):
    """With how it is written."""
    with pytest.raises(SearchIndexError, match="https://HOST:PORT"):
        ElasticIndex(url)


def test_another_version_of_the_server_is_refused():
    """All nodes count; the error says what was found."""
    address = Address.parse("https://h:1")
    assert supported(address, ["9.10.0", "9.5.0-SNAPSHOT"]) == "9.5.0-SNAPSHOT"
    with pytest.raises(SearchIndexError, match=r"found Elasticsearch 8\.19\.1; version 9 is needed"):
        supported(address, ["9.5.0", "8.19.1"])


# --- templates ---------------------------------------------------------------------------------------------------------


def fields(kind: Any, path: str = "") -> set[str]:
    """Dotted names of all that a stored type holds."""
    info = msgspec.inspect.type_info(kind) if isinstance(kind, type) else kind
    if isinstance(info, msgspec.inspect.UnionType):
        return set().union(*(fields(part, path) for part in info.types if not isinstance(part, msgspec.inspect.NoneType)))
    if isinstance(info, (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)):
        return fields(info.item_type, path)
    if not isinstance(info, msgspec.inspect.StructType) or info.cls.__name__ in {"Document", "Point"}:
        return {path}
    return set().union(*(fields(field.type, f"{path}.{field.encode_name}".lstrip(".")) for field in info.fields))


def mapped(properties: dict[str, Any], path: str = "") -> set[str]:
    """Dotted names of all that a mapping knows."""
    found = set()
    for name, entry in properties.items():
        where = f"{path}.{name}".lstrip(".")
        found |= mapped(entry["properties"], where) if "properties" in entry else {where}
    return found


@pytest.mark.parametrize(("name", "kind"), [("documents-mappings", Entry), ("revisions-mappings", Revised)])
def test_a_mapping_has_exactly_the_fields_that_are_stored(name, kind):
    """A field that one of them lacks would be refused by the server, or never filled."""
    assert mapped(templates.read(name)["template"]["mappings"]["properties"]) == fields(kind)


def test_installing_is_idempotent_and_says_what_it_changes(server):
    """A dry run changes nothing; the second time there is nothing to do; an edited file is said with the part that differs."""
    prefix = f"{PREFIX}-setup"
    connection = Connection(Address.parse(f"{servers().elasticsearch}/{prefix}"), Elastic())
    components, indices = templates.components(prefix, swedish=False), templates.indices(prefix)
    everything = [f"component template {name}: new" for name in components] + [f"index template {name}: new" for name in indices]
    assert install(connection, components, indices, dry_run=True) == everything
    assert install(connection, components, indices, dry_run=False) == everything
    assert install(connection, components, indices, dry_run=False) == []
    changed = components | {f"{prefix}-documents-settings": {"template": {"settings": {"refresh_interval": "5s"}}}}
    (line,) = install(connection, changed, indices, dry_run=True)
    assert line == f"component template {prefix}-documents-settings: template changed"
    connection.client.close()


def test_the_index_says_how_words_are_found(index):
    """Fjäril's own stems on every server; Kibana's as the server has them."""
    assert "Kibana as they stand: the server has no Swedish stems" in index.about()


def test_a_trend_of_many_cells_is_whole(index, monkeypatch):
    """It is counted page by page."""
    monkeypatch.setattr("pipeline.index.elastic.index._CELLS", 7)
    fill(index, *(document(f"{n}", places=(place(f"01{n:02}"),), published=NOON + timedelta(hours=n)) for n in range(40)))
    assert sum(bucket.count for bucket in index.trend(Filters(), "day", ("place",))) == 40
