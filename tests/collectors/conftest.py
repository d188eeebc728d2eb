from __future__ import annotations

import os
from pathlib import Path

import pytest

import enrich.gazetteer
from enrich.gazetteer import Gazetteer

#: Kept between runs; of a process of its own where tests run side by side.
CACHE = Path(__file__).resolve().parents[2] / ".cache" / f"tests-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    """Built once."""
    return enrich.gazetteer.load(CACHE)
