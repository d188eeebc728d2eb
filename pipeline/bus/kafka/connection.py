"""How the brokers are reached, and what their errors say to a person."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import errors as kafka_errors
from kafka.structs import TopicPartition
from msgspec import Struct

from pipeline.bus.kafka import probe
from pipeline.errors import BusCorruptError, BusError, StaleBatchError
from pipeline.settings import Kafka

#: The first with transactions that are fenced by the consumer's generation (KIP-447).
OLDEST = (2, 5)
#: Seconds until a first broker must have answered.
CONNECT = 10.0
#: Seconds between two polls of a member after which it is thought to hang: a stage folds its state back in between.
BETWEEN_POLLS = 900.0
#: Milliseconds between two attempts to reach a broker that is gone; the library would wait longer and longer, up to half a minute.
RECONNECT = 1_000
#: Largest record, in bytes: an answer of a source is at most ``http.max_bytes``, an item of it is less.
LARGEST = 16_000_000
_URL = re.compile(r"kafka://(?P<brokers>[^/\s]+)(/(?P<prefix>[A-Za-z0-9._-]+))?/?")

#: What was committed by a member that the group has gone on without.
_STALE = (
    kafka_errors.IllegalGenerationError, kafka_errors.UnknownMemberIdError, kafka_errors.RebalanceInProgressError,
    kafka_errors.FencedInstanceIdError, kafka_errors.CommitFailedError,
)  # fmt: skip


class Address(Struct, frozen=True):
    """``kafka://HOST:PORT,…/PREFIX``: brokers, and what the names of topics and groups begin with."""

    url: str
    brokers: tuple[str, ...]
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address that a URL of the setting ``bus`` names.

        :raises BusError: if it is none.
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise BusError(f"bus: found {url!r}; write it as kafka://HOST:PORT, or kafka://HOST:PORT,HOST:PORT/PREFIX")
        return cls(url, tuple(match["brokers"].split(",")), match["prefix"] or "fjaril")

    def name(self, of: str) -> str:
        """Of a topic or group, as Kafka knows it."""
        return f"{self.prefix}.{of}"


class Connection:
    """Makes clients that share address and rights."""

    def __init__(self, address: Address, options: Kafka) -> None:
        """:raises BusError: if a file of certificates or keys does not hold what it should."""
        self.address, self._given = address, options
        self._options = _client_options(address, options)
        self._session = options.session
        #: Seconds after which the broker aborts a transaction of a process that died in it; until then nobody reads past it.
        self.transaction = options.transaction

    @property
    def stalled(self) -> float:
        """Seconds in which nothing comes after which reading is given up: longer than a dead process's transaction bars the way."""
        return self.transaction + 30.0

    def admin(self) -> Any:
        """A client for topics and offsets.

        :raises BusError: if no broker answers, refuses the credentials, or is too old.
        """
        try:
            client = KafkaAdminClient(**self._options)
        except kafka_errors.KafkaError as error:
            why = probe.cause(self.address.brokers[0], self._given)
            raise BusError(f"bus: {self.address.url}: connecting: {why} ({type(error).__name__})") from error
        try:
            supported(self.address, client._manager.broker_version)  # noqa: SLF001  (it tells nobody else)
        except BaseException:
            client.close()
            raise
        return client

    def reader(self) -> Any:
        """A consumer without a group, that sees what is committed."""
        with self.explained("connecting"):
            return KafkaConsumer(**self._options, **_READING)

    def member(self, group: str) -> Any:
        """A consumer in a group, that sees what is committed."""
        with self.explained("connecting"):
            return KafkaConsumer(
                **self._options, **_READING, group_id=self.address.name(group), session_timeout_ms=int(self._session * 1000),
                heartbeat_interval_ms=int(self._session * 300), max_poll_interval_ms=int(BETWEEN_POLLS * 1000),
            )  # fmt: skip

    def producer(self, identity: str) -> Any:
        """An idempotent producer of transactions; another one of the same identity is shut out."""
        with self.explained("connecting"):
            producer = KafkaProducer(
                **self._options, transactional_id=identity, acks="all", enable_idempotence=True, linger_ms=5, batch_size=262_144,
                max_request_size=LARGEST, metrics_enabled=False, transaction_timeout_ms=int(self.transaction * 1000),
                max_block_ms=int(self.transaction * 1000),
            )  # fmt: skip
            producer.init_transactions()
            return producer

    def new_identity(self) -> str:
        """For a producer; the prefix lets an administrator grant it."""
        return self.address.name(uuid.uuid4().hex)

    @contextmanager
    def explained(self, doing: str) -> Iterator[None]:
        """Errors of the library as ours, naming the setting that they come from."""
        try:
            yield
        except _STALE as error:
            raise StaleBatchError(f"bus: {self.address.url}: {doing}: the group has gone on without this process; poll again") from error
        except kafka_errors.CorruptRecordError as error:
            raise BusCorruptError(f"bus: {self.address.url}: {error}; restore the broker's log from a replica") from error
        except kafka_errors.KafkaError as error:
            raise BusError(f"bus: {self.address.url}: {doing}: {_advice(error)} ({type(error).__name__})") from error


