"""Rows as files: Parquet, CSV (RFC 4180), and CSV as a Swedish Excel opens it by a double click."""

from __future__ import annotations

import csv
import io
import types
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet
from msgspec import Struct

from pipeline.situation.period import ZONE

Row = TypeVar("Row", bound=Struct)

_pyarrow: Any = pa  # it has no types of its own
_TYPES: dict[type, Any] = {
    str: _pyarrow.string(),
    int: _pyarrow.int64(),
    float: _pyarrow.float64(),
    bool: _pyarrow.bool_(),
    date: _pyarrow.date32(),
    datetime: _pyarrow.timestamp("us", tz="UTC"),
}
#: What a spreadsheet takes for a formula; a text that begins so is given an apostrophe.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def parquet(kind: type[Struct], rows: Sequence[Struct]) -> bytes:
    """The rows as a Parquet file; the same bytes for the same rows."""
    columns = _columns(kind)
    schema = _pyarrow.schema([_pyarrow.field(name, _TYPES[of], nullable=optional) for name, (of, optional) in columns.items()])
    arrays = [_pyarrow.array([getattr(row, name) for row in rows], type=_TYPES[of]) for name, (of, _) in columns.items()]
    sink = _pyarrow.BufferOutputStream()
    _pyarrow.parquet.write_table(_pyarrow.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return bytes(sink.getvalue())


def of_parquet(kind: type[Row], data: bytes) -> tuple[Row, ...]:
    """The rows of a Parquet file that :func:`parquet` has made."""
    return tuple(kind(**row) for row in _pyarrow.parquet.read_table(_pyarrow.BufferReader(data)).to_pylist())


def plain_csv(kind: type[Struct], rows: Sequence[Struct]) -> bytes:
    """UTF-8, commas, points, times in ISO 8601."""
    return _csv(kind, rows, ",", _plain).encode()


def swedish_csv(kind: type[Struct], rows: Sequence[Struct]) -> bytes:
    """With a byte order mark, semicolons, decimal commas and Swedish times; codes of places keep their leading zero, and no text is a formula."""
    return ("\ufeff" + _csv(kind, rows, ";", _swedish)).encode()


def _csv(kind: type[Struct], rows: Sequence[Struct], delimiter: str, form: Callable[[Any], str]) -> str:
    names = list(_columns(kind))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([form(getattr(row, name)) for name in names] for row in rows)
    return written.getvalue()


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _swedish(value: Any) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nej"
    if isinstance(value, float):
        return f"{value:.10g}".replace(".", ",")
    if isinstance(value, datetime):
        return f"{value.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    text = _plain(value)
    if isinstance(value, str) and text.isdigit() and text.startswith("0"):
        return f'="{text}"'
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULAS) else text


def _columns(kind: type[Struct]) -> dict[str, tuple[type, bool]]:
    """Name → (type, whether it may be empty)."""
    hints = get_type_hints(kind)
    return {name: _type(hints[name]) for name in kind.__struct_fields__}


def _type(hint: Any) -> tuple[type, bool]:
    if get_origin(hint) in {Union, types.UnionType}:
        (of,) = (one for one in get_args(hint) if one is not type(None))
        return of, True
    return hint, False
