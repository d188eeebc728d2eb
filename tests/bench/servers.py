"""``make bench`` on the real servers: what the ports cost beside the bare libraries, the whole pipeline, one enrich and two."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CoordinatorNotAvailableError
from kafka.structs import OffsetAndMetadata

from deploy.local.servers import Servers, ServersError
from index_config import templates
from pipeline import app
from pipeline.bus.kafka.bus import KafkaBus
from pipeline.bus.kafka.messages import message
from pipeline.index.elastic.connection import Address, Connection
from pipeline.index.elastic.entry import entry
from pipeline.index.elastic.index import ElasticIndex
from pipeline.index.elastic.setup import install
from pipeline.model import Document, RawItem, Reliability, encode
from pipeline.ports import Record, Topic
from pipeline.settings import Analysis, Elastic, Runner, Settings
from tests.bench import pipeline, texts
from tests.contract.test_index import NOON, document, place
from tests.e2e.commands import FJARIL
from tests.real_servers import servers

#: Records and documents of one measurement, those of one batch, and turns.
COUNT, BATCH, ROUNDS = 20_000, 1_000, 5
#: Documents that enrich is timed with, and their sources.
MANY, SOURCES = 40_000, 8
#: Share of the records that one enrich or two are timed between: neither start nor end counts.
FIRST, LAST = 0.2, 0.8
#: Records of the bus, and turns: so many that putting a group together counts little.
RECORDS, TURNS = 60_000, 3
PARTITIONS = 4
#: What the stage that indexes takes at a time.
FLUSH = Runner().flush_documents


def rate(work: Callable[[], object], count: int = COUNT) -> float:
    """Records a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def batched(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """The records, so many at a time."""
    left = iter(records)
    while batch := list(islice(left, size)):
        yield batch


def kafka() -> dict[str, list[float]]:  # noqa: C901  (six short pieces of work in turn)
    """Publishing and consuming records of 1 KB, a batch of 1,000 at a time, against kafka-python doing the same by hand.

    The same is: the same messages with the headers of CloudEvents, a transaction a batch, a group that is moved in it, readers of what is
    committed. ``plain`` is kafka-python without all that: no headers, no transactions, no group.
    """
    name = "b" + uuid.uuid4().hex[:12]
    topics = [Topic(name=which, partitions=PARTITIONS) for which in ("plain", "bare", "port")]
    bus = KafkaBus(f"kafka://{servers().kafka}/{name}", topics)
    records = [Record(topic="port", key=f"k{n}", value=b"x" * 1000, timestamp=NOON + timedelta(seconds=n)) for n in range(RECORDS)]
    messages = [message(record, topics[1], f"{name}.bare") for record in records]
    sure = {"bootstrap_servers": servers().kafka, "acks": "all", "enable_idempotence": True, "linger_ms": 5, "batch_size": 262_144}
    plain, bare = KafkaProducer(**sure), KafkaProducer(**sure, transactional_id=f"{name}.bare")
    bare.init_transactions()

    def publish_plain() -> None:
        for start in range(0, RECORDS, BATCH):
            for record in records[start : start + BATCH]:
                plain.send(f"{name}.plain", record.value, key=record.key.encode())
            plain.flush()

    def publish_bare() -> None:
        for start in range(0, RECORDS, BATCH):
            bare.begin_transaction()
            for topic, partition, key, value, timestamp, headers in messages[start : start + BATCH]:
                bare.send(topic, value, key=key, headers=headers, partition=partition, timestamp_ms=timestamp)
            bare.commit_transaction()

    def publish_port() -> None:
        for start in range(0, RECORDS, BATCH):
            bus.publish(records[start : start + BATCH])

    def consume_plain() -> None:
        with closing(KafkaConsumer(bootstrap_servers=servers().kafka, auto_offset_reset="earliest", max_poll_records=BATCH)) as consumer:
            consumer.assign([TopicPartition(f"{name}.plain", n) for n in range(PARTITIONS)])
            taken = 0
            while taken < RECORDS:
                taken += sum(map(len, consumer.poll(timeout_ms=1000).values()))

    def consume_bare() -> None:
        given = {"bootstrap_servers": servers().kafka, "auto_offset_reset": "earliest", "max_poll_records": BATCH}
        mine = KafkaConsumer(
            **given, group_id=uuid.uuid4().hex, isolation_level="read_committed", enable_auto_commit=False, fetch_max_wait_ms=250
        )
        with closing(mine) as consumer:
            consumer.subscribe([f"{name}.bare"])
            taken = 0
            while taken < RECORDS:
                found = consumer.poll(timeout_ms=1000)
                if found:
                    bare.begin_transaction()
                    ends = {partition: OffsetAndMetadata(some[-1].offset + 1, "", -1) for partition, some in found.items()}
                    bare.send_offsets_to_transaction(ends, consumer.group_metadata())
                    bare.commit_transaction()
                taken += sum(map(len, found.values()))

    def consume_port() -> None:
        group, taken = uuid.uuid4().hex, 0
        while taken < RECORDS:
            batch = bus.poll(group, ["port"], BATCH, 1.0)
            bus.commit(batch)
            taken += len(batch.records)

    plan = (("publish", publish_plain, publish_bare, publish_port), ("consume", consume_plain, consume_bare, consume_port))
    found: dict[str, list[float]] = {}
    for _ in range(TURNS):
        for what, *works in plan:
            for how, work in zip(("plain", "bare", "port"), works, strict=True):
                found.setdefault(f"{what} {how}", []).append(rate(work, RECORDS))
    plain.close()
    bare.close()
    bus.close()
    return found


def elastic() -> dict[str, list[float]]:
    """Indexing documents with a police notice's text, place and theme."""
    name = "b" + uuid.uuid4().hex[:12]
    connection = Connection(Address.parse(f"{servers().elasticsearch}/{name}"), Elastic())
    install(connection, templates.components(name, swedish=connection.has_swedish()), templates.indices(name), dry_run=False)
    index, client = ElasticIndex(f"{servers().elasticsearch}/{name}"), Elasticsearch(servers().elasticsearch)
    notices = list(texts.notices(COUNT))
    found: dict[str, list[float]] = {}

    def documents(turn: int) -> list[Document]:
        text = (notice["text"] for notice in notices)
        return [document(f"{turn}-{n}", one, places=(place("0180", point=(59.3, 18.1)),), themes=("fire",)) for n, one in enumerate(text)]

    def bare(bodies: Sequence[dict[str, object]], turn: int) -> None:
        actions = ({"_index": f"{name}-documents-bare", "_id": f"{turn}-{n}", "_source": body} for n, body in enumerate(bodies))
        for _ in streaming_bulk(client, actions, chunk_size=500):
            pass

    def port(made: Sequence[Document]) -> None:
        for start in range(0, COUNT, FLUSH):
            index.upsert(made[start : start + FLUSH])

    for turn in range(ROUNDS):
        made = documents(turn)
        bodies = [msgspec.to_builtins(entry(one, index._analyzer.analyze, str)) for one in made]
        found.setdefault("index bare", []).append(rate(lambda bodies=bodies, turn=turn: bare(bodies, turn)))
        found.setdefault("index port", []).append(rate(lambda made=made: port(made)))
    index.close()
    client.close()
    connection.client.close()
    return found


def whole(count: int, analysis: Analysis) -> dict[str, float]:
    """The pipeline of :func:`tests.bench.pipeline.pipeline` on the servers."""
    prefix = "b" + uuid.uuid4().hex[:12]
    return pipeline.pipeline(
        "json", count, analysis, {"bus": f"kafka://{servers().kafka}/{prefix}", "index": f"{servers().elasticsearch}/{prefix}"}
    )


def enrich(processes: int) -> dict[str, float]:
    """Documents a second of so many processes of the stage, as one group, taking what was there before they began."""
    prefix = "b" + uuid.uuid4().hex[:12]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), bus=f"kafka://{servers().kafka}/{prefix}", partitions=PARTITIONS)
        (settings.data_dir / "fjaril.yaml").write_text(f"bus: {settings.bus}\npartitions: {PARTITIONS}\n", encoding="utf-8")
        app.enrichment(settings)  # the gazetteer is built once a machine
        bus = app.open_bus(settings)
        for records in batched(_items(), BATCH):
            bus.publish(records)
        bus.close()
        with (settings.data_dir / "log").open("wb") as log:
            started = [subprocess.Popen([FJARIL, "--data", folder, "run", "enrich"], stdout=log, stderr=log) for _ in range(processes)]
        try:
            return {"docs/s": _pace(prefix, started)}
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()


