"""The nightly export as DuckDB and pandas open it: the same rows in each form, with the types that they should have."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest
from msgspec.structs import asdict

from pipeline import app
from pipeline.alerts.live.model import Alert, Made, State
from pipeline.export import rows
from pipeline.export.model import AlertRow, Day, FindingRow, QualityRow, TrendRow
from pipeline.model import encode
from pipeline.ports import Record
from pipeline.settings import Settings

DAY = date(2026, 3, 8)
NOON = datetime(2026, 3, 8, 11, tzinfo=UTC)
KINDS = {"trend": TrendRow, "findings": FindingRow, "alerts": AlertRow, "quality": QualityRow}
#: Columns of codes, which may begin with zeros: whoever reads CSV has to say that they are text.
CODES = ("place", "county", "places", "id")
DUCK = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN", date: "DATE", datetime: "TIMESTAMP WITH TIME ZONE"}
PANDAS = {str: "str", int: "int64", float: "float64", bool: "bool", datetime: "datetime64[us, UTC]"}


@pytest.fixture(scope="module")
def exported(replayed, tmp_path_factory) -> tuple[Path, Day]:
    """A day with two alerts, as files and as the rows that were written."""
    folder = tmp_path_factory.mktemp("readers")
    settings = Settings(data_dir=Path(shutil.copytree(replayed, folder / "data")))
    bus = app.open_bus(settings)
    for number, useful in enumerate((None, True)):
        found = NOON + timedelta(minutes=number, seconds=0.25)
        alert = Alert(
            id=f"0{number}", version=1, state=State.FIRING, rule='bil; "brand", natt', rule_hash="x", kind="frequency", purpose="prov",
            severity="high", group="g", found=found, since=found, first=found, last=found, news=found, useful=useful, causes=("a",),
            change=Made(what="detected", at=found, who=""),
        )  # fmt: skip
        bus.publish([Record(topic="alerts", key=alert.id, value=encode(alert), timestamp=found)])
    app.export(settings, bus, DAY, folder)
    made = rows.day_of(bus, DAY, app.naming(settings))
    bus.close()
    return folder / str(DAY), made


def columns(table: str) -> dict[str, type]:
    """Name → what it holds, where it is not empty."""
    hints = get_type_hints(KINDS[table])
    return {name: next((one for one in get_args(hint) if one is not NoneType), hint) for name, hint in hints.items()}


def written(made: Day, table: str) -> list[dict[str, Any]]:
    """The rows as they were given to the writer."""
    found = [asdict(row) for row in getattr(made, table)]
    assert found
    return found


def emptied(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With None for an empty text, which CSV cannot tell apart."""
    return [{name: None if value == "" else value for name, value in row.items()} for row in found]


def filled(found: list[dict[str, Any]], table: str) -> dict[str, type]:
    """The columns with a value in some row: of one without no reader of CSV knows the type."""
    return {name: kind for name, kind in columns(table).items() if any(row[name] not in {None, ""} for row in found)}


@pytest.mark.parametrize("table", KINDS)
@pytest.mark.parametrize("end", [".parquet", ".csv"])
def test_duckdb_reads_the_same_rows(exported, table, end):
    """In their order, with the types of their fields; of CSV it finds the types itself, but for codes."""
    folder, made = exported
    file, expected = folder / f"{table}{end}", written(made, table)
    duck = duckdb.connect()
    duck.execute("SET TimeZone = 'UTC'")
    types = {name: "VARCHAR" for name in CODES if name in columns(table)}
    read = duck.read_parquet(str(file)) if end == ".parquet" else duck.read_csv(str(file), dtype=types)
    found = read.to_arrow_table().to_pylist()
    assert found == (expected if end == ".parquet" else emptied(expected))
    kinds = dict(zip(read.columns, map(str, read.types), strict=True))
    wanted = columns(table) if end == ".parquet" else filled(expected, table)
    assert {name: kinds[name] for name in wanted} == {name: DUCK[kind] for name, kind in wanted.items()}


@pytest.mark.parametrize("table", KINDS)
@pytest.mark.parametrize("form", ["parquet", "csv", "swedish"])
def test_pandas_reads_the_same_rows(exported, table, form):
    """In their order: numbers are numbers, times are times, codes keep their zeros; of the Swedish form as Excel shows it."""
    folder, made = exported
    expected, kinds = written(made, table), columns(table)
    codes = {name: "str" for name, kind in kinds.items() if kind is str}
    if form == "parquet":
        read = pd.read_parquet(folder / f"{table}.parquet")
    elif form == "csv":
        read = pd.read_csv(folder / f"{table}.csv", dtype=codes)
    else:
        read = pd.read_csv(
            folder / f"{table}-excel.csv", sep=";", decimal=",", encoding="utf-8-sig", dtype=codes, true_values=["ja"], false_values=["nej"]
        )
    assert list(read.columns) == list(kinds)
    for name, kind in filled(expected, table).items():
        found = [None if pd.isna(value) else value for value in read[name]]
        wanted = [row[name] for row in (expected if form == "parquet" else emptied(expected))]
        if kind is float:
            assert read[name].dtype == "float64"
            assert found == pytest.approx(wanted, rel=1e-9 if form == "swedish" else 0)
        elif kind is datetime:
            assert [moment(value, form) for value in found] == [
                value.replace(microsecond=0) if form == "swedish" else value for value in wanted
            ]
        elif kind is date:
            assert [date.fromisoformat(str(value)) for value in found] == wanted
        elif kind is str:
            assert [value and value.removeprefix('="').removesuffix('"') if form == "swedish" else value for value in found] == wanted
        else:
            assert found == wanted
            if None not in wanted:
                assert read[name].dtype == PANDAS[kind]


def moment(value: Any, form: str) -> datetime:
    """A time as it was read; the Swedish form shows what clocks in Sweden do."""
    read = pd.Timestamp(value)
    return (read.tz_localize(ZoneInfo("Europe/Stockholm")) if form == "swedish" else read).to_pydatetime().astimezone(UTC)
