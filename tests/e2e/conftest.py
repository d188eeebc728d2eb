"""What end-to-end tests share."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def directory(tmp_path_factory) -> Callable[[str], Path]:
    """Makes data directories in which the gazetteer is made already."""
    import enrich.gazetteer

    cache = tmp_path_factory.mktemp("gazetteer")
    enrich.gazetteer.load(cache)

    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(cache, folder / "cache")
        return folder

    return made
