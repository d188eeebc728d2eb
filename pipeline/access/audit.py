"""The audit log: who did what, when and why, one line each; a line that is changed, removed, moved or cut off is found.

Never the content: of a query what was asked, without personal data; of a document its id.

``audit.jsonl`` is only appended to. Each line is ``{"entry":…,"mac":…}``: the entry names the line before by its MAC, and has a MAC of its
own (HMAC-SHA-256), so that without the key no line can be made. ``audit.head`` says which line is the last: it finds a log whose end is
missing. Who has the key and both files can write another history; against them :attr:`Head.text` is kept elsewhere, and compared.
"""

from __future__ import annotations

import fcntl
import hmac
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from enrich.redaction import redact
from pipeline.access.roles import Action, Principal
from pipeline.errors import AuditError
from pipeline.model import Instant

_FIRST = "0" * 64
#: Characters of a purpose or subject that are kept.
_LONGEST = 500
#: Least length of a key.
KEY_BYTES = 32


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the log."""

    #: Counted from 1.
    seq: int
    at: Instant
    who: str
    role: str
    agency: str
    #: Why, in their own words.
    purpose: str
    action: Action
    #: What it was done to: an id, a code, what was asked; never content.
    subject: str
    #: MAC of the line before.
    before: str


class Head(Struct, frozen=True, kw_only=True):
    """The last line: its number, its MAC, and how many bytes the log has with it."""

    seq: int
    mac: str
    size: int

    @property
    def text(self) -> str:
        """What to keep elsewhere, as ``1204:9f3c…``."""
        return f"{self.seq}:{self.mac}"


class _Line(Struct, frozen=True):
    entry: msgspec.Raw
    mac: str


_lines, _entries = msgspec.json.Decoder(_Line), msgspec.json.Decoder(Entry)


class Log:
    """The log in a directory; several processes may write to it.

    :param key: secret, at least 32 bytes; without one ``audit.key`` beside the log is used, and made if there is no log yet.
    """

    def __init__(self, directory: Path, key: bytes | None = None) -> None:
        self._path, self._head, self._lock = (directory / f"audit.{end}" for end in ("jsonl", "head", "lock"))
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone():
            self._key = key or self._own_key(directory / "audit.key")

    def append(self, who: Principal, purpose: str, action: Action, subject: str, now: datetime) -> Entry:
        """Write a line; it is on disk on return.

        :raises AuditError: if the log was tampered with or cannot be written; then what was to be logged is not to be done.
        """
        with self._alone():
            head = self._mended()
            entry = Entry(
                seq=head.seq + 1,
                at=now,
                who=who.name,
                role=who.role.value,
                agency=who.agency,
                purpose=_kept(purpose),
                action=action,
                subject=_kept(subject),
                before=head.mac,
            )
            raw = msgspec.json.encode(entry)
            line = _line(raw, mac := self._mac(raw))
            try:
                with _private(self._path, os.O_APPEND) as file:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                self._set_head(Head(seq=entry.seq, mac=mac, size=head.size + len(line)))
            except OSError as error:
                raise AuditError(f"{self._path}: {error.strerror}; what is not logged is not shown: make room, or mend the disk") from error
        return entry

    def latest(self, count: int, before: int | None = None) -> list[Entry]:
        """The last lines, newest first; those with numbers below ``before`` if it is given. Not verified: :meth:`verify` is."""
        found: list[Entry] = []
        for line in self._backwards():
            entry = _entries.decode(_lines.decode(line).entry)
            if before is None or entry.seq < before:
                found.append(entry)
            if len(found) >= count:
                break
        return found

    def verify(self, kept: str | None = None) -> Head:
        """Read all of it and compare; returns its head, to be kept elsewhere.

        :param kept: :attr:`Head.text` of an earlier time; the log must still have that line.
        :raises AuditError: naming the first line that is not as it was written, or what is missing.
        """
        with self._alone():
            head, last, size, was_kept = self._read_head(), Head(seq=0, mac=_FIRST, size=0), 0, kept is None
            was_head = head.seq == 0
            for number, line in enumerate(self._forwards(), 1):
                last = self._verified(number, line, last)
                was_head = was_head or last == head
                was_kept = was_kept or last.text == kept
                size = last.size
        if not was_head:
            what = "its end is missing" if size < head.size else "that line is not as it was"
            raise AuditError(f"{self._path}: {self._head.name} says line {head.seq} is the last, but {what}; the log was tampered with")
        if last.seq > head.seq + 1:
            raise AuditError(f"{self._path}: {last.seq - head.seq} lines after the last one that {self._head.name} names; it was put back")
        if not was_kept:
            raise AuditError(f"{self._path}: the line {kept!r} that was kept elsewhere is not in it; the log is another one than it was")
        return last

    def _verified(self, number: int, line: bytes, last: Head) -> Head:
        where = f"{self._path}, line {number}"
        try:
            read = _lines.decode(line)
            entry = _entries.decode(read.entry)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise AuditError(f"{where}: {error}; expected a line of the log: it was tampered with, or its disk is damaged") from error
        raw = bytes(read.entry)
        if line != _line(raw, read.mac) or not hmac.compare_digest(read.mac.encode(), self._mac(raw).encode()):
            raise AuditError(f"{where}: its MAC is not that of what it says; the line was changed, or the key is another")
        if (entry.seq, entry.before) != (number, last.mac):
            raise AuditError(f"{where}: found line {entry.seq}, which does not follow the line before; lines were removed or moved")
        return Head(seq=number, mac=read.mac, size=last.size + len(line))

    def _mended(self) -> Head:
        """The head, after a crash between a line and its head: a whole line counts, half a line was never acknowledged."""
        head = self._read_head()
        size = self._path.stat().st_size if self._path.exists() else 0
        if size == head.size:
            return head
        if size > head.size:
            with self._path.open("rb+") as file:
                file.seek(head.size)
                rest = file.read()
                if b"\n" not in rest:
                    file.truncate(head.size)
                    return head
            if rest.count(b"\n") == 1 and rest.endswith(b"\n"):
                self._set_head(after := self._verified(head.seq + 1, rest, head))
                return after
        raise AuditError(
            f"{self._path}: found {size} bytes, {self._head.name} says {head.size}; the log was tampered with: `fjaril audit verify`"
        )

    def _read_head(self) -> Head:
        try:
            return msgspec.json.decode(self._head.read_bytes(), type=Head)
        except FileNotFoundError:
            if self._path.exists() and self._path.stat().st_size:
                raise AuditError(f"{self._head}: it is missing, but there is a log; put it back from a backup") from None
            return Head(seq=0, mac=_FIRST, size=0)
        except msgspec.DecodeError as error:
            raise AuditError(f"{self._head}: {error}; it says which line is the last: put it back from a backup") from error

    def _set_head(self, head: Head) -> None:
        new = self._head.with_suffix(".new")
        with _private(new, os.O_TRUNC) as file:
            file.write(msgspec.json.encode(head))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._head)

    def _mac(self, raw: bytes) -> str:
        return hmac.digest(self._key, raw, "sha256").hex()

    def _own_key(self, path: Path) -> bytes:
        if path.exists():
            return path.read_bytes()
        if self._path.exists():
            raise AuditError(
                f"{path}: it is missing, but there is a log; put it back, or set secrets.audit to the key that the log was made with"
            )
        key = secrets.token_bytes(KEY_BYTES)
        with _private(path, os.O_EXCL) as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return key

    def _forwards(self) -> Iterator[bytes]:
        """Whole lines; half a line at the end was never acknowledged."""
        if self._path.exists():
            with self._path.open("rb") as file:
                yield from (line for line in file if line.endswith(b"\n"))

    def _backwards(self) -> Iterator[bytes]:
        if not self._path.exists() or not self._path.stat().st_size:
            return
        with self._path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            end = view.rfind(b"\n")
            while end > 0:
                start = view.rfind(b"\n", 0, end) + 1
                yield view[start:end]
                end = start - 1

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with _private(self._lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _line(raw: bytes, mac: str) -> bytes:
    return b'{"entry":' + raw + b',"mac":"' + mac.encode() + b'"}\n'


def _kept(text: str) -> str:
    return redact(" ".join(text.split())).text[:_LONGEST]


def _private(path: Path, flags: int = 0) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600), "wb")
