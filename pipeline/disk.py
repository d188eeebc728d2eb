"""What files give beyond their content: that one process holds them alone, and that they are still there after a power cut."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from pipeline.errors import UsageError

#: Seconds between two looks at whether a file is still held.
_LOOK = 0.1


def lock(path: Path) -> IO[bytes] | None:
    """The file, held until it is closed, None if another process holds it. The system takes it back when a process ends, however it ends."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def hold(path: Path, busy: str, patience: float = 0.0) -> IO[bytes]:
    """The file, held until it is closed, once no other process holds it.

    :param patience: seconds that another is waited for.
    :raises UsageError: ``busy``, if another still holds it then.
    """
    deadline = time.monotonic() + patience
    while (held := lock(path)) is None:
        if time.monotonic() >= deadline:
            raise UsageError(busy)
        time.sleep(_LOOK)
    return held


def sync(directory: Path) -> None:
    """Make the directory's entries durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
