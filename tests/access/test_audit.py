"""The audit log: whatever is done to its file is found."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.access.audit import Log
from pipeline.access.roles import Action, Principal, Role
from pipeline.errors import AuditError

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ANNA = Principal(name="anna", role=Role.ANALYST, agency="polisen")
SEED = int(os.environ.get("TESTS_SEED", "20260302"))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A directory with a log of five lines."""
    directory = tmp_path_factory.mktemp("log")
    log = Log(directory)
    for number in range(5):
        log.append(ANNA, "veckans lägesbild", Action.READ_DOCUMENT, f"dokument {number}", NOW)
    return directory


@pytest.fixture
def copy(written, tmp_path) -> Path:
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(written, tmp_path / "log"))


def lines(directory: Path) -> list[bytes]:
    return (directory / "audit.jsonl").read_bytes().splitlines(keepends=True)


def test_what_was_written_is_read(copy):
    """Numbers from 1, newest first, in pages; the log as it was is found sound, and goes on after it is opened again."""
    log = Log(copy)
    assert log.verify().seq == 5
    assert [entry.seq for entry in log.latest(5)] == [5, 4, 3, 2, 1]
    assert [entry.seq for entry in log.latest(2, before=4)] == [3, 2]
    entry = log.append(ANNA, "", Action.EXPORT, "2026-03-01", NOW)
    assert (entry.seq, log.latest(1), log.verify().seq) == (6, [entry], 6)
    first = log.latest(99)[-1]
    assert (first.who, first.role, first.agency, first.purpose, first.action, first.subject, first.at) == (
        "anna", "analyst", "polisen", "veckans lägesbild", Action.READ_DOCUMENT, "dokument 0", NOW,
    )  # fmt: skip


def test_any_byte_changed_is_found(copy):
    """Each byte of the file, one at a time, changed to another (seeded): all are found."""
    path, log, dice = copy / "audit.jsonl", Log(copy), random.Random(SEED)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1 :])
        with pytest.raises(AuditError):
            log.verify()
    path.write_bytes(data)
    assert log.verify().seq == 5


@pytest.mark.parametrize("number", range(5))
def test_a_line_removed_is_found(copy, number):
    """The first, any, and the last."""
    kept = lines(copy)
    (copy / "audit.jsonl").write_bytes(b"".join(kept[:number] + kept[number + 1 :]))
    with pytest.raises(AuditError):
        Log(copy).verify()


@pytest.mark.parametrize("number", range(4))
def test_lines_that_changed_places_are_found(copy, number):
    """Each pair of neighbours."""
    kept = lines(copy)
    kept[number], kept[number + 1] = kept[number + 1], kept[number]
    (copy / "audit.jsonl").write_bytes(b"".join(kept))
    with pytest.raises(AuditError, match=f"line {number + 1}"):
        Log(copy).verify()


def test_a_log_cut_off_is_found(copy):
    """At any byte; to append to it is refused, too."""
    path = copy / "audit.jsonl"
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(AuditError):
            Log(copy).verify()
    with pytest.raises(AuditError, match="tampered"):
        Log(copy).append(ANNA, "", Action.SEARCH, "", NOW)