def _items() -> Iterator[Record]:
    """Police notices as collectors publish them, of as many sources as fill the partitions alike."""
    for n, notice in enumerate(texts.notices(MANY)):
        key, source = str(n), f"s{n % SOURCES}"
        body = {"title": notice["name"], "text": notice["text"], "published": notice["published"]}
        item = RawItem(
            document=key, source=source, native_id=key, revision=1, fetched_url=f"http://{source}.example/", fetched=NOON, format="entry",
            body=msgspec.json.encode(body).decode(), reliability=Reliability.A,
        )  # fmt: skip
        yield Record(topic="raw", key=key, shard=source, timestamp=NOON, value=encode(item))


def _pace(prefix: str, started: Sequence[subprocess.Popen[bytes]]) -> float:
    """Documents a second between two shares of all, by what the group has committed."""
    admin = KafkaAdminClient(bootstrap_servers=servers().kafka)
    group, where = f"{prefix}.enrich", [TopicPartition(f"{prefix}.raw", n) for n in range(PARTITIONS)]
    seen: list[tuple[float, int]] = []
    while not seen or seen[-1][1] < LAST * MANY:
        if any(process.poll() is not None for process in started):
            raise SystemExit("enrich: a process has stopped")
        try:
            found = admin.list_group_offsets({group: where})[group]
        except CoordinatorNotAvailableError:  # the broker has just begun
            found = {}
        done = sum(max(0, one.offset) for one in found.values())
        if done >= FIRST * MANY:
            seen.append((time.perf_counter(), done))
        time.sleep(0.05)
    admin.close()
    (began, first), (ended, last) = seen[0], seen[-1]
    return (last - first) / (ended - began)


