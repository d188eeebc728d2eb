"""What files give beyond their content: that one process holds them alone, and that they are still there after a power cut."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


def lock(path: Path) -> IO[bytes] | None:
    """The file, held until it is closed, None if another process holds it. The system takes it back when a process ends, however it ends."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def sync(directory: Path) -> None:
    """Make the directory's entries durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
