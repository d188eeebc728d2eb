"""The embedded bus: one SQLite file in WAL mode, durable at every commit.

All records stand in one table, numbered in the order in which they were published; the number is the offset. So a group
reads in the order of publication, across partitions too. Each record carries a checksum: SQLite's own protects its log,
not the pages of the file.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw

from pipeline.bus.common import from_micros, micros, partition_of
from pipeline.errors import BusCorruptError, BusError, FjarilError, StaleBatchError, UnknownTopicError
from pipeline.ports import Batch, Delivered, Record, Topic
from pipeline.sqlite import connect, empty_log, insert

#: Raised when the tables change; a file of another layout is refused.
LAYOUT = 1
#: How often another process's records are looked for while waiting, in seconds.
_LOOK = 0.05
_READ_CHUNK = 1_000
#: Checksum of a record whose value was erased.
_ERASED = 0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS records(offset INTEGER PRIMARY KEY AUTOINCREMENT, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
    key TEXT NOT NULL, shard TEXT, timestamp INTEGER NOT NULL, checksum INTEGER NOT NULL, compacted INTEGER NOT NULL,
    value BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS records_in_order ON records(topic, offset);
CREATE UNIQUE INDEX IF NOT EXISTS last_of_key ON records(topic, key) WHERE compacted;
CREATE TABLE IF NOT EXISTS positions(consumers TEXT NOT NULL, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
    after INTEGER NOT NULL, PRIMARY KEY(consumers, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unpurged(erasure INTEGER PRIMARY KEY AUTOINCREMENT);
"""
_INSERT = "INSERT OR REPLACE INTO records(topic, partition, key, shard, timestamp, checksum, compacted, value)"
_SELECT = """
SELECT offset, partition, key, shard, timestamp, checksum, value FROM records
WHERE topic = ? AND offset > ? AND timestamp >= ? ORDER BY offset LIMIT ?
"""
_ALWAYS = -(2**62)
_ERASE = """
UPDATE records SET value = x'', checksum = 0 FROM json_each(:keys) AS wanted
WHERE records.topic = :topic AND records.key = wanted.key AND records.timestamp < wanted.value
"""
#: What a consumer has yet to read stays: the pipeline may have been off for longer than the retention, or not have begun.
_EXPIRE = """
DELETE FROM records WHERE topic = :topic AND timestamp < :limit AND offset <= coalesce((
    SELECT min(coalesce(after, 0)) FROM json_each(:consumers) AS wanted
    LEFT JOIN positions ON positions.topic = :topic AND positions.consumers = wanted.value), offset)
"""
_MOVE = "INSERT INTO positions VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET after = excluded.after"

Row = tuple[int, int, str, str | None, int, int, bytes]