@contextmanager
def running() -> Iterator[float | None]:
    """The servers, for as long as the block lasts, with the seconds that they took to start; None if they ran already.

    :raises ServersError: if they cannot be had here.
    """
    found = Servers()
    if found.answer:
        yield None
        return
    found.fetch()
    began = time.perf_counter()
    found.start()
    try:
        yield time.perf_counter() - began
    finally:
        found.stop()


def report(measure: Callable[[str, int], dict[str, float]], count: int, rounds: int) -> list[str]:
    """All figures as lines; one that says why there are none where the servers cannot be had.

    :param measure: takes, in a process of its own, what :data:`PARTS` names after ``servers``, or a pipeline.
    """
    try:
        with running() as seconds:
            found: dict[str, list[float]] = {}
            for _ in range(rounds):
                for part in PARTS:
                    for name, value in measure(f"servers {part}", count).items():
                        found.setdefault(f"{part} {name}", []).append(value)
                found.setdefault("json docs/s", []).append(measure("json", count)["docs/s"])
    except ServersError as error:
        return [f"on servers: not measured: {error}"]
    return _told({name: statistics.median(values) for name, values in found.items()}, seconds)


def _told(median: dict[str, float], seconds: float | None) -> list[str]:
    lines = [
        f"{what + ' through the port':34} {median[f'{part} {what} port']:8.0f} /s       "
        f"{median[f'{part} {what} port'] / median[f'{part} {what} bare']:.2f} of bare {bare}, "
        f"{median[f'{part} {what} bare']:.0f} /s (at least {least})" + _beside(median.get(f"{part} {what} plain"))
        for part, what, bare, least in (
            ("bus", "publish", "kafka-python", 0.7), ("bus", "consume", "kafka-python", 0.7), ("index", "index", "streaming_bulk", 0.8),
        )
    ]  # fmt: skip
    here, there = median["json docs/s"], median["served docs/s"]
    lines.append(f"{'pipeline on the servers':34} {there:8.0f} docs/s   {there / here:.2f} of SQLite and tantivy, {here:.0f} docs/s")
    one, two = median["enrich 1 docs/s"], median["enrich 2 docs/s"]
    lines.append(f"{'enrich in two processes':34} {two:8.0f} docs/s   {two / one:.2f} of one, {one:.0f} docs/s (at least 1.6)")
    if seconds is not None:
        lines.append(f"{'start of both servers':34} {seconds:8.1f} s        (at most 60)")
    return lines


def _beside(plain: float | None) -> str:
    return f"; plain messages {plain:.0f} /s" if plain else ""


#: What is measured, each in a process of its own.
PARTS = ("bus", "index", "served", "enrich 1", "enrich 2")


def one(what: str, count: int) -> dict[str, float]:
    """What one of :data:`PARTS` gives."""
    if what == "served":
        return whole(count, pipeline.PLAIN)
    if what.startswith("enrich"):
        return enrich(int(what.split()[1]))
    found = kafka() if what == "bus" else elastic()
    return {name: statistics.median(rates) for name, rates in found.items()}
