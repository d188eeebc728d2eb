"""The export of a replayed fortnight, and of invented days, over a real bus."""

from __future__ import annotations

import asyncio
import csv
import fcntl
import io
import json
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from enrich.spread.model import Event, Occurrence, Sighting
from pipeline import app, disk, erasure
from pipeline.alerts.live.model import Alert, Made, State
from pipeline.cli import app as command
from pipeline.dead import letter_record
from pipeline.errors import FjarilError, UsageError
from pipeline.export import manifest as manifests
from pipeline.export import rows, write
from pipeline.export.files import plain_csv, swedish_csv
from pipeline.export.model import TrendRow
from pipeline.live import running
from pipeline.model import DeadLetter, encode
from pipeline.nightly import exports, exports_due
from pipeline.ports import Record
from pipeline.settings import Settings
from tests.e2e.commands import FJARIL, fjaril

WEEK = [date(2026, 3, 5) + timedelta(days=number) for number in range(7)]
#: A Swedish day of invented events, and its beginning.
DAY = date(2026, 3, 10)
START = datetime(2026, 3, 9, 23, tzinfo=UTC)


def exported(data: Path, to: Path, days: list[date]) -> dict[str, bytes]:
    """Export the days; relative path → content."""
    settings = Settings(data_dir=data)
    bus = app.open_bus(settings)
    for day in days:
        app.export(settings, bus, day, to)
    bus.close()
    return contents(to)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(scope="session")
def week(replayed, tmp_path_factory) -> Path:
    """A week of exports of it."""
    directory = tmp_path_factory.mktemp("week")
    exported(replayed, directory, WEEK)
    return directory


# --- a replayed week


def test_a_week_exported_twice_is_the_same_bytes(replayed, week, tmp_path):
    """Once more into the same place, into another one, and in another order from a copy of the data: each file of each day."""
    first = contents(week)
    assert len(first) == 7 * 14
    assert exported(replayed, week, WEEK) == first
    shutil.copytree(replayed, tmp_path / "copy")
    assert exported(tmp_path / "copy", tmp_path / "out", WEEK[::-1]) == first


def test_the_manifest_names_each_file(week):
    """With its size and checksum; a byte changed, a file removed or added is found."""
    day = week / "2026-03-08"
    manifest = manifests.verify(day)
    assert {file.name for file in manifest.files} == {path.name for path in day.iterdir()} - {"manifest.json"}


@pytest.mark.parametrize("harm", ["changed", "removed", "added", "no manifest"])
def test_an_export_that_was_changed_is_found_and_made_anew(replayed, week, tmp_path, harm):
    """The error names the file; the next export of the day is whole again."""
    out = tmp_path / "out"
    day = Path(shutil.copytree(week / "2026-03-08", out / "2026-03-08"))
    whole = contents(out)
    path = day / ("manifest.json" if harm == "no manifest" else "trend.csv")
    if harm == "changed":
        path.write_bytes(path.read_bytes().replace(b"fire", b"fira", 1))
    elif harm == "added":
        (day / "mer.csv").touch()
    else:
        path.unlink()
    with pytest.raises(FjarilError, match="mer.csv" if harm == "added" else path.name):
        manifests.verify(day)
    assert exported(replayed, out, [date(2026, 3, 8)]) == whole


def test_every_form_holds_the_same_rows(week):
    """Parquet, CSV and the Swedish CSV, of each table: read by others, number by number."""
    for table in ("trend", "findings", "alerts", "quality"):
        folder = week / "2026-03-08"
        rows = pyarrow.parquet.read_table(folder / f"{table}.parquet").to_pylist()
        plain = list(csv.DictReader(io.StringIO((folder / f"{table}.csv").read_text("utf-8"))))
        excel = list(csv.DictReader(io.StringIO((folder / f"{table}-excel.csv").read_text("utf-8-sig")), delimiter=";"))
        assert len(rows) == len(plain) == len(excel)
        for row, text, swedish in zip(rows, plain, excel, strict=True):
            assert list(row) == list(text) == list(swedish)
            for name, value in row.items():
                if isinstance(value, float):
                    assert float(text[name]) == value
                    assert float(swedish[name].replace(",", ".")) == pytest.approx(value)
                elif isinstance(value, str):
                    assert text[name] == value
                    assert swedish[name].removeprefix('="').removesuffix('"') == value
                elif value is None:
                    assert text[name] == swedish[name] == ""
    assert len(rows) > 5