class SqliteBus:
    """The port ``Bus`` on one SQLite file; several threads and processes may use the file at once."""

    def __init__(self, path: Path, topics: Sequence[Topic]) -> None:
        """Open the file, making it and the topics if they are not there.

        :raises BusError: if the file cannot be used, or a topic has another number of partitions in it.
        """
        self._path = path
        self._lock = threading.RLock()
        self._published = threading.Condition()
        self._has_erased = False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = connect(path)
        except FjarilError as error:
            raise BusError(str(error)) from error
        with self._guard():
            self._prepare(topics)
        self._topics = {topic.name: topic for topic in topics}
        self._ids = dict(self._db.execute("SELECT name, id FROM topics"))

    # --- the port ------------------------------------------------------------------------------------------------------

    def publish(self, records: Sequence[Record]) -> None:
        """Append all the records, or none; durable on return."""
        if not records:
            return
        with self._transaction():
            self._append(records)
        self._wake()

    def poll(self, group: str, topics: Sequence[str], max_records: int = 500, timeout: float = 0.0) -> Batch:
        """The earliest uncommitted records of the topics, in order of publication."""
        deadline = time.monotonic() + timeout
        while True:
            batch = self._poll(group, topics, max_records)
            left = deadline - time.monotonic()
            if batch.records or left <= 0:
                return batch
            with self._published:
                self._published.wait(min(left, _LOOK))

    def commit(self, batch: Batch, outputs: Sequence[Record] = ()) -> None:
        """Publish ``outputs`` and advance the group: one transaction."""
        with self._transaction():
            for (topic, partition), (before, after) in batch.span.items():
                found = self._positions(batch.group, topic)[partition]
                if found != before:
                    raise StaleBatchError(
                        f"group {batch.group}, {topic}/{partition}: the batch began after {before}, the group is at {found}; poll again"
                    )
                self._db.execute(_MOVE, (batch.group, self._id(topic), partition, after))
            self._append(outputs)
        if outputs:
            self._wake()

    def seek(self, group: str, topic: str, timestamp: datetime) -> None:
        """Move the group in each partition to just before the first record at or after ``timestamp``, else to the end."""
        number = self._id(topic)
        with self._transaction():
            end = self._value("SELECT coalesce(max(offset), 0) FROM records WHERE topic = ?", (number,))
            for partition in range(self._topics[topic].partitions):
                first = self._value(
                    "SELECT min(offset) FROM records WHERE topic = ? AND partition = ? AND timestamp >= ?",
                    (number, partition, micros(timestamp)),
                )
                self._db.execute(_MOVE, (group, number, partition, end if first is None else first - 1))

    def read(self, topic: str, since: datetime | None = None) -> Iterator[Delivered]:
        """All records now in the topic, in order of publication."""
        return self._from(topic, 0, micros(since) if since else _ALWAYS)

    def follow(self, topic: str, after: Mapping[int, int]) -> Iterator[Delivered]:
        """The records that came since; offsets count through all partitions of a topic, in order of publication."""
        return self._from(topic, max(after.values(), default=0), _ALWAYS)

    def _from(self, topic: str, after: int, earliest: int) -> Iterator[Delivered]:
        number = self._id(topic)
        while True:
            with self._guard():
                rows = self._rows(_SELECT, (number, after, earliest, _READ_CHUNK))
            yield from (self._delivered(topic, row) for row in rows)
            if len(rows) < _READ_CHUNK:
                return
            after = rows[-1][0]

    def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        """Records of each topic after the group's position."""
        with self._guard():
            return {topic: self._lag(group, topic) for topic in topics}

    def count(self, topic: str) -> int:
        """Number of records ever published to the topic."""
        with self._guard():
            return int(self._value("SELECT published FROM topics WHERE id = ?", (self._id(topic),)) or 0)

    def erase(self, topics: Sequence[str], keys: Mapping[str, datetime]) -> None:
        """Empty the earlier values of these keys, and note durably that traces of them are to be removed."""
        wanted = json.dumps({key: micros(moment) for key, moment in keys.items()})
        numbers = [self._id(topic) for topic in topics]
        with self._transaction():
            self._db.executemany(_ERASE, [{"topic": number, "keys": wanted} for number in numbers])
            self._db.execute("INSERT INTO unpurged DEFAULT VALUES")
        self._has_erased = True

    def expire(self, now: datetime) -> int:
        """Remove what is older than its topic's retention, and traces of what was erased.

        Compacted topics keep the last record of each key. Where another process reads, traces go at the next expiry.
        """
        limits = [
            {"topic": self._id(topic.name), "limit": micros(now - topic.retention), "consumers": json.dumps(topic.consumers)}
            for topic in self._topics.values()
            if topic.retention is not None and not topic.compacted
        ]
        with self._transaction():
            before = self._db.total_changes()
            self._db.executemany(_EXPIRE, limits)
            removed = self._db.total_changes() - before
        with self._guard():
            self._purge()
        return removed

    def verify(self) -> None:
        """Check the file's structure, its indexes, and every record against its checksum."""
        with self._guard():
            problem = self._db.pragma("integrity_check")
            if problem != "ok":
                raise BusCorruptError(f"{self._path}: {problem}; restore the file from a copy")
        for topic in self._topics:
            for _ in self.read(topic):  # reading compares the checksums
                pass

    def close(self) -> None:
        """Close the file."""
        with self._guard():
            if self._has_erased:
                self._purge()
            self._db.close()

    # --- inside --------------------------------------------------------------------------------------------------------

    def _prepare(self, topics: Sequence[Topic]) -> None:
        self._db.pragma("secure_delete", value=True)
        layout = self._db.pragma("user_version")
        if layout not in {0, LAYOUT}:
            raise BusError(
                f"{self._path}: found layout {layout}; this version of Fjäril knows {LAYOUT}: use the version that made the file"
            )
        with self._transaction():  # at once: one that begins by reading cannot wait for another process's writing
            self._db.execute(_SCHEMA)
            self._db.pragma("user_version", LAYOUT)
            for topic in topics:
                self._db.execute("INSERT OR IGNORE INTO topics(name, partitions) VALUES(?,?)", (topic.name, topic.partitions))
                found = self._value("SELECT partitions FROM topics WHERE name = ?", (topic.name,))
                if found != topic.partitions:
                    raise BusError(
                        f"{self._path}: topic {topic.name} has {found} partitions, the settings say {topic.partitions}; set partitions: {found}, or begin a new file"
                    )

    def _append(self, records: Sequence[Record]) -> None:
        rows, published = [], dict[int, int]()
        for record in records:
            if not record.value:
                raise BusError(
                    f"{self._path}: topic {record.topic}, key {record.key}: found an empty value, as only erased records have; give it a byte"
                )
            number, topic = self._id(record.topic), self._topics[record.topic]
            partition = partition_of(record.shard if record.shard is not None else record.key, topic.partitions)
            moment = micros(record.timestamp)
            checksum = _checksum(record.key, record.shard, moment, record.value)
            rows.append((number, partition, record.key, record.shard, moment, checksum, topic.compacted, record.value))
            published[number] = published.get(number, 0) + 1
        insert(self._db, _INSERT, rows)
        self._db.executemany("UPDATE topics SET published = published + ? WHERE id = ?", [(n, number) for number, n in published.items()])

    def _poll(self, group: str, topics: Sequence[str], max_records: int) -> Batch:
        with self._guard():
            found = [record for topic in topics for record in self._pending(group, topic, max_records)]
            records = tuple(sorted(found, key=lambda record: record.offset)[:max_records])
            # Read in order of publication: every partition of the topic is done up to the topic's last record.
            last = {record.topic: record.offset for record in records}
            span = {
                (topic, partition): (before, max(before, end))
                for topic, end in last.items()
                for partition, before in self._positions(group, topic).items()
            }
        return Batch(group=group, records=records, span=span)

    def _pending(self, group: str, topic: str, limit: int) -> list[Delivered]:
        """The first records of the topic after the group's positions, which differ between partitions after a seek."""
        number, positions = self._id(topic), self._positions(group, topic)
        after, furthest = min(positions.values()), max(positions.values())
        rows: list[Row] = []
        while len(rows) < limit:
            chunk = self._rows(_SELECT, (number, after, _ALWAYS, limit))
            rows += chunk if after >= furthest else [row for row in chunk if row[0] > positions[row[1]]]
            if len(chunk) < limit:
                break
            after = chunk[-1][0]
        return [self._delivered(topic, row) for row in rows[:limit]]

    def _positions(self, group: str, topic: str) -> dict[int, int]:
        found: dict[int, int] = dict(
            self._rows("SELECT partition, after FROM positions WHERE consumers = ? AND topic = ?", (group, self._id(topic)))
        )
        return {partition: found.get(partition, 0) for partition in range(self._topics[topic].partitions)}

    def _lag(self, group: str, topic: str) -> int:
        counts = "SELECT count(*) FROM records WHERE topic = ? AND partition = ? AND offset > ?"
        positions = self._positions(group, topic)
        if len(set(positions.values())) == 1:  # one count by the index instead of one a partition by the table
            return int(self._value("SELECT count(*) FROM records WHERE topic = ? AND offset > ?", (self._id(topic), positions[0])) or 0)
        return sum(int(self._value(counts, (self._id(topic), partition, after)) or 0) for partition, after in positions.items())

    def _delivered(self, topic: str, row: Row) -> Delivered:
        offset, partition, key, shard, moment, checksum, value = row
        if checksum != (_checksum(key, shard, moment, value) if value else _ERASED):
            raise BusCorruptError(
                f"{self._path}: record {offset} of topic {topic} (key {key}) does not match its checksum; restore the file from a copy"
            )
        when = from_micros(moment)
        return Delivered(topic=topic, key=key, value=value, timestamp=when, shard=shard, partition=partition, offset=offset)

    def _purge(self) -> None:
        """Write the file anew if something was erased, and empty the log.

        SQLite overwrites what is removed (``secure_delete``), but not the copies that it leaves where it moves records from page
        to page: only a file that is written anew has none.
        """
        last = self._value("SELECT max(erasure) FROM unpurged", ())
        if last is not None:
            self._db.execute("VACUUM")
        if empty_log(self._db) and last is not None:
            self._db.execute("DELETE FROM unpurged WHERE erasure <= ?", (last,))  # not one of another process meanwhile
            self._has_erased = False

    def _id(self, topic: str) -> int:
        if topic not in self._topics:
            raise UnknownTopicError(f"{self._path}: there is no topic {topic!r}; there are {', '.join(sorted(self._topics))}")
        return int(self._ids[topic])

    def _rows(self, sql: str, arguments: tuple[Any, ...]) -> list[Any]:
        return self._db.execute(sql, arguments).fetchall()

    def _value(self, sql: str, arguments: tuple[Any, ...]) -> int | None:
        value: int | None = self._db.execute(sql, arguments).get
        return value

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """The connection for one thread, its errors as ours."""
        with self._lock:
            try:
                yield
            except UnicodeEncodeError as error:
                raise BusError(f"{self._path}: {error}; keys and shards are valid Unicode") from error
            except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError) as error:
                raise BusCorruptError(f"{self._path}: {error}; restore the file from a copy") from error
            except apsw.Error as error:
                raise BusError(f"{self._path}: {error}; nothing was written: check the disk's space and rights, then go on") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction that takes the write lock at once, so that it cannot fail half-way for another's sake."""
        with self._guard():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # a full disk ends the transaction by itself
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _wake(self) -> None:
        with self._published:
            self._published.notify_all()


def _checksum(key: str, shard: str | None, moment: int, value: bytes) -> int:
    head = key if shard is None else f"{key}\0{shard}"
    return zlib.crc32(value, zlib.crc32(head.encode(), moment & 0xFFFFFFFF))
