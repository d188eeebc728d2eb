"""What is asked of a page, read from its address; what cannot be meant is refused in words of the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, get_type_hints
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request

#: Times are shown, and taken where they name no zone, as clocks in Sweden show them.
ZONE = ZoneInfo("Europe/Stockholm")
_UNITS = {"h": 1, "d": 24, "w": 168}
#: Parameters that every page takes, and that say how it is shown, not what.
COMMON = frozenset({"lang", "vagg", "csrf", "done"})
#: Names and values of a form, or of an address.
Form = Sequence[tuple[str, str]]
#: Bytes of a form that people fill in.
_MOST = 200_000
A = TypeVar("A", bound=msgspec.Struct)


class AskError(Exception):
    """Something was asked for that there is not, or that cannot be understood.

    :param key: of the text that says so, below ``fault.``.
    :param status: HTTP status.
    :param field: the parameter at fault.
    """

    def __init__(self, key: str, *, status: int = 400, field: str = "", **values: object) -> None:
        super().__init__(key)
        self.key, self.status, self.field, self.values = key, status, field, values


def asked(kind: type[A], given: Iterable[tuple[str, str]]) -> A:
    """The parameters as the type that a page takes; an empty one counts as not given.

    :raises AskError: naming the parameter.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in given:
        if name in COMMON or not value.strip():
            continue
        if name not in hints:
            raise AskError("parameter", field=name, name=name[:80], known=", ".join(kind.__struct_fields__))
        if getattr(hints[name], "__origin__", None) is tuple:
            values.setdefault(name, []).append(value.strip())
        else:
            values[name] = value.strip()
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        if missing := re.search(r"missing required field `(\w+)`", str(error)):
            raise AskError("missing", field=missing[1], name=missing[1]) from error
        name = str(error).rpartition("`$.")[2].partition("`")[0].partition("[")[0]
        raise AskError(
            "value", field=name, name=name, found=str(values.get(name, ""))[:80], why=str(error).partition(" - at")[0]
        ) from error


def moment(name: str, text: str, now: datetime) -> datetime | None:
    """A date or time, or a stretch before now: ``36h``, ``7d``, ``2w``; None for no text.

    :raises AskError: if it is none.
    """
    if not text:
        return None
    try:
        if text[:-1].isdecimal() and text[-1] in _UNITS:
            return now - timedelta(hours=int(text[:-1]) * _UNITS[text[-1]])
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise AskError("moment", field=name, name=name, found=text[:80]) from error


async def form_of(request: Request) -> Form:
    """What a form holds, or an object of JSON.

    :raises AskError: if it is larger than any that people fill in, or neither.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST:
            raise AskError("large", status=413, most=_MOST)
    if not request.headers.get("content-type", "").startswith("application/json"):
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    try:
        read = msgspec.json.decode(body, type=dict[str, str | int | float | bool | None])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AskError("json", found=str(error)) from error
    return [(name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in read.items() if value is not None]
