"""What the bus on Kafka is beyond the contract: its messages, its groups, its errors. Against the real broker."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import MemberToRemove

from pipeline.bus.kafka.bus import KafkaBus
from pipeline.bus.kafka.connection import Address, supported
from pipeline.errors import BusError, StaleBatchError
from pipeline.ports import Record, Topic
from pipeline.settings import Kafka
from tests.conftest import ROOT
from tests.real_servers import servers

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS = (Topic(name="in", partitions=4), Topic(name="out"))


@pytest.fixture
def prefix() -> str:
    return "t" + uuid.uuid4().hex[:12]


@pytest.fixture
def bus(prefix) -> Iterator[KafkaBus]:
    opened = KafkaBus(f"kafka://{servers().kafka}/{prefix}", TOPICS)
    yield opened
    opened.close()


def records(count: int, topic: str = "in") -> list[Record]:
    return [Record(topic=topic, key=f"k{n}", value=f"v{n}".encode(), timestamp=NOON + timedelta(seconds=n)) for n in range(count)]


def test_messages_are_cloud_events(bus, prefix):
    """Any consumer finds the attributes of CloudEvents 1.0 in the headers, and the bytes alone as the value."""
    moment = NOON.replace(microsecond=123456)
    bus.publish([Record(topic="in", key="nyckel å", shard="delen", value=b"{}", timestamp=moment)])
    consumer = KafkaConsumer(bootstrap_servers=servers().kafka, isolation_level="read_committed", auto_offset_reset="earliest")
    consumer.assign([TopicPartition(f"{prefix}.in", n) for n in range(4)])
    ((message,),) = consumer.poll(timeout_ms=10_000).values()
    consumer.close()
    headers = dict(message.headers)
    identity = headers.pop("ce_id")
    assert (message.value, message.timestamp, message.key) == (b"{}", int(moment.timestamp() * 1000), identity)
    assert headers == {
        "ce_specversion": b"1.0", "ce_source": b"/fjaril", "ce_type": b"fjaril.in", "ce_time": b"2026-03-01T12:00:00.123456+00:00",
        "ce_subject": "nyckel å".encode(), "ce_partitionkey": b"delen", "content-type": b"application/json",
    }  # fmt: skip


def test_erased_bytes_leave_the_brokers_files(prefix):
    """Once a log is compacted, what was erased is in none of the broker's files; what stays can be read, and is counted as before."""
    topic = Topic(name="in", retention=timedelta(days=30))
    bus = KafkaBus(f"kafka://{servers().kafka}/{prefix}", [topic], compacted_within=1_000)
    secret, kept = f"hemligt {uuid.uuid4()}".encode(), f"kvar {uuid.uuid4()}".encode()
    now = datetime.now(UTC)
    bus.publish([Record(topic="in", key=key, value=value, timestamp=now) for key, value in (("a", secret), ("b", kept))])
    assert (on_disk(secret), on_disk(kept)) == (True, True)
    bus.erase(["in"], {"a": now + timedelta(seconds=1)})
    assert bus.count("in") == 2
    bus.expire(now)
    deadline = time.monotonic() + 60
    while on_disk(secret):
        assert time.monotonic() < deadline, "the log was not compacted"
        bus.publish([Record(topic="in", key="later", value=b"x", timestamp=datetime.now(UTC))])
        time.sleep(0.5)
    later = [r for r in bus.read("in") if r.key == "later"]
    assert {(r.key, r.value) for r in bus.read("in")} >= {("b", kept)}
    assert bus.count("in") == 2 + len(later)
    bus.close()


def on_disk(text: bytes) -> bool:
    """Whether the bytes are in a segment of the broker's."""
    return any(text in file.read_bytes() for file in (servers().directory / "kafka" / "data").rglob("*.log"))


def test_a_group_that_is_far_behind_comes_to_the_end(prefix):
    """One partition after the other, as their times lie: what was fetched of those that wait is not forgotten. Five groups do it."""
    bus = KafkaBus(f"kafka://{servers().kafka}/{prefix}", TOPICS, Kafka(transaction=10))
    many = [Record(topic="in", key=f"k{n}", value=bytes(1000), timestamp=NOON) for n in range(20_000)]
    for start in range(0, len(many), 1_000):
        bus.publish(many[start : start + 1_000])
    for group in "abcde":
        found: list[str] = []
        while len(found) < len(many):
            batch = bus.poll(group, ["in"], 1_000, 5.0)
            bus.commit(batch)
            found += [record.key for record in batch.records]
        assert sorted(found) == sorted(record.key for record in many)
    bus.close()


