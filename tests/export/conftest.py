"""A replayed fortnight, shared by the tests of what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.commands import fjaril


@pytest.fixture(scope="session")
def replayed(tmp_path_factory) -> Path:
    """A data directory in which the bundled fortnight was replayed."""
    folder = tmp_path_factory.mktemp("replayed")
    fjaril("demo", data=folder)
    return folder
