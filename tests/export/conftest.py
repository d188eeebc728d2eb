"""A replayed fortnight, shared by the tests of what is made of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def replayed(fortnight, tmp_path_factory) -> Path:
    """A data directory in which the bundled fortnight was replayed."""
    return Path(shutil.copytree(fortnight, tmp_path_factory.mktemp("replayed") / "data"))