def supported(address: Address, version: tuple[int, ...]) -> None:
    """See that the client can do with such a broker what it must.

    :raises BusError: if not.
    """
    if version < OLDEST:
        raise BusError(f"bus: {address.url}: found Kafka {'.'.join(map(str, version))}; {OLDEST[0]}.{OLDEST[1]} or later is needed")


_READING: dict[str, Any] = {
    "isolation_level": "read_committed", "auto_offset_reset": "earliest", "enable_auto_commit": False, "check_crcs": True,
    "max_poll_records": 2_000, "fetch_max_wait_ms": 250, "allow_auto_create_topics": False,
    "metrics_enabled": False,
}  # fmt: skip


def _client_options(address: Address, options: Kafka) -> dict[str, Any]:
    protocol = ("SASL_" if options.username else "") + ("SSL" if options.tls else "PLAINTEXT")
    found: dict[str, Any] = {
        "bootstrap_servers": list(address.brokers), "security_protocol": protocol, "bootstrap_timeout_ms": int(CONNECT * 1000),
        "client_id": address.prefix, "reconnect_backoff_max_ms": RECONNECT,
    }  # fmt: skip
    if options.tls:
        try:
            found["ssl_context"] = probe.context(options)
        except ValueError as error:
            raise BusError(str(error)) from error
    if options.username:
        found |= {
            "sasl_mechanism": options.mechanism, "sasl_plain_username": options.username,
            "sasl_plain_password": options.password.get_secret_value(),
        }  # fmt: skip
    return found


def _advice(error: Exception) -> str:
    for kind, text in _ADVICE:
        if isinstance(error, kind):
            return text
    return str(error) or "it failed; nothing was changed, go on later"


_ADVICE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (
        (kafka_errors.SaslAuthenticationFailedError, kafka_errors.UnsupportedSaslMechanismError, kafka_errors.IllegalSaslStateError),
        "the broker refuses the credentials: see kafka.username, kafka.password and kafka.mechanism",
    ),
    (kafka_errors.AuthorizationError, "the user may not do this: let it read, write, create and describe what begins with the prefix"),
    (kafka_errors.UnknownTopicOrPartitionError, "a topic is missing on the broker: make it again with `fjaril setup`"),
    ((kafka_errors.UnsupportedVersionError, kafka_errors.UnrecognizedBrokerVersion), "the broker is too old: Kafka 2.5 or later is needed"),
    (
        (kafka_errors.KafkaConnectionError, kafka_errors.KafkaTimeoutError, kafka_errors.BrokerNotAvailableError),
        (
            "no broker answers there in time: see that it runs, that kafka.tls, kafka.username and kafka.password are as it has them, "
            "and that no topic is missing, which `fjaril setup` makes"
        ),
    ),
    ((kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError), f"a record is larger than {LARGEST:,} bytes"),
)


def partitions(topic: str, count: int) -> list[TopicPartition]:
    """All of a topic, by the name that Kafka knows it by."""
    return [TopicPartition(topic, number) for number in range(count)]
