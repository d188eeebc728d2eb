"""What all tests share: where the real data is, and the order: fast ones first."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import real_servers

#: Several pipelines run at once: none takes the console's address, except in the console's own tests.
os.environ["FJARIL_CONSOLE__ADDRESS"] = ""
#: Tests ask more than people do.
os.environ["FJARIL_CONSOLE__RATE"] = "1000000"
ROOT = Path(__file__).resolve().parent.parent
#: Folders of tests, fastest first.
_ORDER = (
    "pipeline",
    "console",
    "access",
    "situation",
    "export",
    "enrich",
    "collectors",
    "golden",
    "property",
    "deploy",
    "contract",
    "crash",
    "e2e",
    "eval",
)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data: the one named by FJARIL_DATA, else ../shared/data. Required where CI is set."""
    folder = Path(os.environ.get("FJARIL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{folder}: the real data is required where CI is set")
        pytest.skip(f"{folder}: the real data is not here; name its folder with FJARIL_DATA")
    return folder


@pytest.fixture(scope="session")
def fortnight(tmp_path_factory) -> Path:
    """A data directory in which the bundled fortnight was replayed; to be copied, not changed."""
    from tests.e2e.commands import fjaril

    folder = tmp_path_factory.mktemp("fortnight")
    fjaril("demo", data=folder)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast folders first, each in its own order."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        return _ORDER.index(folder) if folder in _ORDER else len(_ORDER)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Where several processes run, one takes a file's tests, which share what they set up, and one all those on the servers."""
    return _ByWhatTheyShare(config, log)


class _ByWhatTheyShare(LoadScopeScheduling):  # type: ignore[misc]  # the library has no types
    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid.partition("::")[0])


@functools.cache
def _group(file: str) -> str:
    text = (ROOT / file).read_text(encoding="utf-8")
    return "servers" if "real_servers" in text or "_adapters" in text else file


def pytest_sessionfinish() -> None:
    """The servers outlive no run that started them."""
    real_servers.stop()
