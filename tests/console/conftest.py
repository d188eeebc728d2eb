"""What the console's tests share: the demo's fortnight, a room over it, and a client on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import pipeline.settings
from pipeline.console.room import Room, opened
from tests.console.serving import copy_of, served


@pytest.fixture(scope="session")
def demo(fortnight, tmp_path_factory) -> Path:
    """The data directory of the demo."""
    return Path(shutil.copytree(fortnight, tmp_path_factory.mktemp("console-demo") / "data"))


@pytest.fixture(scope="session")
def room(demo) -> Iterator[Room]:
    """The demo's room, with what the topics say."""
    with opened(pipeline.settings.load(data=demo)) as made:
        made.desk.refresh()
        yield made


@pytest.fixture(scope="session")
def url(room) -> Iterator[str]:
    """Where the demo's console answers."""
    with served(room) as made:
        yield str(made.base_url)


@pytest.fixture
def client(url) -> Iterator[httpx.Client]:
    """Somebody at this machine, where there are no accounts."""
    with httpx.Client(base_url=url, timeout=30) as made:
        yield made


@pytest.fixture
def copied(demo, tmp_path) -> Callable[[], Path]:
    """Makes a directory of one's own with what the demo has, without what was read of it."""

    def copy() -> Path:
        folder = tmp_path / "copy"
        copy_of(demo, folder)
        return folder

    return copy
