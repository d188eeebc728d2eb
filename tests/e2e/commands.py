"""The command as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FJARIL = Path(sys.executable).with_name("fjaril")


def fjaril(
    *arguments: object, data: Path | None = None, code: int = 0, timeout: float = 300, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it, and check what it exits with."""
    command = [str(FJARIL), *(["--data", str(data)] if data else []), *(str(a) for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, input=stdin)
    assert done.returncode == code, f"{command} exited with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


def fjaril_json(*arguments: object, data: Path | None = None, code: int = 0) -> Any:
    """What it prints with ``--json``."""
    return json.loads(fjaril(*arguments, "--json", data=data, code=code).stdout)
