"""What all tests share: where the real data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data: ``FJARIL_DATA``, else ``shared/data`` beside the checkout. Required where ``CI`` is set."""
    folder = Path(os.environ.get("FJARIL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if folder.is_dir():
        return folder
    if os.environ.get("CI"):
        pytest.fail(f"{folder} is missing, and CI needs the real data; FJARIL_DATA can name another folder")
    pytest.skip(f"no real data in {folder}; FJARIL_DATA can name another folder")