def test_a_reader_of_csv_knows_the_types(week):
    """Arrow's own reader, told to keep codes as text, gives what stands in the Parquet file."""
    options = pyarrow.csv.ConvertOptions(column_types={"place": pyarrow.string(), "county": pyarrow.string()}, strings_can_be_null=False)
    read = pyarrow.csv.read_csv(week / "2026-03-08" / "trend.csv", convert_options=options)
    stored = pyarrow.parquet.read_table(week / "2026-03-08" / "trend.parquet")
    assert read.column_names == stored.column_names
    for name in ("place", "theme", "occurrences", "coverage", "expected", "q"):
        assert read[name].to_pylist() == stored[name].to_pylist()


def test_what_spread_is_among_the_findings(week):
    """The fires of cars that the fortnight tells of, on the days on which they came further; by then, not as it ended."""
    reached = {}
    for day in WEEK:
        for row in pyarrow.parquet.read_table(week / str(day) / "findings.parquet").to_pylist():
            if row["theme"] == "fire.vehicle" and row["kind"] == "spread":
                reached[day] = len(row["places"].split())
    assert len(reached) > 2
    assert list(reached.values()) == sorted(reached.values())
    assert reached[max(reached)] > reached[min(reached)]


def test_a_source_that_fell_silent_is_in_the_quality_report(week):
    """The fortnight's weather service gives nothing after the 8th."""
    rows = {row["source"]: row for row in pyarrow.parquet.read_table(week / "2026-03-11" / "quality.parquet").to_pylist()}
    assert rows["demo-polisen"]["documents"] > 10
    assert not rows["demo-polisen"]["silent"]
    assert all(row["silent"] == (row["documents"] == 0 and row["usual"] >= 2) for row in rows.values())


def test_metadata_describe_the_files(week):
    """DCAT-AP-SE: what it asks of a catalogue, a dataset and a distribution is there; checksums and sizes are those of the manifest; not public."""
    folder = week / "2026-03-08"
    catalogue = json.loads((folder / "dcat.jsonld").read_bytes())
    assert {"dcterms:title", "dcterms:description", "dcterms:publisher", "dcat:dataset"} <= set(catalogue)
    described = {}
    for dataset in catalogue["dcat:dataset"]:
        assert {"dcterms:title", "dcterms:description", "dcterms:publisher", "dcat:distribution"} <= set(dataset)
        assert dataset["dcterms:accessRights"]["@id"].endswith("NON_PUBLIC")
        assert {one["@language"] for one in dataset["dcterms:title"]} == {"sv", "en"}
        for one in dataset["dcat:distribution"]:
            described[one["dcat:accessURL"]["@id"]] = (
                int(one["dcat:byteSize"]["@value"]),
                one["spdx:checksum"]["spdx:checksumValue"]["@value"],
            )
    assert described == {file.name: (file.bytes, file.sha256) for file in manifests.verify(folder).files if file.table}


# --- invented days


def occurrence(name: str, time: datetime, theme: str = "fire.vehicle", copies: int = 0) -> Occurrence:
    """One that a source tells of, and others copy a minute later."""
    first = Sighting(document=f"{name}.0", time=time, source="a", place="0180", theme=theme)
    later = (
        Sighting(document=f"{name}.{n}", time=time + timedelta(minutes=n), source=f"b{n}", place="0180", theme=theme, copy_of=f"{name}.0")
        for n in range(1, copies + 1)
    )
    return Occurrence(event=Event(id=name, time=time, place="0180", theme=theme), sightings=(first, *later))


