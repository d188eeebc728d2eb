"""Opening SQLite: durable, and never with a version that loses commits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.errors import FjarilError
from pipeline.sqlite import BUSY_TIMEOUT_MS, connect, empty_log, refuse_wal_reset_bug


@pytest.mark.parametrize("version", ["3.7.0", "3.40.1", "3.44.5", "3.45.0", "3.49.2", "3.50.6", "3.51.0", "3.51.2"])
def test_versions_with_the_wal_reset_bug_are_refused(version: str):
    """The error names the version and what to use."""
    with pytest.raises(FjarilError, match=rf"SQLite {version} .*3\.51\.3"):
        refuse_wal_reset_bug(version)


@pytest.mark.parametrize("version", ["3.6.23", "3.44.6", "3.44.7", "3.50.7", "3.51.3", "3.52", "3.54.1", "4.0.0"])
def test_versions_without_it_are_taken(version: str):
    """Earlier than the log, fixed on their branch, or later."""
    refuse_wal_reset_bug(version)


def test_a_connection_is_durable(tmp_path: Path):
    """Write-ahead log, and every commit synchronised; another connection can read at the same time."""
    writer = connect(tmp_path / "a.db")
    assert (writer.pragma("journal_mode"), writer.pragma("synchronous")) == ("wal", 2)
    writer.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    reader = connect(tmp_path / "a.db", readonly=True)
    assert list(reader.execute("SELECT a FROM t")) == [(1,)]
    reader.close()
    writer.close()


def test_a_log_is_emptied_once_nobody_reads_it(tmp_path: Path):
    """While another connection reads it is left, and nobody waits; afterwards nothing is in it. Other statements wait as before."""
    writer = connect(tmp_path / "a.db")
    writer.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    reader = connect(tmp_path / "a.db", readonly=True)
    reader.execute("BEGIN; SELECT a FROM t").fetchall()
    writer.execute("UPDATE t SET a = 2")
    began = time.monotonic()
    assert not empty_log(writer)
    assert time.monotonic() - began < 1
    assert writer.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    reader.execute("COMMIT")
    assert empty_log(writer)
    assert (tmp_path / "a.db-wal").stat().st_size == 0
    reader.close()
    writer.close()


@pytest.mark.parametrize("readonly", [False, True])
def test_what_is_no_database_is_refused(tmp_path: Path, *, readonly: bool):
    """The error names the file."""
    (tmp_path / "a.db").write_bytes(b"something else" * 1000)
    with pytest.raises(FjarilError, match=r"a\.db"):
        connect(tmp_path / "a.db", readonly=readonly)
    with pytest.raises(FjarilError, match="missing"):
        connect(tmp_path / "missing" / "a.db", readonly=readonly)
