"""Dead letters: what becomes of a record that a stage cannot process."""

from __future__ import annotations

from pipeline.model import DeadLetter, encode, fingerprint
from pipeline.ports import Delivered, Record

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
