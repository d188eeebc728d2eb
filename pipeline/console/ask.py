"""What is asked of a page, read from its address; what cannot be meant is refused in words of the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

#: Times are shown, and taken where they name no zone, as clocks in Sweden show them.
ZONE = ZoneInfo("Europe/Stockholm")
_UNITS = {"h": 1, "d": 24, "w": 168}
#: Parameters that every page takes, and that say how it is shown, not what.
COMMON = frozenset({"lang", "vagg"})
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
