from __future__ import annotations

from pathlib import Path

import pytest

import enrich.gazetteer
from enrich.gazetteer import Gazetteer


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    """Built once, and kept between runs."""
    return enrich.gazetteer.load(Path(__file__).resolve().parents[2] / ".cache" / "tests")
