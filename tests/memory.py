"""The most memory that this process has held. What ``getrusage`` gives counts what its parent held when it was started."""

from __future__ import annotations

import re
from pathlib import Path


def peak() -> int:
    """Bytes, since the start or since :func:`forget_peak`."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def forget_peak() -> None:
    """Count from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