def test_a_rebalance_in_mid_batch_loses_and_doubles_nothing(bus, prefix):
    """A second process comes while the first has a batch: the batch is committed, then they share; every record makes one output."""
    bus.publish(records(400))
    second = KafkaBus(f"kafka://{servers().kafka}/{prefix}", TOPICS)
    batch = bus.poll("g", ["in"], 50)
    taken: dict[str, int] = {"first": len(batch.records), "second": 0}

    def work(one: KafkaBus, name: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and sum(taken.values()) < 400:
            found = one.poll("g", ["in"], 20, timeout=0.2)
            try:
                one.commit(found, [Record(topic="out", key=r.key, value=r.value, timestamp=r.timestamp) for r in found.records])
                taken[name] += len(found.records)
            except StaleBatchError:
                pass

    other = threading.Thread(target=work, args=(second, "second"))
    other.start()
    time.sleep(4)  # by now the first has heard of it, and the group waits for it to come back from its batch
    bus.commit(batch, [Record(topic="out", key=r.key, value=r.value, timestamp=r.timestamp) for r in batch.records])
    work(bus, "first")
    other.join()
    assert sorted(r.value for r in bus.read("out")) == sorted(f"v{n}".encode() for n in range(400))
    assert min(taken.values()) > 0
    assert bus.lag("g", ["in"]) == {"in": 0}
    second.close()


def test_a_member_that_its_group_has_gone_on_without_commits_nothing(bus, prefix):
    """The broker refuses its batch: nothing is published, and the batch comes again."""
    bus.publish(records(10))
    batch = bus.poll("g", ["in"])
    admin = KafkaAdminClient(bootstrap_servers=servers().kafka)
    (group,) = admin.describe_groups([f"{prefix}.g"]).values()
    admin.remove_group_members(f"{prefix}.g", [MemberToRemove(member["member_id"]) for member in group["members"]])
    admin.close()
    with pytest.raises(StaleBatchError):
        bus.commit(batch, records(3, "out"))
    assert list(bus.read("out")) == []
    refused = True
    while refused:  # until it has heard of it, and joined again
        again = bus.poll("g", ["in"], timeout=10)
        assert [r.value for r in again.records] == [r.value for r in batch.records]
        try:
            bus.commit(again, records(3, "out"))
            refused = False
        except StaleBatchError:
            assert list(bus.read("out")) == []
    assert len(list(bus.read("out"))) == 3


def refusal(url: str, options: Kafka | None = None) -> str:
    """What opening the bus says."""
    with pytest.raises(BusError) as refused:
        KafkaBus(url, TOPICS, options)
    return str(refused.value)


# --- TLS and credentials ---------------------------------------------------------------------------------------------


@pytest.fixture
def secured() -> dict[str, object]:
    """Settings with which the broker lets one in who shows a password."""
    return {"tls": True, "ca": servers().certificate, "username": "fjaril", "password": "invented"}


@pytest.fixture
def hasty(monkeypatch) -> None:
    """A refusal is not waited for: the library tries again until its time is over."""
    monkeypatch.setattr("pipeline.bus.kafka.connection.CONNECT", 2.0)


def makes_the_round(bus: KafkaBus) -> None:
    """What every kind of client of the bus does: publishes, reads as a group, commits, counts."""
    bus.publish(records(3))
    batch = bus.poll("g", ["in"], timeout=10)
    bus.commit(batch, records(1, "out"))
    assert (len(batch.records), bus.lag("g", ["in"]), bus.count("out")) == (3, {"in": 0}, 1)
    bus.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_password_is_shown_over_tls(prefix, secured, mechanism):
    """With the user, the password and the broker's certificate of the settings everything works."""
    makes_the_round(KafkaBus(f"kafka://{servers().kafka_sasl}/{prefix}", TOPICS, Kafka(**secured, mechanism=mechanism)))


def test_a_certificate_of_the_clients_is_shown(prefix, tmp_path, hasty):
    """A broker that knows clients by certificates takes the one of the settings; without one the error names them."""
    store = servers().certificate.with_suffix(".p12").read_bytes()
    key, _, _ = pkcs12.load_key_and_certificates(store, b"invented")
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    url, known = f"kafka://{servers().kafka_mutual}/{prefix}", {"tls": True, "ca": servers().certificate}
    makes_the_round(KafkaBus(url, TOPICS, Kafka(**known, certificate=servers().certificate, key=tmp_path / "key.pem")))
    assert "see kafka.certificate and kafka.key" in refusal(url, Kafka(**known))
    assert "kafka.key: none" in refusal(url, Kafka(**known, certificate=servers().certificate))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"password": "guessed"}, "refuses the credentials: see kafka.username, kafka.password and kafka.mechanism"),
        ({"mechanism": "SCRAM-SHA-256"}, "kafka.mechanism"),
        ({"username": ""}, "it wants credentials, see kafka.username"),
        ({"ca": None}, "its certificate is not to be trusted (self-signed certificate): see kafka.ca"),
        ({"ca": ROOT / "LICENSE"}, "kafka.ca"),
        ({"tls": False}, "speaks TLS: set kafka.tls: true"),
    ],
)
def test_a_refusal_names_the_setting(prefix, secured, hasty, changed, said):
    """Found by trying TCP, TLS and a first question one after the other; no password is shown."""
    text = refusal(f"kafka://{servers().kafka_sasl}/{prefix}", Kafka(**secured | {"mechanism": "PLAIN"} | changed))
    assert said in text
    assert not {"guessed", "invented"} & set(text.split())


