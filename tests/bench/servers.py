"""``make bench`` on the real servers: what the ports cost beside the bare libraries. Turns of both, medians."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Sequence

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from index_config import templates
from pipeline.bus.kafka.bus import KafkaBus
from pipeline.index.elastic.connection import Address, Connection
from pipeline.index.elastic.entry import entry
from pipeline.index.elastic.index import ElasticIndex
from pipeline.index.elastic.setup import install
from pipeline.model import Document
from pipeline.ports import Record, Topic
from pipeline.settings import Elastic
from tests.bench import texts
from tests.contract.test_index import NOON, document, place
from tests.real_servers import servers, stop

#: Records and documents of one measurement, those of one batch, and turns.
COUNT, BATCH, ROUNDS = 20_000, 1_000, 3
PARTITIONS = 4


def rate(work: Callable[[], object]) -> float:
    """Records a second."""
    began = time.perf_counter()
    work()
    return COUNT / (time.perf_counter() - began)


def kafka() -> dict[str, list[float]]:  # noqa: C901  (four short pieces of work in turn)
    """Publishing and consuming 1 KB records, durable a batch of 1,000 at a time."""
    name = "b" + uuid.uuid4().hex[:12]
    bus = KafkaBus(
        f"kafka://{servers().kafka}/{name}", [Topic(name="bare", partitions=PARTITIONS), Topic(name="port", partitions=PARTITIONS)]
    )
    producer = KafkaProducer(bootstrap_servers=servers().kafka, acks="all", enable_idempotence=True, linger_ms=5, batch_size=262_144)
    records = [Record(topic="port", key=f"k{n}", value=b"x" * 1000, timestamp=NOON) for n in range(COUNT)]
    found: dict[str, list[float]] = {}

    def publish_bare() -> None:
        for start in range(0, COUNT, BATCH):
            for record in records[start : start + BATCH]:
                producer.send(f"{name}.bare", record.value, key=record.key.encode())
            producer.flush()

    def publish_port() -> None:
        for start in range(0, COUNT, BATCH):
            bus.publish(records[start : start + BATCH])

    def consume_bare() -> None:
        consumer = KafkaConsumer(bootstrap_servers=servers().kafka, auto_offset_reset="earliest", max_poll_records=BATCH)
        consumer.assign([TopicPartition(f"{name}.bare", n) for n in range(PARTITIONS)])
        taken = 0
        while taken < COUNT:
            taken += sum(map(len, consumer.poll(timeout_ms=1000).values()))
        consumer.close()

    def consume_port() -> None:
        group, taken = uuid.uuid4().hex, 0
        while taken < COUNT:
            batch = bus.poll(group, ["port"], BATCH, 1.0)
            bus.commit(batch)
            taken += len(batch.records)

    plan = (("publish", publish_bare, publish_port), ("consume", consume_bare, consume_port))
    for _ in range(ROUNDS):
        for what, bare, port in plan:
            found.setdefault(f"{what} bare", []).append(rate(bare))
            found.setdefault(f"{what} port", []).append(rate(port))
    producer.close()
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

    def bare(bodies: Sequence[dict[str, object]]) -> None:
        actions = ({"_index": f"{name}-documents-bare", "_id": str(n), "_source": body} for n, body in enumerate(bodies))
        for _ in streaming_bulk(client, actions, chunk_size=500):
            pass

    def port(made: Sequence[Document]) -> None:
        for start in range(0, COUNT, BATCH):
            index.upsert(made[start : start + BATCH])

    for turn in range(ROUNDS):
        made = documents(turn)
        bodies = [msgspec.to_builtins(entry(one, index._analyzer.analyze)) for one in made]
        found.setdefault("index bare", []).append(rate(lambda bodies=bodies: bare(bodies)))
        found.setdefault("index port", []).append(rate(lambda made=made: port(made)))
    index.close()
    client.close()
    connection.client.close()
    return found


def report() -> list[str]:
    """All figures as lines."""
    found = kafka() | elastic()
    median = {what: statistics.median(rates) for what, rates in found.items()}
    lines = []
    for what, bare, least in (("publish", "kafka-python", 0.7), ("consume", "kafka-python", 0.7), ("index", "streaming_bulk", 0.8)):
        ours, theirs = median[f"{what} port"], median[f"{what} bare"]
        lines.append(
            f"{what + ' through the port':34} {ours:8.0f} /s       {ours / theirs:.2f} of bare {bare}, {theirs:.0f} /s (at least {least})"
        )
    return lines


if __name__ == "__main__":
    try:
        print("\n".join(report()))
    finally:
        stop()