class Here:
    """A bus of its own, and the rows that are exported of it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        shutil.copytree(cache, folder / "data" / "cache")
        self.settings, self._folder = Settings(data_dir=folder / "data"), folder
        self.bus = app.open_bus(self.settings)

    def put(self, *occurrences: Occurrence) -> None:
        self.bus.publish([Record(topic="events", key=one.event.id, value=encode(one), timestamp=one.event.time) for one in occurrences])

    def rows(self, table: str, day: date = DAY) -> list[dict]:
        app.export(self.settings, self.bus, day, self._folder / "out")
        return pyarrow.parquet.read_table(self._folder / "out" / str(day) / f"{table}.parquet").to_pylist()


@pytest.fixture
def here(tmp_path, replayed):
    """Sixty days with a fire every third day in Stockholm."""
    made = Here(tmp_path, replayed / "cache")
    made.put(*(occurrence(f"förr{n}", START - timedelta(days=60 - 3 * n, hours=-10)) for n in range(20)))
    yield made
    made.bus.close()


def test_a_day_is_a_swedish_one(here):
    """The minute before midnight is the day before, the minute after the day after."""
    here.put(
        *(
            occurrence(f"x{n}", START + after)
            for n, after in enumerate((timedelta(minutes=-1), timedelta(), timedelta(hours=24), timedelta(hours=23, minutes=59)))
        )
    )
    assert [row["occurrences"] for row in here.rows("trend")] == [2]


def test_occurrences_are_not_coverage(here):
    """One told four times, thrice as a copy, is one occurrence with four documents and one source of its own; five are more than expected."""
    here.put(
        occurrence("mycket", START + timedelta(hours=9), copies=3), *(occurrence(f"x{n}", START + timedelta(hours=n)) for n in range(4))
    )
    (row,) = here.rows("trend")
    assert (row["occurrences"], row["coverage"], row["independent_sources"]) == (5, 8, 5)
    assert 0.2 < row["expected"] < 0.5
    assert row["rate_ratio"] == pytest.approx(5 / row["expected"], rel=1e-3)
    assert row["ratio_low"] > 1
    assert row["high"] < 5
    assert row["q"] < 0.01


def test_what_comes_later_changes_no_day_before(here):
    """Days after it, and documents of those days about what happened on it, leave its export as it was."""
    here.put(occurrence("x", START + timedelta(hours=9)))
    before = here.rows("trend")
    longer = occurrence("x", START + timedelta(hours=9))
    more = Sighting(document="sen", time=START + timedelta(hours=30), source="c", place="0180", theme="fire.vehicle")
    here.put(Occurrence(event=longer.event, sightings=(*longer.sightings, more)), occurrence("y", START + timedelta(hours=30)))
    assert here.rows("trend") == before


def test_what_was_withdrawn_is_gone_from_the_next_export(here):
    """An event that nothing tells of any more does not count."""
    here.put(occurrence("x", START + timedelta(hours=9)))
    assert here.rows("trend")[0]["occurrences"] == 1
    here.put(Occurrence(event=occurrence("x", START + timedelta(hours=9)).event))
    assert here.rows("trend") == []


def test_nothing_is_expected_in_the_first_days(tmp_path, replayed):
    """Counts stand alone there."""
    made = Here(tmp_path, replayed / "cache")
    made.put(occurrence("x", START + timedelta(hours=9)))
    (row,) = made.rows("trend")
    assert (row["occurrences"], row["expected"], row["q"], row["high"]) == (1, None, None, None)
    made.bus.close()


def test_q_is_the_share_of_chance(here):
    """Of two themes of the same day the rarer has the smaller q; each is at least its own chance, and at most 1."""
    here.put(*(occurrence(f"t{n}", START - timedelta(days=59) + timedelta(hours=5 * n), "theft.theft") for n in range(280)))
    here.put(
        *(occurrence(f"x{n}", START + timedelta(hours=n)) for n in range(4)),
        *(occurrence(f"s{n}", START + timedelta(hours=n, minutes=7), "theft.theft") for n in range(5)),
    )
    rows = {row["theme"]: row for row in here.rows("trend")}
    assert rows["fire.vehicle"]["q"] < 0.01
    assert 0.05 < rows["theft.theft"]["q"] <= 1
    assert rows["theft.theft"]["low"] <= 5 <= rows["theft.theft"]["high"]


def test_alerts_have_their_outcome(here):
    """As they stood at the end of the day on which they were found: who took it when, whether it was of use; what came later does not count."""
    found = START + timedelta(hours=3)

    def alert(version: int, after: timedelta, what: str, state: State, useful: bool | None = None) -> Alert:  # noqa: FBT001
        return Alert(
            id="larm", version=version, state=state, rule="bilbrand", rule_hash="x", kind="frequency", purpose="prov", severity="high",
            group="g", found=found, since=found, first=found, last=found, news=found, useful=useful, causes=("a", "b"), change=Made(what=what, at=found + after, who="anna"),
        )  # fmt: skip

    versions = [
        alert(1, timedelta(), "detected", State.PENDING),
        alert(2, timedelta(minutes=7), "acknowledged", State.ACKNOWLEDGED),
        alert(3, timedelta(hours=1), "marked", State.ACKNOWLEDGED, useful=True),
        alert(4, timedelta(hours=30), "resolved", State.RESOLVED, useful=False),
    ]
    here.bus.publish([Record(topic="alerts", key=one.id, value=encode(one), timestamp=one.change.at) for one in versions])
    (row,) = here.rows("alerts")
    assert (row["state"], row["useful"], row["acknowledged_after"], row["causes"], row["rule"]) == (
        "acknowledged",
        True,
        7.0,
        2,
        "bilbrand",
    )
    assert here.rows("alerts", DAY + timedelta(days=1)) == []


# --- days that are made anew once their topics have forgotten


def withdrawn(one: Occurrence) -> Occurrence:
    """As an erasure leaves it: nothing tells of it any more."""
    return Occurrence(event=one.event)


@pytest.fixture
def told(here):
    """Much of it: thefts that came often, and not for weeks; more fires and burglaries on the day; a source with nothing but dead letters."""
    here.put(*(occurrence(f"t{n}", START - timedelta(days=59) + timedelta(hours=6 * n), "theft.theft") for n in range(80)))
    here.put(*(occurrence(f"i{n}", START - timedelta(days=30) + timedelta(hours=40 * n), "theft.burglary") for n in range(17)))
    here.put(*(occurrence(f"x{n}", START + timedelta(hours=2 * n)) for n in range(4)))
    here.put(*(occurrence(f"y{n}", START + timedelta(hours=2 * n + 1), "theft.burglary") for n in range(3)))
    here.bus.publish(
        [
            letter_record(DeadLetter(stage="enrich", reason="prov", died=START + timedelta(hours=n), key=f"d{n}", source=source))
            for n, source in enumerate(("a", "stum", "stum"))
        ]
    )
    return here


def test_dead_records_that_have_expired_stay_counted(told):
    """Topic ``dead`` is kept for 90 days: a later export of the day takes out what was erased since, and no dead record; no source is lost."""
    before = {row["source"]: row for row in told.rows("quality")}
    assert (before["a"]["dead"], before["stum"]["dead"]) == (1, 2)
    assert told.bus.expire(START + timedelta(days=95)) == 3
    told.put(withdrawn(occurrence("x1", START + timedelta(hours=2))))
    after = {row["source"]: row for row in told.rows("quality")}
    assert after["a"]["documents"] == before["a"]["documents"] - 1
    assert (after["a"]["dead"], after["stum"]) == (1, before["stum"])


def test_a_dead_record_that_was_erased_counts_no_more(told):
    """As long as the topic holds what died on the day."""
    told.rows("quality")
    told.bus.erase(["dead"], {"d1": START + timedelta(days=1)})
    assert {row["source"]: row["dead"] for row in told.rows("quality")} == {"a": 1, "stum": 1}


@pytest.mark.parametrize("left", [40, 20])
def test_what_was_expected_stays_when_its_history_has_expired(told, left):
    """Of 60 days some are left. What erasing took out is not counted; what was expected, and rows of it alone, are as they were.

    What came against it is told as far as it is still known. A further export changes nothing.
    """
    before, sources = {row["theme"]: row for row in told.rows("trend")}, told.rows("quality")
    assert set(before) == {"fire.vehicle", "theft.burglary", "theft.theft"}
    assert before["theft.theft"]["occurrences"] == 0
    assert told.bus.expire(START + timedelta(days=400 - left)) > 60
    told.put(withdrawn(occurrence("x1", START + timedelta(hours=2))))
    after = {row["theme"]: row for row in told.rows("trend")}
    fires = {"occurrences": 3, "coverage": 3, "independent_sources": 3, "ratio_low": None, "ratio_high": None, "q": None}
    expected = before["fire.vehicle"]["expected"]
    assert after == before | {"fire.vehicle": before["fire.vehicle"] | fires | {"rate_ratio": pytest.approx(3 / expected, rel=1e-3)}}
    (was,) = (row for row in sources if row["source"] == "a")
    assert {row["source"]: row for row in told.rows("quality")}["a"] == was | {"documents": was["documents"] - 1}
    assert {row["theme"]: row for row in told.rows("trend")} == after


def test_a_day_that_has_expired_itself_stays_as_it_was(told, tmp_path):
    """Nothing of it can be counted again, whatever still came of it later."""
    told.rows("trend")
    before = contents(tmp_path / "out")
    told.bus.expire(START + timedelta(days=402))
    late = occurrence("sen", START + timedelta(hours=23))
    told.bus.publish([Record(topic="events", key="sen", value=encode(late), timestamp=START + timedelta(days=3))])
    told.rows("trend")
    assert contents(tmp_path / "out") == before


def test_what_is_made_anew_in_time_is_made_of_what_there_is(told):
    """Where nothing has expired, what was erased from the history is not expected either."""
    before = {row["theme"]: row for row in told.rows("trend")}["fire.vehicle"]
    told.put(*(withdrawn(occurrence(f"förr{n}", START - timedelta(days=60 - 3 * n, hours=-10))) for n in range(10, 20)))
    after = {row["theme"]: row for row in told.rows("trend")}["fire.vehicle"]
    assert after["occurrences"] == before["occurrences"]
    assert after["expected"] < before["expected"]


# --- writing


def test_one_at_a_time(here, tmp_path, monkeypatch):
    """While another process holds the directory for longer than is waited nothing is written; the error says how to go on."""
    monkeypatch.setattr(write, "_PATIENCE", 0.3)
    out = tmp_path / "out"
    here.rows("trend")
    before = contents(out)
    here.put(occurrence("x", START + timedelta(hours=9)))
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another export is being written"):
            here.rows("trend")
    assert contents(out) == before


def test_another_is_waited_for(here, tmp_path):
    """Who comes while a directory is held writes once it is free, and then what came while it waited, too."""
    (tmp_path / "out").mkdir()
    with ThreadPoolExecutor(1) as pool:
        with (tmp_path / "out" / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waiting = pool.submit(here.rows, "trend")
            time.sleep(1)
            assert not waiting.done()
            here.put(occurrence("x", START + timedelta(hours=9)))
        (row,) = waiting.result(60)
    assert row["occurrences"] == 1


def test_rows_are_made_while_the_directory_is_held(here, tmp_path):
    """So no export that was begun before an erasure is written after what the erasure exports anew."""

    def make(_):
        assert disk.lock(tmp_path / "out" / ".lock") is None
        return rows.day_of(here.bus, DAY, app.naming(here.settings))

    write.write(DAY, make, tmp_path / "out", "", "")
    held = disk.lock(tmp_path / "out" / ".lock")
    assert held is not None
    held.close()


def test_an_erasure_exports_a_day_anew_that_was_being_exported(here):
    """The day was read before the erasure and is written after it; the erasure waits for it, and makes it anew."""
    here.put(occurrence("x", START + timedelta(hours=9)))
    read, go_on = threading.Event(), threading.Event()

    def make(_):
        made = rows.day_of(here.bus, DAY, app.naming(here.settings))
        read.set()
        assert go_on.wait(60)
        return made

    out = here.settings.export_path
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(write.write, DAY, make, out, "", "")
        assert read.wait(60)
        here.put(Occurrence(event=occurrence("x", START + timedelta(hours=9)).event))
        erasing = pool.submit(erasure._exported_anew, here.settings, here.bus, [DAY])
        time.sleep(0.5)
        go_on.set()
        writing.result(60)
        assert erasing.result(60) == (DAY,)
    assert pyarrow.parquet.read_table(out / str(DAY) / "trend.parquet").num_rows == 0


def test_a_kill_between_two_renames_loses_no_day(here, tmp_path):
    """As it leaves the directory: the old day beside its place, the new one not yet there. The next who holds it puts the old one back."""
    out = tmp_path / "out"
    here.put(occurrence("x", START + timedelta(hours=9)))
    here.rows("trend")
    whole = contents(out)
    (out / str(DAY)).rename(out / f".{DAY}.old")
    (out / f".{DAY}.new").mkdir()
    (out / f".{DAY}.new" / "trend.csv").write_text("halv", encoding="utf-8")
    with write.only_one(out):
        assert write.days(out) == [DAY]
    assert contents(out) == whole
    manifests.verify(out / str(DAY))


def test_the_pipeline_goes_on_while_another_exports(replayed, tmp_path, monkeypatch):
    """Also where a day is past its retention, which is removed once the directory is free."""
    monkeypatch.setattr(write, "_PATIENCE", 0.0)
    monkeypatch.setattr("pipeline.nightly._LOOK_AT_CLOCK", 0.1)
    data = Path(shutil.copytree(replayed, tmp_path / "data"))
    today = datetime.now(ZoneInfo("Europe/Stockholm")).date()
    old, last = today - timedelta(days=500), today - timedelta(days=1)
    for day in (old, last):
        (data / "export" / str(day)).mkdir(parents=True)
    settings = Settings(data_dir=data)

    async def nightly(live):
        with (data / "export" / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            going_on = asyncio.create_task(exports(settings, live))
            await asyncio.sleep(1)
            assert not going_on.done()
            assert old in write.days(data / "export")
        async with asyncio.timeout(60):
            while old in write.days(data / "export"):
                assert not going_on.done()
                await asyncio.sleep(0.1)
        going_on.cancel()

    with running(settings, ["spread"]) as live:
        asyncio.run(nightly(live))


def test_what_a_killed_export_left_is_no_export(here, tmp_path):
    """Half a directory beside is not listed, and goes with the next export."""
    out = tmp_path / "out"
    for left in (f".{DAY}.new", f".{DAY}.old"):
        (out / left).mkdir(parents=True)
        (out / left / "trend.csv").write_text("halv", encoding="utf-8")
    assert write.days(out) == []
    here.rows("trend")
    assert write.days(out) == [DAY]
    assert {path.name for path in out.iterdir()} == {str(DAY), ".lock"}
    write.remove(out, DAY)
    assert write.days(out) == []


def test_a_directory_that_cannot_be_written_is_named(here, tmp_path):
    """A file stands in its way."""
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="name a directory that can be written with --output"):
        here.rows("trend")


@pytest.mark.parametrize(
    ("now", "done", "due"),
    [
        ("2026-03-10T01:59", [], ["2026-03-08"]),  # the 9th ended at 23:00 UTC, and is settled three hours later
        ("2026-03-10T02:00", [], ["2026-03-09"]),
        ("2026-03-10T02:00", ["2026-03-09"], []),
        ("2026-03-10T23:00", ["2026-03-05", "2026-03-07"], ["2026-03-06", "2026-03-08", "2026-03-09"]),
        ("2026-06-30T12:00", ["2026-01-01"], [str(date(2026, 5, 29) + timedelta(days=n)) for n in range(32)]),
    ],
)
def test_each_day_is_exported_once_it_is_over(now, done, due):
    """Those that were missed too, a month of them; of the days before the first none."""
    found = exports_due(datetime.fromisoformat(now).replace(tzinfo=UTC), [date.fromisoformat(day) for day in done])
    assert [str(day) for day in found] == due


# --- forms


def row(**values: object) -> TrendRow:
    """A row with these values."""
    fields = dict.fromkeys(TrendRow.__struct_fields__, 0) | {
        "day": DAY,
        "place": "0180",
        "county": "01",
        "place_name": "",
        "theme": "",
        "theme_name": "",
    }
    return TrendRow(**(fields | values))


def test_excel_reads_the_swedish_form():
    """Byte order mark, semicolons, CRLF, decimal commas; the leading zero of a code stays; a text that begins like a formula is none."""
    made = swedish_csv(TrendRow, [row(place_name="=HYPERLINK(1)", theme_name='Brand; "stor"', expected=0.125)])
    assert made.startswith(b"\xef\xbb\xbfday;place;")
    assert made.endswith(b"\r\n")
    (cells,) = list(csv.reader(io.StringIO(made.decode("utf-8-sig")), delimiter=";"))[1:]
    assert cells[1:6] == ['="0180"', "'=HYPERLINK(1)", '="01"', "", 'Brand; "stor"']
    assert "0,125" in cells
    assert b",0.125," in plain_csv(TrendRow, [row(expected=0.125)])


@pytest.mark.parametrize(
    ("day", "said"), [("i går", "expected a day such as"), ("2999-01-01", "is not over yet"), ("2026-02-30", "found '2026-02-30'")]
)
def test_a_day_that_is_none_is_refused(day, said, replayed):
    """Or is not over: naming what was found."""
    result = CliRunner().invoke(command, ["--data", str(replayed), "export", "--date", day])
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


def test_an_export_by_hand_is_logged(replayed, tmp_path):
    """Who, when, why and which day; never what is in it."""
    done = fjaril("export", "--date", "2026-03-08", "-o", tmp_path, "--purpose", "veckorapport", data=replayed)
    assert "trend.parquet" in done.stdout
    (line,) = json.loads(fjaril("audit", "list", "--json", data=replayed).stdout)
    assert (line["action"], line["subject"], line["purpose"]) == ("export", "2026-03-08", "veckorapport")
    assert "1 line, each as it was written" in fjaril("audit", "verify", data=replayed).stdout


def test_the_service_catches_up(replayed, tmp_path):
    """After days without it ``fjaril run`` exports those that are missing, removes what is past its retention, and goes on."""
    data = Path(shutil.copytree(replayed, tmp_path / "data"))
    today = datetime.now(ZoneInfo("Europe/Stockholm")).date()
    old, first = today - timedelta(days=500), today - timedelta(days=4)
    for day in (old, first):
        (data / "export" / str(day)).mkdir(parents=True)
    (data / "fjaril.yaml").write_text('{"console": {"address": ""}}', encoding="utf-8")
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen([FJARIL, "--data", data, "run", "spread"], stdout=subprocess.DEVNULL, stderr=log)
    try:
        limit = time.monotonic() + 60
        while write.days(data / "export") != [first + timedelta(days=number) for number in range(4)]:
            assert service.poll() is None, (tmp_path / "log").read_text("utf-8")
            assert time.monotonic() < limit, (tmp_path / "log").read_text("utf-8")
            time.sleep(0.1)
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0
    finally:
        service.kill()
        service.wait()
    for number in range(1, 4):
        manifests.verify(data / "export" / str(first + timedelta(days=number)))
