"""Recorded polls: read one at a time; what is wrong is named by file and line."""

from __future__ import annotations

import gzip
import json
import lzma
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline import recording
from pipeline.errors import UsageError
from pipeline.recording import Answer

POLL = {"polled_at": "2026-03-01T13:00:00+01:00", "body": "[å]"}
GOOD = json.dumps(POLL).encode() + b"\n"


def written(tmp_path: Path, content: bytes, name: str = "polls.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("name", "pack"), [("p.jsonl", bytes), ("p.jsonl.gz", gzip.compress), ("p.jsonl.xz", lzma.compress)])
def test_a_recording_is_read_plain_or_packed(tmp_path, name, pack):
    """Each line is an answer in UTC, with the defaults of a JSON interface; blank lines and other keys are passed over."""
    other = POLL | {"status": 503, "content_type": "text/html", "body": "", "url": "https://example.org", "more": 1}
    path = written(tmp_path, pack(GOOD + b"\n" + json.dumps(other).encode()), name)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert list(recording.read(path, "one")) == [
        Answer(at=noon, source="one", content_type="application/json; charset=utf-8", body="[å]".encode()),
        Answer(at=noon, source="one", status=503, content_type="text/html", body=b""),
    ]
    assert recording.count(path) == 2


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "expected a JSON object with polled_at and body"),
        (b"[]", "Expected `object`"),
        (b'{"polled_at": "2026-03-01T12:00:00Z"}', "missing required field `body`"),
        (b'{"polled_at": "2026-03-01T14:00:00", "body": ""}', "timezone"),
        (b'{"polled_at": "i g\xc3\xa5r", "body": ""}', "polled_at"),
        (b'{"polled_at": "2026-03-01T11:59:59Z", "body": ""}', "polled at 2026-03-01 11:59:59, before the line above"),
        (b'{"polled_at": "2026-03-01T14:00:00Z", "body": "\xff"}', "utf-8"),
        (b'{"polled_at": "2026-03-01T14:00:00Z", "body": "\\ud800"}', "expected a JSON object"),
        (b'{"x": ' + b"[" * 100_000, "recursion"),
    ],
    ids=["half", "no object", "no body", "no zone", "no time", "order", "not UTF-8", "half a character", "deep"],
)
def test_a_bad_line_is_named(tmp_path, line, what):
    """File, line, what was found and what was expected; the answers before it have come."""
    path = written(tmp_path, GOOD + b"\n" + line + b"\n")
    answers = recording.read(path, "one")
    assert next(answers).body == "[å]".encode()
    with pytest.raises(UsageError, match=f"^{path}:3: ") as caught:
        next(answers)
    assert what in str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("harm", ["cut", "changed", "not packed"])
def test_a_damaged_file_is_named(tmp_path, pack, harm):
    """A packed file that is cut short, damaged, or not packed at all is refused by name, by both readers."""
    lines = b"".join(GOOD.replace(b"[", f"[{n}".encode()) for n in range(500))
    packed = bytearray(pack(lines))
    if harm == "changed":
        packed[len(packed) // 2 :] = b"\xff" * (len(packed) - len(packed) // 2)
    content = {"cut": packed[: len(packed) // 2], "changed": packed, "not packed": lines}[harm]
    path = written(tmp_path, bytes(content), f"polls.jsonl.{'gz' if pack is gzip.compress else 'xz'}")
    for reading in (lambda: list(recording.read(path, "one")), lambda: recording.count(path)):
        with pytest.raises(UsageError, match=f"^{path}:.*; expected "):
            reading()


def test_a_missing_file_is_named(tmp_path):
    """A file that is not there, or is a directory, is refused by name."""
    with pytest.raises(UsageError, match="No such file"):
        next(recording.read(tmp_path / "none.jsonl", "one"))
    with pytest.raises(UsageError, match="Is a directory"):
        recording.count(tmp_path)