def test_tls_with_a_broker_that_has_none_names_the_setting(prefix, secured, hasty):
    """The same for the other way round."""
    assert "see kafka.tls" in refusal(f"kafka://{servers().kafka}/{prefix}", Kafka(**secured))


# --- what else goes wrong ----------------------------------------------------------------------------------------------


def test_a_broker_that_falls_silent_is_waited_for_only_so_long(prefix):
    """It is stopped in the middle of everything: the error comes within the time of a transaction; when it goes on, nothing is doubled."""
    bus = KafkaBus(f"kafka://{servers().kafka}/{prefix}", TOPICS, Kafka(transaction=10))
    bus.publish(records(5))
    batch = bus.poll("g", ["in"], timeout=10)
    began = time.monotonic()
    with servers().silenced("kafka"), pytest.raises(BusError):
        bus.commit(batch, records(2, "out"))
    assert time.monotonic() - began < 60
    deadline = time.monotonic() + 60
    done = False
    while not done:
        assert time.monotonic() < deadline
        try:
            again = bus.poll("g", ["in"], timeout=5)
            bus.commit(again, records(2, "out") if again.records else [])
            done = bus.lag("g", ["in"]) == {"in": 0}
        except BusError:  # it has yet to find the broker again
            time.sleep(1)
    assert sorted(r.value for r in bus.read("out")) == [b"v0", b"v1"]
    bus.close()


def test_an_older_broker_is_refused():
    """The error says what was found."""
    supported(Address.parse("kafka://h:1"), (4, 3))
    with pytest.raises(BusError, match=r"found Kafka 2\.4; 2\.5 or later is needed"):
        supported(Address.parse("kafka://h:1"), (2, 4))


def test_a_broker_that_is_not_there_is_named(hasty):
    """The error says which URL, and what to look at."""
    assert refusal("kafka://127.0.0.1:1/x").startswith("bus: kafka://127.0.0.1:1/x: connecting: 127.0.0.1:1: nothing answers there")


@pytest.mark.parametrize("url", ["kafka://", "kafka:///x", "kafka://h:1/a b"])
def test_a_url_that_is_none_is_refused(url):
    """With how it is written."""
    with pytest.raises(BusError, match="kafka://HOST:PORT"):
        KafkaBus(url, TOPICS)


def test_another_number_of_partitions_is_refused(bus, prefix):
    """Shards would go elsewhere: the error says what the setting must be."""
    with pytest.raises(BusError, match="set partitions: 4"):
        KafkaBus(f"kafka://{servers().kafka}/{prefix}", [Topic(name="in", partitions=2)])


def test_a_topic_that_was_removed_is_said(bus, prefix):
    """Reading it names the topic's absence and what makes it again."""
    admin = KafkaAdminClient(bootstrap_servers=servers().kafka)
    admin.delete_topics([f"{prefix}.out"])
    admin.close()
    with pytest.raises(BusError, match="fjaril setup"):
        list(bus.read("out"))