def test_a_line_of_ones_own_is_found(copy):
    """Made with everything that stands in the files but the key: at the end, with a head that names it."""
    last = json.loads(lines(copy)[-1])
    entry = last["entry"] | {"seq": 6, "before": last["mac"]}
    forged = json.dumps({"entry": entry, "mac": last["mac"]}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    data = (copy / "audit.jsonl").read_bytes() + forged
    (copy / "audit.jsonl").write_bytes(data)
    (copy / "audit.head").write_text(json.dumps({"seq": 6, "mac": last["mac"], "size": len(data)}), encoding="utf-8")
    with pytest.raises(AuditError, match="line 6"):
        Log(copy).verify()


def test_a_head_put_back_is_found_by_one_kept_elsewhere(copy, written):
    """Who puts back log and head of an earlier time is found only so."""
    log = Log(copy)
    log.append(ANNA, "", Action.SEARCH, "brand", NOW)
    kept = log.verify().text
    assert Log(copy).verify(kept).text == kept
    for name in ("audit.jsonl", "audit.head"):
        shutil.copy(written / name, copy / name)
    assert Log(copy).verify().seq == 5
    with pytest.raises(AuditError, match="kept elsewhere"):
        Log(copy).verify(kept)


@pytest.mark.parametrize("name", ["audit.head", "audit.key"])
def test_a_missing_file_is_named(copy, name):
    """Nothing is made anew beside a log that is there."""
    (copy / name).unlink()
    with pytest.raises(AuditError, match=name):
        Log(copy).append(ANNA, "", Action.SEARCH, "", NOW)
    assert not (copy / name).exists()


def test_another_key_fits_no_line(copy):
    """The first line is named."""
    with pytest.raises(AuditError, match="line 1"):
        Log(copy, b"k" * 32).verify()


def test_after_a_crash_it_goes_on(copy, written):
    """Half a line at the end was never acknowledged and goes; a whole line without its head counts."""
    log = Log(copy)
    head = (copy / "audit.head").read_bytes()
    whole = (written / "audit.jsonl").read_bytes()
    log.append(ANNA, "", Action.SEARCH, "den sjätte", NOW)
    after = (copy / "audit.jsonl").read_bytes()
    for cut in (len(whole) + 1, len(after) - 1):
        (copy / "audit.head").write_bytes(head)
        (copy / "audit.jsonl").write_bytes(after[:cut])
        assert log.verify().seq == 5
        assert log.append(ANNA, "", Action.SEARCH, "på nytt", NOW).seq == 6
        assert log.verify().seq == 6
    (copy / "audit.head").write_bytes(head)
    (copy / "audit.jsonl").write_bytes(after)
    assert log.verify().seq == 6
    assert log.append(ANNA, "", Action.SEARCH, "", NOW).seq == 7
    assert log.verify().seq == 7


def test_no_personal_data_is_logged(copy):
    """Of what was asked and why, markers stand where a number or an address stood; long ones are cut."""
    log = Log(copy)
    log.append(ANNA, "ring 070-174 06 05", Action.SEARCH, "brand anna.exempel@example.org\n19121212-1212", NOW)
    log.append(ANNA, "x" * 2_000, Action.SEARCH, "", NOW)
    written = (copy / "audit.jsonl").read_text(encoding="utf-8")
    for private in ("174", "example.org", "1212-1212"):
        assert private not in written.splitlines()[5]
    assert log.latest(2)[1].subject == "brand [e-post] [personnummer]"
    assert len(log.latest(1)[0].purpose) == 500


def _write(directory: Path, number: int) -> None:
    log = Log(directory)
    for line in range(25):
        log.append(ANNA, "", Action.SEARCH, f"{number}:{line}", NOW)


def test_several_processes_write_to_one_log(tmp_path):
    """Three of them, 25 lines each: all 75 are there once, and the chain holds."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path / "log", number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    log = Log(tmp_path / "log")
    assert log.verify().seq == 75
    assert {entry.subject for entry in log.latest(99)} == {f"{number}:{line}" for number in range(3) for line in range(25)}


def _write_until_full(directory: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, ((directory / "audit.jsonl").stat().st_size + 150,) * 2)
    try:
        Log(directory).append(ANNA, "", Action.SEARCH, "brand", NOW)
    except AuditError as error:
        sys.exit(0 if "what is not logged is not shown" in str(error) else 2)
    sys.exit(3)


def test_a_full_disk_is_said_and_harms_nothing(copy):
    """A line for which there is no room is refused; the half of it that was written goes with the next one."""
    before = (copy / "audit.jsonl").stat().st_size
    process = multiprocessing.get_context("spawn").Process(target=_write_until_full, args=(copy,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert (copy / "audit.jsonl").stat().st_size > before  # half a line
    log = Log(copy)
    assert log.verify().seq == 5
    assert log.append(ANNA, "", Action.SEARCH, "nu", NOW).seq == 6
    assert log.verify().seq == 6


_ENDLESS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.access.audit import Log
from pipeline.access.roles import Action, Principal, Role
log = Log(Path(sys.argv[1]))
while True:
    print(log.append(Principal(name="anna", role=Role.ANALYST), "", Action.SEARCH, "brand", datetime.now(UTC)).seq, flush=True)
"""


def test_killed_whenever_no_line_is_lost(tmp_path):
    """Ten writers, each killed in the midst (seeded): what was acknowledged is there, once, and the chain holds."""
    dice, acknowledged = random.Random(SEED), 0
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", _ENDLESS, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True) as writer:
            for _ in range(dice.randrange(1, 60)):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
            rest = writer.stdout.read().split()
        acknowledged = max([acknowledged, *(int(line) for line in rest if line.isdecimal())])
        assert acknowledged <= Log(tmp_path / "log").verify().seq <= acknowledged + 1
    assert acknowledged > 50
