"""Dead letters: what becomes of a record that a stage cannot process."""

from __future__ import annotations

from datetime import datetime

from pipeline.model import DeadLetter, Retry, decode, encode, fingerprint
from pipeline.ports import Bus, Delivered, Record

#: The topic that they go to.
DEAD = "dead"


def dead_record(stage: str, reason: str, delivered: Delivered, source: str = "") -> Record:
    """The record on topic ``dead`` for one that ``stage`` cannot process, with its original bytes.

    It died when the record was published: so a stage that goes by no clock writes the same letter every time.
    """
    letter = DeadLetter(
        stage=stage,
        reason=reason,
        died=delivered.timestamp,
        topic=delivered.topic,
        key=delivered.key,
        shard=delivered.shard or "",
        source=source,
        original=delivered.value,
    )
    return letter_record(letter)


def letter_record(letter: DeadLetter) -> Record:
    """The letter as a record; its key is that of the record that died, so that both are erased together."""
    key = letter.key or fingerprint(letter.stage, letter.original.hex())
    return Record(topic=DEAD, key=key, timestamp=letter.died, value=encode(letter))


def retry_records(number: int, letter: DeadLetter, now: datetime) -> list[Record]:
    """What puts a dead record back where it came from, and takes its letter off the list.

    It is published as of now, so that it is not past its time to be kept before it is read.
    """
    again = Record(topic=letter.topic, key=letter.key, shard=letter.shard or None, timestamp=now, value=letter.original)
    return [again, Record(topic="retried", key=str(number), timestamp=now, value=encode(Retry(stage=letter.stage)))]


def letters(bus: Bus) -> dict[int, DeadLetter]:
    """The letters that are kept and were not retried, by number."""
    retried = {record.key for record in bus.read("retried")}
    kept = (record for record in bus.read(DEAD) if record.value and str(record.offset) not in retried)
    return {record.offset: decode(record.value, DeadLetter) for record in kept}
